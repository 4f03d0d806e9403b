//! What a rollback of a push that failed came to, host by host: who is back, who is not, and why; and how that is said. Pure; it must
//! never call a host back that is not, nor one away whose link is back. Kept and asked by the rollback.

use crate::journal::HostResult;
use crate::plan::{OldBuild, PlannedCommand, PlannedForm, Property};
use crate::run::outcome::{HostOutcome, Sum};
use crate::run::progress::Progress;
use crate::stack::Host;
use std::collections::{BTreeMap, BTreeSet};

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// How far a rollback has come.
#[derive(Default)]
pub struct RollbackResult {
    /// Hosts that are not back, and why.
    pub away: BTreeMap<Host, String>,
    /// Of these, the ones that the journal does not name yet: they did not answer from the start.
    pub silent: BTreeSet<Host>,
    /// What failed without a host.
    pub failed: Vec<String>,
    /// Hosts on which a command of the rollback ran.
    pub worked_on: BTreeSet<Host>,
    /// Hosts on which the rollback has flipped to what was live.
    pub flipped: BTreeSet<Host>,
}

impl RollbackResult {
    /// Notes a host that did not answer from the start.
    pub fn silent(&mut self, host: Host, why: String) {
        self.silent.insert(host.clone());
        self.away.insert(host, why);
    }

    /// Whether every host is back, and nothing failed beside them.
    pub fn is_all_back(&self) -> bool {
        self.away.is_empty() && self.failed.is_empty()
    }

    /// Notes the hosts on which a command of the rollback ran, and where it flipped.
    pub fn note(&mut self, command: &PlannedCommand, sum: &Sum) {
        if command.form.flips().is_some() {
            let ok = sum.outcomes.iter().filter(|(_, outcome)| outcome.result == HostResult::Ok);
            self.flipped.extend(ok.filter_map(|(host, _)| host.clone()));
        }
        self.worked_on.extend(sum.outcomes.iter().filter_map(|(host, _)| host.clone()));
    }

    /// Notes the hosts on which a command of the rollback failed.
    pub fn note_bad(&mut self, number: u32, command: &PlannedCommand, bad: &[HostOutcome]) {
        for (host, outcome) in bad {
            let Some(host) = host else { continue };
            let what = outcome.why.as_deref().unwrap_or(outcome.result.word());
            let words = what_is_true(number, &command.form, what, self.flipped.contains(host));
            self.away.insert(host.clone(), words);
            if command.form.reads_back().is_some() {
                self.flipped.remove(host);
            }
        }
    }

    /// What came of it, as the end of a sentence.
    pub fn words(&self, commands: &[PlannedCommand], progress: &Progress, old: &OldBuild, touched: &[Host]) -> String {
        let sha = old.sha.short();
        let apart = progress.old_links.elsewhere();
        if !self.away.is_empty() {
            return not_all_back(sha, touched, self, &apart);
        }
        if !self.failed.is_empty() {
            let others = if apart.is_empty() { String::new() } else { format!("; {}", as_it_was(&apart)) };
            return format!("{sha} is back on its hosts, but {}{others}", self.failed.join("; "));
        }
        let changed = touched.iter().any(|host| progress.touched.has_changed(commands, host));
        match (changed, touched) {
            (false, _) => format!("no host had been changed, so all run what they ran before ({sha})"),
            (true, hosts) if apart.len() == hosts.len() => format!("back: {}", as_it_was(&apart)),
            (true, hosts) if !apart.is_empty() => {
                let others: Vec<&str> =
                    hosts.iter().filter(|host| !apart.contains_key(host)).map(Host::name).take(NAMED).collect();
                format!("{sha} is back on {}, and {}", others.join(", "), as_it_was(&apart))
            }
            (true, [host]) => format!("{sha} is back on {}, the only host that was touched", host.name()),
            (true, hosts) => format!("{sha} is back on all {} hosts that were touched", hosts.len()),
        }
    }

    /// Where links alone were to go back and did not, as a part of a sentence.
    pub fn links_not_back(&self) -> Option<String> {
        let lost: Vec<String> = self.away.iter().map(|(host, why)| format!("{} ({why})", host.name())).collect();
        (!lost.is_empty()).then(|| format!("not back: {}", lost.join(", ")))
    }
}

