//! The way back of a push that failed under `on_failure = "rollback"`: what was live goes back onto the hosts that the push
//! touched, and each is asked what it runs then. It must never begin by itself twice, after a cancel, or in a rollback,
//! and never call a host back that was not asked. Called by the walk, before `finally`.

use super::old_links::Links;
use super::touched::flipped_dirs;
use super::verdict::{End, HostOutcome};
use crate::advice::of_stack;
use crate::journal::{Ended, Event, HostResult};
use crate::plan::{OldBuild, Part, PlannedCommand, PlannedForm};
use crate::remote::release;
use crate::run::recorder::Place;
use crate::run::walk::{Walk, elapsed_ms, numbered};
use crate::size::counted;
use crate::stack::Host;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a host that stopped answering is looked for again: one try to sign in, which ssh itself gives up after 10 s.
const FIND_LIMIT: Duration = Duration::from_secs(12);
/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// What is true on a host on which a rollback broke off.
pub(in crate::run) fn what_is_true(number: u32, form: &PlannedForm, what: &str, flipped: bool) -> String {
    match (flipped, form) {
        (true, PlannedForm::Check(_)) => {
            format!("the link is back; its health check failed after it: command {number}: {what}")
        }
        (true, PlannedForm::ReadBack { .. }) | (false, _) => format!("command {number}: {what}"),
        (true, _) => format!("the link is back; command {number} failed after it: {what}"),
    }
}

/// How far the way back has come.
#[derive(Default)]
struct Back {
    /// Hosts that are not back, and why.
    away: BTreeMap<Host, String>,
    /// Of these, the ones that the journal has not told yet: they did not answer from the start.
    silent: BTreeSet<Host>,
    /// What failed without a host.
    spoilt: Vec<String>,
    /// Hosts on which a command of the way back ran.
    worked_on: BTreeSet<Host>,
    /// Hosts on which the way back has flipped to what was live.
    flipped: BTreeSet<Host>,
}

impl Walk {
    /// Goes back, if the failure that ended the push asks for it, and says in `end` what came of it.
    pub(in crate::run) async fn go_back(&mut self, commands: &[PlannedCommand], end: &mut End) {
        if !self.begun.asks_for_way_back() || end.state != Ended::Failed {
            return;
        }
        let touched: Vec<Host> =
            self.assignment.plan.hosts.iter().filter(|host| self.begun.has(host)).cloned().collect();
        let why = end.why.take().unwrap_or_default();
        self.put_back = Links::new(commands, &touched, self.assignment.plan.puts_links_back());
        let old = match self.assignment.plan.old.clone().filter(|_| !self.assignment.plan.puts_links_back()) {
            Some(old) => old,
            None => return self.put_links_back(commands, &touched, why, end).await,
        };
        let names: Vec<String> = touched.iter().map(|host| host.name().to_owned()).collect();
        let words = format!("rolling back to {} on {}", old.id, counted(names.len() as u64, "host"));
        let started =
            Event::UndoStarted { build: old.id.clone(), sha: old.sha.clone(), hosts: names, why: why.clone() };
        self.recorder.state(started).await;
        let first = numbered(commands).find(|(_, command)| command.part == Part::Undo).map_or(0, |(number, _)| number);
        self.recorder.note(&Place { command: first, host: None }, words).await;
        let mut back = Back::default();
        self.find_again(&touched, &mut back).await;
        let here: Vec<Host> = touched.iter().filter(|host| !back.away.contains_key(host)).cloned().collect();
        for (host, why) in self.find_apart(commands, &here).await {
            back.silent.insert(host.clone());
            back.away.insert(host, why);
        }
        if let Some(stopped) = self.undo_all(commands, &touched, &mut back).await {
            let words = [Some(why), stopped.why].into_iter().flatten().collect::<Vec<_>>().join("; ");
            *end = End { state: stopped.state, why: Some(words) };
            return;
        }
        self.ask_the_rest(commands, &touched, &mut back).await;
        let words = self.arrived(commands, &old, &touched, &back);
        let all_back = back.away.is_empty() && back.spoilt.is_empty();
        // Where it is not back comes first: it is what somebody must see to, also where a line is short.
        (end.state, end.why) = match all_back {
            true => (Ended::RolledBack, Some(format!("{why}; {words}"))),
            false => (Ended::Failed, Some(format!("{words}; before that, {why}"))),
        };
    }

