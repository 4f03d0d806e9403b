//! A roll: hosts go through a list as a whole, in whole batches. A host that fails inside takes none of the list's later
//! commands; the batch after it begins only while the policy allows. It must never begin a batch before the one before it
//! is through, nor a host that an earlier push has not brought through all of it anywhere but at its start.
//!
//! In the journal each command of the list has its own number, as any other: it begins when the first host comes to it, and
//! all of them end when the last host is through. Called by the walk.

use super::job::Job;
use super::outcome::{End, HostOutcome, Sum, elapsed_ms};
use super::policy::verdict;
use super::progress::Progress;
use super::work::{earlier_push, look_ahead};
use super::{preflight, spread, step};
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

/// Takes all hosts through a list. An error is how the push ends.
pub async fn roll(job: &Job, progress: &mut Progress, list: &[(u32, &PlannedCommand)]) -> Result<(), End> {
    let Some(&(first, head)) = list.first() else { return Ok(()) };
    preflight::wait_for_late(job, progress).await;
    let hosts = spread::places(job, progress, head);
    if hosts.is_empty() {
        return Ok(());
    }
    let strands: Vec<Strand<'_>> = list.iter().map(|(number, command)| Strand::new(*number, command)).collect();
    let count = hosts.iter().flatten().count();
    let away = if head.part == Part::Finally { 0 } else { progress.connections.refused.len() };
    strands[0].begin(job, count + away).await;
    let mut refused = if away > 0 { preflight::record_refused(job, progress, first).await } else { Vec::new() };
    progress.send_away(first, job.plan().policy, &refused);
    let (taken, left) = take_over(job, &strands, &hosts).await;
    let mut waiting: Vec<Host> = left.into_iter().flatten().collect();
    let places: Vec<Option<Host>> = waiting.iter().cloned().map(Some).collect();
    let mut held = look_ahead::look_ahead(job, progress, (first, head), &places).await;
    waiting.retain(|host| held.iter().all(|(bad, _)| bad.as_ref() != Some(host)));
    let (begun, worse) = match held.is_empty() || verdict::goes_on(job, progress, head, held.len()) {
        true => batches(job, progress, &strands, &mut waiting, count).await,
        false => (Vec::new(), None),
    };
    progress.begun_on.extend(taken.into_iter().chain(begun));

    let mut result = Ok(());
    for strand in &strands {
        progress.touched.note(strand.number, strand.command.part, strand.lock().outcomes.iter());
        // Who was held back before the first flip has not begun anything that would have to be undone.
        strand.lock().outcomes.append(&mut held);
        let Some((fresh, skipped)) = strand.end(job, progress, &hosts, std::mem::take(&mut refused)).await else {
            break;
        };
        let judged = verdict::judge(job, progress, (strand.number, strand.command), &fresh, skipped);
        result = result.and(judged);
    }
    result?;
    worse.map_or(Ok(()), |why| Err(verdict::worse(job, progress, (first, head), &why)))
}

/// Takes hosts through a list in a rollback: whatever fails on one, the others are tried. `silent` did not answer any
/// more. Returns what failed, by command.
pub async fn roll_back(
    job: &Job,
    progress: &mut Progress,
    list: &[(u32, &PlannedCommand)],
    hosts: Vec<Host>,
    silent: Vec<Host>,
) -> Vec<(u32, Vec<HostOutcome>)> {
    let strands: Vec<Strand<'_>> = list.iter().map(|(number, command)| Strand::new(*number, command)).collect();
    let Some(first) = strands.first() else { return Vec::new() };
    let count = hosts.len() + silent.len();
    first.begin(job, count).await;
    let mut not_reached = Vec::new();
    for host in silent {
        not_reached.push(step::not_reached(job, first.number, host).await);
    }
    let places: Vec<Option<Host>> = hosts.iter().cloned().map(Some).collect();
    let mut waiting = hosts;
    batches(job, progress, &strands, &mut waiting, count).await;
    let mut failed = Vec::new();
    for strand in &strands {
        let ended = strand.end(job, progress, &places, std::mem::take(&mut not_reached)).await;
        let Some((fresh, _)) = ended else { break };
        failed.push((strand.number, fresh));
    }
    failed
}

