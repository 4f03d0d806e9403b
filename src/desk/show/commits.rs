//! The commits between two revisions, as a program asks for them page by page: what came to a stage since one, or what waits for it. It must
//! never answer for a revision that the source does not know as if it were the beginning of everything.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::CommitRange;
use crate::ledger::current::{self, Current};
use crate::ledger::published;
use crate::stack::{Revision, Stack, StackName, StageName};
use std::sync::Arc;

/// Commits of one answer.
const LISTED: usize = 100;
/// Commits that can be passed over: beyond that a source's own tools say more.
pub const MOST_SKIPPED: usize = 10_000;

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// What the stage runs.
    Current,
    /// The newest of the source's branch.
    Newest,
    /// This one: the whole of it, or a beginning that only one has.
    Named(String),
}

impl Desk {
    /// The commits in `to` that are not in `since`, newest first, after the first `skip` of them.
    ///
    /// # Errors
    /// When there is no such stage or revision, the stage runs nothing, or the source does not answer.
    pub async fn commits(
        &self,
        stack: &StackName,
        stage: &StageName,
        since: &End,
        to: &End,
        skip: usize,
    ) -> Decision<CommitRange> {
        let (stack, _) = self.stage_of(stack, stage)?;
        let (since, to) = (self.end_of(&stack, stage, since).await?, self.end_of(&stack, stage, to).await?);
        let skip = skip.min(MOST_SKIPPED);
        let most = skip + LISTED;
        let (mut commits, count) = match self.branches.origin(&stack) {
            Some(origin) => {
                let asked = branches::within(branches::LOOK_LIMIT, origin.log(Some(&since), &to, most)).await;
                asked.map_err(|why| Refusal::Unable { case: Case::Source, why })?
            }
            None => {
                let (name, from, to) = (stack.name.clone(), since.clone(), to.clone());
                let asked = self.ledger.read(move |it| published::between(it, &name, Some(&from), &to, most));
                asked.await?
            }
        };
        commits.drain(..skip.min(commits.len()));
        let next = skip + commits.len();
        Ok(CommitRange {
            stack: stack.name.to_string(),
            stage: stage.to_string(),
            since: since.to_string(),
            to: to.to_string(),
            next_skip: (next < count && next <= MOST_SKIPPED && !commits.is_empty()).then_some(next),
            commits,
            count,
        })
    }

    /// What a stage runs.
    ///
    /// # Errors
    /// When there is no such stage, or it runs nothing.
    pub async fn current(&self, stack: &StackName, stage: &StageName) -> Decision<Current> {
        self.stage_of(stack, stage)?;
        let (name, place) = (stack.clone(), stage.clone());
        let found = self.ledger.read(move |connection| current::get(connection, &name, &place)).await?;
        found.ok_or_else(|| Refusal::Unknown { what: format!("a build on {stack}/{stage}") })
    }

    async fn end_of(&self, stack: &Arc<Stack>, stage: &StageName, end: &End) -> Decision<Revision> {
        match end {
            End::Newest => self.branches.head(stack).await,
            End::Current => self.current(&stack.name, stage).await?.sha.parse().map_err(Refusal::corrupt),
            End::Named(text) => {
                let revision = self.revision_of(&stack.name, text).await?;
                match self.is_known(stack, &revision).await? {
                    true => Ok(revision),
                    false => Err(Refusal::Unknown { what: format!("revision {} of {}", revision.short(), stack.name) }),
                }
            }
        }
    }

    pub(super) async fn is_known(&self, stack: &Stack, revision: &Revision) -> Decision<bool> {
        let (name, sha) = (stack.name.clone(), revision.clone());
        match self.branches.origin(stack) {
            // What a stage runs may be older than what Subversion's log or a directory still shows.
            Some(origin) if origin.mirror_dir().is_none() => Ok(true),
            Some(origin) => Ok(!origin.is_missing(revision).await),
            None => {
                Ok(self.ledger.read(move |connection| published::of_revision(connection, &name, &sha)).await?.is_some())
            }
        }
    }
}
