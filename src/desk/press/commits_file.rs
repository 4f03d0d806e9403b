//! What a push brings or takes away, as data for its commands on the push host: `commits.json` beside its plan, which `$PUSH_COMMITS` names. It
//! must never be part of the plan, which says what is done and not why, nor longer than its limit.

use crate::desk::Desk;
use crate::desk::parts::sources::branches::{LOOK_LIMIT, Log, within};
use crate::ledger::pushes::Commit;
use crate::plan::{Assignment, Kind};
use crate::stack::{Revision, Stack};
use serde::Serialize;

/// Commits that are listed; there is a number of all, and the diff for the rest.
const MOST: usize = 1000;

/// The file.
#[derive(Serialize)]
struct CommitsFile<'a> {
    stack: &'a str,
    stage: &'a str,
    push: i64,
    url: &'a str,
    who: &'a str,
    /// `push`, `rollback`, `resume` or `catch_up`.
    kind: &'static str,
    rollback: bool,
    /// What the stage runs before; none before its first push.
    from: Option<&'a str>,
    /// What it runs afterwards.
    to: &'a str,
    diff: Option<&'a str>,
    /// How many commits there are in all.
    count: usize,
    /// Newest first.
    commits: Vec<FiledCommit<'a>>,
}

/// One commit of it.
#[derive(Serialize)]
struct FiledCommit<'a> {
    sha: &'a str,
    author: &'a str,
    email: &'a str,
    at: &'a str,
    subject: &'a str,
    /// Whether a rollback takes it away.
    removed: bool,
}

impl Desk {
    /// All commits of a log, as far as the file takes them: what the log does not list is asked for. Without an answer, what it lists.
    pub(super) async fn all_commits(
        &self,
        stack: &Stack,
        from: Option<&Revision>,
        to: &Revision,
        log: &Log,
    ) -> Vec<Commit> {
        if log.commits.len() < log.count
            && let Some(origin) = self.branches.origin(stack)
            && let Ok((commits, _)) = within(LOOK_LIMIT, origin.log(from, to, MOST)).await
        {
            return commits;
        }
        log.commits.clone()
    }
}

/// Its text; `count` of `commits` there are in all.
///
/// # Errors
/// Never, but that is for whoever makes JSON to say.
pub(crate) fn text(
    assignment: &Assignment,
    from: Option<&Revision>,
    diff: Option<&str>,
    (commits, count): (&[Commit], usize),
) -> serde_json::Result<String> {
    let plan = &assignment.plan;
    let kind = match plan.kind {
        Kind::Push => "push",
        Kind::Rollback => "rollback",
        Kind::Resume { .. } => "resume",
        Kind::CatchUp => "catch_up",
    };
    let rollback = plan.kind == Kind::Rollback;
    let filed = commits.iter().take(MOST).map(|commit| FiledCommit {
        sha: &commit.sha,
        author: &commit.author,
        email: &commit.email,
        at: &commit.at,
        subject: &commit.subject,
        removed: rollback,
    });
    let text = serde_json::to_string(&CommitsFile {
        stack: plan.stack.as_str(),
        stage: plan.stage.as_str(),
        push: assignment.push.get(),
        url: &assignment.url,
        who: assignment.who.as_str(),
        kind,
        rollback,
        from: from.map(Revision::as_str),
        to: plan.sha.as_str(),
        diff,
        count,
        commits: filed.collect(),
    })?;
    Ok(text + "\n")
}