    /// Puts the links back where this push had flipped, since no other build was live, and says what is true on each host then.
    async fn put_links_back(&mut self, commands: &[PlannedCommand], touched: &[Host], why: String, end: &mut End) {
        let mut back = Back::default();
        self.find_again(touched, &mut back).await;
        if let Some(stopped) = self.undo_all(commands, touched, &mut back).await {
            let words = [Some(why), stopped.why].into_iter().flatten().collect::<Vec<_>>().join("; ");
            *end = End { state: stopped.state, why: Some(words) };
            return;
        }
        let lost: Vec<String> = back.away.iter().map(|(host, why)| format!("{} ({why})", host.name())).collect();
        let lost = (!lost.is_empty()).then(|| format!("not back: {}", lost.join(", ")));
        let words = match self.put_back.words() {
            Some(words) => words,
            None if lost.is_some() => "no other build was live before".to_owned(),
            None => "no host was flipped, so there was nothing to put back".to_owned(),
        };
        end.why = Some([Some(words), lost, Some(why)].into_iter().flatten().collect::<Vec<_>>().join("; "));
    }

    /// Runs the commands of the way back; how the push ends, when somebody stopped it on the way.
    async fn undo_all(&mut self, commands: &[PlannedCommand], touched: &[Host], back: &mut Back) -> Option<End> {
        let list: Vec<_> = numbered(commands).filter(|(_, command)| command.part == Part::Undo).collect();
        for step in list.chunk_by(|(_, one), (_, next)| one.rolls_with(next)) {
            let (number, command) = step[0];
            match command.roll {
                Some(_) => self.undo_roll(step, commands, touched, back).await,
                None => self.undo(number, command, commands, touched, back).await,
            }
            if self.orders.stopped().is_some() {
                return Some(self.stopped(&format!("during the rollback, in command {number}")));
            }
        }
        None
    }

    /// Tries once more to reach the hosts that stopped answering in this push.
    async fn find_again(&self, touched: &[Host], back: &mut Back) {
        let lost = touched.iter().filter(|host| self.is_lost(host));
        let tries = lost.map(|host| async {
            match tokio::time::timeout(FIND_LIMIT, self.masters.try_connect(host)).await {
                Ok(Ok(_)) => None,
                Ok(Err(failure)) => Some((host.clone(), of_stack(&failure.words, self.assignment.plan.stack.as_str()))),
                Err(_) => Some((host.clone(), format!("no answer within {} s", FIND_LIMIT.as_secs()))),
            }
        });
        for (host, why) in join_all(tries).await.into_iter().flatten() {
            back.silent.insert(host.clone());
            back.away.insert(host, why);
        }
    }

    /// Runs one command of the way back where it is needed. All hosts are tried, whatever fails on others.
    async fn undo(
        &mut self,
        number: u32,
        command: &PlannedCommand,
        commands: &[PlannedCommand],
        touched: &[Host],
        back: &mut Back,
    ) {
        let needed: Vec<Host> = touched
            .iter()
            .filter(|host| self.begun.needs(commands, host, &command.form, &self.put_back))
            .cloned()
            .collect();
        if needed.is_empty() {
            return;
        }
        let per_host = command.form.per_host();
        let silent: Vec<Host> = needed.iter().filter(|host| per_host && back.silent.contains(host)).cloned().collect();
        let places: Vec<Option<Host>> = match per_host {
            true => needed.into_iter().filter(|host| !back.away.contains_key(host)).map(Some).collect(),
            false => vec![None],
        };
        if silent.is_empty() && places.is_empty() {
            return;
        }
        let began = Instant::now();
        self.command_started(number, command, silent.len() + places.iter().flatten().count()).await;
        let mut told = Vec::new();
        for host in silent {
            back.silent.remove(&host);
            told.push(self.not_spoken_to(number, host).await);
        }
        let mut sum = self.over(number, command, places).await;
        if matches!(command.form, PlannedForm::Activate { .. }) {
            let well = sum.outcomes.iter().filter(|(_, outcome)| outcome.result == HostResult::Ok);
            back.flipped.extend(well.filter_map(|(host, _)| host.clone()));
        }
        back.worked_on.extend(sum.outcomes.iter().filter_map(|(host, _)| host.clone()));
        let bad: Vec<HostOutcome> = sum.bad().cloned().collect();
        self.note_bad(number, command, &bad, back);
        sum.outcomes.append(&mut told);
        self.command_ended(number, &sum, elapsed_ms(began)).await;
    }

