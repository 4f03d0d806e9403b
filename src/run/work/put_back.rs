//! Putting links back as they were before a push: which hosts had something else than the build that was live, and getting it back
//! there. It must never touch a link that this push has not flipped, and never call a link back whose host did not say so. Called by
//! the rollback, and by the step for each link.

use super::build::Artifact;
use super::{output, task};
use crate::journal::HostResult;
use crate::plan::{Part, PlannedCommand};
use crate::remote::Task;
use crate::remote::release::{self, PutBack};
use crate::run::commands::{flip_below, flipped_dirs};
use crate::run::job::Job;
use crate::run::outcome::{Learned, Outcome};
use crate::run::progress::Progress;
use crate::run::recorder::Place;
use crate::stack::Host;
use futures::future::join_all;
use std::collections::BTreeSet;
use tokio::sync::mpsc;

/// Lines of one question that may wait for the recorder.
const WAITING_LINES: usize = 16;

/// The links, by host and directory, that led to something else than the build that was live; and the hosts that did not say so, each
/// with why.
pub async fn find_other_links(
    job: &Job,
    progress: &Progress,
    hosts: &[Host],
) -> (BTreeSet<(Host, String)>, Vec<(Host, String)>) {
    let commands = job.commands();
    let dirs = flipped_dirs(commands);
    let asked = hosts.iter().flat_map(|host| dirs.iter().map(move |dir| (host, *dir)));
    let asked = asked.filter(|(host, dir)| progress.touched.has_flipped(commands, host, dir));
    let answers = join_all(asked.map(|(host, dir)| async move {
        let had = match flip_below(commands, dir) {
            Some(flip) => had_old(job, progress, flip, host, dir).await,
            None => Ok(true),
        };
        (host.clone(), dir.to_owned(), had)
    }));
    let (mut other, mut silent) = (BTreeSet::new(), Vec::new());
    for (host, dir, had) in answers.await {
        match had {
            Ok(true) => {}
            Ok(false) => drop(other.insert((host, dir))),
            Err(why) => silent.push((host, format!("it did not say what it ran before: {why}"))),
        }
    }
    (other, silent)
}

/// Whether a host ran the build that was live before this push flipped it.
async fn had_old(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    host: &Host,
    dir: &str,
) -> Result<bool, String> {
    let on = progress.connections.get(host).ok_or("no connection was made to it")?;
    let artifact = Artifact::of(job, progress, Part::Rollback);
    let build = artifact.on_disk().ok_or("no build was live")?;
    let (lines, from) = mpsc::channel(WAITING_LINES);
    let task = link_task(job, progress, command, host, dir);
    let work = async {
        let had = release::had(on, &build, dir, task, &lines).await;
        drop(lines);
        had
    };
    let place = Place::new(number, Some(host));
    tokio::join!(work, output::write_down(&job.recorder, &place, command, from)).0
}

/// Where a command of the rollback puts a link back as it was, that directory.
pub fn dir_of<'a>(progress: &Progress, command: &'a PlannedCommand, host: Option<&Host>) -> Option<&'a str> {
    let dir = command.form.flips().filter(|_| command.part == Part::Rollback)?;
    progress.old_links.has(host?, dir).then_some(dir)
}

/// Puts a link back as it was before this push. A good end says why the host has not the build that was live: what it has.
pub async fn put_link_back(
    job: &Job,
    progress: &Progress,
    place: &Place,
    command: &PlannedCommand,
    (host, dir): (&Host, &str),
) -> Outcome {
    let (result, what, why) = match put_dir_back(job, progress, place, command, (host, dir)).await {
        Ok(PutBack::Back(what)) => {
            (HostResult::Ok, format!("the link is back, {what}"), Some(format!("as it was: {what}")))
        }
        Ok(PutBack::Untouched) => (HostResult::Ok, "it was not flipped".to_owned(), None),
        Ok(PutBack::Other(what)) => {
            let what = format!("someone has changed it since, {what}: left as it is");
            (HostResult::Failed, what.clone(), Some(what))
        }
        Err(why) => {
            let what = format!("the link was not set back: {why}");
            (HostResult::Failed, what.clone(), Some(what))
        }
    };
    job.recorder.note(place, format!("{dir}: {what}")).await;
    let learned = vec![Learned::LinkPutBack { dir: dir.to_owned(), ok: result == HostResult::Ok, what }];
    Outcome { learned, ..Outcome::new(result, why) }
}

async fn put_dir_back(
    job: &Job,
    progress: &Progress,
    place: &Place,
    command: &PlannedCommand,
    (host, dir): (&Host, &str),
) -> Result<PutBack, String> {
    let on = progress.connections.get(host).ok_or("no connection was made to it")?;
    let artifact = Artifact::of(job, progress, Part::Main);
    let build = artifact.on_disk().ok_or("no build was packed")?;
    let (lines, from) = mpsc::channel(WAITING_LINES);
    let task = link_task(job, progress, command, host, dir);
    let work = async {
        let put_back = release::put_back(on, &build, dir, task, &lines).await;
        drop(lines);
        put_back
    };
    tokio::join!(work, output::write_down(&job.recorder, place, command, from)).0
}

fn link_task(job: &Job, progress: &Progress, command: &PlannedCommand, host: &Host, dir: &str) -> Task {
    let mut task = task::own(job, progress, command, Some(host));
    let taken = progress.old_links.is_taken(host, dir);
    task.values.extend(taken.then(|| ("PUSH_TAKEN".to_owned(), "yes".to_owned())));
    task
}
