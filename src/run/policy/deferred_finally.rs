//! The `finally` that an earlier push could not run, since its runner died: this push runs it first. A failure there stops nothing
//! and takes no host out of the push, which is there to put things right; but it spoils a success. It must never run one in the build
//! of this push. Called by the step and the walk.

use crate::journal::Ended;
use crate::plan::PlannedCommand;
use crate::run::job::Job;
use crate::run::outcome::End;
use crate::run::progress::Progress;
use crate::run::recorder::Place;
use crate::source::build::BuildDir;
use std::path::PathBuf;

/// Where such a command of the push host runs: in the build of the push that it belongs to, or, when that never had one, in an empty
/// directory. None for a command of this push.
pub async fn dir(job: &Job, command: &PlannedCommand) -> Option<PathBuf> {
    let deferred = command.deferred.as_ref()?;
    let tree = BuildDir::of(&job.data, &job.plan().stack, &deferred.build).tree();
    if tree.is_dir() {
        return Some(tree);
    }
    let empty = empty_dir(job);
    // Where even that fails, the command says so itself.
    let _ = tokio::fs::create_dir_all(&empty).await;
    Some(empty)
}

/// Names the hosts on which such a command should have run and that are no longer in the list.
pub async fn note_missing_hosts(job: &Job, number: u32, command: &PlannedCommand) {
    let (Some(deferred), true) = (&command.deferred, command.form.per_host()) else { return };
    let gone = deferred.on.iter().filter(|name| job.hosts().iter().all(|host| host.name() != *name));
    let gone: Vec<&str> = gone.map(String::as_str).collect();
    if !gone.is_empty() {
        let words = format!("not run on {}: no longer a host of this stage", gone.join(", "));
        job.recorder.note(&Place::new(number, None), words).await;
    }
}

/// What went wrong at the beginning, in the end of the push.
pub async fn settle(job: &Job, progress: &mut Progress, end: &mut End) {
    let deferred = std::mem::take(&mut progress.deferred);
    if end.state == Ended::Succeeded && !deferred.words.is_empty() {
        end.state = Ended::Degraded;
    }
    for (host, failure) in deferred.hosts {
        progress.failures.give_up(&host, failure);
    }
    let words: Vec<String> = end.why.take().into_iter().chain(deferred.words).collect();
    end.why = (!words.is_empty()).then(|| words.join("; "));
    let _ = tokio::fs::remove_dir_all(empty_dir(job)).await;
}

fn empty_dir(job: &Job) -> PathBuf {
    job.checkout.with_file_name("owed")
}