    /// Takes the hosts that need any of it through a whole roll again, in the batches of the roll.
    async fn undo_roll(
        &mut self,
        step: &[(u32, &PlannedCommand)],
        commands: &[PlannedCommand],
        touched: &[Host],
        back: &mut Back,
    ) {
        let needs = |host: &&Host| {
            step.iter().any(|(_, command)| self.begun.needs(commands, host, &command.form, &self.put_back))
        };
        let needed: Vec<Host> = touched.iter().filter(needs).cloned().collect();
        let silent: Vec<Host> = needed.iter().filter(|host| back.silent.remove(host)).cloned().collect();
        let hosts: Vec<Host> = needed.into_iter().filter(|host| !back.away.contains_key(host)).collect();
        if hosts.is_empty() && silent.is_empty() {
            return;
        }
        back.worked_on.extend(hosts.iter().cloned());
        let failed = self.roll_back(step, hosts.clone(), silent).await;
        // A host fails one command of a roll and takes none of the later ones: what stands before it was done.
        for (number, bad) in &failed {
            let flips =
                step.iter().any(|(of, command)| of < number && matches!(command.form, PlannedForm::Activate { .. }));
            back.flipped.extend(bad.iter().filter(|_| flips).filter_map(|(host, _)| host.clone()));
        }
        for (number, bad) in failed {
            let Some((_, command)) = step.iter().find(|(of, _)| *of == number) else { continue };
            self.note_bad(number, command, &bad, back);
        }
    }

    /// Notes what went wrong on the way back.
    fn note_bad(&mut self, number: u32, command: &PlannedCommand, bad: &[HostOutcome], back: &mut Back) {
        for (host, outcome) in bad {
            let what = outcome.why.as_deref().unwrap_or(outcome.result.word());
            match host {
                Some(host) => {
                    let words = what_is_true(number, &command.form, what, back.flipped.contains(host));
                    back.away.insert(host.clone(), words);
                    if matches!(command.form, PlannedForm::ReadBack { .. }) {
                        back.flipped.remove(host);
                    }
                }
                None => back.spoilt.push(self.words(number, command, &[(None, outcome.clone())])),
            }
            if let (Some(host), true) = (host, outcome.result == HostResult::Unknown || outcome.left > 0) {
                self.unknown.insert(host.name().to_owned());
            }
        }
    }

    /// Asks the hosts on which nothing was flipped whether that is so; the others were asked by the last command.
    async fn ask_the_rest(&mut self, commands: &[PlannedCommand], touched: &[Host], back: &mut Back) {
        let (dirs, last) = (flipped_dirs(commands), u32::try_from(commands.len()).unwrap_or(u32::MAX));
        let asked = touched.iter().filter(|host| !back.away.contains_key(host)).map(|host| async {
            let left_alone = |dir: &&&str| !self.begun.has_flipped(commands, host, dir);
            let dirs: Vec<String> = dirs.iter().filter(left_alone).map(|dir| (*dir).to_owned()).collect();
            let answer = if dirs.is_empty() { Ok(()) } else { self.have_not_flipped(host, &dirs, last).await };
            (host.clone(), answer.err())
        });
        for (host, why) in join_all(asked).await {
            let known = !dirs.is_empty() || back.worked_on.contains(&host);
            match why {
                Some(why) => drop(back.away.insert(host, why)),
                // What broke off there before is known now.
                None if known && self.toll.loss(host.name()).is_some_and(|loss| loss.result == HostResult::Unknown) => {
                    self.unknown.remove(host.name());
                }
                None => {}
            }
        }
    }

    async fn have_not_flipped(&self, host: &Host, dirs: &[String], number: u32) -> Result<(), String> {
        let on = self.connections.get(host).ok_or("no connection was made to it")?;
        let place = Place { command: number, host: Some(host.name().to_owned()) };
        for (dir, seen) in dirs.iter().zip(release::look(on, dirs).await?) {
            let runs = seen.live.current.words();
            self.recorder.note(&place, format!("was not flipped: {dir}/current is {runs}")).await;
            if seen.live.current == release::Current::Ours(self.assignment.build.to_string()) {
                return Err(format!("it runs {runs}"));
            }
        }
        Ok(())
    }

    /// What came of it, as the end of a sentence.
    fn arrived(&self, commands: &[PlannedCommand], old: &OldBuild, touched: &[Host], back: &Back) -> String {
        let sha = old.sha.short();
        let apart = self.put_back.elsewhere();
        if !back.away.is_empty() {
            return not_all_back(sha, touched, back, &apart);
        }
        if !back.spoilt.is_empty() {
            let others = if apart.is_empty() { String::new() } else { format!("; {}", as_it_was(&apart)) };
            return format!("{sha} is back on its hosts, but {}{others}", back.spoilt.join("; "));
        }
        let changed = touched.iter().any(|host| self.begun.has_changed(commands, host));
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
fn not_all_back(sha: &str, touched: &[Host], back: &Back, apart: &BTreeMap<Host, String>) -> String {
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
        let mut back = Back { away: BTreeMap::from([(hosts[0].clone(), "no answer".to_owned())]), ..Back::default() };
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
