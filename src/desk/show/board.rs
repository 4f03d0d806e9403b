//! The page of all stacks: read in a few questions for all of them together, and in one go for all who ask at one moment. It
//! must never change anything, nor wait for git longer than a moment: what is not counted yet is shown when it is.

use crate::advice::of_stack;
use crate::desk::Desk;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::offer;
use crate::desk::parts::boards::Uncounted;
use crate::desk::parts::recent_plans::listed;
use crate::desk::refusal::Decision;
use crate::desk::view::NotReady;
use crate::desk::view::board::{Board, BoardStack, BoardStage, Waiting, WaitingApproval};
use crate::journal::{Ended, PushState};
use crate::ledger::{board, holds};
use crate::size::counted;
use crate::stack::{Host, Revision, Stack, StackName, StageName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Counting commits is git's work: what takes longer in all is shown later.
const COUNTING: Duration = Duration::from_millis(50);
/// A board of few new differences waits for them: then a page is right when it is first shown.
const FEW: usize = 8;
const COUNTING_FEW: Duration = Duration::from_secs(2);
/// Hosts in trouble that are named, each in a line.
const HOSTS_TOLD: usize = 6;

impl Desk {
    /// What the page of all stacks shows. Who asks while it is being read for others waits for the next reading, which serves
    /// all who wait: so a change costs one or two readings, however many pages are open.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn board(&self) -> Decision<Arc<Board>> {
        let own = self.boards.arrived.fetch_add(1, Ordering::SeqCst);
        let mut latest = self.boards.latest.lock().await;
        if own < latest.0 {
            return Ok(Arc::clone(&latest.1));
        }
        let serves = self.boards.arrived.load(Ordering::SeqCst);
        *latest = (serves, Arc::new(self.read_board().await?));
        Ok(Arc::clone(&latest.1))
    }

    async fn read_board(&self) -> Decision<Board> {
        let stack_files = self.stack_files();
        let stacks: Vec<(Arc<Stack>, bool)> = stack_files
            .stacks
            .iter()
            // A file that was never right has no row yet; the frame says what is wrong with it.
            .filter_map(|loaded| Some((Arc::clone(loaded.stack.as_ref()?), loaded.problem.is_some())))
            .collect();
        let stages: Vec<(StackName, StageName)> = stacks
            .iter()
            .flat_map(|(stack, _)| stack.stages.iter().map(|stage| (stack.name.clone(), stage.name.clone())))
            .collect();
        let mut read = self.ledger.read(move |connection| board::read(connection, &stages)).await?;
        let (mut rows, mut uncounted) = (Vec::with_capacity(stacks.len()), Vec::new());
        for (row, (stack, problem)) in stacks.iter().enumerate() {
            let (board, differ) = self.board_stack(stack, *problem, &mut read);
            uncounted.extend(differ.into_iter().map(|(place, from, to)| Uncounted { row, place, from, to }));
            rows.push(board);
        }
        self.count(&stacks, &mut rows, uncounted).await;
        let hosts = silent_words(&self.warm.troubled(), stacks.iter().map(|(stack, _)| &**stack));
        let hosts = hosts.into_iter().chain(self.drift_words(&rows)).collect();
        Ok(Board { stacks: rows, hosts })
    }

    /// One row, and the differences whose commits are to be counted: place, from, to.
    fn board_stack(
        &self,
        stack: &Stack,
        problem: bool,
        read: &mut board::Board,
    ) -> (BoardStack, Vec<(usize, Option<Revision>, Revision)>) {
        let of = |place: usize| (stack.name.clone(), stack.stages[place].name.clone());
        let head = self.branches.known(&stack.name).head.map(|(head, _)| head);
        let (mut stages, mut differ) = (Vec::with_capacity(stack.stages.len()), Vec::new());
        let mut before = None;
        for (place, stage) in stack.stages.iter().enumerate() {
            let (current, branch) = read.current.remove(&of(place)).unzip();
            let goes = goes(stack, place, head.as_ref(), before.take());
            let asked = read.asked.remove(&of(place));
            let asked = asked.filter(|asked| goes.as_ref().is_some_and(|to| to.as_str() == asked.sha));
            let next = goes.map(|to| {
                let again = current.as_ref().is_some_and(|current| current.sha == to.as_str());
                let from = current.as_ref().and_then(|current| current.sha.parse().ok());
                match again {
                    true => Waiting { again, commits: Some(0) },
                    false => {
                        differ.push((place, from, to));
                        Waiting { again, commits: None }
                    }
                }
            });
            before = Some((current.clone(), branch));
            stages.push(BoardStage {
                name: stage.name.to_string(),
                place: place + 1,
                hosts: stage.hosts.len(),
                current,
                next,
                hold: read.holds.remove(&holds::scope(&stack.name, Some(&stage.name))),
                approval: stage.approval.zip(asked).map(|(rule, asked)| WaitingApproval {
                    approved: asked.given >= rule.needed,
                    who: asked.who.to_string(),
                }),
                last: read.last.remove(&of(place)),
                typical_ms: read.typical_ms.remove(&of(place)).unwrap_or_default(),
            });
        }
        let lock = read.locks.remove(&stack.name);
        let row = BoardStack {
            stack: stack.name.to_string(),
            title: stack.title.clone(),
            problem,
            step: lock.as_ref().and_then(|push| read.steps.remove(&push.id)),
            lock,
            hold: read.holds.remove(stack.name.as_str()),
            stages,
        };
        (row, differ)
    }

    /// Counts the commits of these differences, as far as they are known or soon are.
    async fn count(&self, stacks: &[(Arc<Stack>, bool)], rows: &mut [BoardStack], mut left: Vec<Uncounted>) {
        let mut fill = |left: &mut Vec<Uncounted>| {
            left.retain(|one| {
                let known = self.branches.counted(&stacks[one.row].0, one.from.as_ref(), &one.to);
                if let (Some(count), Some(next)) = (known, &mut rows[one.row].stages[one.place].next) {
                    next.commits = Some(count);
                }
                known.is_none()
            });
        };
        fill(&mut left);
        if left.is_empty() {
            return;
        }
        let patience = if left.len() <= FEW { COUNTING_FEW } else { COUNTING };
        let all = left.iter().map(|one| (Arc::clone(&stacks[one.row].0), one.from.clone(), one.to.clone()));
        let (done, counted) = tokio::sync::oneshot::channel();
        if let Some(desk) = self.me.upgrade() {
            let all: Vec<_> = all.collect();
            self.spawn(async move {
                let counted = tokio::select! {
                    () = desk.stop.cancelled() => return,
                    counted = desk.branches.count_all(all) => counted,
                };
                // Where nobody waits any more, open pages are told; not of what cannot be counted: they would ask again.
                if done.send(()).is_err() && counted > 0 {
                    desk.changed();
                }
            });
        }
        let _ = tokio::time::timeout(patience, counted).await;
        fill(&mut left);
    }
}

