//! The kinds of work that a command of a plan can be, one file each, and what they have in common: tasks, output, endings. A kind of
//! work is given the job, does its part on one place, and gives back how that ended; it must never decide what that means for the push,
//! nor change what the push has learned, but for the account of who sends a release to whom. [`Work::attempt`] leads each form to its kind.
//! Called by the step and the walk.

pub(super) mod ask;
pub(super) mod build;
pub(super) mod check;
mod complaint;
pub(super) mod earlier_push;
pub(super) mod ending;
mod link;
pub(super) mod look_ahead;
pub(super) mod output;
pub(super) mod prune;
pub(super) mod push_host;
pub(super) mod put_back;
pub(super) mod readback;
pub(super) mod relay;
pub(super) mod task;

use super::job::Job;
use super::outcome::Learned;
use super::policy::deferred_finally;
use super::progress::Progress;
use super::recorder::Place;
use crate::plan::{Part, PlannedCommand, PlannedForm};
use crate::remote::{Ending, Lines, Task, guard, release, transfer};
use crate::stack::{Check, Host, Script};
use build::Artifact;
use relay::Delivery;
use std::path::PathBuf;
use std::time::Duration;

/// A command on one place, and what it works with.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub job: &'a Job,
    pub progress: &'a Progress,
    /// The command's, in the plan.
    pub number: u32,
    pub command: &'a PlannedCommand,
    /// None on the push host.
    pub host: Option<&'a Host>,
}

/// How it ended, and what was learned by it.
type Done = (Ending, Option<Learned>);

impl Work<'_> {
    /// Does what the command says, once. `lines` is dropped when all output is in, which ends [`output::write_down`].
    pub async fn attempt(self, place: &Place, is_last: bool, lines: Lines) -> Done {
        self.done(place, is_last, &lines).await.unwrap_or_else(|ending| (ending, None))
    }

    /// The same; an error is the end of what could not begin.
    async fn done(self, place: &Place, is_last: bool, lines: &Lines) -> Result<Done, Ending> {
        let Self { job, progress, number, command, host } = self;
        let connection = match host {
            Some(host) => progress.connections.to(host, task::cancel(job, command)).await?,
            None => None,
        };
        // Nobody connects for what runs on the push host.
        let on = || connection.as_deref().ok_or_else(|| Ending::Unreachable("no connection was made to it".to_owned()));
        let artifact = Artifact::of(job, progress, command.part);
        let build = || artifact.on_disk().ok_or_else(|| Ending::Refused("no build was packed".to_owned()));
        let ending = match &command.form {
            PlannedForm::Checkout => {
                let empty = self.within(build::check_out(job, place)).await?;
                return Ok((Ending::Exited(0), Some(Learned::EmptySubmodules(empty))));
            }
            PlannedForm::Freeze => return Ok(build::freeze_checkout(job, &progress.empty_submodules, place).await),
            PlannedForm::Confirm(question) => ask::confirm(job, number, command, question).await,
            PlannedForm::Watch(watch) => ask::watch::command(job, number, watch, lines).await,
            PlannedForm::Build(script) => {
                push_host::run(job, command, &job.checkout, self.script_task(script), lines).await
            }
            PlannedForm::Local(script) => {
                push_host::run(job, command, &self.near_dir().await, self.script_task(script), lines).await
            }
            PlannedForm::Run(script) | PlannedForm::Check(Check::Run(script)) => {
                guard::far(on()?, self.script_task(script), lines).await
            }
            PlannedForm::Check(Check::Http(address)) => {
                let task = self.own_task();
                let url = address.filled(&task.values);
                check::ask(&self.near_dir().await, task, url, is_last, lines).await
            }
            PlannedForm::Rsync(what) => transfer::rsync(on()?, &artifact.tree, what, self.own_task(), lines).await,
            PlannedForm::Release(release) => {
                let delivery = Delivery { release, on: on()?, build: build()?, task: self.own_task(), lines };
                relay::bring(job, progress, (number, command), delivery).await
            }
            PlannedForm::Activate { dir } => {
                let (ending, at) = release::activate(on()?, &build()?, dir, self.own_task(), lines).await;
                return Ok((ending, at.map(Learned::Flipped)));
            }
            PlannedForm::ReadBack { dirs } => {
                let (on, build) = (on()?, build()?);
                // A link that went back as it was has been read already.
                let asked = (command.part == Part::Rollback).then(|| progress.old_links.asked_about(&on.host, dirs));
                let dirs = asked.as_ref().unwrap_or(dirs);
                readback::read_back(job, on, dirs, &build, self.own_task(), lines).await
            }
        };
        Ok((ending, None))
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
