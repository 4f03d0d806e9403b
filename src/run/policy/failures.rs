//! What failures have cost a push so far: the hosts that were given up, and what else went wrong. Decides whether the push
//! goes on, and how it ends. Pure; it must never forget a host. Kept by `progress`, asked by the verdict.

use crate::journal::{Ended, HostResult};
use crate::run::outcome::Outcome;
use crate::stack::{OnFailure, Policy};
use std::collections::{BTreeMap, BTreeSet};

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// The hosts that were given up, and what else went wrong.
#[derive(Debug, Default)]
pub struct Failures {
    given_up: BTreeMap<String, HostFailure>,
    /// Hosts that are to leave the push, or have left it; of those given up.
    leaving: BTreeSet<String>,
    /// Of those, the ones that could not, and why.
    not_dropped: BTreeMap<String, String>,
    others: Vec<String>,
}

/// Why a host was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFailure {
    /// The command that it failed; none when it could not be reached at all.
    pub command: Option<u32>,
    /// How the command ended there.
    pub result: HostResult,
    /// Why.
    pub why: Option<String>,
}

/// What went wrong while the `finally` of an earlier push ran, which this one has taken over: it spoils a success, no more.
#[derive(Debug, Default)]
pub struct DeferredFailures {
    /// In words.
    pub words: Vec<String>,
    /// The hosts on which something failed.
    pub hosts: Vec<(String, HostFailure)>,
}

impl Failures {
    /// Gives a host up: it takes no later command. The first failure counts.
    pub fn give_up(&mut self, host: &str, failure: HostFailure) {
        self.given_up.entry(host.to_owned()).or_insert(failure);
    }

    /// Notes something that went wrong without a host.
    pub fn note(&mut self, words: String) {
        self.others.push(words);
    }

    /// Whether a host was given up.
    pub fn has(&self, host: &str) -> bool {
        self.given_up.contains_key(host)
    }

    /// How many hosts were given up.
    pub fn count(&self) -> usize {
        self.given_up.len()
    }

    /// Why a host was given up, if it was.
    pub fn of(&self, host: &str) -> Option<&HostFailure> {
        self.given_up.get(host)
    }

    /// Whether a host stopped answering in this push: who asks it again waits for nothing.
    pub fn is_lost(&self, host: &str) -> bool {
        matches!(self.of(host).map(|failure| failure.result), Some(HostResult::Unreachable | HostResult::Unknown))
    }

    /// Sends a host away that was given up. It counts as one that leaves from now on.
    pub fn send_away(&mut self, host: &str) {
        self.leaving.insert(host.to_owned());
    }

    /// Notes that a host could not leave.
    pub fn not_dropped(&mut self, host: &str, why: String) {
        self.not_dropped.insert(host.to_owned(), why);
    }

    /// The hosts that were to leave and could not, if there are more than `policy` lets fail.
    pub fn too_many_not_dropped(&self, policy: Policy) -> Option<String> {
        let words = || self.not_dropped.keys().map(|host| self.words(host)).collect::<Vec<_>>().join(", ");
        (self.not_dropped.len() > policy.max_failed).then(words)
    }

    /// Whether a command may go on after `fresh` more hosts failed it. What earlier commands cost counts as well, but
    /// only a new failure stops anything.
    pub fn allows(&self, policy: Policy, fresh: usize) -> bool {
        fresh == 0
            || match policy.on_failure {
                OnFailure::Continue => true,
                OnFailure::Drop => self.leaving.len() + fresh <= policy.max_dropped,
                OnFailure::Stop | OnFailure::Rollback => self.count() + fresh <= policy.max_failed,
            }
    }

    /// How a push over `total` hosts ends that came to the end of its list, and why it is not a success.
    pub fn end(&self, total: usize) -> (Ended, Option<String>) {
        match (self.given_up.len(), self.others.is_empty()) {
            (0, true) => (Ended::Succeeded, None),
            (lost, _) if lost > 0 && lost >= total => {
                (Ended::Failed, Some(format!("no host is left: {}", self.hosts())))
            }
            (0, false) => (Ended::Degraded, Some(self.others.join("; "))),
            (lost, _) => {
                let hosts = format!("{lost} of {total} hosts did not complete the push: {}", self.hosts());
                let words: Vec<&str> =
                    [hosts.as_str()].into_iter().chain(self.others.iter().map(String::as_str)).collect();
                (Ended::Degraded, Some(words.join("; ")))
            }
        }
    }