impl Desk {
    /// One line for all hosts that run another build than they are to.
    fn drift_words(&self, rows: &[BoardStack]) -> Option<String> {
        let (mut hosts, mut stages) = (BTreeSet::new(), 0_usize);
        for (row, stage) in rows.iter().flat_map(|row| row.stages.iter().map(move |stage| (row, stage))) {
            let is_pushed = row.lock.as_ref().is_some_and(|push| push.stage.as_str() == stage.name);
            let (Ok(name), Ok(place), Some(last), false) =
                (row.stack.parse(), stage.name.parse(), &stage.last, is_pushed)
            else {
                continue;
            };
            let Some((behind, divergent)) = self.drifts.divergent(&name, &place) else { continue };
            // What was seen before the last push came to its end says nothing about what it left.
            let is_over =
                matches!(last.state, PushState::Ended(Ended::Succeeded | Ended::Degraded)) && behind < last.id;
            if !divergent.is_empty() && !is_over {
                stages += 1;
                hosts.extend(divergent);
            }
        }
        let names: Vec<String> = hosts.into_iter().collect();
        let (run, their) = if names.len() == 1 { ("runs", "its") } else { ("run", "their") };
        (!names.is_empty())
            .then(|| format!("{} {run} another build than {their} stage: {}", listed(&names), stages_words(stages)))
    }
}

