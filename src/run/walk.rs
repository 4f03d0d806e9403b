//! Walks a plan: each command in order, a barrier between them, at most `chunk` hosts at once, the next begins as one
//! ends. It must never begin a command after a failure, and never begin a host after an order to stop.

use super::orders::{Orders, Stop};
use super::recorder::{Place, Recorder};
use super::step::Outcome;
use crate::journal::{Ended, Event, HostResult, PushDir};
use crate::plan::{self, Assignment, PlannedCommand, PlannedForm};
use crate::remote::masters::{Connection, Masters};
use crate::stack::{Host, Root};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Everything that the walk needs, and what it has learned so far.
pub struct Walk {
    pub(super) data: PathBuf,
    pub(super) checkout: PathBuf,
    pub(super) assignment: Assignment,
    pub(super) recorder: Recorder,
    pub(super) orders: Orders,
    pub(super) connections: BTreeMap<Host, Arc<Connection>>,
    /// The root of the build that this push froze.
    pub(super) frozen: OnceLock<Root>,
    masters: Masters,
    began: Instant,
    unknown: BTreeSet<String>,
    bad: BTreeSet<String>,
}

/// Why the walk ended before the end of the list.
struct Halt {
    state: Ended,
    why: String,
}

/// How a command ended on one host, with the host.
pub(super) type HostOutcome = (Option<Host>, Outcome);

impl Walk {
    /// Prepares the walk of an assignment.
    pub fn new(
        data: PathBuf,
        push: &PushDir,
        assignment: Assignment,
        masters: Masters,
        recorder: Recorder,
        orders: Orders,
    ) -> Self {
        Self {
            data,
            checkout: push.dir().join("checkout"),
            assignment,
            recorder,
            orders,
            masters,
            connections: BTreeMap::new(),
            frozen: OnceLock::new(),
            began: Instant::now(),
            unknown: BTreeSet::new(),
            bad: BTreeSet::new(),
        }
    }

    /// Walks to the end of the list, or to the first failure or order to stop; returns the push's last record.
    pub async fn finish(mut self) -> Event {
        let commands = std::mem::take(&mut self.assignment.plan.commands);
        let mut halt = self.preflight(&commands).await.err();
        if halt.is_none() {
            for (number, command) in (1_u32..).zip(&commands) {
                halt = self.command(number, command).await.err();
                if halt.is_some() {
                    break;
                }
            }
        }
        // A checkout is only the way to a build; what is left of it helps nobody.
        let _ = tokio::fs::remove_dir_all(&self.checkout).await;
        self.end(halt)
    }

    /// Connects to all hosts before anything is touched; one that cannot be reached stops the push.
    async fn preflight(&mut self, commands: &[PlannedCommand]) -> Result<(), Halt> {
        let needs_hosts =
            |command: &PlannedCommand| command.form.per_host() && !matches!(command.form, PlannedForm::Local(_));
        let Some(first) = commands.iter().position(needs_hosts) else { return Ok(()) };
        let hosts = &self.assignment.plan.hosts;
        let tries = futures::future::join_all(hosts.iter().map(|host| self.masters.connect(host)));
        let tries = tokio::select! {
            tries = tries => tries,
            () = self.orders.token.cancelled() => return Err(self.stopped("before any host was touched")),
        };
        let mut refused = Vec::new();
        for (host, tried) in hosts.clone().into_iter().zip(tries) {
            match tried {
                Ok(connection) => drop(self.connections.insert(host, Arc::new(connection))),
                Err(why) => refused.push((host, why.to_string())),
            }
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(self.unreachable(first, &commands[first], refused).await),
        }
    }

    async fn unreachable(&mut self, place: usize, command: &PlannedCommand, refused: Vec<(Host, String)>) -> Halt {
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let total = self.assignment.plan.hosts.len();
        self.command_started(number, command, total).await;
        for (host, why) in &refused {
            let outcome = Outcome { result: HostResult::Unreachable, code: None, why: Some(why.clone()), left: 0 };
            let place = Place { command: number, host: Some(host.name().to_owned()) };
            self.recorder.note(&place, why.clone()).await;
            self.recorder.state(host_ended(number, Some(host), &outcome, 0)).await;
            self.bad.insert(host.name().to_owned());
        }
        let not_ok = u32::try_from(total).unwrap_or(u32::MAX);
        let result = HostResult::Unreachable;
        self.recorder.state(Event::CommandEnded { command: number, result, ok: 0, not_ok, duration_ms: 0 }).await;
        let (host, why) = &refused[0];
        let why = match refused.len() {
            1 => format!("{} could not be reached, so no host was touched: {why}", host.name()),
            n => format!("{n} of {total} hosts could not be reached, so no host was touched; {}: {why}", host.name()),
        };
        Halt { state: Ended::Failed, why }
    }

    async fn command_started(&self, number: u32, command: &PlannedCommand, hosts: usize) {
        let values = plan::values(&self.assignment, None);
        let title = command.title(&values);
        let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
        self.recorder.state(Event::CommandStarted { command: number, title, hosts }).await;
    }

