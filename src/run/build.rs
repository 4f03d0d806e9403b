//! The build of a push: checked out and frozen on the push host, and which of them a command brings. It must never change a
//! build that is frozen, nor give a half one its final name.

use super::recorder::Place;
use super::walk::Walk;
use crate::journal::Event;
use crate::plan::{BuildFrom, Part};
use crate::remote::Ending;
use crate::remote::release::BuildOnDisk;
use crate::source::build::{BuildDir, freeze};
use crate::source::origin::Origin;
use crate::stack::{BuildId, Revision, Root};
use std::path::PathBuf;

/// A build, and where it lies on the push host.
pub(super) struct Goods {
    pub(super) dir: BuildDir,
    id: BuildId,
    /// None where it was not frozen.
    pub(super) root: Option<Root>,
    sha: Revision,
}

impl Goods {
    pub(super) fn build<'a>(&'a self, (tree, manifest): &'a (PathBuf, PathBuf), root: &'a Root) -> BuildOnDisk<'a> {
        BuildOnDisk { id: &self.id, root, tree, manifest, sha: self.sha.as_str() }
    }
}

impl Walk {
    /// What a command puts on its hosts: the push's build, or on the way back the one that was live.
    pub(super) fn goods(&self, part: Part) -> Goods {
        let plan = &self.assignment.plan;
        let (id, root, sha) = match (part, &plan.old) {
            (Part::Undo, Some(old)) => (old.id.clone(), Some(old.root.clone()), old.sha.clone()),
            _ => (self.assignment.build.clone(), self.root(), plan.sha.clone()),
        };
        Goods { dir: BuildDir::of(&self.data, &plan.stack, &id), id, root, sha }
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

    pub(super) async fn check_out(&self, place: &Place) -> Result<(), String> {
        let plan = &self.assignment.plan;
        let (most, mirrors) = (self.assignment.source_most, self.data.join("mirrors"));
        let origin = match &plan.build {
            BuildFrom::Made { source, .. } => {
                Origin::of(source, &plan.stack, &mirrors, self.assignment.ssh_config.clone(), most)
                    .map(|origin| (origin, source.address().unwrap_or_default()))
            }
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
        origin.checkout(&plan.sha, &self.checkout, most).await.map_err(|error| error.to_string())
    }

    pub(super) async fn freeze(&self, place: &Place) -> Ending {
        let plan = &self.assignment.plan;
        let ship = match &plan.build {
            BuildFrom::Made { ship, .. } => ship.clone(),
            BuildFrom::Existing { .. } => None,
        };
        let (build, checkout) = (self.build_dir(), self.checkout.clone());
        let previous = plan.old.as_ref().map(|old| BuildDir::of(&self.data, &plan.stack, &old.id));
        // Not cut short by a cancel: it is bounded by the tree, and half a build never gets the final name.
        let frozen =
            tokio::task::spawn_blocking(move || freeze(&checkout, ship.as_deref(), &build, previous.as_ref())).await;
        match frozen {
            Ok(Ok(frozen)) => {
                let words = format!(
                    "build {}: {} files, {} bytes, {} unchanged; root {}",
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
            Ok(Err(error)) => Ending::Refused(error.to_string()),
            Err(error) => Ending::Refused(error.to_string()),
        }
    }
}
