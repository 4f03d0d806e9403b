//! One command on one place: a host, or the push host. Records before it acts, acts under the guard, records how it ended.
//! It must never call a command ended well that its guard did not, nor try one again whose end nobody knows. Called for each place
//! of a command, while others run beside it: it reads what the push has learned, and gives back what it has learned itself.

use super::job::Job;
use super::outcome::{HostOutcome, Outcome, elapsed_ms, host_ended};
use super::progress::Progress;
use super::recorder::Place;
use super::work::output::LastWords;
use super::work::{Work, ending, output, put_back, task};
use crate::advice::of_stack;
use crate::journal::{Event, HostResult};
use crate::plan::{self, PlannedCommand, Property};
use crate::stack::Host;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Lines of one command on one host that may wait for the recorder.
const WAITING_LINES: usize = 256;

/// Runs a command on one place and records it.
pub async fn run(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    host: Option<&Host>,
) -> Outcome {
    let began = Instant::now();
    let place = Place::new(number, host);
    job.recorder.state(Event::HostStarted { command: number, host: place.host.clone() }).await;
    let values = plan::values_of(&job.assignment, command.part, host);
    for line in command.typed(&values) {
        job.recorder.note(&place, line).await;
    }
    let (outcome, last_words) = match host.zip(put_back::dir_of(progress, command, host)) {
        Some(link) => (put_back::put_link_back(job, progress, &place, command, link).await, LastWords::default()),
        None => with_tries(Work { job, progress, number, command, host }, &place).await,
    };
    if outcome.is_bad() {
        for line in last_words.kept {
            job.recorder.line(&place, line.stream, line.text).await;
        }
        let why = outcome.why.as_deref().unwrap_or_default();
        job.recorder.note(&place, format!("{}: {why}", outcome.result.word())).await;
        // What a person fixes there now, a session that began before may never see.
        if let Some(host) = host.filter(|host| progress.connections.get(host).is_some()) {
            job.masters.doubt(host, &job.plan().stack);
        }
    }
    job.recorder.soon(host_ended(number, host, &outcome, elapsed_ms(began))).await;
    outcome
}

/// Records a command on a host that stopped answering before: nothing ran.
pub async fn not_reached(job: &Job, number: u32, host: Host) -> HostOutcome {
    let why = "it stopped answering".to_owned();
    let outcome = Outcome::new(HostResult::Unreachable, Some(why.clone()));
    job.recorder.note(&Place::new(number, Some(&host)), why).await;
    job.recorder.state(host_ended(number, Some(&host), &outcome, 0)).await;
    (Some(host), outcome)
}

/// Tries the command as often as it says, until it succeeds.
async fn with_tries(work: Work<'_>, place: &Place) -> (Outcome, LastWords) {
    let Work { job, command, host, .. } = work;
    let (mut attempt, mut learned) = (1, Vec::new());
    loop {
        let is_last = attempt >= command.tries;
        let (lines, from) = mpsc::channel(WAITING_LINES);
        let ((ending, new), last_words) =
            tokio::join!(work.attempt(place, is_last, lines), output::write_down(&job.recorder, place, command, from));
        learned.extend(new);
        let outcome = ending::outcome(ending, command, &last_words.error, host);
        let why = outcome.why.as_deref().map(|why| of_stack(why, job.plan().stack.as_str()));
        let mut outcome = Outcome { why, ..outcome };
        if is_last || !may_be_tried_again(&outcome, command) || last_words.error.is_lasting(&command.form) {
            outcome.learned = learned;
            return (outcome, last_words);
        }
        let why = outcome.why.as_deref().unwrap_or(outcome.result.word());
        let words = format!("try {attempt} of {}: {why}; again in {} s", command.tries, command.every_s);
        job.recorder.note(place, words).await;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(command.every_s)) => attempt += 1,
            () = task::cancel(job, command).cancelled_owned() => {
                let outcome = Outcome::new(HostResult::Cancelled, Some("ended".to_owned()));
                return (Outcome { learned, ..outcome }, last_words);
            }
        }
    }
}

/// Whether a new try can help: not after a cancel, nor where something may still run or nothing could begin.
fn may_be_tried_again(outcome: &Outcome, command: &PlannedCommand) -> bool {
    match outcome.result {
        HostResult::Failed => outcome.code.is_some() || command.form.has(Property::IsHealthCheck),
        HostResult::TimedOut | HostResult::Unreachable => outcome.left == 0,
        HostResult::Ok | HostResult::Cancelled | HostResult::Skipped | HostResult::Dropped | HostResult::Unknown => {
            false
        }
    }
}
