//! What is different between any two versions of a stack: commits in both directions, and who pushed what in between. It must never answer for a
//! version that nobody knows as if nothing had changed, nor show a stage that the reader may not see.

use super::range_end::RangeEnd;
use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{ComparedCommits, ComparedEnd, Comparison};
use crate::ledger::history::{self, Edge, Filter};
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::{current, published, ran};
use crate::stack::{Access, Revision, Stack, StackName, StageName};
use std::sync::Arc;

/// Commits of each direction.
const COMMITS: usize = 200;
/// Pushes in between.
const PUSHES: usize = 100;

impl Desk {
    /// Compares two versions, each with the text that names it.
    ///
    /// # Errors
    /// When one of them is not there, or the source does not answer.
    pub async fn compare_versions(
        &self,
        stack: &StackName,
        from: (RangeEnd, &str),
        to: (RangeEnd, &str),
        reader: &Access,
    ) -> Decision<Comparison> {
        let (stack, _) = self.loaded(stack)?;
        let (from, to) = (self.end(&stack, from, reader).await?, self.end(&stack, to, reader).await?);
        let revision = |end: &ComparedEnd| end.sha.parse::<Revision>().map_err(Refusal::corrupt);
        let (old, new) = (revision(&from)?, revision(&to)?);
        let added = self.between(&stack, &old, &new).await?;
        let removed = self.between(&stack, &new, &old).await?;
        let (pushes, more_pushes) = self.pushes_between(&stack.name, &from, &to, reader).await?;
        let diff = (old != new).then(|| stack.diff_url(&old, &new)).flatten();
        Ok(Comparison { stack: stack.name.to_string(), from, to, added, removed, pushes, more_pushes, diff })
    }

    async fn end(&self, stack: &Arc<Stack>, (end, asked): (RangeEnd, &str), reader: &Access) -> Decision<ComparedEnd> {
        let name = stack.name.clone();
        let unknown = |what: String| Refusal::Unknown { what };
        let may_see = |stage: &StageName| reader.sees(&stack.name, stage);
        match end {
            RangeEnd::Stage(stage, _) if !may_see(&stage) => Err(unknown(format!("stage {stage} of {name}"))),
            RangeEnd::Stage(stage, at) => {
                let place = stage.clone();
                let found = self.ledger.read(move |connection| match at {
                    Some(at) => ran::at(connection, &name, &place, at),
                    None => match current::get(connection, &name, &place)? {
                        Some(current) => pushes::get(connection, current.push),
                        None => Ok(None),
                    },
                });
                let when = if at.is_some() { " at that time" } else { "" };
                let none = || unknown(format!("a build on {}/{stage}{when}", stack.name));
                Ok(of_push(&found.await?.ok_or_else(none)?, asked))
            }
            RangeEnd::Push(push) => {
                let found = self.ledger.read(move |connection| pushes::get(connection, push)).await?;
                let found = found.filter(|row| row.stack == stack.name && may_see(&row.stage));
                Ok(of_push(&found.ok_or_else(|| unknown(format!("push {push} of {}", stack.name)))?, asked))
            }
            RangeEnd::Named(text) => self.named_end(stack, &text, asked, reader).await,
        }
    }

    /// A build, by its name; else a revision.
    async fn named_end(&self, stack: &Arc<Stack>, text: &str, asked: &str, reader: &Access) -> Decision<ComparedEnd> {
        let (name, id) = (stack.name.clone(), text.to_owned());
        let found = self.ledger.read(move |connection| match ran::build(connection, &name, &id)? {
            Some((sha, Some(push))) => Ok(Some((sha, pushes::get(connection, push)?))),
            Some((sha, None)) => Ok(Some((sha, None))),
            None => Ok(None),
        });
        if let Some((sha, made_by)) = found.await? {
            let build = Some(text.to_owned());
            return Ok(match made_by.filter(|row| reader.sees(&stack.name, &row.stage)) {
                Some(row) => ComparedEnd { build, sha, ..of_push(&row, asked) },
                None => ComparedEnd { build, sha, ..bare(asked) },
            });
        }
        let revision = self.revision_of(&stack.name, text).await?;
        match self.is_known(stack, &revision).await? {
            true => Ok(ComparedEnd { sha: revision.to_string(), ..bare(asked) }),
            false => Err(Refusal::Unknown { what: format!("revision {} of {}", revision.short(), stack.name) }),
        }
    }

    async fn between(&self, stack: &Arc<Stack>, from: &Revision, to: &Revision) -> Decision<ComparedCommits> {
        if from == to {
            return Ok(ComparedCommits::default());
        }
        let (commits, count) = match self.branches.origin(stack) {
            Some(origin) => {
                let asked = branches::within(branches::LOOK_LIMIT, origin.log(Some(from), to, COMMITS)).await;
                asked.map_err(|why| Refusal::Unable { case: Case::Source, why })?
            }
            None => {
                let (name, from, to) = (stack.name.clone(), from.clone(), to.clone());
                self.ledger.read(move |it| published::between(it, &name, Some(&from), &to, COMMITS)).await?
            }
        };
        Ok(ComparedCommits { count, commits })
    }

    /// The pushes after the older end, up to the newer one: those to the stage, where both ends are of one.
    async fn pushes_between(
        &self,
        stack: &StackName,
        from: &ComparedEnd,
        to: &ComparedEnd,
        reader: &Access,
    ) -> Decision<(Vec<PushRow>, bool)> {
        let (Some(one), Some(other)) = (from.push, to.push) else { return Ok((Vec::new(), false)) };
        let (low, high) = (one.min(other), one.max(other));
        let stage = from.stage.clone().filter(|_| from.stage == to.stage).and_then(|stage| stage.parse().ok());
        let filter = Filter {
            stack: Some(stack.clone()),
            stage,
            from: Some(Edge::Before(high.saturating_add(1))),
            reader: Some(reader.clone()),
            ..Filter::default()
        };
        let found = self.ledger.read(move |connection| history::list(connection, &filter, PUSHES + 1)).await?;
        let mut found: Vec<PushRow> = found.into_iter().take_while(|row| row.id.get() > low).collect();
        let more = found.len() > PUSHES;
        found.truncate(PUSHES);
        Ok((found, more))
    }
}

fn of_push(row: &PushRow, asked: &str) -> ComparedEnd {
    ComparedEnd {
        asked: asked.to_owned(),
        sha: row.sha.clone(),
        build: Some(row.build.clone()),
        stage: Some(row.stage.to_string()),
        push: Some(row.id.get()),
        at: row.ended_at.clone(),
        who: Some(row.who.clone()),
    }
}

fn bare(asked: &str) -> ComparedEnd {
    ComparedEnd {
        asked: asked.to_owned(),
        sha: String::new(),
        build: None,
        stage: None,
        push: None,
        at: None,
        who: None,
    }
}
