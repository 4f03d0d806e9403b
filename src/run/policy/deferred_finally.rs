//! What an earlier push owes: its `finally`, run first, since its runner died before it could. A failure here stops nothing and
//! takes no host out of the push, which is there to put things right; but it spoils a success. Called by the walk.

use super::failures::Loss;
use super::verdict::{End, HostOutcome};
use crate::journal::{Ended, HostResult};
use crate::plan::{Part, PlannedCommand};
use crate::run::recorder::Place;
use crate::run::walk::Walk;
use crate::source::build::BuildDir;
use std::path::PathBuf;

/// What went wrong while an earlier push's `finally` ran.
#[derive(Debug, Default)]
pub(in crate::run) struct OwedLosses {
    words: Vec<String>,
    hosts: Vec<(String, Loss)>,
}

impl Walk {
    /// Where an owed command of the push host runs: in the build of the push that owed it, or, when that never had one, in
    /// an empty directory.
    pub(in crate::run) async fn owed_dir(&self, command: &PlannedCommand) -> Option<PathBuf> {
        let owed = command.owed.as_ref()?;
        let tree = BuildDir::of(&self.data, &self.assignment.plan.stack, &owed.build).tree();
        if tree.is_dir() {
            return Some(tree);
        }
        let empty = self.checkout.with_file_name("owed");
        // Where even that fails, the command says so itself.
        let _ = tokio::fs::create_dir_all(&empty).await;
        Some(empty)
    }

    /// Names the hosts that a command was owed to and that are no longer in the list.
    pub(in crate::run) async fn note_owed(&self, number: u32, command: &PlannedCommand) {
        let (Some(owed), true) = (&command.owed, command.form.per_host()) else { return };
        let hosts = &self.assignment.plan.hosts;
        let gone = owed.on.iter().filter(|name| hosts.iter().all(|host| host.name() != *name));
        let gone: Vec<&str> = gone.map(String::as_str).collect();
        if !gone.is_empty() {
            let place = Place { command: number, host: None };
            let words = format!("not run on {}: no longer a host of this stage", gone.join(", "));
            self.recorder.note(&place, words).await;
        }
    }

    /// Notes what failed. Only a host that nobody knows of any more leaves the push.
    pub(in crate::run) fn judge_owed(
        &mut self,
        number: u32,
        command: &PlannedCommand,
        bad: &[HostOutcome],
        skipped: bool,
    ) -> Result<(), End> {
        for (host, outcome) in bad {
            let Some(host) = host else { continue };
            let loss = Loss { command: Some(number), result: outcome.result, why: outcome.why.clone() };
            if outcome.result == HostResult::Unknown || outcome.left > 0 {
                self.unknown.insert(host.name().to_owned());
                self.toll.give_up(host.name(), loss);
            } else {
                self.owed_losses.hosts.push((host.name().to_owned(), loss));
            }
        }
        if self.orders.stopped().is_some() && (skipped || !bad.is_empty()) {
            return Err(self.stopped(&format!("in command {number}")));
        }
        if !bad.is_empty() {
            let words = self.words(number, command, bad);
            self.owed_losses.words.push(format!("at the beginning, {words}"));
        }
        Ok(())
    }

    /// What went wrong at the beginning, in the end of the push.
    pub(in crate::run) async fn settle_owed(&mut self, end: &mut End) {
        let losses = std::mem::take(&mut self.owed_losses);
        if end.state == Ended::Succeeded && !losses.words.is_empty() {
            end.state = Ended::Degraded;
        }
        for (host, loss) in losses.hosts {
            self.toll.give_up(&host, loss);
        }
        let words: Vec<String> = end.why.take().into_iter().chain(losses.words).collect();
        end.why = (!words.is_empty()).then(|| words.join("; "));
        let _ = tokio::fs::remove_dir_all(self.checkout.with_file_name("owed")).await;
    }
}

/// Whether a command is the work of this push, which hosts that cannot be reached are told at.
pub(in crate::run) fn is_own_work(command: &PlannedCommand) -> bool {
    matches!(command.part, Part::Before | Part::Main)
}
