//! What runs under the guard for a command on one place: its values, its limits, and what ends it early. It must never give a secret
//! to a script that does not name it. Called by whatever runs a command.

use crate::plan::{self, Part, PlannedCommand};
use crate::remote::Task;
use crate::run::job::Job;
use crate::run::progress::Progress;
use crate::stack::{BuildId, Host, Script};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One with a script of Pushbutton's own, which whoever takes it puts in.
pub fn own(job: &Job, progress: &Progress, command: &PlannedCommand, host: Option<&Host>) -> Task {
    let mut values = plan::values_of(&job.assignment, command.part, host);
    values.extend(progress.so_far.map(|ended| ("PUSH_RESULT".to_owned(), ended.word().to_owned())));
    Task {
        script: String::new(),
        values: command.own_values(&values).into_owned(),
        timeout: Duration::from_secs(command.timeout_s),
        lease_s: job.assignment.lease_s,
        grace_s: job.assignment.grace_s,
        lock: host.map(|host| host.lock_of(&job.plan().stack)),
        fence: format!("{}.1", job.assignment.push),
        cancel: cancel(job, command),
        mask: Arc::clone(&job.secrets.mask),
    }
}

/// One with a script of the stack's, which gets the secrets that it names.
pub fn script(job: &Job, progress: &Progress, command: &PlannedCommand, script: &Script, host: Option<&Host>) -> Task {
    let mut task = Task { script: script.text.clone(), ..own(job, progress, command, host) };
    task.values.extend(job.secrets.of(script));
    task
}

/// One that removes old releases, which must know what a rollback may need.
pub fn prune(job: &Job, progress: &Progress, command: &PlannedCommand, host: Option<&Host>) -> Task {
    let mut task = own(job, progress, command, host);
    let keep_on_hosts: Vec<&str> = job.plan().keep_on_hosts.iter().map(BuildId::as_str).collect();
    task.values.insert("PUSH_SPARED".to_owned(), keep_on_hosts.join(" "));
    task
}

/// What ends a command early. Nothing does in `finally`: it runs because of the cancel, not against it.
pub fn cancel(job: &Job, command: &PlannedCommand) -> CancellationToken {
    match command.part {
        Part::DeferredFinally | Part::Before | Part::Main | Part::Drop | Part::Rollback => job.orders.token.clone(),
        Part::Finally => CancellationToken::new(),
    }
}