/// The hosts that an earlier push brought through, written down for each command; and all the others.
async fn take_over(job: &Job, strands: &[Strand<'_>], hosts: &[Option<Host>]) -> (Vec<Host>, Vec<Option<Host>>) {
    let done = |host: &&Option<Host>| strands.iter().all(|strand| strand.command.is_done_on(host.as_ref()));
    let (done, left): (Vec<_>, Vec<_>) = hosts.iter().partition(done);
    if done.is_empty() {
        return (Vec::new(), left.into_iter().cloned().collect());
    }
    for strand in strands {
        strand.begin(job, hosts.len()).await;
        let places = done.iter().map(|host| (*host).clone()).collect();
        let (taken, _) = earlier_push::take_over(job, (strand.number, strand.command), places).await;
        strand.lock().outcomes.extend(taken);
    }
    (done.into_iter().flatten().cloned().collect(), left.into_iter().cloned().collect())
}

/// One whole batch after the other; those in `waiting` in the end were never begun. Returns the hosts that were, and why the batches
/// grew no further where what is watched in between says so.
async fn batches(
    job: &Job,
    progress: &Progress,
    strands: &[Strand<'_>],
    waiting: &mut Vec<Host>,
    count: usize,
) -> (Vec<Host>, Option<String>) {
    let Strand { number, command, .. } = strands[0];
    let sizes = command.grow.iter().copied().chain(std::iter::repeat(command.chunk));
    let (mut begun, mut bad) = (Vec::new(), 0);
    for (place, size) in sizes.enumerate() {
        if waiting.is_empty() || !verdict::goes_on(job, progress, command, bad) {
            break;
        }
        job.orders.until_unpaused().await;
        if job.orders.stopped().is_some() {
            break;
        }
        let grows = (1..=command.grow.len()).contains(&place);
        if grows && let Err(worse) = spread::may_grow(job, progress, (number, command), bad).await {
            return (begun, worse);
        }
        let batch: Vec<Host> = waiting.drain(..size.max(1).min(waiting.len())).collect();
        let through = batch.iter().map(|host| through(job, progress, strands, host, count));
        bad += futures::future::join_all(through).await.into_iter().filter(|ok| !ok).count();
        begun.extend(batch);
    }
    (begun, None)
}

/// One host through the whole list, to its first failure or an order to stop; whether it got through.
async fn through(job: &Job, progress: &Progress, strands: &[Strand<'_>], host: &Host, count: usize) -> bool {
    for strand in strands {
        if job.orders.stopped().is_some() {
            return false;
        }
        let began = strand.begin(job, count).await;
        let outcome = step::run(job, progress, (strand.number, strand.command), Some(host)).await;
        let is_bad = outcome.is_bad();
        let mut state = strand.lock();
        state.outcomes.push((Some(host.clone()), outcome));
        state.took_ms = state.took_ms.max(elapsed_ms(began));
        if is_bad {
            return false;
        }
    }
    true
}

impl<'a> Strand<'a> {
    fn new(number: u32, command: &'a PlannedCommand) -> Self {
        Self { number, command, began: OnceCell::new(), state: Mutex::default() }
    }

    /// Writes the begin down, once, when the first host comes to it.
    async fn begin(&self, job: &Job, hosts: usize) -> Instant {
        let begin = async || {
            spread::command_started(job, self.number, self.command, hosts).await;
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
        job: &Job,
        progress: &mut Progress,
        hosts: &[Option<Host>],
        refused: Vec<HostOutcome>,
    ) -> Option<(Vec<HostOutcome>, bool)> {
        self.began.get()?;
        let State { outcomes, took_ms } = std::mem::take(&mut *self.lock());
        let known: BTreeSet<&Host> = outcomes.iter().filter_map(|(host, _)| host.as_ref()).collect();
        let skipped: Vec<Host> = hosts.iter().flatten().filter(|host| !known.contains(host)).cloned().collect();
        let never_begun = !skipped.is_empty();
        let fresh = outcomes.iter().filter(|(_, outcome)| outcome.is_bad()).cloned().collect();
        let outcomes = outcomes.into_iter().chain(refused).collect();
        spread::command_ended(job, progress, self.number, &Sum { outcomes, skipped, worse: None }, took_ms).await;
        Some((fresh, never_begun))
    }
}
