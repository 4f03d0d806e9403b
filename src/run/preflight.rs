//! The first look at the hosts: all are connected to before anything is touched. Who cannot be reached is given up within
//! what the stage allows; past that nothing is touched. It must never run anything on a host. Called by the walk.

use super::recorder::Place;
use super::step::Outcome;
use super::toll::Loss;
use super::walk::{End, HostOutcome, Sum, Walk, host_ended, numbered};
use crate::journal::{Ended, HostResult};
use crate::plan::{Part, PlannedCommand};
use std::sync::Arc;

impl Walk {
    /// Connects to all hosts before anything is touched. Past what the stage allows, nothing is.
    pub(super) async fn preflight(&mut self, commands: &[PlannedCommand]) -> Result<(), End> {
        if !commands.iter().any(|command| command.form.over_ssh()) {
            return Ok(());
        }
        let hosts = &self.assignment.plan.hosts;
        let tries = futures::future::join_all(hosts.iter().map(|host| self.masters.connect(host)));
        let tries = tokio::select! {
            tries = tries => tries,
            () = self.orders.token.cancelled() => return Err(self.stopped("before any host was touched")),
        };
        for (host, tried) in hosts.clone().into_iter().zip(tries) {
            match tried {
                Ok(connection) => drop(self.connections.insert(host, Arc::new(connection))),
                Err(why) => drop(self.refused.insert(host, why.to_string())),
            }
        }
        let allowed = self.toll.allows(self.assignment.plan.policy, self.refused.len());
        for (host, why) in &self.refused {
            let loss = Loss { command: None, result: HostResult::Unreachable, why: Some(why.clone()) };
            self.toll.give_up(host.name(), loss);
        }
        match allowed && (self.refused.is_empty() || !self.connections.is_empty()) {
            true => Ok(()),
            false => Err(self.unreachable(commands).await),
        }
    }

    /// Tells who could not be reached at the first command that would have worked on hosts.
    async fn unreachable(&mut self, commands: &[PlannedCommand]) -> End {
        let total = self.assignment.plan.hosts.len();
        let refused = self.refused.clone();
        let first = numbered(commands).find(|(_, command)| command.per_host() && command.part != Part::Finally);
        if let Some((number, command)) = first {
            self.command_started(number, command, total).await;
            let bad = self.tell_refused(number).await;
            let skipped = self.connections.keys().cloned().collect();
            self.command_ended(number, &Sum { outcomes: bad, skipped }, 0).await;
        }
        let (host, why) = refused.first_key_value().map_or(("a host", ""), |(host, why)| (host.name(), why.as_str()));
        let why = match refused.len() {
            1 => format!("{host} could not be reached, so no host was touched: {why}"),
            n => format!("{n} of {total} hosts could not be reached, so no host was touched; {host}: {why}"),
        };
        End { state: Ended::Failed, why: Some(why) }
    }

    /// Records the hosts that could not be reached, once.
    pub(super) async fn tell_refused(&mut self, number: u32) -> Vec<HostOutcome> {
        let mut told = Vec::new();
        for (host, why) in std::mem::take(&mut self.refused) {
            let outcome = Outcome { result: HostResult::Unreachable, code: None, why: Some(why.clone()), left: 0 };
            let place = Place { command: number, host: Some(host.name().to_owned()) };
            self.recorder.note(&place, why).await;
            self.recorder.state(host_ended(number, Some(&host), &outcome, 0)).await;
            told.push((Some(host), outcome));
        }
        told
    }
}
