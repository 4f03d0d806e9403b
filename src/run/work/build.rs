//! The build of a push: checked out and frozen on the push host, and which of them a command brings. It must never change a
//! build that is frozen, give a half one its final name, nor freeze one that the gate does not let pass. Called by the step.

use super::{ask, push_host};
use crate::address;
use crate::journal::Event;
use crate::plan::{BuildFrom, Part};
use crate::remote::Ending;
use crate::remote::release::BuildOnDisk;
use crate::run::job::Job;
use crate::run::outcome::Learned;
use crate::run::progress::Progress;
use crate::run::recorder::Place;
use crate::source::Origin;
use crate::source::build::{BuildDir, FreezeError, Frozen, freeze};
use crate::source::gate::{Before, Gate, NoBuild};
use crate::stack::{AnswerBy, BuildId, Question, Revision, Root};
use std::path::PathBuf;

/// How long a person has to say that a small build is right, in seconds.
const ASK_FOR_S: u64 = 900;

/// A build, and where it lies on the push host.
pub struct Artifact {
    /// Its files.
    pub tree: PathBuf,
    manifest: PathBuf,
    id: BuildId,
    /// None where it was not frozen.
    root: Option<Root>,
    sha: Revision,
}

impl Artifact {
    /// What a command puts on its hosts: the push's build, or in a rollback the one that was live.
    pub fn of(job: &Job, progress: &Progress, part: Part) -> Self {
        let plan = job.plan();
        let (id, root, sha) = match (part, &plan.old) {
            (Part::Rollback, Some(old)) => (old.id.clone(), Some(old.root.clone()), old.sha.clone()),
            _ => {
                let root = match &plan.build {
                    BuildFrom::Existing { root, .. } => Some(root.clone()),
                    BuildFrom::Made { .. } => progress.frozen.clone(),
                };
                (job.assignment.build.clone(), root, plan.sha.clone())
            }
        };
        let dir = BuildDir::of(&job.data, &plan.stack, &id);
        Self { tree: dir.tree(), manifest: dir.manifest(), id, root, sha }
    }

    /// The frozen build, as hosts get it.
    pub fn on_disk(&self) -> Option<BuildOnDisk<'_>> {
        let (tree, manifest, sha) = (&self.tree, &self.manifest, self.sha.as_str());
        self.root.as_ref().map(|root| BuildOnDisk { id: &self.id, root, tree, manifest, sha })
    }
}

/// Checks the source out; returns the submodules that stay empty.
pub async fn check_out(job: &Job, place: &Place) -> Result<Vec<String>, String> {
    let plan = job.plan();
    let (most, mirrors) = (job.assignment.source_most, job.data.join("mirrors"));
    let origin = match &plan.build {
        BuildFrom::Made { source, .. } => Origin::of(source, &mirrors, job.assignment.ssh_config.clone(), most)
            .map(|origin| (origin, address::shown(source.address().unwrap_or_default()))),
        BuildFrom::Existing { .. } => None,
    };
    let Some((origin, address)) = origin else {
        return Err("this push has no source to check out".to_owned());
    };
    let is_missing = origin.is_missing(&plan.sha).await;
    if let Some(words) = origin.bringing_words(&plan.sha, &address, is_missing) {
        job.recorder.note(place, words).await;
    }
    if is_missing {
        origin.fetch().await.map_err(|error| error.to_string())?;
    }
    origin.checkout(&plan.sha, &job.checkout, most).await.map_err(|error| error.to_string())
}

/// Freezes the checkout. A build with far fewer files than the one that is live is asked about first.
pub async fn freeze_checkout(job: &Job, empty_submodules: &[String], place: &Place) -> (Ending, Option<Learned>) {
    let gate = Gate { before: live_build(job).await, submodules: empty_submodules.to_vec() };
    let fewer = match freeze_through(job, gate.clone()).await {
        Err(FreezeError::NoBuild(NoBuild::Fewer(fewer))) => fewer,
        result => return record(job, place, result).await,
    };
    let text = format!("The build looks small: {fewer}. Is that right?");
    let question = Question { text, timeout_s: ASK_FOR_S, by: AnswerBy::Anyone };
    if !ask::confirmed(job, place.command, &question).await {
        return (Ending::Refused(format!("nobody confirmed that this is right: {}", NoBuild::Fewer(fewer))), None);
    }
    let result = freeze_through(job, Gate { before: None, ..gate }).await;
    record(job, place, result).await
}

/// The build that is live, which a new one is compared with.
async fn live_build(job: &Job) -> Option<Before> {
    let plan = job.plan();
    let (BuildFrom::Made { shrink, .. }, Some(old)) = (&plan.build, &plan.old) else { return None };
    let (dir, build, shrink) = (BuildDir::of(&job.data, &plan.stack, &old.id), old.id.to_string(), *shrink);
    let files = tokio::task::spawn_blocking(move || dir.files()).await.ok().flatten()?;
    Some(Before { build, files, shrink })
}

async fn freeze_through(job: &Job, gate: Gate) -> Result<Frozen, FreezeError> {
    let plan = job.plan();
    let ship = match &plan.build {
        BuildFrom::Made { ship, .. } => ship.clone(),
        BuildFrom::Existing { .. } => None,
    };
    let build = BuildDir::of(&job.data, &plan.stack, &job.assignment.build);
    let (checkout, path) = (job.checkout.clone(), job.checkout.clone());
    let previous = plan.old.as_ref().map(|old| BuildDir::of(&job.data, &plan.stack, &old.id));
    let made = plan.build.clone();
    let work = move || {
        push_host::without_caches(&checkout, &made);
        freeze(&checkout, ship.as_deref(), &build, previous.as_ref(), &gate)
    };
    // Not cut short by a cancel: it is bounded by the tree, and half a build never gets the final name.
    let frozen = tokio::task::spawn_blocking(work).await;
    frozen.unwrap_or_else(|error| Err(FreezeError::Io { path, source: std::io::Error::other(error) }))
}

async fn record(job: &Job, place: &Place, result: Result<Frozen, FreezeError>) -> (Ending, Option<Learned>) {
    let frozen = match result {
        Ok(frozen) => frozen,
        Err(error) => return (Ending::Refused(error.to_string()), None),
    };
    let words = format!(
        "build {}: {} files, {} bytes, {} unchanged; content hash {}",
        job.assignment.build,
        frozen.files,
        frozen.bytes,
        frozen.unchanged,
        frozen.root.short()
    );
    job.recorder.note(place, words).await;
    let build = job.assignment.build.clone();
    let (root, files, bytes) = (frozen.root, frozen.files, frozen.bytes);
    let learned = Learned::Frozen(root.clone());
    job.recorder.state(Event::BuildMade { command: place.command, build, root, files, bytes }).await;
    (Ending::Exited(0), Some(learned))
}