/// What is true on a host on which a rollback broke off.
fn what_is_true(number: u32, form: &PlannedForm, what: &str, flipped: bool) -> String {
    // What a host says of itself in the end counts for more than its flip.
    match flipped && form.reads_back().is_none() {
        true if form.has(Property::IsHealthCheck) => {
            format!("the link is back; its health check failed after it: command {number}: {what}")
        }
        true => format!("the link is back; command {number} failed after it: {what}"),
        false => format!("command {number}: {what}"),
    }
}

/// Hosts whose links went back as they were, each with what that is.
fn as_it_was(hosts: &BTreeMap<Host, String>) -> String {
    named(hosts.iter().map(|(host, what)| format!("{} as it was ({what})", host.name())), "more as they were")
}

/// The first of many, and how many more there are.
fn named(words: impl ExactSizeIterator<Item = String>, more: &str) -> String {
    let rest = words.len().saturating_sub(NAMED);
    words.take(NAMED).chain((rest > 0).then(|| format!("{rest} {more}"))).collect::<Vec<_>>().join(", ")
}

/// Where the rollback broke off, and what is so on the other hosts: back, or as it was before this push, which is not the same.
fn not_all_back(sha: &str, touched: &[Host], back: &RollbackResult, apart: &BTreeMap<Host, String>) -> String {
    // A link that is back is not to be looked for: what failed after it is.
    let only_after = back.away.keys().all(|host| back.flipped.contains(host));
    let hosts = format!("{} of {} touched hosts", back.away.len(), touched.len());
    let all = match only_after {
        true => format!("{sha} is back, with a failure on {hosts}"),
        false => format!("{sha} is not back on {hosts}"),
    };
    let away = named(back.away.iter().map(|(host, why)| format!("{} ({why})", host.name())), "more");
    let here: Vec<String> = touched
        .iter()
        .filter(|host| !back.away.contains_key(host) && !apart.contains_key(host))
        .map(|host| host.name().to_owned())
        .collect();
    let apart: BTreeMap<Host, String> = apart
        .iter()
        .filter(|(host, _)| !back.away.contains_key(host))
        .map(|(host, what)| (host.clone(), what.clone()))
        .collect();
    let mut words = format!("{all}: {away}");
    if !here.is_empty() {
        words.push_str(&format!("; back: {}", named(here.into_iter(), "more")));
    }
    if !apart.is_empty() {
        words.push_str(&format!("; {}", as_it_was(&apart)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_whose_link_went_back_as_it_was_is_not_said_to_have_the_build_again() {
        let hosts: Vec<Host> = ["w1", "w2", "w3"].map(|name| name.parse().unwrap()).into();
        let apart = BTreeMap::from([(hosts[1].clone(), "the link is back, current -> /srv/by-hand".to_owned())]);
        let mut back = RollbackResult {
            away: BTreeMap::from([(hosts[0].clone(), "no answer".to_owned())]),
            ..RollbackResult::default()
        };
        assert_eq!(
            not_all_back("93bdd27", &hosts, &back, &apart),
            "93bdd27 is not back on 1 of 3 touched hosts: w1 (no answer); back: w3; w2 as it was (the link is back, current -> /srv/by-hand)"
        );
        back.flipped.insert(hosts[0].clone());
        assert_eq!(
            not_all_back("93bdd27", &hosts[..2], &back, &apart),
            "93bdd27 is back, with a failure on 1 of 2 touched hosts: w1 (no answer); w2 as it was (the link is back, current -> /srv/by-hand)"
        );
        // One that is away is told once, and of many the first.
        let many: Vec<Host> = (1..=9).map(|n| format!("h{n}").parse().unwrap()).collect();
        back.away = BTreeMap::from([(hosts[1].clone(), "no answer".to_owned())]);
        assert_eq!(
            not_all_back("93bdd27", &many, &back, &apart),
            "93bdd27 is not back on 1 of 9 touched hosts: w2 (no answer); back: h1, h2, h3, h4, h5, 4 more"
        );
    }
}
