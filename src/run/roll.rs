//! A roll: hosts go through a list as a whole, in whole batches. A host that fails inside takes none of the list's later
//! commands; the batch after it begins only while the policy allows. It must never begin a batch before the one before it
//! is through, nor a host that an earlier push has not brought through all of it anywhere but at its start.
//!
//! In the journal each command of the list has its own number, as any other: it begins when the first host comes to it, and
//! all of them end when the last host is through. Called by the walk.

use super::policy::failures::Loss;
use super::policy::verdict::{End, HostOutcome, Sum};
use super::step::Outcome;
use super::walk::{Walk, elapsed_ms};
use crate::journal::HostResult;
use crate::plan::{Part, PlannedCommand};
use crate::stack::Host;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::OnceCell;

/// One command of the list, and what became of it so far.
struct Strand<'a> {
    number: u32,
    command: &'a PlannedCommand,
    began: OnceCell<Instant>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcomes: Vec<HostOutcome>,
    /// From the first host's begin to the last host's end, in milliseconds.
    took_ms: u64,
}

impl Walk {
    /// Takes all hosts through a list. An error is how the push ends.
    pub(super) async fn roll(&mut self, list: &[(u32, &PlannedCommand)]) -> Result<(), End> {
        let Some(&(first, head)) = list.first() else { return Ok(()) };
        self.wait_for_late().await;
        let hosts = self.places(head);
        if hosts.is_empty() {
            return Ok(());
        }
        let strands: Vec<Strand<'_>> = list.iter().map(|(number, command)| Strand::new(*number, command)).collect();
        let count = hosts.iter().flatten().count();
        let told = if head.part == Part::Finally { 0 } else { self.refused.len() };
        strands[0].begin(self, count + told).await;
        let mut refused = if told > 0 { self.tell_refused(first).await } else { Vec::new() };
        self.send_away(first, self.assignment.plan.policy, &refused);
        let (taken, left) = self.take_over_roll(&strands, &hosts).await;
        let mut waiting: Vec<Host> = left.into_iter().flatten().collect();
        let places: Vec<Option<Host>> = waiting.iter().cloned().map(Some).collect();
        let mut held = self.look_ahead(first, head, &places).await;
        waiting.retain(|host| held.iter().all(|(bad, _)| bad.as_ref() != Some(host)));
        let begun = match held.is_empty() || self.goes_on(head, held.len()) {
            true => self.batches(&strands, &mut waiting, count).await,
            false => Vec::new(),
        };
        self.touched.extend(taken.into_iter().chain(begun));

        let mut verdict = Ok(());
        for strand in &strands {
            self.begun.note(strand.number, strand.command.part, strand.lock().outcomes.iter());
            // Who was held back before the first flip has not begun anything that would have to be undone.
            strand.lock().outcomes.append(&mut held);
            let Some((fresh, never_begun)) = strand.end(self, &hosts, std::mem::take(&mut refused)).await else {
                break;
            };
            let judged = self.judge(strand.number, strand.command, &fresh, never_begun);
            verdict = verdict.and(judged);
        }
        verdict
    }

    /// Takes hosts through a list on the way back: whatever fails on one, the others are tried. `silent` did not answer any
    /// more. Returns what failed, by command.
    pub(super) async fn roll_back(
        &self,
        list: &[(u32, &PlannedCommand)],
        hosts: Vec<Host>,
        silent: Vec<Host>,
    ) -> Vec<(u32, Vec<HostOutcome>)> {
        let strands: Vec<Strand<'_>> = list.iter().map(|(number, command)| Strand::new(*number, command)).collect();
        let Some(first) = strands.first() else { return Vec::new() };
        let count = hosts.len() + silent.len();
        first.begin(self, count).await;
        let mut told = Vec::new();
        for host in silent {
            told.push(self.not_spoken_to(first.number, host).await);
        }
        let places: Vec<Option<Host>> = hosts.iter().cloned().map(Some).collect();
        let mut waiting = hosts;
        self.batches(&strands, &mut waiting, count).await;
        let mut failed = Vec::new();
        for strand in &strands {
            let Some((fresh, _)) = strand.end(self, &places, std::mem::take(&mut told)).await else { break };
            failed.push((strand.number, fresh));
        }
        failed
    }

    /// Waits for who is late: no host leaves a load balancer that nothing can be done on then.
    async fn wait_for_late(&mut self) {
        for (host, late) in std::mem::take(&mut self.late) {
            let tried = tokio::select! {
                tried = late => tried,
                () = self.orders.token.cancelled() => Err("it was not reached before the push was stopped".to_owned()),
            };
            match tried {
                Ok(connection) => drop(self.connections.insert(host, connection)),
                Err(why) => {
                    let loss = Loss { command: None, result: HostResult::Unreachable, why: Some(why.clone()) };
                    self.toll.give_up(host.name(), loss);
                    self.refused.insert(host, why);
                }
            }
        }
    }

