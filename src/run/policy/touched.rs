//! What a push has begun on which host, and so what a rollback of it needs there. Pure. It must never forget a host on which something
//! began.

use super::old_links::OldLinks;
use crate::journal::HostResult;
use crate::plan::{Part, PlannedCommand, PlannedForm, Property};
use crate::run::commands::{flipped_dirs, numbered};
use crate::run::outcome::HostOutcome;
use crate::stack::{Host, OnFailure};
use std::collections::{BTreeMap, BTreeSet};

/// What the push has begun where, and whether it is to be undone.
#[derive(Debug, Default)]
pub struct Touched {
    /// The commands of the work that have begun on each host.
    begun: BTreeMap<Host, BTreeSet<u32>>,
    asked: bool,
}

impl Touched {
    /// Notes where a command has begun; where nothing ran, nothing is to be undone.
    pub fn note<'a>(&mut self, number: u32, part: Part, outcomes: impl Iterator<Item = &'a HostOutcome>) {
        let began =
            |(host, outcome): &'a HostOutcome| host.as_ref().filter(|_| outcome.result != HostResult::Unreachable);
        for host in outcomes.filter(|_| part == Part::Main).filter_map(began) {
            self.begun.entry(host.clone()).or_default().insert(number);
        }
    }

    /// Notes that a command failed past what may fail.
    pub fn ask_for_rollback(&mut self, command: &PlannedCommand) {
        self.asked |= command.part == Part::Main && command.policy.on_failure == OnFailure::Rollback;
    }

    /// Whether a command failed past what may fail, and something had begun on a host.
    pub fn asks_for_rollback(&self) -> bool {
        self.asked && !self.begun.is_empty()
    }

    /// Whether anything has begun on a host.
    pub fn has(&self, host: &Host) -> bool {
        self.begun.contains_key(host)
    }

    /// Whether more than a release beside what is live has begun on a host.
    pub fn has_changed(&self, commands: &[PlannedCommand], host: &Host) -> bool {
        self.forms(commands, host).any(|form| form.has(Property::ChangesAHost))
    }

    /// Whether a flip below a directory has begun on a host.
    pub fn has_flipped(&self, commands: &[PlannedCommand], host: &Host, dir: &str) -> bool {
        self.forms(commands, host).any(|form| form.flips() == Some(dir))
    }

    fn forms<'a>(&'a self, commands: &'a [PlannedCommand], host: &Host) -> impl Iterator<Item = &'a PlannedForm> {
        let begun = self.begun.get(host);
        numbered(commands)
            .filter(move |(number, _)| begun.is_some_and(|begun| begun.contains(number)))
            .map(|(_, command)| &command.form)
    }

    /// Whether a host needs a command of the rollback: release and flip only where the flip had begun, everything else
    /// where anything but a release beside what is live had.
    pub fn needs(&self, commands: &[PlannedCommand], host: &Host, form: &PlannedForm, links: &OldLinks) -> bool {
        let dirs = flipped_dirs(commands);
        if let Some(dir) = form.flips() {
            return self.has_flipped(commands, host, dir);
        }
        if let Some(dirs) = form.reads_back() {
            return links.asked_about(host, dirs).iter().any(|dir| self.has_flipped(commands, host, dir));
        }
        match form.release() {
            // Where the link goes back as it was, the build that was live elsewhere is not brought.
            Some(what) if dirs.contains(what.dir.as_str()) => {
                self.has_flipped(commands, host, &what.dir) && !links.has(host, &what.dir)
            }
            Some(_) | None => self.has_changed(commands, host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::OldBuild;
    use crate::run::outcome::Outcome;
    use crate::stack::parse;

    fn commands() -> Vec<PlannedCommand> {
        let text = r#"
source = { git = "https://git.example.com/web.git", branch = "main" }
[[stage]]
name = "qa"
hosts = ["web[1-3]"]
on_failure = "rollback"
commands = [
  { release = "/srv/web" },
  { run = "sudo lb out" },
  { activate = "/srv/web" },
  { check = { run = "is-well" } },
  "./purge {sha}",
]"#;
        let stack = parse("web".parse().unwrap(), "web.toml", text).unwrap();
        let build = |id: &str, digit: &str| OldBuild {
            id: id.parse().unwrap(),
            sha: digit.repeat(40).parse().unwrap(),
            root: digit.repeat(64).parse().unwrap(),
        };
        let (new, old) = (build("new-2", "2"), build("old-1", "1"));
        let artifact = crate::plan::Artifact::Build { id: new.id, root: new.root, sha: new.sha };
        let target = crate::plan::Target { artifact, branch: "main".to_owned(), old: Some(old) };
        crate::plan::plan(&stack, &"qa".parse().unwrap(), target).unwrap().commands
    }

    #[test]
    fn a_host_goes_back_through_no_more_than_it_needs() {
        let commands = commands();
        let outcome = |result| Outcome::new(result, None);
        for (begun, undone) in [
            (&[1][..], &[][..]),
            (&[1, 4, 6], &[]),
            // Out of the balancer, not flipped: the whole list but what the flip needs.
            (&[1, 2], &[8, 10, 11]),
            (&[1, 2, 3], &[7, 8, 9, 10, 11, 12]),
            (&[3], &[7, 8, 9, 10, 11, 12]),
        ] {
            let host: Host = "web1".parse().unwrap();
            let mut touched = Touched::default();
            for number in begun {
                touched.note(*number, Part::Main, [(Some(host.clone()), outcome(HostResult::Failed))].iter());
            }
            touched.note(2, Part::Main, [(Some(host.clone()), outcome(HostResult::Unreachable))].iter());
            touched.note(2, Part::Finally, [(Some(host.clone()), outcome(HostResult::Ok))].iter());
            let needed: Vec<u32> = numbered(&commands)
                .filter(|(_, command)| {
                    command.part == Part::Rollback
                        && touched.needs(&commands, &host, &command.form, &OldLinks::default())
                })
                .map(|(number, _)| number)
                .collect();
            assert_eq!(needed, undone, "after {begun:?}");
        }
    }
}
