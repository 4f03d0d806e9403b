//! What an earlier push has done already: written down as done, so that each command has one result a host here too.
//! It must never touch a host. Called by the walk and by rolls.

use crate::journal::HostResult;
use crate::plan::{Kind, PlannedCommand};
use crate::run::job::Job;
use crate::run::outcome::{HostOutcome, Outcome, host_ended};
use crate::run::recorder::Place;
use crate::stack::Host;
use futures::future::join_all;

/// Takes over what is done; what is left to do comes back with it.
pub async fn take_over(
    job: &Job,
    (number, command): (u32, &PlannedCommand),
    hosts: Vec<Option<Host>>,
) -> (Vec<HostOutcome>, Vec<Option<Host>>) {
    let (done, left): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|host| command.is_done_on(host.as_ref()));
    if let (Kind::Resume { of }, false) = (job.plan().kind, done.is_empty()) {
        let words = match done.iter().flatten().count() {
            0 => format!("done by push {of} already"),
            hosts => format!("done by push {of} already on {hosts} of {} hosts", job.hosts().len()),
        };
        job.recorder.note(&Place::new(number, None), words).await;
    }
    let taken = done.into_iter().map(|host| async move {
        let outcome = Outcome::new(HostResult::Ok, None);
        job.recorder.soon(host_ended(number, host.as_ref(), &outcome, 0)).await;
        (host, outcome)
    });
    // At once, so that they share one write to the disk.
    (join_all(taken).await, left)
}
