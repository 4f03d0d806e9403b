//! What a host had at `current` before a push, and how it gets that back. A host goes back to exactly what it had: to the build that
//! was live where it ran that, and otherwise, link by link, to whatever else was there: nothing, somebody's site, another release. It
//! must never touch a link that this push has not flipped, and never call a host back that did not say so. Called by the rollback.

use super::touched::flipped_dirs;
use crate::journal::HostResult;
use crate::plan::{Part, PlannedCommand, PlannedForm};
use crate::remote::Task;
use crate::remote::masters::Connection;
use crate::remote::release::{self, PutBack};
use crate::run::recorder::Place;
use crate::run::step::Outcome;
use crate::run::walk::{Walk, numbered};
use crate::stack::Host;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// The links that go back as they were, rather than to the build that was live.
#[derive(Debug, Default)]
pub(in crate::run) struct Links {
    /// All of them: no other build was live.
    all: bool,
    apart: BTreeSet<(Host, String)>,
    /// Those that an earlier push had flipped, which this one resumes.
    taken: BTreeSet<(Host, String)>,
    /// What became of them. A std mutex: never held across an await.
    went: Mutex<BTreeMap<(Host, String), Went>>,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Went {
    well: bool,
    what: String,
}

impl Links {
    /// What is known before any host is asked; `all` where no other build was live.
    pub fn new(commands: &[PlannedCommand], hosts: &[Host], all: bool) -> Self {
        let flips = commands.iter().filter_map(|command| match &command.form {
            PlannedForm::Activate { dir } if command.part == Part::Main => Some((command, dir)),
            _ => None,
        });
        let taken = flips.flat_map(|(command, dir)| {
            let done = hosts.iter().filter(|host| command.is_done_on(Some(host)));
            done.map(|host| (host.clone(), dir.clone()))
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

    /// The hosts that went back to something else than the build that was live, each with what that is.
    pub fn elsewhere(&self) -> BTreeMap<Host, String> {
        let mut hosts: BTreeMap<Host, Vec<String>> = BTreeMap::new();
        for ((host, _), went) in self.went.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|of| of.1.well)
        {
            hosts.entry(host.clone()).or_default().push(went.what.clone());
        }
        hosts.into_iter().map(|(host, what)| (host, what.join(", "))).collect()
    }

    /// What is true of all of them: `no build was live before, so the links went back as they were on all 2 hosts (web1: …)`.
    pub fn words(&self) -> Option<String> {
        let went = self.went.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hosts: BTreeMap<&Host, (bool, Vec<&str>)> = BTreeMap::new();
        for ((host, _), went) in &*went {
            let of = hosts.entry(host).or_insert((true, Vec::new()));
            of.0 &= went.well;
            of.1.push(&went.what);
        }
        let total = hosts.len();
        let (back, away): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|(_, (well, _))| *well);
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

impl Walk {
    /// Finds the hosts that ran something else than the build that was live. Returns those that gave no answer, and why.
    pub(in crate::run) async fn find_apart(
        &mut self,
        commands: &[PlannedCommand],
        hosts: &[Host],
    ) -> Vec<(Host, String)> {
        let dirs = flipped_dirs(commands);
        let walk = &*self;
        let asked = hosts.iter().flat_map(|host| dirs.iter().map(move |dir| (host, *dir)));
        let asked = asked.filter(|(host, dir)| walk.begun.has_flipped(commands, host, dir));
        let answers = join_all(asked.map(|(host, dir)| async move {
            let had = match (walk.connections.get(host), flip_below(commands, dir)) {
                (Some(on), Some((number, command))) => walk.had_old(on, number, command, host, dir).await,
                (None, _) => Err("no connection was made to it".to_owned()),
                (_, None) => Ok(true),
            };
            (host.clone(), dir.to_owned(), had)
        }));
        let (mut apart, mut silent) = (BTreeSet::new(), Vec::new());
        for (host, dir, had) in answers.await {
            match had {
                Ok(true) => {}
                Ok(false) => drop(apart.insert((host, dir))),
                Err(why) => silent.push((host, format!("it did not say what it ran before: {why}"))),
            }
        }
        self.put_back.apart = apart;
        silent
    }

    /// Whether a host ran the build that was live before this push flipped it.
    async fn had_old(
        &self,
        on: &Connection,
        number: u32,
        command: &PlannedCommand,
        host: &Host,
        dir: &str,
    ) -> Result<bool, String> {
        let goods = self.goods(Part::Undo);
        let paths = (goods.dir.tree(), goods.dir.manifest());
        let root = goods.root.as_ref().ok_or("no build was live")?;
        let (lines, from) = mpsc::channel(16);
        let (build, task) = (goods.build(&paths, root), self.link_task(command, host, dir));
        let place = Place { command: number, host: Some(host.name().to_owned()) };
        let work = async {
            let had = release::had(on, &build, dir, task, &lines).await;
            drop(lines);
            had
        };
        tokio::join!(work, self.write_down(&place, command, from)).0
    }

    /// Where a command of the rollback puts a link back as it was, that directory.
    pub(in crate::run) fn link_of<'a>(&self, command: &'a PlannedCommand, host: Option<&Host>) -> Option<&'a str> {
        match (command.part, &command.form, host) {
            (Part::Undo, PlannedForm::Activate { dir }, Some(host)) if self.put_back.has(host, dir) => Some(dir),
            _ => None,
        }
    }

    /// Puts a link back as it was before this push. A good end says why the host has not the build that was live: what it has.
    pub(in crate::run) async fn put_link_back(
        &self,
        place: &Place,
        command: &PlannedCommand,
        host: &Host,
        dir: &str,
    ) -> Outcome {
        let done = |result, why: Option<String>| Outcome { result, code: None, why, left: 0 };
        let (well, what, outcome) = match self.put_dir_back(place, command, host, dir).await {
            Ok(PutBack::Back(what)) => {
                (true, format!("the link is back, {what}"), done(HostResult::Ok, Some(format!("as it was: {what}"))))
            }
            Ok(PutBack::Untouched) => (true, "it was not flipped".to_owned(), done(HostResult::Ok, None)),
            Ok(PutBack::Other(what)) => {
                let what = format!("somebody has changed it since, {what}: left as it is");
                (false, what.clone(), done(HostResult::Failed, Some(what)))
            }
            Err(why) => {
                let what = format!("the link is not back: {why}");
                (false, what.clone(), done(HostResult::Failed, Some(what)))
            }
        };
        self.recorder.note(place, format!("{dir}: {what}")).await;
        let mut went = self.put_back.went.lock().unwrap_or_else(PoisonError::into_inner);
        went.insert((host.clone(), dir.to_owned()), Went { well, what });
        outcome
    }

    async fn put_dir_back(
        &self,
        place: &Place,
        command: &PlannedCommand,
        host: &Host,
        dir: &str,
    ) -> Result<PutBack, String> {
        let on = self.connections.get(host).ok_or("no connection was made to it")?;
        let goods = self.goods(Part::Main);
        let paths = (goods.dir.tree(), goods.dir.manifest());
        let root = goods.root.as_ref().ok_or("no build was frozen")?;
        let (lines, from) = mpsc::channel(16);
        let (build, task) = (goods.build(&paths, root), self.link_task(command, host, dir));
        let work = async {
            let went = release::put_back(on, &build, dir, task, &lines).await;
            drop(lines);
            went
        };
        tokio::join!(work, self.write_down(place, command, from)).0
    }

    fn link_task(&self, command: &PlannedCommand, host: &Host, dir: &str) -> Task {
        let mut task = self.own_task(command, Some(host));
        let taken = self.put_back.taken.contains(&(host.clone(), dir.to_owned()));
        task.values.extend(taken.then(|| ("PUSH_TAKEN".to_owned(), "yes".to_owned())));
        task
    }
}

/// The flip below a directory, as the work has it.
fn flip_below<'a>(commands: &'a [PlannedCommand], dir: &str) -> Option<(u32, &'a PlannedCommand)> {
    let flips = |command: &PlannedCommand| matches!(&command.form, PlannedForm::Activate { dir: of } if of == dir);
    numbered(commands).find(|(_, command)| command.part == Part::Main && flips(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_on_each_host_is_said_and_who_is_not_back_comes_first() {
        let links = Links::new(&[], &[], true);
        assert_eq!(links.words(), None, "nothing was flipped");
        let went = |host: &str, well, what: &str| {
            let place = (host.parse().unwrap(), "/srv/web".to_owned());
            links.went.lock().unwrap().insert(place, Went { well, what: what.to_owned() });
        };
        went("web1", true, "the link is back, current -> /srv/old");
        assert_eq!(
            links.words().unwrap(),
            "no other build was live before, so the link went back as it was (web1: the link is back, current -> /srv/old)"
        );
        went("web2", false, "the link is not back: no answer");
        assert_eq!(
            links.words().unwrap(),
            "no other build was live before, and 1 of 2 hosts is not as it was (web2: the link is not back: no answer); the \
             others are (web1: the link is back, current -> /srv/old)"
        );
        assert_eq!(links.elsewhere().keys().map(Host::name).collect::<Vec<_>>(), ["web1"]);
    }
}