    fn hosts(&self) -> String {
        let mut words: Vec<String> = self.given_up.keys().take(NAMED).map(|host| self.words(host)).collect();
        match self.given_up.len().saturating_sub(NAMED) {
            0 => {}
            more => words.push(format!("and {more} more")),
        }
        words.join(", ")
    }

    fn words(&self, host: &str) -> String {
        let Some(failure) = self.given_up.get(host) else { return host.to_owned() };
        let words = failure.words();
        match (self.leaving.contains(host), self.not_dropped.get(host)) {
            (_, Some(why)) => format!("{host} ({words}; not removed from service: {why})"),
            (true, None) => format!("{host} (dropped: {words})"),
            (false, None) => format!("{host} ({words})"),
        }
    }
}

impl HostFailure {
    /// Of a host that could not be reached before any command worked on it.
    pub fn unreachable(why: Option<String>) -> Self {
        Self { command: None, result: HostResult::Unreachable, why }
    }

    /// Of a host on which a command did not succeed.
    pub fn of(command: u32, outcome: &Outcome) -> Self {
        Self { command: Some(command), result: outcome.result, why: outcome.why.clone() }
    }

    fn words(&self) -> String {
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match self.command {
            Some(command) => format!("command {command} {}{why}", self.result.word()),
            None => format!("{}{why}", self.result.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> HostFailure {
        HostFailure { command: Some(5), result: HostResult::Failed, why: Some("exited with 7".to_owned()) }
    }

    #[test]
    fn only_a_new_failure_past_the_limit_stops_a_push() {
        let policy = |max_failed, on_failure| Policy { max_failed, on_failure, max_dropped: 0 };
        let mut failures = Failures::default();
        for (before, max_failed, fresh, stops) in [
            (0, 0, 0, false),
            (0, 0, 1, true),
            (0, 1, 1, false),
            (0, 1, 2, true),
            (1, 0, 0, false),
            (1, 1, 1, true),
            (1, 2, 1, false),
        ] {
            while failures.count() < before {
                failures.give_up(&format!("web{}", failures.count()), failed());
            }
            let allowed = failures.allows(policy(max_failed, OnFailure::Stop), fresh);
            assert_eq!(allowed, !stops, "{before} before, {fresh} now, {max_failed} may fail");
            assert!(failures.allows(policy(max_failed, OnFailure::Continue), fresh));
        }
    }

    #[test]
    fn an_end_is_green_only_when_nothing_was_lost() {
        let mut failures = Failures::default();
        assert_eq!(failures.end(3), (Ended::Succeeded, None));
        failures.note("command 9 failed: exited with 1".to_owned());
        assert_eq!(failures.end(3), (Ended::Degraded, Some("command 9 failed: exited with 1".to_owned())));
        failures.give_up("web1", failed());
        let why = "1 of 3 hosts did not complete the push: web1 (command 5 failed: exited with 7); command 9 failed: exited with 1";
        assert_eq!(failures.end(3), (Ended::Degraded, Some(why.to_owned())));
        failures.give_up("web2", HostFailure { command: None, result: HostResult::Unreachable, why: None });
        failures.give_up("web2", failed());
        failures.give_up("web3", failed());
        let (ended, why) = failures.end(3);
        assert_eq!(ended, Ended::Failed);
        assert!(why.unwrap().contains("web2 (unreachable), web3"));
    }

    #[test]
    fn hosts_leave_as_long_as_they_may_and_who_cannot_has_failed() {
        let policy = Policy { max_failed: 1, on_failure: OnFailure::Drop, max_dropped: 2 };
        let mut failures = Failures::default();
        assert!(failures.allows(policy, 2) && !failures.allows(policy, 3), "nobody leaves past the limit");
        for host in ["web1", "web2"] {
            failures.give_up(host, failed());
            failures.send_away(host);
        }
        assert!(!failures.allows(policy, 1));
        failures.not_dropped("web2", "command 8 failed: exited with 1".to_owned());
        assert_eq!(failures.too_many_not_dropped(policy), None);
        let why = "2 of 8 hosts did not complete the push: web1 (dropped: command 5 failed: exited with 7), web2 (command 5 \
                   failed: exited with 7; not removed from service: command 8 failed: exited with 1)";
        assert_eq!(failures.end(8), (Ended::Degraded, Some(why.to_owned())));
        assert!(
            failures
                .too_many_not_dropped(Policy { max_failed: 0, ..policy })
                .is_some_and(|words| words.starts_with("web2 ("))
        );
    }
}
