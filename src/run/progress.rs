//! What a push has learned so far: who is connected, how commands ended, what was begun where, and on which hosts nobody knows what
//! runs. [`Progress::record`] takes every command's end in, and is the one place where a runner says that a host is *unknown*. It must never act,
//! nor forget a host. Changed between commands only, by the walk; the steps of a command read it, and share one account: who sends
//! a release to whom.

use super::connections::HostConnections;
use super::outcome::{HostOutcome, Learned, Sum};
use super::policy::failures::{DeferredFailures, Failures, HostFailure};
use super::policy::flips::Flips;
use super::policy::holding::Holding;
use super::policy::old_links::OldLinks;
use super::policy::touched::Touched;
use super::work::relay::handover::Handovers;
use crate::journal::{Ended, HostResult};
use crate::plan::Proof;
use crate::stack::{Host, OnFailure, Policy, Root};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What is known of a push that runs.
pub struct Progress {
    /// Who is connected.
    pub connections: HostConnections,
    /// The hosts that were given up, and what else went wrong.
    pub failures: Failures,
    /// What went wrong while an earlier push's `finally` ran.
    pub deferred: DeferredFailures,
    /// Hosts that are to be dropped.
    pub drops: Drops,
    /// Which hosts hold the build.
    pub holding: Holding,
    /// When `current` was flipped, host by host.
    pub flips: Flips,
    /// Hosts on which some command has begun.
    pub begun_on: BTreeSet<Host>,
    /// What a rollback would have to undo.
    pub touched: Touched,
    /// The links that a rollback puts back as they were.
    pub old_links: OldLinks,
    /// Releases on their way from host to host.
    pub handovers: Handovers,
    /// The content hash of the build that this push froze.
    pub frozen: Option<Root>,
    /// The submodules that the checkout left empty.
    pub empty_submodules: Vec<String>,
    /// How the push would end now; known once its commands are over.
    pub so_far: Option<Ended>,
    unknown: BTreeSet<String>,
}

/// Hosts on their way out of the push, and what the `drop` list has done so far.
#[derive(Default)]
pub struct Drops {
    /// Who is to leave next, and after which command.
    pub waiting: Vec<(Host, u32)>,
    /// Each command of the list: when it first began, and how it ended so far.
    pub ended: BTreeMap<u32, (Instant, Vec<HostOutcome>)>,
}

impl Progress {
    /// Of a push that begins: nothing has ended yet. `proof` says which of its commands show what a host holds.
    pub fn new(proof: Proof) -> Self {
        Self {
            connections: HostConnections::default(),
            failures: Failures::default(),
            deferred: DeferredFailures::default(),
            drops: Drops::default(),
            holding: Holding::new(proof),
            flips: Flips::default(),
            begun_on: BTreeSet::new(),
            touched: Touched::default(),
            old_links: OldLinks::default(),
            handovers: Handovers::default(),
            frozen: None,
            empty_submodules: Vec::new(),
            so_far: None,
            unknown: BTreeSet::new(),
        }
    }

    /// Takes in how a command ended on its places. A host on which it broke off, or left processes behind, is *unknown* from now on.
    pub fn record(&mut self, number: u32, sum: &Sum) {
        self.holding.note(number, &sum.outcomes);
        for (host, outcome) in &sum.outcomes {
            if let (Some(host), true) = (host, outcome.is_unknown()) {
                self.unknown.insert(host.name().to_owned());
            }
            for learned in &outcome.learned {
                self.learn(number, host.as_ref(), learned.clone());
            }
        }
    }

    fn learn(&mut self, number: u32, host: Option<&Host>, learned: Learned) {
        match learned {
            Learned::Flipped(at) => self.flips.note(number, at),
            Learned::EmptySubmodules(paths) => self.empty_submodules = paths,
            Learned::Frozen(root) => self.frozen = Some(root),
            Learned::LinkPutBack { dir, ok, what } => {
                if let Some(host) = host {
                    self.old_links.note(host, &dir, ok, what);
                }
            }
        }
    }

    /// A host on which a command broke off has said what it runs: nothing is unknown there any more. Processes that would not die
    /// are not settled by that.
    pub fn has_answered(&mut self, host: &Host) {
        if self.failures.of(host.name()).is_some_and(|failure| failure.result == HostResult::Unknown) {
            self.unknown.remove(host.name());
        }
    }

