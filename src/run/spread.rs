//! One command over all its places: at most so many at once, the next begins as one ends, and the records around them. It must never
//! begin a place after an order to stop, or past what the failure policy allows. Called by the walk, and by whatever else runs a
//! command on many hosts.

use super::job::Job;
use super::outcome::{HostOutcome, Outcome, Sum, count, host_ended};
use super::policy::verdict;
use super::progress::Progress;
use super::step;
use super::work::ask::watch::{self, Watched};
use super::work::{ask, relay};
use crate::journal::{Event, HostResult};
use crate::plan::{Part, PlannedCommand};
use crate::stack::Host;
use futures::stream::{FuturesUnordered, StreamExt};

/// Records that a command begins, on so many hosts.
pub async fn command_started(job: &Job, number: u32, command: &PlannedCommand, hosts: usize) {
    let title = job.title(command);
    job.recorder.soon(Event::CommandStarted { command: number, title, hosts: count(hosts) }).await;
}

/// Takes in how a command ended, and records the hosts that were never begun, then its end: its hosts add up.
pub async fn command_ended(job: &Job, progress: &mut Progress, number: u32, sum: &Sum, duration_ms: u64) {
    progress.record(number, sum);
    let skipped = Outcome::new(HostResult::Skipped, None);
    let records = sum.skipped.iter().map(|host| job.recorder.soon(host_ended(number, Some(host), &skipped, 0)));
    futures::future::join_all(records).await;
    let bad: Vec<&Outcome> = sum.bad().map(|(_, outcome)| outcome).collect();
    let result = match (bad.first(), sum.skipped.is_empty()) {
        (Some(outcome), _) => outcome.result,
        (None, true) => HostResult::Ok,
        (None, false) if sum.worse.is_some() => HostResult::Failed,
        (None, false) if job.orders.stopped().is_some() => HostResult::Cancelled,
        // Of a roll: they failed an earlier command of it, or their batch was never begun.
        (None, false) => HostResult::Skipped,
    };
    let ok = count(sum.outcomes.len() - bad.len());
    let not_ok = count(bad.len() + sum.skipped.len());
    let skew_ms = progress.flips.skew_ms(number, &job.orders.waits.over());
    job.recorder.soon(Event::CommandEnded { command: number, result, ok, not_ok, duration_ms, skew_ms }).await;
}

/// The places of a command: the push host, or the hosts that are still in the push; `finally` also visits those that
/// failed, but none that this push never touched.
pub fn places(job: &Job, progress: &Progress, command: &PlannedCommand) -> Vec<Option<Host>> {
    if !command.per_host() {
        return vec![None];
    }
    let chosen = |host: &&Host| match command.part {
        Part::Finally => progress.begun_on.contains(*host),
        Part::DeferredFinally | Part::Before | Part::Main | Part::Drop | Part::Rollback => {
            !progress.failures.has(host.name()) && command.is_meant_for(host)
        }
    };
    let mut chosen: Vec<Host> = job.hosts().iter().filter(chosen).cloned().collect();
    // Who is late comes last, so that nobody waits behind them.
    chosen.sort_by_key(|host| progress.connections.late.contains_key(host));
    chosen.into_iter().map(Some).collect()
}

/// Runs the growing batches, then the rest: a host begins as soon as another has ended.
pub async fn over(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    places: Vec<Option<Host>>,
) -> Sum {
    let width = command.at_once(places.len());
    let mut waiting = places.into_iter();
    let mut outcomes = Vec::new();
    for (place, batch) in command.grow.iter().enumerate() {
        let asks = place > 0 && waiting.len() > 0;
        if asks && let Err(worse) = may_grow(job, progress, (number, command), progress.bad(&outcomes)).await {
            return Sum { outcomes, skipped: waiting.flatten().collect(), worse };
        }
        let batch: Vec<_> = waiting.by_ref().take((*batch).max(1)).collect();
        let width = batch.len();
        let mut batch = batch.into_iter();
        run_batch(job, progress, (number, command), width, &mut batch, &mut outcomes).await;
        if batch.len() > 0 {
            let skipped = batch.chain(waiting).flatten().collect();
            return Sum { outcomes, skipped, worse: None };
        }
    }
    let asks = !command.grow.is_empty() && waiting.len() > 0;
    let may_grow = match asks {
        true => may_grow(job, progress, (number, command), progress.bad(&outcomes)).await,
        false => Ok(()),
    };
    if may_grow.is_ok() {
        run_batch(job, progress, (number, command), width, &mut waiting, &mut outcomes).await;
    }
    Sum { outcomes, skipped: waiting.flatten().collect(), worse: may_grow.err().flatten() }
}

/// Begins a place as soon as another has ended, while the push may go on and is not paused; those that run, end.
async fn run_batch(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    width: usize,
    waiting: &mut std::vec::IntoIter<Option<Host>>,
    outcomes: &mut Vec<HostOutcome>,
) {
    let mut running = FuturesUnordered::new();
    loop {
        let bad = progress.bad(outcomes);
        let paused = job.orders.is_paused();
        while running.len() < width
            && !paused
            && verdict::goes_on(job, progress, command, bad)
            && relay::has_source(job, progress, (number, command), running.len())
        {
            let Some(host) = waiting.next() else { break };
            running.push(async move {
                let outcome = step::run(job, progress, (number, command), host.as_ref()).await;
                (host, outcome)
            });
        }
        let held = paused && waiting.len() > 0 && verdict::goes_on(job, progress, command, bad);
        tokio::select! {
            ended = running.next(), if !running.is_empty() => outcomes.extend(ended),
            () = job.orders.until_unpaused(), if held => {}
            else => return,
        }
    }
}

/// Watches and asks before a batch that is larger than the one before it, where the command says so. After `bad` failures that
/// end the push nothing is asked. An error is why the batches grow no further, where what is watched says so.
pub async fn may_grow(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    bad: usize,
) -> Result<(), Option<String>> {
    if command.watch.is_none() && command.confirm.is_none() {
        return Ok(());
    }
    if !verdict::goes_on(job, progress, command, bad) {
        return Err(None);
    }
    if let Some(watch) = &command.watch {
        match watch::watched(job, number, watch).await {
            Watched::Good => {}
            Watched::Worse(why) => return Err(Some(why)),
            Watched::Stopped => return Err(None),
        }
    }
    match &command.confirm {
        Some(question) if !ask::confirmed(job, number, question).await => Err(None),
        _ => Ok(()),
    }
}
