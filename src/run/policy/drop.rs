//! How hosts leave a push that goes on without them (`on_failure = "drop"`): the stage's `drop` list takes each out, right
//! after the command that it failed. It must never take out more hosts than may leave, nor call a host out that is not.
//! Called by the walk.

use super::verdict::{End, HostOutcome};
use crate::journal::{Ended, Event, HostResult};
use crate::plan::{Part, PlannedCommand};
use crate::run::recorder::Place;
use crate::run::step::Outcome;
use crate::run::walk::{Walk, elapsed_ms, host_ended, numbered};
use crate::stack::{Host, OnFailure, Policy};
use std::collections::BTreeMap;
use std::time::Instant;

/// Hosts on their way out, and what the `drop` list has done so far.
#[derive(Default)]
pub(in crate::run) struct Exits {
    /// Who is to leave next, and after which command.
    waiting: Vec<(Host, u32)>,
    /// Each command of the list: when it first began, and how it ended so far.
    done: BTreeMap<u32, (Instant, Vec<HostOutcome>)>,
}

impl Walk {
    /// Sends hosts away that failed a command whose policy says so.
    pub(in crate::run) fn send_away(&mut self, number: u32, policy: Policy, bad: &[HostOutcome]) {
        if policy.on_failure != OnFailure::Drop {
            return;
        }
        for host in bad.iter().filter_map(|(host, _)| host.as_ref()) {
            // Who was late and never came may find that others have left in their stead.
            match self.toll.allows(policy, 1) {
                true => {
                    self.toll.send_away(host.name());
                    self.exits.waiting.push((host.clone(), number));
                }
                false => self.toll.stuck(host.name(), "as many have left as may".to_owned()),
            }
        }
    }

    /// Lets the hosts leave that were sent away, each through the whole list; one that cannot has failed for good.
    pub(in crate::run) async fn let_leave(&mut self, commands: &[PlannedCommand]) -> Result<(), End> {
        let leaving = std::mem::take(&mut self.exits.waiting);
        let mut stuck: BTreeMap<Host, String> = BTreeMap::new();
        for (number, command) in numbered(commands).filter(|(_, command)| command.part == Part::Drop) {
            let hosts: Vec<Host> =
                leaving.iter().map(|(host, _)| host.clone()).filter(|host| !stuck.contains_key(host)).collect();
            if hosts.is_empty() {
                break;
            }
            for (host, why) in self.take_out(number, command, hosts).await {
                stuck.insert(host, why);
            }
            if self.orders.stopped().is_some() {
                return Err(self.stopped(&format!("in command {number}")));
            }
        }
        for (host, command) in leaving {
            match stuck.remove(&host) {
                Some(why) => self.toll.stuck(host.name(), why),
                None => self.recorder.state(Event::HostDropped { command, host: host.name().to_owned() }).await,
            }
        }
        match self.toll.too_many_stuck(self.assignment.plan.policy) {
            Some(hosts) => Err(End { state: Ended::Failed, why: Some(format!("could not drop {hosts}")) }),
            None => Ok(()),
        }
    }

    /// Runs one command of the list for some hosts; returns those for which it did not end well, and why.
    async fn take_out(&mut self, number: u32, command: &PlannedCommand, hosts: Vec<Host>) -> Vec<(Host, String)> {
        let (began, mut outcomes) = self.exits.done.remove(&number).unwrap_or_else(|| (Instant::now(), Vec::new()));
        self.command_started(number, command, outcomes.len() + hosts.len()).await;
        let (lost, places): (Vec<Host>, Vec<Host>) =
            hosts.into_iter().partition(|host| command.form.over_ssh() && self.is_lost(host));
        let mut fresh = Vec::new();
        for host in lost {
            fresh.push(self.not_spoken_to(number, host).await);
        }
        let mut sum = self.over(number, command, places.into_iter().map(Some).collect()).await;
        sum.outcomes.append(&mut fresh);
        for (host, outcome) in &sum.outcomes {
            if let (Some(host), true) = (host, outcome.result == HostResult::Unknown || outcome.left > 0) {
                self.unknown.insert(host.name().to_owned());
            }
        }
        let bad = sum.bad().filter_map(|(host, outcome)| Some((host.clone()?, self.stuck_words(number, outcome))));
        let bad: Vec<(Host, String)> = bad.collect();
        sum.outcomes.append(&mut outcomes);
        self.command_ended(number, &sum, elapsed_ms(began)).await;
        self.exits.done.insert(number, (began, sum.outcomes));
        bad
    }

    fn stuck_words(&self, number: u32, outcome: &Outcome) -> String {
        let why = outcome.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("command {number} {}{why}", outcome.result.word())
    }

    /// Whether a host stopped answering in this push: who asks it again waits for nothing.
    pub(in crate::run) fn is_lost(&self, host: &Host) -> bool {
        let result = self.toll.loss(host.name()).map(|loss| loss.result);
        matches!(result, Some(HostResult::Unreachable | HostResult::Unknown))
    }

    /// Records a command on a host that is not spoken to any more: nothing ran.
    pub(in crate::run) async fn not_spoken_to(&self, number: u32, host: Host) -> HostOutcome {
        let why = "it did not answer any more".to_owned();
        let outcome = Outcome { result: HostResult::Unreachable, code: None, why: Some(why.clone()), left: 0 };
        self.recorder.note(&Place { command: number, host: Some(host.name().to_owned()) }, why).await;
        self.recorder.state(host_ended(number, Some(&host), &outcome, 0)).await;
        (Some(host), outcome)
    }
}
