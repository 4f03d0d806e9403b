//! What an earlier push has done already: written down as done, so that each command has one result a host here too.
//! It must never touch a host.

use crate::journal::HostResult;
use crate::plan::{Kind, PlannedCommand};
use crate::run::policy::verdict::HostOutcome;
use crate::run::recorder::Place;
use crate::run::step::Outcome;
use crate::run::walk::{Walk, host_ended};
use crate::stack::Host;

impl Walk {
    /// Takes over what is done; what is left to do comes back with it.
    pub(in crate::run) async fn take_over(
        &self,
        number: u32,
        command: &PlannedCommand,
        hosts: Vec<Option<Host>>,
    ) -> (Vec<HostOutcome>, Vec<Option<Host>>) {
        let (done, left): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|host| command.is_done_on(host.as_ref()));
        if let (Kind::Resume { of }, false) = (self.assignment.plan.kind, done.is_empty()) {
            let place = Place { command: number, host: None };
            let words = match done.iter().flatten().count() {
                0 => format!("done by push {of} already"),
                hosts => format!("done by push {of} already on {hosts} of {} hosts", self.assignment.plan.hosts.len()),
            };
            self.recorder.note(&place, words).await;
        }
        let taken = done.into_iter().map(|host| async move {
            let outcome = Outcome { result: HostResult::Ok, code: None, why: None, left: 0 };
            self.recorder.soon(host_ended(number, host.as_ref(), &outcome, 0)).await;
            (host, outcome)
        });
        // At once, so that they share one write to the disk.
        (futures::future::join_all(taken).await, left)
    }
}
