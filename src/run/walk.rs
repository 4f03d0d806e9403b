//! Walks a plan: each command in order, a barrier between them, first what may veto it, then the work, and `finally` in any case. It
//! must never begin a command on a host that failed one, go on past what the failure policy allows, or begin a host after an order
//! to stop; only `finally` runs after either.

use super::commands::{is_own_work, numbered};
use super::job::Job;
use super::orders::Stop;
use super::outcome::{End, HostOutcome, Sum, count, elapsed_ms};
use super::policy::{deferred_finally, drop, rollback, rollback_report, verdict};
use super::preflight;
use super::progress::Progress;
use super::work::{earlier_push, look_ahead, prune, push_host};
use super::{roll, spread};
use crate::journal::{Ended, Event};
use crate::plan::{Assignment, Part, PlannedCommand};
use crate::stack::Who;
use std::time::Instant;

/// Walks to the end of the list, or to the failure or order that stops it, then through `finally`; returns the
/// push's last record.
pub async fn to_the_end(job: &Job) -> Event {
    let mut progress = Progress::new(job.assignment.proof());
    let total = job.hosts().len();
    let mut end = match list(job, &mut progress).await {
        Ok(()) => {
            let (state, why) = progress.failures.end(total);
            End { state, why }
        }
        Err(end) => end,
    };
    let who = match job.orders.stopped() {
        Some(Stop::Cancelled { who, .. }) if end.state == Ended::Cancelled => who,
        Some(Stop::Refused { given, .. }) if end.state == Ended::Cancelled => Some(given.who),
        _ => None,
    };
    rollback::roll_back(job, &mut progress, &mut end).await;
    rollback_report::say_what_is_true(job, &progress, &mut end);
    deferred_finally::settle(job, &mut progress, &mut end).await;
    finally(job, &mut progress, &mut end).await;
    prune::prune(job, &progress, &end).await;
    // A checkout is only the way to a build; what is left of it helps nobody.
    let _ = tokio::fs::remove_dir_all(&job.checkout).await;
    push_host::clean_up(job).await;
    let hosts_ok = progress.holding.count(job.hosts());
    push_ended(end, who, (hosts_ok, total), progress.unknown().cloned().collect(), elapsed_ms(job.began))
}

/// Everything but `finally`.
async fn list(job: &Job, progress: &mut Progress) -> Result<(), End> {
    preflight::preflight(job, progress).await?;
    let ordinary = |part: Part| part != Part::Finally && !part.is_conditional();
    let list: Vec<_> = numbered(job.commands()).filter(|(_, command)| ordinary(command.part)).collect();
    for step in list.chunk_by(|(_, one), (_, next)| one.rolls_with(next)) {
        let (number, command) = step[0];
        job.orders.until_unpaused().await;
        if job.orders.stopped().is_some() {
            return Err(verdict::stopped(job, &format!("before command {number}")));
        }
        match command.roll {
            Some(_) => roll::roll(job, progress, step).await?,
            None => run_command(job, progress, (number, command)).await?,
        }
        if command.part == Part::Main {
            drop::drop_hosts(job, progress).await?;
        }
    }
    Ok(())
}

/// What always runs. What fails here spoils a success, stops nothing, and changes no worse end.
async fn finally(job: &Job, progress: &mut Progress, end: &mut End) {
    // Without a build, its commands run in an empty directory; where even that fails, they say so themselves.
    let _ = tokio::fs::create_dir_all(&job.checkout).await;
    for (number, command) in numbered(job.commands()).filter(|(_, command)| command.part == Part::Finally) {
        progress.so_far = Some(end.state);
        job.orders.until_unpaused().await;
        let Err(failed) = run_command(job, progress, (number, command)).await else { continue };
        if end.state == Ended::Succeeded {
            end.state = Ended::Degraded;
        }
        let failed = failed.why.map(|why| format!("at the end, {why}"));
        let words: Vec<String> = end.why.take().into_iter().chain(failed).collect();
        end.why = Some(words.join("; "));
    }
}

/// Runs one command on all its places. An error is how the push ends; in `finally`, only what failed.
async fn run_command(job: &Job, progress: &mut Progress, (number, command): (u32, &PlannedCommand)) -> Result<(), End> {
    progress.connections.take_in_late();
    let places = spread::places(job, progress, command);
    if places.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    let names_refused = command.per_host() && is_own_work(command);
    let away = if names_refused { progress.connections.refused.len() } else { 0 };
    spread::command_started(job, number, command, places.iter().flatten().count() + away).await;
    let mut refused = if names_refused { preflight::record_refused(job, progress, number).await } else { Vec::new() };
    progress.send_away(number, job.plan().policy, &refused);
    let (mut taken, places) = earlier_push::take_over(job, (number, command), places).await;
    let mut held = look_ahead::look_ahead(job, progress, (number, command), &places).await;
    let fit = places.into_iter().filter(|place| held.iter().all(|(host, _)| host != place));
    let mut sum = match held.is_empty() || verdict::goes_on(job, progress, command, held.len()) {
        true => spread::over(job, progress, (number, command), fit.collect()).await,
        false => Sum { skipped: fit.flatten().collect(), ..Sum::default() },
    };
    deferred_finally::note_missing_hosts(job, number, command).await;
    let (lost, fresh): (Vec<HostOutcome>, _) =
        sum.bad().cloned().partition(|ended| progress.connections.never_came(ended));
    let came = sum.outcomes.iter().chain(&taken).filter(|ended| !lost.contains(ended));
    progress.begun_on.extend(came.clone().filter_map(|(host, _)| host.clone()));
    progress.touched.note(number, command.part, came);
    progress.send_away(number, job.plan().policy, &lost);
    progress.give_up_late(lost);
    let fresh = [fresh, held.clone()].concat();
    for outcomes in [&mut refused, &mut taken, &mut held] {
        sum.outcomes.append(outcomes);
    }
    spread::command_ended(job, progress, number, &sum, elapsed_ms(began)).await;
    verdict::judge(job, progress, (number, command), &fresh, !sum.skipped.is_empty())?;
    sum.worse.map_or(Ok(()), |why| Err(verdict::worse(job, progress, (number, command), &why)))
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
