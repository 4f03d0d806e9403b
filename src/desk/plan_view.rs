//! What a press would do, before it is done: every command with its values and hosts, what changes on the hosts, how long
//! it should take, and the hash that the press must carry. It must never change anything, and never wait for a fetch: it
//! shows the very plan that a press would take.

use super::gate::{self, Facts, Offer};
use super::view::{FileChanges, PlanView, PlannedView};
use super::{Decision, Desk, Refusal, first_line, follow};
use crate::ledger::pushes;
use crate::plan::shell::{self, ByHand};
use crate::plan::{BuildFrom, Plan, PlannedCommand};
use crate::source::build::BuildDir;
use crate::source::manifest::{Content, Entry, Manifest};
use crate::stack::{BuildId, Stack, StackName, StageName, Who};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Good pushes that say how long one usually takes.
const USUAL: usize = 20;
/// Paths of each kind that are named; all are counted.
const NAMED: usize = 500;

/// A plan, and what was known when it was made.
struct Planned {
    stack: Arc<Stack>,
    place: usize,
    facts: Facts,
    offer: Offer,
    problem: Option<String>,
    usual_ms: Vec<i64>,
}

impl Desk {
    /// Shows what a press of a stage's button would do.
    ///
    /// # Errors
    /// When there is no such stage, or nothing could go out.
    pub async fn plan(&self, stack: &StackName, stage: &StageName) -> Decision<PlanView> {
        let Planned { stack, place, facts, offer, problem, usual_ms } = self.planned(stack, stage).await?;
        self.shown_plans.remember(&offer.plan_hash, &offer.plan);
        let old = offer.old.as_ref();
        let log = self.branches.log(&stack, old.map(|old| &old.sha), &offer.sha).await;
        let broken = problem
            .map(|problem| Refusal::BadStack { stack: stack.name.to_string(), why: first_line(&problem) }.to_string());
        let build = match &offer.plan.build {
            BuildFrom::Made { .. } => None,
            BuildFrom::Existing { id, .. } => Some(id.to_string()),
        };
        let changes = match (&offer.plan.build, old) {
            (BuildFrom::Existing { id, .. }, Some(old)) => self.changes_between(&stack.name, &old.id, id).await,
            _ => None,
        };
        Ok(PlanView {
            stack: stack.name.to_string(),
            stage: stage.to_string(),
            button: stack.stages[place].button.clone(),
            why_not: broken.or_else(|| gate::closed(&facts).map(|refusal| refusal.to_string())),
            commands: commands(&offer.plan),
            hosts: offer.plan.hosts.iter().map(ToString::to_string).collect(),
            diff: old.and_then(|old| stack.diff_url(&old.sha, &offer.sha)),
            old: facts.current,
            seen: offer.seen,
            plan_hash: offer.plan_hash,
            sha: offer.sha.to_string(),
            branch: offer.plan.branch.clone(),
            build,
            root: offer.root.map(|root| root.to_string()),
            commits: log.commits.clone(),
            commit_count: log.count,
            changes,
            usual_ms: median(usual_ms),
        })
    }

    /// The same as a shell script, to be run by hand.
    ///
    /// # Errors
    /// As [`Desk::plan`].
    pub async fn plan_as_shell(&self, stack: &StackName, stage: &StageName, who: &Who) -> Decision<String> {
        let Planned { stack, offer, .. } = self.planned(stack, stage).await?;
        let build = match &offer.plan.build {
            BuildFrom::Existing { id, .. } => id.clone(),
            BuildFrom::Made { .. } => by_hand(&offer)?,
        };
        let data = &self.config.data;
        let hand = ByHand {
            who: who.clone(),
            url: self.config.url.clone(),
            tree: BuildDir::of(data, &stack.name, &build).tree(),
            mirror: data.join("mirrors").join(format!("{}.git", stack.name)),
            ssh_config: self.config.ssh.config.clone(),
            build,
        };
        Ok(shell::script(&offer.plan, &hand))
    }

    /// Fetches a stack's branch now, for a desk that does nothing by itself.
    ///
    /// # Errors
    /// When there is no such stack, or its file was never right.
    pub async fn fetch(&self, stack: &StackName) -> Decision<()> {
        let (stack, _) = self.shelved(stack)?;
        if self.branches.fetch(&stack).await {
            self.changed();
        }
        match self.branches.known(&stack.name).problem {
            None => Ok(()),
            Some(why) => Err(Refusal::Unable { why }),
        }
    }

    /// Looks at what was fetched before, for a desk that does nothing by itself.
    pub async fn look_at_branches(&self) {
        for stack in self.shelf().stacks.iter().filter_map(|shelved| shelved.stack.as_ref()) {
            self.branches.look(stack, None).await;
        }
    }