    /// The hosts on which nobody knows what runs.
    pub fn unknown(&self) -> impl Iterator<Item = &String> {
        self.unknown.iter()
    }

    /// How many places did not succeed; who never came was given up before.
    pub fn bad(&self, outcomes: &[HostOutcome]) -> usize {
        outcomes.iter().filter(|ended| ended.1.is_bad() && !self.connections.never_came(ended)).count()
    }

    /// Gives up hosts that were late and have not come.
    pub fn give_up_late(&mut self, lost: Vec<HostOutcome>) {
        for (host, outcome) in lost {
            let Some(host) = host else { continue };
            // Whatever is done about the host from here waits for it no more.
            self.connections.late.remove(&host);
            self.failures.give_up(host.name(), HostFailure::unreachable(outcome.why));
        }
    }

    /// Sends hosts out of the push that failed a command whose policy says so.
    pub fn send_away(&mut self, number: u32, policy: Policy, bad: &[HostOutcome]) {
        if policy.on_failure != OnFailure::Drop {
            return;
        }
        for host in bad.iter().filter_map(|(host, _)| host.as_ref()) {
            // Who was late and never came may find that others have left in their stead.
            match self.failures.allows(policy, 1) {
                true => {
                    self.failures.send_away(host.name());
                    self.drops.waiting.push((host.clone(), number));
                }
                false => self.failures.not_dropped(host.name(), "as many have left as may".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::outcome::Outcome;

    fn progress() -> Progress {
        Progress::new(Proof::default())
    }

    fn sum(host: Option<&str>, result: HostResult, left: u32) -> Sum {
        let host = host.map(|name| name.parse().unwrap());
        let outcomes = vec![(host, Outcome { left, ..Outcome::new(result, None) })];
        Sum { outcomes, ..Sum::default() }
    }

    fn unknown(progress: &Progress) -> Vec<&str> {
        progress.unknown().map(String::as_str).collect()
    }

    #[test]
    fn a_host_is_unknown_after_a_command_that_broke_off_or_left_processes_and_after_no_other_end() {
        let table = [
            (HostResult::Ok, 0, false),
            (HostResult::Failed, 0, false),
            (HostResult::Skipped, 0, false),
            (HostResult::Unreachable, 0, false),
            (HostResult::TimedOut, 0, false),
            (HostResult::TimedOut, 1, true),
            (HostResult::Cancelled, 0, false),
            (HostResult::Cancelled, 2, true),
            (HostResult::Unknown, 0, true),
        ];
        for (result, left, is_unknown) in table {
            let mut progress = progress();
            progress.record(3, &sum(Some("web1"), result, left));
            assert_eq!(unknown(&progress), if is_unknown { vec!["web1"] } else { vec![] }, "{result:?}, {left} left");
            // A later command that succeeds there does not say what the earlier one left.
            progress.record(4, &sum(Some("web1"), HostResult::Ok, 0));
            assert_eq!(!unknown(&progress).is_empty(), is_unknown, "{result:?} before a success");
        }
        let mut progress = progress();
        progress.record(3, &sum(None, HostResult::TimedOut, 1));
        assert!(unknown(&progress).is_empty(), "the push host is no host of the push");
    }

    #[test]
    fn who_was_never_begun_is_not_unknown() {
        let mut progress = progress();
        progress.record(3, &Sum { skipped: vec!["web1".parse().unwrap()], ..Sum::default() });
        assert!(unknown(&progress).is_empty());
    }

    #[test]
    fn a_host_that_broke_off_is_known_again_when_it_has_answered_and_one_with_processes_left_is_not() {
        let host: Host = "web1".parse().unwrap();
        for (result, left, known) in [(HostResult::Unknown, 0, true), (HostResult::TimedOut, 1, false)] {
            let mut progress = progress();
            progress.record(3, &sum(Some("web1"), result, left));
            progress.failures.give_up("web1", HostFailure { command: Some(3), result, why: None });
            progress.has_answered(&host);
            assert_eq!(unknown(&progress).is_empty(), known, "{result:?}");
        }
    }
}
