//! Passing a release on from host to host: every host that has it, verified, is copied from at once; a host that fails
//! at it is replaced by another, and at last by the push host. It must never make a result depend on who sent: every host
//! verifies what it got by itself. Called by a step for each host, and before a host begins, which none does that nobody can send to.

pub mod handover;
mod tree;

use crate::journal::Stream;
use crate::plan::{Kind, Part, PlannedCommand};
use crate::remote::masters::Connection;
use crate::remote::release::{self, BuildOnDisk, CopyFault, Peer, Source};
use crate::remote::{Ending, Line, Lines, Task};
use crate::run::connections::HostConnections;
use crate::run::job::Job;
use crate::run::progress::Progress;
use crate::stack::{FanOut, Relay, Release};
use handover::{Handover, Turn};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tree::{CopyResult, Sender};

/// rsync's codes that blame the other end or the way to it: protocol, sockets, a broken stream, time-outs, and what ssh (255)
/// or the other end's shell (126, 127) say. All else may be this host's own trouble.
const SENDERS_FAULT: [i32; 10] = [2, 5, 10, 12, 14, 30, 35, 126, 127, 255];

/// Whether a command may begin on one more host while `running` are on their way: where hosts pass a release on, someone
/// must be free to send it.
pub fn has_source(job: &Job, progress: &Progress, (number, command): (u32, &PlannedCommand), running: usize) -> bool {
    match command.form.relay() {
        Some(relay) => handover(job, progress, (number, command), relay).tree().has_room(running),
        None => true,
    }
}

/// A release that one host is to get.
pub struct Delivery<'a> {
    /// As the command says.
    pub release: &'a Release,
    /// The host.
    pub on: &'a Connection,
    /// The build of which it is made.
    pub build: BuildOnDisk<'a>,
    /// How its scripts run.
    pub task: Task,
    /// What it says.
    pub lines: &'a Lines,
}

/// Brings a release to one host.
pub async fn bring(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    delivery: Delivery<'_>,
) -> Ending {
    let (host, lines) = (&delivery.on.host, delivery.lines);
    let FanOut::Relay(relay) = &delivery.release.fan_out else {
        return bring_from(job, command.part, async |_| Some(Source::PushHost), &delivery).await;
    };
    let handover = handover(job, progress, (number, command), relay);
    let mut turn = Turn::new(&handover);
    let cancel = &delivery.task.cancel;
    let next = async |fault: Option<CopyFault>| {
        turn.give_back(match fault {
            Some(CopyFault::Mismatch) => CopyResult::Hopeless,
            Some(CopyFault::Failed(code)) if SENDERS_FAULT.contains(&code) => CopyResult::Failed,
            Some(CopyFault::Failed(_)) | None => CopyResult::Unclear,
        });
        next_source(&progress.connections, &handover, &mut turn, cancel, lines).await
    };
    let ending = bring_from(job, command.part, next, &delivery).await;
    turn.give_back(if ending == Ending::Exited(0) { CopyResult::Ok } else { CopyResult::Unclear });
    if ending == Ending::Exited(0) {
        handover.tree().add(host.clone());
    }
    ending
}

async fn bring_from(
    job: &Job,
    part: Part,
    next: impl AsyncFnMut(Option<CopyFault>) -> Option<Source>,
    delivery: &Delivery<'_>,
) -> Ending {
    let Delivery { release, on, build, task, lines } = delivery;
    match (job.plan().kind, part) {
        // A rollback, and a host that someone changed: no mark of an earlier day is trusted.
        (Kind::Rollback | Kind::CatchUp, _) | (_, Part::Rollback) => {
            release::bring_back(on, build, release, next, task.clone(), lines).await
        }
        (Kind::Push | Kind::Resume { .. }, _) => {
            release::bring_from(on, build, release, next, task.clone(), lines).await
        }
    }
}

/// What a host copies from next, told in its log; none when the push is cancelled.
async fn next_source(
    connections: &HostConnections,
    handover: &Handover,
    turn: &mut Turn<'_>,
    cancel: &CancellationToken,
    lines: &Lines,
) -> Option<Source> {
    loop {
        let Sender::Host(host) = turn.take(cancel).await? else {
            say(lines, "from the push host".to_owned()).await;
            return Some(Source::PushHost);
        };
        let address = match connections.get(&host) {
            Some(connection) => handover.address(connection).await,
            None => Err("it is not connected".to_owned()),
        };
        match address {
            Ok(address) => {
                say(lines, format!("from {}", host.name())).await;
                let relay = handover.relay.clone();
                return Some(Source::Peer(Box::new(Peer { name: host.name().to_owned(), address, relay })));
            }
            Err(why) => {
                say(lines, format!("cannot copy from {}: {why}", host.name())).await;
                turn.give_back(CopyResult::Hopeless);
            }
        }
    }
}

/// A command's release on its way; hosts to which an earlier push brought it send from the start.
fn handover(job: &Job, progress: &Progress, (number, command): (u32, &PlannedCommand), relay: &Relay) -> Arc<Handover> {
    let holders =
        job.hosts().iter().filter(|host| command.is_done_on(Some(host)) && progress.connections.get(host).is_some());
    progress.handovers.of(number, relay, holders)
}

async fn say(lines: &Lines, text: String) {
    // Nobody receives lines any more: then nobody misses this one.
    let _ = lines.send(Line { stream: Stream::Note, text }).await;
}
