//! The build of a push: checked out and frozen on the push host, and which of them a command brings. It must never change a
//! build that is frozen, give a half one its final name, nor freeze one that the gate does not let pass.

use crate::address;
use crate::journal::Event;
use crate::plan::{BuildFrom, Part};
use crate::remote::Ending;
use crate::remote::release::BuildOnDisk;
use crate::run::recorder::Place;
use crate::run::walk::Walk;
use crate::source::build::{BuildDir, FreezeError, Frozen, freeze};
use crate::source::gate::{Before, Gate, NoBuild};
use crate::source::origin::Origin;
use crate::stack::{BuildId, Question, Revision, Root};
use std::path::PathBuf;

/// How long a person has to say that a small build is right, in seconds.
const ASK_FOR_S: u64 = 900;

/// A build, and where it lies on the push host.
pub(in crate::run) struct Goods {
    pub(in crate::run) dir: BuildDir,
    id: BuildId,
    /// None where it was not frozen.
    pub(in crate::run) root: Option<Root>,
    sha: Revision,
}

impl Goods {
    pub(in crate::run) fn build<'a>(
        &'a self,
        (tree, manifest): &'a (PathBuf, PathBuf),
        root: &'a Root,
    ) -> BuildOnDisk<'a> {
        BuildOnDisk { id: &self.id, root, tree, manifest, sha: self.sha.as_str() }
    }
}

impl Walk {
    /// What a command puts on its hosts: the push's build, or on the way back the one that was live.
    pub(in crate::run) fn goods(&self, part: Part) -> Goods {
        let plan = &self.assignment.plan;
        let (id, root, sha) = match (part, &plan.old) {
            (Part::Undo, Some(old)) => (old.id.clone(), Some(old.root.clone()), old.sha.clone()),
            _ => (self.assignment.build.clone(), self.root(), plan.sha.clone()),
        };
        Artifact { dir: BuildDir::of(&self.data, &plan.stack, &id), id, root, sha }
    }

    fn build_dir(&self) -> BuildDir {
        BuildDir::of(&self.data, &self.assignment.plan.stack, &self.assignment.build)
    }

    /// The root of the build that goes out: from the plan, or as this push froze it.
    fn root(&self) -> Option<Root> {
        match &self.assignment.plan.build {
            BuildFrom::Existing { root, .. } => Some(root.clone()),
            BuildFrom::Made { .. } => self.frozen.get().cloned(),
        }
    }

    pub(in crate::run) async fn check_out(&self, place: &Place) -> Result<(), String> {
        let plan = &self.assignment.plan;
        let (most, mirrors) = (self.assignment.source_most, self.data.join("mirrors"));
        let origin = match &plan.build {
            BuildFrom::Made { source, .. } => Origin::of(source, &mirrors, self.assignment.ssh_config.clone(), most)
                .map(|origin| (origin, address::shown(source.address().unwrap_or_default()))),
            BuildFrom::Existing { .. } => None,
        };
        let Some((origin, address)) = origin else {
            return Err("this push has no source to check out".to_owned());
        };
        match &origin {
            Origin::Git(mirror, _) if !mirror.has(&plan.sha).await => {
                self.recorder.note(place, format!("fetching {address}")).await;
                mirror.fetch().await.map_err(|error| error.to_string())?;
            }
            Origin::Git(..) => {}
            Origin::Svn(_) => self.recorder.note(place, format!("exporting {address}@{}", plan.sha)).await,
            Origin::Dir(..) => self.recorder.note(place, format!("copying {address}")).await,
        }
        let empty = origin.checkout(&plan.sha, &self.checkout, most).await.map_err(|error| error.to_string())?;
        let _ = self.submodules.set(empty);
        Ok(())
    }

    /// Freezes the checkout. A build with far fewer files than the one that is live is asked about first.
    pub(in crate::run) async fn freeze(&self, place: &Place) -> Ending {
        let submodules = self.submodules.get().cloned().unwrap_or_default();
        let mut gate = Gate { before: None, submodules };
        gate.before = self.before().await;
        let fewer = match self.freeze_through(gate.clone()).await {
            Err(FreezeError::NoBuild(NoBuild::Fewer(fewer))) => fewer,
            frozen => return self.frozen(place, frozen).await,
        };
        let text = format!("The build looks small: {fewer}. Is that right?");
        let question = Question { text, timeout_s: ASK_FOR_S };
        if !self.confirmed(place.command, &question).await {
            return Ending::Refused(format!("nobody said that this is right: {}", NoBuild::Fewer(fewer)));
        }
        let frozen = self.freeze_through(Gate { before: None, ..gate }).await;
        self.frozen(place, frozen).await
    }

    /// The build that is live, which a new one is compared with.
    async fn before(&self) -> Option<Before> {
        let plan = &self.assignment.plan;
        let (BuildFrom::Made { shrink, .. }, Some(old)) = (&plan.build, &plan.old) else { return None };
        let (dir, build, shrink) = (BuildDir::of(&self.data, &plan.stack, &old.id), old.id.to_string(), *shrink);
        let files = tokio::task::spawn_blocking(move || dir.files()).await.ok().flatten()?;
        Some(Before { build, files, shrink })
    }

    async fn freeze_through(&self, gate: Gate) -> Result<Frozen, FreezeError> {
        let plan = &self.assignment.plan;
        let ship = match &plan.build {
            BuildFrom::Made { ship, .. } => ship.clone(),
            BuildFrom::Existing { .. } => None,
        };
        let (build, checkout) = (self.build_dir(), self.checkout.clone());
        let previous = plan.old.as_ref().map(|old| BuildDir::of(&self.data, &plan.stack, &old.id));
        let path = checkout.clone();
        let work = move || freeze(&checkout, ship.as_deref(), &build, previous.as_ref(), &gate);
        // Not cut short by a cancel: it is bounded by the tree, and half a build never gets the final name.
        let frozen = tokio::task::spawn_blocking(work).await;
        frozen.unwrap_or_else(|error| Err(FreezeError::Io { path, source: std::io::Error::other(error) }))
    }

    async fn frozen(&self, place: &Place, frozen: Result<Frozen, FreezeError>) -> Ending {
        let frozen = match frozen {
            Ok(frozen) => frozen,
            Err(error) => return Ending::Refused(error.to_string()),
        };
        let words = format!(
            "build {}: {} files, {} bytes, {} unchanged; content hash {}",
            self.assignment.build,
            frozen.files,
            frozen.bytes,
            frozen.unchanged,
            frozen.root.short()
        );
        self.recorder.note(place, words).await;
        let build = self.assignment.build.clone();
        let (root, files, bytes) = (frozen.root, frozen.files, frozen.bytes);
        let _ = self.frozen.set(root.clone());
        self.recorder.state(Event::BuildMade { command: place.command, build, root, files, bytes }).await;
        Ending::Exited(0)
    }
}
