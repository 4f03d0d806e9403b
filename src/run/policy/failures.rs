//! What failures have cost a push so far: the hosts that were given up, and what else went wrong. Decides whether the push
//! goes on, and how it ends. Pure; it must never forget a host. Called by the walk.

use crate::journal::{Ended, HostResult};
use crate::stack::{OnFailure, Policy};
use std::collections::{BTreeMap, BTreeSet};

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// The hosts that were given up, and what else spoilt the push.
#[derive(Debug, Default)]
pub(in crate::run) struct Toll {
    given_up: BTreeMap<String, Loss>,
    /// Hosts that are to leave the push, or have left it; of those given up.
    leaving: BTreeSet<String>,
    /// Of those, the ones that could not, and why.
    stuck: BTreeMap<String, String>,
    spoilt: Vec<String>,
}

/// Why a host was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) struct Loss {
    /// The command that it failed; none when it could not be reached at all.
    pub command: Option<u32>,
    /// How the command ended there.
    pub result: HostResult,
    /// Why.
    pub why: Option<String>,
}

impl Toll {
    /// Gives a host up: it takes no later command. The first loss counts.
    pub fn give_up(&mut self, host: &str, loss: Loss) {
        self.given_up.entry(host.to_owned()).or_insert(loss);
    }

    /// Notes something that went wrong without a host.
    pub fn spoil(&mut self, words: String) {
        self.spoilt.push(words);
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
    pub fn loss(&self, host: &str) -> Option<&Loss> {
        self.given_up.get(host)
    }

    /// Sends a host away that was given up. It counts as one that leaves from now on.
    pub fn send_away(&mut self, host: &str) {
        self.leaving.insert(host.to_owned());
    }

    /// Notes that a host could not leave.
    pub fn stuck(&mut self, host: &str, why: String) {
        self.stuck.insert(host.to_owned(), why);
    }

    /// The hosts that were to leave and could not, if there are more than `policy` lets fail.
    pub fn too_many_stuck(&self, policy: Policy) -> Option<String> {
        let words = || self.stuck.keys().map(|host| self.words(host)).collect::<Vec<_>>().join(", ");
        (self.stuck.len() > policy.max_failed).then(words)
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
        match (self.given_up.len(), self.spoilt.is_empty()) {
            (0, true) => (Ended::Succeeded, None),
            (lost, _) if lost > 0 && lost >= total => {
                (Ended::Failed, Some(format!("no host is left: {}", self.hosts())))
            }
            (0, false) => (Ended::Degraded, Some(self.spoilt.join("; "))),
            (lost, _) => {
                let hosts = format!("{lost} of {total} hosts did not come to the end: {}", self.hosts());
                let words: Vec<&str> =
                    [hosts.as_str()].into_iter().chain(self.spoilt.iter().map(String::as_str)).collect();
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
        let Some(loss) = self.given_up.get(host) else { return host.to_owned() };
        let words = loss.words();
        match (self.leaving.contains(host), self.stuck.get(host)) {
            (_, Some(why)) => format!("{host} ({words}; it could not leave: {why})"),
            (true, None) => format!("{host} (dropped: {words})"),
            (false, None) => format!("{host} ({words})"),
        }
    }
}

impl Loss {
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

    fn loss() -> Loss {
        Loss { command: Some(5), result: HostResult::Failed, why: Some("exited with 7".to_owned()) }
    }

    #[test]
    fn only_a_new_failure_past_the_limit_stops_a_push() {
        let policy = |max_failed, on_failure| Policy { max_failed, on_failure, max_dropped: 0 };
        let mut toll = Toll::default();
        for (before, max_failed, fresh, stops) in [
            (0, 0, 0, false),
            (0, 0, 1, true),
            (0, 1, 1, false),
            (0, 1, 2, true),
            (1, 0, 0, false),
            (1, 1, 1, true),
            (1, 2, 1, false),
        ] {
            while toll.count() < before {
                toll.give_up(&format!("web{}", toll.count()), loss());
            }
            let allowed = toll.allows(policy(max_failed, OnFailure::Stop), fresh);
            assert_eq!(allowed, !stops, "{before} before, {fresh} now, {max_failed} may fail");
            assert!(toll.allows(policy(max_failed, OnFailure::Continue), fresh));
        }
    }

    #[test]
    fn an_end_is_green_only_when_nothing_was_lost() {
        let mut toll = Toll::default();
        assert_eq!(toll.end(3), (Ended::Succeeded, None));
        toll.spoil("command 9 failed: exited with 1".to_owned());
        assert_eq!(toll.end(3), (Ended::Degraded, Some("command 9 failed: exited with 1".to_owned())));
        toll.give_up("web1", loss());
        let why = "1 of 3 hosts did not come to the end: web1 (command 5 failed: exited with 7); command 9 failed: exited with 1";
        assert_eq!(toll.end(3), (Ended::Degraded, Some(why.to_owned())));
        toll.give_up("web2", Loss { command: None, result: HostResult::Unreachable, why: None });
        toll.give_up("web2", loss());
        toll.give_up("web3", loss());
        let (ended, why) = toll.end(3);
        assert_eq!(ended, Ended::Failed);
        assert!(why.unwrap().contains("web2 (unreachable), web3"));
    }

    #[test]
    fn hosts_leave_as_long_as_they_may_and_who_cannot_has_failed() {
        let policy = Policy { max_failed: 1, on_failure: OnFailure::Drop, max_dropped: 2 };
        let mut toll = Toll::default();
        assert!(toll.allows(policy, 2) && !toll.allows(policy, 3), "nobody leaves past the limit");
        for host in ["web1", "web2"] {
            toll.give_up(host, loss());
            toll.send_away(host);
        }
        assert!(!toll.allows(policy, 1));
        toll.stuck("web2", "command 8 failed: exited with 1".to_owned());
        assert_eq!(toll.too_many_stuck(policy), None);
        let why = "2 of 8 hosts did not come to the end: web1 (dropped: command 5 failed: exited with 7), web2 (command 5 \
                   failed: exited with 7; it could not leave: command 8 failed: exited with 1)";
        assert_eq!(toll.end(8), (Ended::Degraded, Some(why.to_owned())));
        assert!(
            toll.too_many_stuck(Policy { max_failed: 0, ..policy }).is_some_and(|words| words.starts_with("web2 ("))
        );
    }
}
