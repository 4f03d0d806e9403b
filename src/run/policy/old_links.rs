//! Links that a rollback puts back as they were: each host goes back to exactly what it had, the build that was live where it ran
//! that, and otherwise, link by link, whatever else was there: nothing, someone's site, another release. Pure; it must never call a
//! host back that did not say so. Kept by `progress`; `work/put_back.rs` does it.

use crate::plan::{Part, PlannedCommand};
use crate::stack::Host;
use std::collections::{BTreeMap, BTreeSet};

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// The links that go back as they were, rather than to the build that was live.
#[derive(Debug, Default)]
pub struct OldLinks {
    /// All of them: no other build was live.
    all: bool,
    /// Those of hosts that ran something else than the build that was live.
    pub apart: BTreeSet<(Host, String)>,
    /// Those that an earlier push had flipped, which this one resumes.
    taken: BTreeSet<(Host, String)>,
    /// What became of them.
    results: BTreeMap<(Host, String), PutBackResult>,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PutBackResult {
    ok: bool,
    what: String,
}

impl OldLinks {
    /// What is known before any host is asked; `all` where no other build was live.
    pub fn new(commands: &[PlannedCommand], hosts: &[Host], all: bool) -> Self {
        let main = commands.iter().filter(|command| command.part == Part::Main);
        let flips = main.filter_map(|command| Some((command, command.form.flips()?)));
        let taken = flips.flat_map(|(command, dir)| {
            let done = hosts.iter().filter(|host| command.is_done_on(Some(host)));
            done.map(|host| (host.clone(), dir.to_owned()))
        });
        Self { all, taken: taken.collect(), ..Self::default() }
    }

    /// Whether the link in this directory of a host goes back as it was.
    pub fn has(&self, host: &Host, dir: &str) -> bool {
        self.all || self.apart.iter().any(|(of, at)| of == host && at == dir)
    }

    /// The directories of which a host is asked whether it runs the build that was live.
    pub fn asked_about(&self, host: &Host, dirs: &[String]) -> Vec<String> {
        dirs.iter().filter(|dir| !self.has(host, dir)).cloned().collect()
    }

    /// Whether an earlier push had flipped the link in this directory of a host.
    pub fn is_taken(&self, host: &Host, dir: &str) -> bool {
        self.taken.contains(&(host.clone(), dir.to_owned()))
    }

    /// Notes what became of a link.
    pub fn note(&mut self, host: &Host, dir: &str, ok: bool, what: String) {
        self.results.insert((host.clone(), dir.to_owned()), PutBackResult { ok, what });
    }

    /// The hosts that went back to something else than the build that was live, each with what that is.
    pub fn elsewhere(&self) -> BTreeMap<Host, String> {
        let mut hosts: BTreeMap<Host, Vec<String>> = BTreeMap::new();
        for ((host, _), result) in self.results.iter().filter(|(_, result)| result.ok) {
            hosts.entry(host.clone()).or_default().push(result.what.clone());
        }
        hosts.into_iter().map(|(host, what)| (host, what.join(", "))).collect()
    }

    /// What is true of all of them: `no build was live before, so the links went back as they were on all 2 hosts (web1: …)`.
    pub fn words(&self) -> Option<String> {
        let mut hosts: BTreeMap<&Host, (bool, Vec<&str>)> = BTreeMap::new();
        for ((host, _), result) in &self.results {
            let of = hosts.entry(host).or_insert((true, Vec::new()));
            of.0 &= result.ok;
            of.1.push(&result.what);
        }
        let total = hosts.len();
        let (back, away): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|(_, (ok, _))| *ok);
        let named = |list: &[(&Host, (bool, Vec<&str>))]| {
            let more = list.len().saturating_sub(NAMED);
            let named =
                list.iter().take(NAMED).map(|(host, (_, what))| format!("{}: {}", host.name(), what.join(", ")));
            named.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join("; ")
        };
        Some(match (away.len(), total) {
            (_, 0) => return None,
            (0, 1) => format!("no other build was live before, so the link went back as it was ({})", named(&back)),
            (0, _) => format!(
                "no other build was live before, so the links went back as they were on all {total} hosts ({})",
                named(&back)
            ),
            (away_count, _) => format!(
                "no other build was live before, and {away_count} of {total} hosts {} not as {} ({}){}",
                if away_count == 1 { "is" } else { "are" },
                if away_count == 1 { "it was" } else { "they were" },
                named(&away),
                if back.is_empty() { String::new() } else { format!("; the others are ({})", named(&back)) }
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_on_each_host_is_said_and_who_is_not_back_comes_first() {
        let mut links = OldLinks::new(&[], &[], true);
        assert_eq!(links.words(), None, "nothing was flipped");
        let note = |links: &mut OldLinks, host: &str, ok, what: &str| {
            links.note(&host.parse().unwrap(), "/srv/web", ok, what.to_owned());
        };
        note(&mut links, "web1", true, "the link is back, current -> /srv/old");
        assert_eq!(
            links.words().unwrap(),
            "no other build was live before, so the link went back as it was (web1: the link is back, current -> /srv/old)"
        );
        note(&mut links, "web2", false, "the link was not set back: no answer");
        assert_eq!(
            links.words().unwrap(),
            "no other build was live before, and 1 of 2 hosts is not as it was (web2: the link was not set back: no answer); the \
             others are (web1: the link is back, current -> /srv/old)"
        );
        assert_eq!(links.elsewhere().keys().map(Host::name).collect::<Vec<_>>(), ["web1"]);
    }
}
