//! Walks a plan: each command in order, a barrier between them, at most `chunk` hosts at once, the next begins as one
//! ends. It must never begin a command on a host that failed one, go on past what the failure policy allows, or begin a
//! host after an order to stop; only `finally` runs after either.

use super::orders::{Orders, Stop};
use super::policy::deferred_finally::{OwedLosses, is_own_work};
use super::policy::drop::Exits;
use super::policy::failures::Toll;
use super::policy::flips::Flips;
use super::policy::holding::Holding;
use super::policy::old_links::Links;
use super::policy::touched::Touched;
use super::policy::verdict::{End, HostOutcome, Sum};
use super::preflight::Late;
use super::recorder::Recorder;
use super::secrets::Secrets;
use super::step::Outcome;
use super::work::look_ahead::Ahead;
use super::work::relay::Passing;
use crate::journal::{Ended, Event, HostResult, PushDir};
use crate::plan::{self, Assignment, Part, PlannedCommand};
use crate::remote::masters::{Connection, Masters};
use crate::stack::{Host, Root, Who};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

/// Everything that the walk needs, and what it has learned so far.
pub struct Walk {
    pub(super) data: PathBuf,
    pub(super) checkout: PathBuf,
    pub(super) assignment: Assignment,
    pub(super) recorder: Recorder,
    pub(super) orders: Orders,
    pub(super) secrets: Secrets,
    pub(super) connections: BTreeMap<Host, Arc<Connection>>,
    /// Hosts that were not connected yet when the push began, as their stage allows.
    pub(super) late: BTreeMap<Host, Late>,
    /// The root of the build that this push froze.
    pub(super) frozen: OnceLock<Root>,
    /// The submodules that the checkout left empty.
    pub(super) submodules: OnceLock<Vec<String>>,
    /// Releases on their way from host to host, by the number of their command.
    pub(super) passings: Mutex<BTreeMap<u32, Arc<Passing>>>,
    /// When `current` was flipped, host by host.
    pub(super) flips: Flips,
    /// How many links the output has given.
    pub(super) links: AtomicUsize,
    /// How many questions were asked.
    pub(super) asked: AtomicU32,
    /// How the push would end now; known once its commands are over.
    pub(super) so_far: Option<Ended>,
    pub(super) masters: Masters,
    began: Instant,
    pub(super) toll: Toll,
    /// Which hosts hold the build.
    pub(super) holding: Holding,
    /// Hosts that could not be reached, and why, until the first command that works on hosts has told it.
    pub(super) refused: BTreeMap<Host, String>,
    /// Hosts on which some command has begun.
    pub(super) touched: BTreeSet<Host>,
    pub(super) unknown: BTreeSet<String>,
    /// What a way back would have to undo.
    pub(super) begun: Touched,
    /// The links that a rollback puts back as they were.
    pub(super) put_back: Links,
    /// What is looked at on all hosts before any flips.
    pub(super) ahead: Ahead,
    pub(super) exits: Exits,
    /// What went wrong while an earlier push's `finally` ran.
    pub(super) owed_losses: OwedLosses,
}

impl Walk {
    /// Prepares the walk of an assignment.
    pub fn new(
        data: PathBuf,
        push: &PushDir,
        assignment: Assignment,
        masters: Masters,
        secrets: Secrets,
        recorder: Recorder,
        orders: Orders,
    ) -> Self {
        let holding = Holding::new(assignment.proof());
        Self {
            data,
            holding,
            checkout: push.dir().join("checkout"),
            assignment,
            recorder,
            orders,
            secrets,
            masters,
            connections: BTreeMap::new(),
            late: BTreeMap::new(),
            frozen: OnceLock::new(),
            submodules: OnceLock::new(),
            passings: Mutex::default(),
            flips: Flips::default(),
            links: AtomicUsize::new(0),
            asked: AtomicU32::new(0),
            so_far: None,
            began: Instant::now(),
            toll: Toll::default(),
            refused: BTreeMap::new(),
            touched: BTreeSet::new(),
            unknown: BTreeSet::new(),
            begun: Touched::default(),
            put_back: Links::default(),
            ahead: Ahead::default(),
            exits: Exits::default(),
            owed_losses: OwedLosses::default(),
        }
    }

    /// Walks to the end of the list, or to the failure or order that stops it, then through `finally`; returns the
    /// push's last record.
    pub async fn finish(mut self) -> Event {
        let commands = self.assignment.plan.commands.clone();
        self.ahead = Ahead::of(&commands, self.assignment.plan.kind);
        let halt = self.list(&commands).await.err();
        let total = self.assignment.plan.hosts.len();
        let mut end = halt.unwrap_or_else(|| {
            let (state, why) = self.toll.end(total);
            End { state, why }
        });
        let who = match self.orders.stopped() {
            Some(Stop::Cancelled { who, .. }) if end.state == Ended::Cancelled => who,
            Some(Stop::Refused { given, .. }) if end.state == Ended::Cancelled => Some(given.who),
            _ => None,
        };
        self.go_back(&commands, &mut end).await;
        self.say_what_is_true(&commands, &mut end);
        self.settle_owed(&mut end).await;
        self.finally(&commands, &mut end).await;
        self.prune(&commands, &end).await;
        // A checkout is only the way to a build; what is left of it helps nobody.
        let _ = tokio::fs::remove_dir_all(&self.checkout).await;
        let hosts_ok = self.holding.count(&self.assignment.plan.hosts);
        push_ended(end, who, (hosts_ok, total), self.unknown.into_iter().collect(), elapsed_ms(self.began))
    }

