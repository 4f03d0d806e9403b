//! Releases: brought beside what is live, verified against the manifest, then flipped.

use super::masters::Connection;
use super::{Ending, Lines, Task};
use crate::stack::{BuildId, Release, Root};
use std::path::Path;

/// A build on the push host, as a release needs it.
#[derive(Clone, Debug)]
pub struct BuildOnDisk<'a> {
    /// Its id.
    pub id: &'a BuildId,
    /// The root hash of its manifest.
    pub root: &'a Root,
    /// The frozen tree.
    pub tree: &'a Path,
    /// Its manifest file.
    pub manifest: &'a Path,
    /// Its revision, for the REVISION file.
    pub sha: &'a str,
}

/// Brings a build to a host and verifies every byte of it there; does nothing where it is already verified.
pub async fn bring(
    _on: &Connection,
    _build: &BuildOnDisk<'_>,
    _release: &Release,
    _task: Task,
    _lines: &Lines,
) -> Ending {
    todo!()
}

/// Flips `dir/current` to the verified release and reads it back; anything but `Exited(0)` means that it was not flipped
/// or nobody knows.
pub async fn activate(_on: &Connection, _build: &BuildOnDisk<'_>, _dir: &str, _task: Task, _lines: &Lines) -> Ending {
    todo!()
}