/// One line for each host that cannot be reached, with how many stages it is in.
fn silent_words<'a>(troubled: &BTreeMap<Host, NotReady>, stacks: impl Iterator<Item = &'a Stack>) -> Vec<String> {
    if troubled.is_empty() {
        return Vec::new();
    }
    // How many stages it is in, and the first stack of them.
    let mut stages: BTreeMap<&Host, (usize, &StackName)> = BTreeMap::new();
    for (stack, stage) in stacks.flat_map(|stack| stack.stages.iter().map(move |stage| (stack, stage))) {
        for host in stage.hosts.iter().filter(|host| troubled.contains_key(host)) {
            stages.entry(host).or_insert((0, &stack.name)).0 += 1;
        }
    }
    // A host that is in most of them first.
    let mut hosts: Vec<(&Host, (usize, &StackName))> = stages.into_iter().collect();
    hosts.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let more = hosts.len().saturating_sub(HOSTS_TOLD);
    let line = |(host, (count, stack)): (&Host, (usize, &StackName))| {
        let why = troubled.get(host).map_or("", |not| not.why.as_str());
        format!("{}: {}", of_stack(why.lines().next().unwrap_or_default(), stack.as_str()), stages_words(count))
    };
    let told = hosts.into_iter().take(HOSTS_TOLD).map(line);
    let rest = (more > 0)
        .then(|| format!("{} cannot be reached; each stack's page says why", counted(more as u64, "more host")));
    told.chain(rest).collect()
}

fn stages_words(count: usize) -> String {
    counted(count as u64, "stage")
}

/// What a press would put on a stage, as far as the board needs to know: decided by the gate.
fn goes(
    stack: &Stack,
    place: usize,
    head: Option<&Revision>,
    before: Option<(Option<crate::ledger::current::Current>, Option<String>)>,
) -> Option<Revision> {
    if place == 0 && stack.source.is_published() {
        // Already one that the first stage may push.
        return head.filter(|_| stack.stages[0].unlisted.is_none()).cloned();
    }
    let (before, before_branch) = before.unwrap_or_default();
    let facts = Facts { before, before_branch, head: head.cloned(), ..Facts::default() };
    offer::goes(stack, place, &facts).ok().map(|(artifact, _)| match artifact {
        crate::plan::Artifact::Revision(sha) | crate::plan::Artifact::Build { sha, .. } => sha,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::parse;

    #[test]
    fn a_host_of_many_stages_that_cannot_be_reached_is_told_once() {
        let stage = |name: &str, host: &str| {
            format!("[[stage]]\nname = \"{name}\"\nhosts = [\"{host}\"]\ncommands = [\"true\"]\n")
        };
        let text = |other: &str| {
            let stages = [stage("qa", "qa1"), stage("beta", "qa1"), stage("prod", other)].concat();
            format!("source = {{ git = \"https://h/w\", branch = \"main\" }}\n{stages}")
        };
        let stacks = [("api", text("web2")), ("web", text("web1"))]
            .map(|(name, text)| parse(name.parse().unwrap(), "web.toml", &text).unwrap());
        let not = |host: &str, why: &str| {
            (host.parse().unwrap(), NotReady { host: host.to_owned(), why: why.to_owned(), since: String::new() })
        };
        let troubled = [not("web2", "web2: no route to host"), not("qa1", "qa1 has stopped answering")].into();
        let told = silent_words(&troubled, stacks.iter());
        assert_eq!(told, ["qa1 has stopped answering: 4 stages", "web2: no route to host: 1 stage"]);
        assert!(silent_words(&BTreeMap::new(), stacks.iter()).is_empty());
    }
}
