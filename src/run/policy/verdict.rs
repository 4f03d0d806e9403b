//! What the ends of a command on its hosts mean for the push: whether it may begin on one more host, and whether the push goes on.
//! It must never begin or stop anything itself: the walk does what is said here.

use super::failures::HostFailure;
use crate::journal::Ended;
use crate::plan::{Part, PlannedCommand};
use crate::run::job::Job;
use crate::run::orders::{ConfirmAnswer, Stop};
use crate::run::outcome::{End, HostOutcome};
use crate::run::progress::Progress;
use crate::stack::{OnFailure, Question};
use crate::time::duration_words;

/// Whether a command may begin on one more host after it failed on `bad` others.
pub fn goes_on(job: &Job, progress: &Progress, command: &PlannedCommand, bad: usize) -> bool {
    let stopped = || job.orders.stopped().is_some();
    match command.part {
        Part::Finally => true,
        Part::DeferredFinally | Part::Drop | Part::Rollback => !stopped(),
        // Every host is asked, whatever the first one says.
        Part::Main if command.form.reads_back().is_some() => !stopped(),
        Part::Before => bad == 0 && !stopped(),
        Part::Main => progress.failures.allows(command.policy, bad) && !stopped(),
    }
}

/// What the failures of a command mean for the push. An error is how it ends.
pub fn judge(
    job: &Job,
    progress: &mut Progress,
    (number, command): (u32, &PlannedCommand),
    bad: &[HostOutcome],
    skipped: bool,
) -> Result<(), End> {
    if command.part == Part::DeferredFinally {
        return judge_deferred(job, progress, (number, command), bad, skipped);
    }
    let fresh = bad.iter().filter(|(host, _)| host.is_some()).count();
    let allowed = match command.part {
        Part::DeferredFinally | Part::Before | Part::Finally | Part::Drop | Part::Rollback => bad.is_empty(),
        Part::Main if fresh == bad.len() => progress.failures.allows(command.policy, fresh),
        // What fails on the push host fails for all hosts.
        Part::Main => command.policy.on_failure == OnFailure::Continue,
    };
    for (host, outcome) in bad {
        let Some(host) = host else { continue };
        progress.failures.give_up(host.name(), HostFailure::of(number, outcome));
    }
    if command.part != Part::Finally && job.orders.stopped().is_some() && (skipped || !bad.is_empty()) {
        return Err(stopped(job, &format!("in command {number}")));
    }
    if !allowed {
        progress.touched.ask_for_rollback(command);
        let veto = if command.part == Part::Before { "vetoed: " } else { "" };
        return Err(End { state: Ended::Failed, why: Some(format!("{veto}{}", words(job, number, command, bad))) });
    }
    let total = job.hosts().len();
    if command.part == Part::Main && fresh > 0 && progress.failures.count() >= total {
        let (state, why) = progress.failures.end(total);
        progress.touched.ask_for_rollback(command);
        return Err(End { state, why });
    }
    progress.send_away(number, command.policy, bad);
    if fresh < bad.len() {
        progress.failures.note(words(job, number, command, bad));
    }
    Ok(())
}

/// What failed in the `finally` of an earlier push takes no host out of this one, but where nobody knows what runs.
fn judge_deferred(
    job: &Job,
    progress: &mut Progress,
    (number, command): (u32, &PlannedCommand),
    bad: &[HostOutcome],
    skipped: bool,
) -> Result<(), End> {
    for (host, outcome) in bad {
        let Some(host) = host else { continue };
        let failure = HostFailure::of(number, outcome);
        match outcome.is_unknown() {
            true => progress.failures.give_up(host.name(), failure),
            false => progress.deferred.hosts.push((host.name().to_owned(), failure)),
        }
    }
    if job.orders.stopped().is_some() && (skipped || !bad.is_empty()) {
        return Err(stopped(job, &format!("in command {number}")));
    }
    if !bad.is_empty() {
        let words = words(job, number, command, bad);
        progress.deferred.words.push(format!("at the start, {words}"));
    }
    Ok(())
}

/// How a push ends whose batches may not grow, since what is watched in between is beyond its limit.
pub fn worse(job: &Job, progress: &mut Progress, (number, command): (u32, &PlannedCommand), why: &str) -> End {
    progress.touched.ask_for_rollback(command);
    let why = format!("command {number} ({}) stopped before its next batch: {why}", job.title(command));
    End { state: Ended::Failed, why: Some(why) }
}

/// Which command failed where, and why.
pub fn words(job: &Job, number: u32, command: &PlannedCommand, bad: &[HostOutcome]) -> String {
    let title = job.title(command);
    let Some((host, outcome)) = bad.first() else { return format!("command {number} ({title}) failed") };
    let what = outcome.why.clone().unwrap_or_else(|| outcome.result.word().to_owned());
    let place = match (host, bad.len()) {
        (None, _) => String::new(),
        (Some(host), 1) => format!(" on {}", host.name()),
        (Some(host), n) => format!(" on {} and {} more", host.name(), n - 1),
    };
    format!("command {number} ({title}) {}{place}: {what}", outcome.result.word())
}

/// How a push ends that was stopped; `when` says at what.
pub fn stopped(job: &Job, when: &str) -> End {
    let (state, why) = match job.orders.stopped() {
        Some(Stop::DiskFull) => {
            let disk = job.data.display();
            (Ended::Failed, format!("the disk of the push host is full ({disk}); make room, then push again"))
        }
        Some(Stop::Cancelled { who, reason }) => {
            let who = who.map_or("the system".to_owned(), |who| who.to_string());
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            (Ended::Cancelled, format!("{who} cancelled it {when}{reason}"))
        }
        Some(Stop::Refused { given, question }) => (Ended::Cancelled, refused(&given, &question)),
        Some(Stop::Unanswered(question)) => (Ended::Failed, unanswered(&question)),
        None => (Ended::Cancelled, format!("stopped {when}")),
    };
    End { state, why: Some(why) }
}

/// Why a push ends whose question got no yes in time.
fn unanswered(question: &Question) -> String {
    let limit = i64::try_from(question.timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    format!("nobody answered “{}” within {}, so nothing was confirmed", question.text, duration_words(limit))
}

/// Why a push ends whose question was answered with no.
fn refused(given: &ConfirmAnswer, question: &str) -> String {
    let reason = given.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} answered “{question}” with no{reason}", given.who)
}
