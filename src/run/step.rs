//! One command on one place: a host, or the push host. Records before it acts, acts under the guard, records how it ended.
//! It must never call a command ended well that its guard did not, nor try one again whose end nobody knows. Called for each place
//! of a command, while others run beside it: it reads what the push has learned, and gives back what it has learned itself.

use super::job::Job;
use super::outcome::{HostOutcome, Learned, Outcome, elapsed_ms, host_ended};
use super::policy::deferred_finally;
use super::progress::Progress;
use super::recorder::Place;
use super::work::build::Artifact;
use super::work::output::LastWords;
use super::work::relay::Delivery;
use super::work::{ask, build, check, ending, output, put_back, readback, relay, task};
use crate::advice::of_stack;
use crate::journal::{Event, HostResult};
use crate::plan::{self, Part, PlannedCommand, PlannedForm};
use crate::remote::masters::Connection;
use crate::remote::{Ending, Lines, Task, guard, release, transfer};
use crate::stack::{Check, Host, Script};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Lines of one command on one host that may wait for the recorder.
const WAITING_LINES: usize = 256;

/// A command on one place, and what it works with.
#[derive(Clone, Copy)]
struct Step<'a> {
    job: &'a Job,
    progress: &'a Progress,
    number: u32,
    command: &'a PlannedCommand,
    host: Option<&'a Host>,
}

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
        None => Step { job, progress, number, command, host }.with_tries(&place).await,
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

impl Step<'_> {
    /// Tries the command as often as it says, until it succeeds.
    async fn with_tries(self, place: &Place) -> (Outcome, LastWords) {
        let Self { job, command, host, .. } = self;
        let (mut attempt, mut learned) = (1, Vec::new());
        loop {
            let is_last = attempt >= command.tries;
            let (lines, from) = mpsc::channel(WAITING_LINES);
            let ((ending, new), last_words) = tokio::join!(
                self.attempt(place, is_last, lines),
                output::write_down(&job.recorder, place, command, from)
            );
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

    /// Does what the command says, once. `lines` is dropped when all output is in, which ends [`output::write_down`].
    async fn attempt(self, place: &Place, is_last: bool, lines: Lines) -> (Ending, Option<Learned>) {
        let Self { job, progress, command, host, .. } = self;
        let connection = match host {
            Some(host) => match progress.connections.to(host, task::cancel(job, command)).await {
                Ok(connection) => connection,
                Err(ending) => return (ending, None),
            },
            None => None,
        };
        match &command.form {
            PlannedForm::Checkout => match self.within(build::check_out(job, place)).await {
                Ok(empty) => (Ending::Exited(0), Some(Learned::EmptySubmodules(empty))),
                Err(ending) => (ending, None),
            },
            PlannedForm::Freeze => build::freeze_checkout(job, &progress.empty_submodules, place).await,
            PlannedForm::Confirm(question) => (ask::confirm(job, self.number, command, question).await, None),
            PlannedForm::Build(script) => (guard::near(&job.checkout, self.script_task(script), &lines).await, None),
            PlannedForm::Local(script) => {
                (guard::near(&self.near_dir().await, self.script_task(script), &lines).await, None)
            }
            PlannedForm::Check(Check::Http(address)) => {
                let task = self.own_task();
                let url = address.filled(&task.values);
                (check::ask(&self.near_dir().await, task, url, is_last, &lines).await, None)
            }
            PlannedForm::Run(_)
            | PlannedForm::Check(Check::Run(_))
            | PlannedForm::Rsync(_)
            | PlannedForm::Release(_)
            | PlannedForm::Activate { .. }
            | PlannedForm::ReadBack { .. } => self.far(connection.as_deref(), &lines).await,
        }
    }

    /// Does it on its host.
    async fn far(self, on: Option<&Connection>, lines: &Lines) -> (Ending, Option<Learned>) {
        let Self { job, progress, number, command, .. } = self;
        let artifact = Artifact::of(job, progress, command.part);
        let ending = match (&command.form, on, artifact.on_disk()) {
            (PlannedForm::Check(Check::Run(script)) | PlannedForm::Run(script), Some(on), _) => {
                guard::far(on, self.script_task(script), lines).await
            }
            (PlannedForm::Rsync(what), Some(on), _) => {
                transfer::rsync(on, &artifact.tree, what, self.own_task(), lines).await
            }
            (PlannedForm::Release(release), Some(on), Some(build)) => {
                let delivery = Delivery { release, on, build, task: self.own_task(), lines };
                relay::bring(job, progress, (number, command), delivery).await
            }
            (PlannedForm::Activate { dir }, Some(on), Some(build)) => {
                let (ending, at) = release::activate(on, &build, dir, self.own_task(), lines).await;
                return (ending, at.map(Learned::Flipped));
            }
            (PlannedForm::ReadBack { dirs }, Some(on), Some(build)) => {
                // A link that went back as it was has been read already.
                let asked = (command.part == Part::Rollback).then(|| progress.old_links.asked_about(&on.host, dirs));
                let dirs = asked.as_ref().unwrap_or(dirs);
                readback::read_back(job, on, dirs, &build, self.own_task(), lines).await
            }
            (PlannedForm::Release(_) | PlannedForm::Activate { .. } | PlannedForm::ReadBack { .. }, Some(_), None) => {
                Ending::Refused("no build was packed".to_owned())
            }
            // Nobody connects for what runs on the push host.
            (_, None, _)
            | (
                PlannedForm::Checkout
                | PlannedForm::Freeze
                | PlannedForm::Build(_)
                | PlannedForm::Local(_)
                | PlannedForm::Check(Check::Http(_))
                | PlannedForm::Confirm(_),
                ..,
            ) => Ending::Unreachable("no connection was made to it".to_owned()),
        };
        (ending, None)
    }

    fn own_task(self) -> Task {
        task::own(self.job, self.progress, self.command, self.host)
    }

    fn script_task(self, script: &Script) -> Task {
        task::script(self.job, self.progress, self.command, script, self.host)
    }

    /// Where commands on the push host run: in the build, or, before there is one, in the push's own empty directory.
    async fn near_dir(self) -> PathBuf {
        if let Some(dir) = deferred_finally::dir(self.job, self.command).await {
            return dir;
        }
        let tree = Artifact::of(self.job, self.progress, self.command.part).tree;
        if tree.is_dir() { tree } else { self.job.checkout.clone() }
    }

    /// What comes of work on the push host within the command's time.
    async fn within<T>(self, work: impl Future<Output = Result<T, String>>) -> Result<T, Ending> {
        let limit = Duration::from_secs(self.command.timeout_s);
        tokio::select! {
            done = work => done.map_err(Ending::Refused),
            () = tokio::time::sleep(limit) => Err(Ending::TimedOut { left: 0 }),
            () = self.job.orders.token.cancelled() => Err(Ending::Cancelled { left: 0 }),
        }
    }
}

/// Whether a new try can help: not after a cancel, nor where something may still run or nothing could begin.
fn may_be_tried_again(outcome: &Outcome, command: &PlannedCommand) -> bool {
    match outcome.result {
        HostResult::Failed => outcome.code.is_some() || command.form.is_health_check(),
        HostResult::TimedOut | HostResult::Unreachable => outcome.left == 0,
        HostResult::Ok | HostResult::Cancelled | HostResult::Skipped | HostResult::Dropped | HostResult::Unknown => {
            false
        }
    }
}