    /// The hosts that an earlier push brought through, written down for each command; and all the others.
    async fn take_over_roll(&self, strands: &[Strand<'_>], hosts: &[Option<Host>]) -> (Vec<Host>, Vec<Option<Host>>) {
        let done = |host: &&Option<Host>| strands.iter().all(|strand| strand.command.is_done_on(host.as_ref()));
        let (done, left): (Vec<_>, Vec<_>) = hosts.iter().partition(done);
        if done.is_empty() {
            return (Vec::new(), left.into_iter().cloned().collect());
        }
        for strand in strands {
            strand.begin(self, hosts.len()).await;
            let places = done.iter().map(|host| (*host).clone()).collect();
            let (taken, _) = self.take_over(strand.number, strand.command, places).await;
            strand.lock().outcomes.extend(taken);
        }
        (done.into_iter().flatten().cloned().collect(), left.into_iter().cloned().collect())
    }

    /// One whole batch after the other; those in `waiting` in the end were never begun. Returns the hosts that were.
    async fn batches(&self, strands: &[Strand<'_>], waiting: &mut Vec<Host>, count: usize) -> Vec<Host> {
        let Strand { number, command, .. } = strands[0];
        let sizes = command.grow.iter().copied().chain(std::iter::repeat(command.chunk));
        let (mut begun, mut bad) = (Vec::new(), 0);
        for (place, size) in sizes.enumerate() {
            if waiting.is_empty() || !self.goes_on(command, bad) {
                break;
            }
            self.until_unpaused().await;
            if self.orders.stopped().is_some() {
                break;
            }
            let grows = (1..=command.grow.len()).contains(&place);
            if grows && !self.may_grow(number, command, bad).await {
                break;
            }
            let batch: Vec<Host> = waiting.drain(..size.max(1).min(waiting.len())).collect();
            let through = batch.iter().map(|host| self.through(strands, host, count));
            bad += futures::future::join_all(through).await.into_iter().filter(|well| !well).count();
            begun.extend(batch);
        }
        begun
    }

    /// One host through the whole list, to its first failure or an order to stop; whether it got through.
    async fn through(&self, strands: &[Strand<'_>], host: &Host, count: usize) -> bool {
        for strand in strands {
            if self.orders.stopped().is_some() {
                return false;
            }
            let began = strand.begin(self, count).await;
            let outcome = self.on_host(strand.number, strand.command, Some(host)).await;
            let well = outcome.result == HostResult::Ok;
            let mut state = strand.lock();
            state.outcomes.push((Some(host.clone()), outcome));
            state.took_ms = state.took_ms.max(elapsed_ms(began));
            if !well {
                return false;
            }
        }
        true
    }
}

impl<'a> Strand<'a> {
    fn new(number: u32, command: &'a PlannedCommand) -> Self {
        Self { number, command, began: OnceCell::new(), state: Mutex::default() }
    }

    /// Writes the begin down, once, when the first host comes to it.
    async fn begin(&self, walk: &Walk, hosts: usize) -> Instant {
        let begin = async || {
            walk.command_started(self.number, self.command, hosts).await;
            Instant::now()
        };
        *self.began.get_or_init(begin).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the end down: what failed, and whether hosts were never begun. None when no host came to it.
    async fn end(
        &self,
        walk: &Walk,
        hosts: &[Option<Host>],
        refused: Vec<HostOutcome>,
    ) -> Option<(Vec<HostOutcome>, bool)> {
        self.began.get()?;
        let State { outcomes, took_ms } = std::mem::take(&mut *self.lock());
        let known: BTreeSet<&Host> = outcomes.iter().filter_map(|(host, _)| host.as_ref()).collect();
        let skipped: Vec<Host> = hosts.iter().flatten().filter(|host| !known.contains(host)).cloned().collect();
        let never_begun = !skipped.is_empty();
        let fresh = outcomes.iter().filter(|(_, outcome)| is_bad(outcome)).cloned().collect();
        let outcomes = outcomes.into_iter().chain(refused).collect();
        walk.command_ended(self.number, &Sum { outcomes, skipped }, took_ms).await;
        Some((fresh, never_begun))
    }
}

fn is_bad(outcome: &Outcome) -> bool {
    outcome.result != HostResult::Ok
}