    async fn command(&mut self, number: u32, command: &PlannedCommand) -> Result<(), Halt> {
        if self.orders.stopped().is_some() {
            return Err(self.stopped(&format!("before command {number}")));
        }
        let hosts: Vec<Option<Host>> = match command.form.per_host() {
            true => self.assignment.plan.hosts.iter().cloned().map(Some).collect(),
            false => vec![None],
        };
        let began = Instant::now();
        let host_count = hosts.iter().flatten().count();
        self.command_started(number, command, host_count).await;
        let total = hosts.len();
        let (mut outcomes, hosts) = self.take_over(number, command, hosts).await;
        outcomes.extend(self.over_hosts(number, command, hosts).await);
        let bad: Vec<&HostOutcome> = outcomes.iter().filter(|(_, outcome)| outcome.result != HostResult::Ok).collect();
        let ok = u32::try_from(outcomes.len() - bad.len()).unwrap_or(u32::MAX);
        let not_ok = u32::try_from(total - (outcomes.len() - bad.len())).unwrap_or(u32::MAX);
        let result = match (bad.first(), not_ok) {
            (Some((_, outcome)), _) => outcome.result,
            (None, 0) => HostResult::Ok,
            (None, _) => HostResult::Cancelled,
        };
        let duration_ms = elapsed_ms(began);
        self.recorder.state(Event::CommandEnded { command: number, result, ok, not_ok, duration_ms }).await;
        for (host, outcome) in &bad {
            let Some(host) = host else { continue };
            self.bad.insert(host.name().to_owned());
            if outcome.result == HostResult::Unknown || outcome.left > 0 {
                self.unknown.insert(host.name().to_owned());
            }
        }
        match (self.orders.stopped(), bad.is_empty() && not_ok == 0) {
            (_, true) => Ok(()),
            (Some(_), false) => Err(self.stopped(&format!("in command {number}"))),
            (None, false) => Err(self.failed(number, command, &bad)),
        }
    }

    /// Begins a host as soon as another has ended, until one fails or the push is told to stop; those that run, end.
    async fn over_hosts(&self, number: u32, command: &PlannedCommand, hosts: Vec<Option<Host>>) -> Vec<HostOutcome> {
        let width = match command.form {
            // The flip goes to all hosts at once: the fewer seconds of two versions, the better.
            PlannedForm::Activate { .. } => hosts.len(),
            _ => command.chunk.max(1),
        };
        let mut waiting = hosts.into_iter();
        let mut running = FuturesUnordered::new();
        let mut outcomes: Vec<HostOutcome> = Vec::new();
        loop {
            let all_well = outcomes.iter().all(|(_, outcome)| outcome.result == HostResult::Ok);
            while all_well && running.len() < width && self.orders.stopped().is_none() {
                let Some(host) = waiting.next() else { break };
                running.push(async move {
                    let outcome = self.on_host(number, command, host.as_ref()).await;
                    (host, outcome)
                });
            }
            match running.next().await {
                Some(outcome) => outcomes.push(outcome),
                None => return outcomes,
            }
        }
    }

    fn failed(&self, number: u32, command: &PlannedCommand, bad: &[&HostOutcome]) -> Halt {
        let title = command.title(&plan::values(&self.assignment, None));
        let (host, outcome) = bad[0];
        let what = outcome.why.clone().unwrap_or_else(|| outcome.result.word().to_owned());
        let place = match (host, bad.len()) {
            (None, _) => String::new(),
            (Some(host), 1) => format!(" on {}", host.name()),
            (Some(host), n) => format!(" on {} and {} more", host.name(), n - 1),
        };
        Halt {
            state: Ended::Failed,
            why: format!("command {number} ({title}) {}{place}: {what}", outcome.result.word()),
        }
    }

    fn stopped(&self, when: &str) -> Halt {
        match self.orders.stopped() {
            Some(Stop::DiskFull) => Halt {
                state: Ended::Failed,
                why: format!("the disk of the push host is full ({}); make room, then push again", self.data.display()),
            },
            Some(Stop::Cancelled { who, reason }) => {
                let who = who.map_or("the system".to_owned(), |who| who.to_string());
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Halt { state: Ended::Cancelled, why: format!("{who} cancelled it {when}{reason}") }
            }
            None => Halt { state: Ended::Cancelled, why: format!("stopped {when}") },
        }
    }

    fn end(self, halt: Option<Halt>) -> Event {
        let total = self.assignment.plan.hosts.len();
        let (state, why, hosts_ok) = match halt {
            None => (Ended::Succeeded, None, total - self.bad.len()),
            Some(halt) => (halt.state, Some(halt.why), 0),
        };
        let who = match self.orders.stopped() {
            Some(Stop::Cancelled { who, .. }) if state == Ended::Cancelled => who,
            _ => None,
        };
        push_ended(state, why, who, (hosts_ok, total), self.unknown.into_iter().collect(), elapsed_ms(self.began))
    }
}

/// The last record of a push that could not begin: nothing ran.
pub fn could_not_begin(assignment: &Assignment, why: &str) -> Event {
    push_ended(Ended::Failed, Some(format!("nothing ran: {why}")), None, (0, assignment.plan.hosts.len()), vec![], 0)
}

fn push_ended(
    state: Ended,
    why: Option<String>,
    who: Option<crate::stack::Who>,
    (hosts_ok, hosts_total): (usize, usize),
    unknown: Vec<String>,
    duration_ms: u64,
) -> Event {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    // The writer fills in the hash of all before it.
    let sha256 = String::new();
    let (hosts_ok, hosts_total) = (count(hosts_ok), count(hosts_total));
    Event::PushEnded { state, why, who, hosts_ok, hosts_total, unknown, duration_ms, sha256 }
}

/// The record of a command that ended on a host.
pub(super) fn host_ended(command: u32, host: Option<&Host>, outcome: &Outcome, duration_ms: u64) -> Event {
    Event::HostEnded {
        command,
        host: host.map(|host| host.name().to_owned()),
        result: outcome.result,
        code: outcome.code,
        why: outcome.why.clone(),
        duration_ms,
    }
}

/// Whole milliseconds since an instant.
pub(super) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