    async fn planned(&self, stack: &StackName, stage: &StageName) -> Decision<Planned> {
        if let Some(desk) = self.me.upgrade() {
            // What was edited a moment ago counts; it panics only when the runtime ends.
            let _ = tokio::task::spawn_blocking(move || desk.refresh_shelf()).await;
        }
        let (stack, problem) = self.shelved(stack)?;
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            return Err(Refusal::Unknown { what: format!("stage {stage} of {}", stack.name) });
        };
        let head = match place {
            0 => Some(self.branches.head(&stack).await?),
            _ => None,
        };
        let (asked, stage) = (Arc::clone(&stack), stage.clone());
        let read = move |connection: &rusqlite::Connection| {
            let facts = Facts::read(connection, &asked, place, head)?;
            Ok((facts, pushes::usual_ms(connection, asked.name.as_str(), stage.as_str(), USUAL)?))
        };
        let (facts, usual_ms) = self.ledger.read(read).await?;
        let offer = gate::offer(&stack, place, &facts)?;
        Ok(Planned { stack, place, facts, offer, problem, usual_ms })
    }

    /// What is different between two builds; none where one of them is not here any more.
    async fn changes_between(&self, stack: &StackName, old: &BuildId, new: &BuildId) -> Option<FileChanges> {
        let dir = |build| BuildDir::of(&self.config.data, stack, build);
        let (old, new) = (dir(old), dir(new));
        let compared = follow::blocking(move || {
            let (before, after) = (manifest(&old.manifest())?, manifest(&new.manifest())?);
            Ok(changes(&before, &after, &new.tree()))
        });
        compared.await.ok()
    }
}

/// The id of a build that is made by hand: no push has this number.
fn by_hand(offer: &Offer) -> Decision<BuildId> {
    let id = format!("{}-by-hand", offer.sha.short());
    id.parse().map_err(|bad: crate::stack::BadName| Refusal::Unable { why: bad.to_string() })
}

fn commands(plan: &Plan) -> Vec<PlannedView> {
    let titles = plan.titles(&plan.values());
    let view = |(command, title): (&PlannedCommand, String)| {
        let names = || plan.hosts.iter().map(|host| host.name().to_owned()).collect::<Vec<_>>();
        PlannedView {
            title,
            chunks: match command.per_host() {
                true => batches(names(), command),
                false => Vec::new(),
            },
            roll: command.roll.as_ref().map(|roll| roll.number),
            confirm: command.confirm.as_ref().map(|question| question.text.clone()),
            timeout_s: command.timeout_s,
            quiet: command.quiet,
        }
    };
    plan.commands.iter().zip(titles).map(view).collect()
}

/// The hosts in the order and the batches in which they go: the growing ones, then the rest.
fn batches(hosts: Vec<String>, command: &PlannedCommand) -> Vec<Vec<String>> {
    let mut rest = hosts.as_slice();
    let mut batches = Vec::new();
    for size in &command.grow {
        let (batch, left) = rest.split_at((*size).max(1).min(rest.len()));
        batches.push(batch.to_vec());
        rest = left;
    }
    batches.extend(rest.chunks(command.chunk.max(1)).map(<[String]>::to_vec));
    batches.retain(|batch| !batch.is_empty());
    batches
}

fn manifest(path: &Path) -> io::Result<Manifest> {
    Manifest::parse(&std::fs::read_to_string(path)?).map_err(io::Error::other)
}

/// Files and links that are new, other, or gone. The bytes are those of the files that a host does not have yet.
fn changes(before: &Manifest, after: &Manifest, tree: &Path) -> FileChanges {
    let of = |manifest: &Manifest| -> BTreeMap<String, Entry> {
        let shown = manifest.entries().iter().filter(|entry| entry.content != Content::Directory);
        shown.map(|entry| (entry.path.clone(), entry.clone())).collect()
    };
    let (mut before, after) = (of(before), of(after));
    let mut found = FileChanges::default();
    for (path, entry) in after {
        let size = || match std::fs::symlink_metadata(tree.join(&path)) {
            Ok(meta) if meta.is_file() => meta.len(),
            Ok(_) | Err(_) => 0,
        };
        match before.remove(&path) {
            None => {
                found.bytes += size();
                found.added.push(path);
            }
            Some(old) if old != entry => {
                found.bytes += if old.content == entry.content { 0 } else { size() };
                found.changed.push(path);
            }
            Some(_) => {}
        }
    }
    found.deleted = before.into_keys().collect();
    found.counts = [found.added.len(), found.changed.len(), found.deleted.len()];
    for list in [&mut found.added, &mut found.changed, &mut found.deleted] {
        list.truncate(NAMED);
    }
    found
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_between_two_builds_is_counted_and_named() {
        let file =
            |digit: char, mode: &str, path: &str| format!("f\t{mode}\t{}\t{path}\n", digit.to_string().repeat(64));
        let before = [file('a', "644", "a"), file('a', "644", "b"), file('a', "644", "c"), "l\t777\tc\td\n".to_owned()];
        let after = [file('a', "644", "a"), file('b', "644", "b"), "l\t777\ta\td\n".to_owned(), file('a', "755", "e")];
        let parse = |lines: &[String]| Manifest::parse(&lines.concat()).unwrap();
        let tree = tempfile::tempdir().unwrap();
        for (name, text) in [("a", "four"), ("b", "fives"), ("e", "12")] {
            std::fs::write(tree.path().join(name), text).unwrap();
        }
        let found = changes(&parse(&before), &parse(&after), tree.path());
        assert_eq!(
            (found.added, found.changed, found.deleted),
            (vec!["e".to_owned()], vec!["b".to_owned(), "d".to_owned()], vec!["c".to_owned()])
        );
        assert_eq!((found.counts, found.bytes), ([1, 2, 1], 7));
    }

    #[test]
    fn the_usual_time_is_the_one_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![30, 1, 20]), Some(20));
    }
}
