//! What a stage ran before, and what has happened since: what a rollback and a resume are decided by. It must never call
//! a build good that did not succeed on the very stage.

use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::{LedgerResult, columns};
use crate::plan::{OldBuild, PushKind};
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::{Connection, params};

/// A build that succeeded on a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodBuild {
    /// The build.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// The root hash of its manifest.
    pub root: String,
    /// The branch that it was built from.
    pub branch: String,
    /// The subject of the revision, when it is known.
    pub subject: String,
    /// How many files it has.
    pub files: i64,
    /// The first push that put it on the stage well.
    pub push: PushNumber,
    /// Who pressed that one.
    pub who: String,
    /// When that one was pressed.
    pub pushed_at: String,
}

impl GoodBuild {
    /// The same as plans say it.
    ///
    /// # Errors
    /// When the ledger holds a value that is no build, revision or root.
    pub fn as_build(&self) -> LedgerResult<OldBuild> {
        columns::build(&self.build, &self.sha, &self.root)
    }
}

/// The last builds that succeeded on a stage, the one that came last first; at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn list(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    most: usize,
) -> LedgerResult<Vec<GoodBuild>> {
    let mut ask = connection.prepare_cached(
        "SELECT b.id AS build, b.sha, b.root, b.branch,
                coalesce((SELECT subject FROM commits k WHERE k.sha = b.sha ORDER BY k.push LIMIT 1), '') AS subject,
                b.files, p.id AS push, p.who, p.pressed_at
         FROM (SELECT *, (SELECT min(g.id) FROM pushes g WHERE g.stack = ?1 AND g.build = builds.id AND g.stage = ?2
                          AND g.state = ?4
                          AND (g.kind <> ?5 OR EXISTS (SELECT 1 FROM completed_stages w WHERE w.push = g.id))) AS first
               FROM builds WHERE stack = ?1 ORDER BY push DESC, made_at DESC) b
         JOIN pushes p ON p.id = b.first ORDER BY b.push DESC, b.made_at DESC LIMIT ?3",
    )?;
    let rows = ask.query_map(
        params![
            stack,
            stage,
            i64::try_from(most).unwrap_or(i64::MAX),
            PushState::from(Ended::Succeeded),
            PushKind::CatchUp
        ],
        |row| {
            Ok(GoodBuild {
                build: row.get("build")?,
                sha: row.get("sha")?,
                root: row.get("root")?,
                branch: row.get("branch")?,
                subject: row.get("subject")?,
                files: row.get("files")?,
                push: row.get("push")?,
                who: row.get("who")?,
                pushed_at: row.get("pressed_at")?,
            })
        },
    )?;
    let mut good: Vec<GoodBuild> = rows.collect::<Result<_, _>>()?;
    good.sort_by_key(|good| std::cmp::Reverse(good.push));
    Ok(good)
}

/// Whether a push has begun anything on a host.
///
/// # Errors
/// What SQLite said.
pub fn touched(connection: &Connection, push: PushNumber) -> LedgerResult<bool> {
    let mut ask = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM results WHERE push = ?1 AND host <> ''
                        AND (result IS NULL OR result NOT IN (?2, ?3)))",
    )?;
    let nothing_ran = (HostResult::Unreachable, HostResult::Skipped);
    Ok(ask.query_row(params![push, nothing_ran.0, nothing_ran.1], |row| row.get(0))?)
}

/// The first push after this one that went to its stage, or to one of its hosts through another stage of the stack.
///
/// # Errors
/// What SQLite said.
pub fn newer(connection: &Connection, push: PushNumber) -> LedgerResult<Option<PushNumber>> {
    let mut ask = connection.prepare_cached(
        "SELECT min(n.id) FROM pushes o JOIN pushes n ON n.stack = o.stack AND n.id > o.id
         WHERE o.id = ?1 AND (n.stage = o.stage OR EXISTS (
             SELECT 1 FROM results a JOIN results b ON b.host = a.host AND b.push = n.id
             WHERE a.push = o.id AND a.host <> ''))",
    )?;
    Ok(ask.query_row([push], |row| row.get(0))?)
}
