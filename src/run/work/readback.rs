//! The last question of a push: each host is asked what it runs. Asking changes nothing, so a connection that broke is made
//! once more. It must never take silence for the right answer (promise 12). Called by the step.

use crate::remote::masters::Connection;
use crate::remote::release::{self, BuildOnDisk};
use crate::remote::{Ending, Lines, Task};
use crate::run::job::Job;
use std::time::Duration;

/// How long a broken connection may take to be made again: a host that was there a moment ago.
const RECONNECT: Duration = Duration::from_secs(5);

/// Asks one host whether it runs the build in each of the directories.
pub async fn read_back(
    job: &Job,
    on: &Connection,
    dirs: &[String],
    build: &BuildOnDisk<'_>,
    task: Task,
    lines: &Lines,
) -> Ending {
    let cancel = task.cancel.clone();
    let first = release::read_back(on, build, dirs, task.clone(), lines).await;
    let Ending::Unknown(why) = first else { return first };
    let again = tokio::select! {
        again = tokio::time::timeout(RECONNECT, job.masters.try_connect(&on.host)) => again,
        () = cancel.cancelled() => return Ending::Cancelled { left: 0 },
    };
    match again {
        Ok(Ok(on)) => release::read_back(&on, build, dirs, task, lines).await,
        Ok(Err(failure)) => Ending::Unknown(format!("{why}; then: {failure}")),
        Err(_) => Ending::Unknown(why),
    }
}