    /// Everything but `finally`.
    async fn list(&mut self, commands: &[PlannedCommand]) -> Result<(), End> {
        self.preflight(commands).await?;
        let ordinary = |part: Part| part != Part::Finally && !part.is_spare();
        let list: Vec<_> = numbered(commands).filter(|(_, command)| ordinary(command.part)).collect();
        for step in list.chunk_by(|(_, one), (_, next)| one.rolls_with(next)) {
            let (number, command) = step[0];
            self.until_unpaused().await;
            if self.orders.stopped().is_some() {
                return Err(self.stopped(&format!("before command {number}")));
            }
            match command.roll {
                Some(_) => self.roll(step).await?,
                None => self.command(number, command).await?,
            }
            if command.part == Part::Main {
                self.let_leave(commands).await?;
            }
        }
        Ok(())
    }

    /// What always runs. What fails here spoils a success, stops nothing, and changes no worse end.
    async fn finally(&mut self, commands: &[PlannedCommand], end: &mut End) {
        // Without a build, its commands run in an empty directory; where even that fails, they say so themselves.
        let _ = tokio::fs::create_dir_all(&self.checkout).await;
        for (number, command) in numbered(commands).filter(|(_, command)| command.part == Part::Finally) {
            self.so_far = Some(end.state);
            self.until_unpaused().await;
            let Err(failed) = self.command(number, command).await else { continue };
            if end.state == Ended::Succeeded {
                end.state = Ended::Degraded;
            }
            let failed = failed.why.map(|why| format!("at the end, {why}"));
            let words: Vec<String> = end.why.take().into_iter().chain(failed).collect();
            end.why = Some(words.join("; "));
        }
    }

    pub(super) async fn command_started(&self, number: u32, command: &PlannedCommand, hosts: usize) {
        let title = self.title(command);
        self.recorder.soon(Event::CommandStarted { command: number, title, hosts: count(hosts) }).await;
    }

    pub(super) fn title(&self, command: &PlannedCommand) -> String {
        command.title(&plan::values_of(&self.assignment, command.part, None))
    }

    /// Records the hosts that were never begun, then the end of the command: its hosts add up.
    pub(super) async fn command_ended(&self, number: u32, sum: &Sum, duration_ms: u64) {
        let skipped = Outcome { result: HostResult::Skipped, code: None, why: None, left: 0 };
        let records = sum.skipped.iter().map(|host| self.recorder.soon(host_ended(number, Some(host), &skipped, 0)));
        futures::future::join_all(records).await;
        self.holding.note(number, &sum.outcomes);
        let bad: Vec<&Outcome> = sum.bad().map(|(_, outcome)| outcome).collect();
        let result = match (bad.first(), sum.skipped.is_empty()) {
            (Some(outcome), _) => outcome.result,
            (None, true) => HostResult::Ok,
            (None, false) if self.orders.stopped().is_some() => HostResult::Cancelled,
            // Of a roll: they failed an earlier command of it, or their batch was never begun.
            (None, false) => HostResult::Skipped,
        };
        let ok = count(sum.outcomes.len() - bad.len());
        let not_ok = count(bad.len() + sum.skipped.len());
        let skew_ms = self.flips.skew_ms(number);
        self.recorder.soon(Event::CommandEnded { command: number, result, ok, not_ok, duration_ms, skew_ms }).await;
    }

    /// Runs one command on all its places. An error is how the push ends; in `finally`, only what failed.
    async fn command(&mut self, number: u32, command: &PlannedCommand) -> Result<(), End> {
        self.take_in_late();
        let places = self.places(command);
        if places.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let tells_refused = command.per_host() && is_own_work(command);
        let told = if tells_refused { self.refused.len() } else { 0 };
        self.command_started(number, command, places.iter().flatten().count() + told).await;
        let mut refused = if tells_refused { self.tell_refused(number).await } else { Vec::new() };
        self.send_away(number, self.assignment.plan.policy, &refused);
        let (mut taken, places) = self.take_over(number, command, places).await;
        let mut held = self.look_ahead(number, command, &places).await;
        let fit = places.into_iter().filter(|place| held.iter().all(|(host, _)| host != place));
        let mut sum = match held.is_empty() || self.goes_on(command, held.len()) {
            true => self.over(number, command, fit.collect()).await,
            false => Sum { outcomes: Vec::new(), skipped: fit.flatten().collect() },
        };
        self.note_owed(number, command).await;
        let (lost, fresh): (Vec<HostOutcome>, _) = sum.bad().cloned().partition(|ended| self.never_came(ended));
        let came = sum.outcomes.iter().chain(&taken).filter(|ended| !lost.contains(ended));
        self.touched.extend(came.clone().filter_map(|(host, _)| host.clone()));
        self.begun.note(number, command.part, came);
        self.send_away(number, self.assignment.plan.policy, &lost);
        self.give_up_lost(lost);
        let fresh = [fresh, held.clone()].concat();
        for outcomes in [&mut refused, &mut taken, &mut held] {
            sum.outcomes.append(outcomes);
        }
        self.command_ended(number, &sum, elapsed_ms(began)).await;
        self.judge(number, command, &fresh, !sum.skipped.is_empty())
    }

