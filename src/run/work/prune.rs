//! Old releases go when all is done, on the hosts that came to the end of a push that succeeded. It must never change how the push
//! ends, and never run while a command may still fail: what it removes is what a rollback would need. Called by the walk.

use super::build::Artifact;
use super::{output, task};
use crate::journal::Ended;
use crate::plan::{Part, PlannedCommand};
use crate::remote::release;
use crate::run::commands::numbered;
use crate::run::job::Job;
use crate::run::outcome::End;
use crate::run::progress::Progress;
use crate::run::recorder::Place;
use crate::stack::{Host, Release};
use futures::stream::{self, StreamExt};
use tokio::sync::mpsc;

/// Lines of one host that may wait for the recorder.
const WAITING_LINES: usize = 64;

/// Removes old releases on the hosts that came to the end; what it has to say stands with the command that brought the new one.
pub async fn prune(job: &Job, progress: &Progress, end: &End) {
    if !matches!(end.state, Ended::Succeeded | Ended::Degraded) {
        return;
    }
    for (number, command) in numbered(job.commands()).filter(|(_, command)| command.part == Part::Main) {
        let Some(what) = command.form.release() else { continue };
        let came = |host: &&Host| !progress.failures.has(host.name()) && command.is_meant_for(host);
        let hosts: Vec<&Host> = job.hosts().iter().filter(came).collect();
        let width = command.at_once(hosts.len()).max(1);
        let each = hosts.into_iter().map(|host| prune_on(job, progress, (number, command), what, host));
        stream::iter(each).buffer_unordered(width).collect::<Vec<()>>().await;
    }
}

async fn prune_on(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    what: &Release,
    host: &Host,
) {
    let artifact = Artifact::of(job, progress, command.part);
    let (Some(on), Some(build)) = (progress.connections.get(host), artifact.on_disk()) else { return };
    let place = Place::new(number, Some(host));
    let (lines, from) = mpsc::channel(WAITING_LINES);
    let work = async {
        release::prune(on, &build, what, task::prune(job, progress, command, Some(host)), &lines).await;
        drop(lines);
    };
    tokio::join!(work, output::write_down(&job.recorder, &place, command, from));
}