    /// The places of a command: the push host, or the hosts that are still in the push; `finally` also visits those that
    /// failed, but none that this push never touched.
    pub(super) fn places(&self, command: &PlannedCommand) -> Vec<Option<Host>> {
        let hosts = &self.assignment.plan.hosts;
        let chosen = |host: &&Host| match command.part {
            Part::Finally => self.touched.contains(*host),
            _ => !self.toll.has(host.name()) && command.is_meant_for(host),
        };
        if !command.per_host() {
            return vec![None];
        }
        let mut chosen: Vec<Host> = hosts.iter().filter(chosen).cloned().collect();
        // Who is late comes last, so that nobody waits behind them.
        chosen.sort_by_key(|host| self.late.contains_key(host));
        chosen.into_iter().map(Some).collect()
    }

    /// Runs the growing batches, then the rest: a host begins as soon as another has ended.
    pub(super) async fn over(&self, number: u32, command: &PlannedCommand, places: Vec<Option<Host>>) -> Sum {
        let width = command.at_once(places.len());
        let mut waiting = places.into_iter();
        let mut outcomes = Vec::new();
        for (place, batch) in command.grow.iter().enumerate() {
            if place > 0 && waiting.len() > 0 && !self.may_grow(number, command, self.bad(&outcomes)).await {
                return Sum { outcomes, skipped: waiting.flatten().collect() };
            }
            let batch: Vec<_> = waiting.by_ref().take((*batch).max(1)).collect();
            let width = batch.len();
            let mut batch = batch.into_iter();
            self.batch(number, command, width, &mut batch, &mut outcomes).await;
            if batch.len() > 0 {
                let skipped = batch.chain(waiting).flatten().collect();
                return Sum { outcomes, skipped };
            }
        }
        let asked = !command.grow.is_empty() && waiting.len() > 0;
        if !asked || self.may_grow(number, command, self.bad(&outcomes)).await {
            self.batch(number, command, width, &mut waiting, &mut outcomes).await;
        }
        Sum { outcomes, skipped: waiting.flatten().collect() }
    }

    /// Begins a place as soon as another has ended, while the push may go on and is not paused; those that run, end.
    async fn batch(
        &self,
        number: u32,
        command: &PlannedCommand,
        width: usize,
        waiting: &mut std::vec::IntoIter<Option<Host>>,
        outcomes: &mut Vec<HostOutcome>,
    ) {
        let mut running = FuturesUnordered::new();
        loop {
            let bad = self.bad(outcomes);
            let paused = self.orders.is_paused();
            while running.len() < width
                && !paused
                && self.goes_on(command, bad)
                && self.has_source(number, command, running.len())
            {
                let Some(host) = waiting.next() else { break };
                running.push(async move {
                    let outcome = self.on_host(number, command, host.as_ref()).await;
                    (host, outcome)
                });
            }
            let held = paused && waiting.len() > 0 && self.goes_on(command, bad);
            tokio::select! {
                ended = running.next(), if !running.is_empty() => outcomes.extend(ended),
                () = self.until_unpaused(), if held => {}
                else => return,
            }
        }
    }
}

/// The last record of a push that could not begin: nothing ran.
pub fn could_not_begin(assignment: &Assignment, why: &str) -> Event {
    let end = End { state: Ended::Failed, why: Some(format!("nothing ran: {why}")) };
    push_ended(end, None, (0, assignment.plan.hosts.len()), vec![], 0)
}

fn push_ended(
    end: End,
    who: Option<Who>,
    (hosts_ok, hosts_total): (usize, usize),
    unknown: Vec<String>,
    duration_ms: u64,
) -> Event {
    let End { state, why } = end;
    // The writer fills in the hash of all before it.
    let sha256 = String::new();
    let (hosts_ok, hosts_total) = (count(hosts_ok), count(hosts_total));
    Event::PushEnded { state, why, who, hosts_ok, hosts_total, unknown, duration_ms, sha256 }
}

/// Commands with their numbers, as the journal names them.
pub(super) fn numbered(commands: &[PlannedCommand]) -> impl Iterator<Item = (u32, &PlannedCommand)> {
    (1_u32..).zip(commands)
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
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
