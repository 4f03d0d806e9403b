//! Builds: a checkout, frozen into an immutable tree with a manifest and a root hash.
//! Layout: `builds/STACK/ID/tree/` and `builds/STACK/ID/manifest`.

pub use super::tree::{FreezeError, Offenders};

use crate::stack::{BuildId, Root, StackName};
use std::path::{Path, PathBuf};

/// What freezing made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The root hash of the manifest.
    pub root: Root,
    /// How many files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many files are shared with the build before.
    pub unchanged: u64,
}

/// Where a build lies under `data`.
#[derive(Clone, Debug)]
pub struct BuildDir(pub PathBuf);

impl BuildDir {
    /// The directory of one build.
    pub fn of(data: &Path, stack: &StackName, build: &BuildId) -> Self {
        Self(data.join("builds").join(stack.as_str()).join(build.as_str()))
    }

    /// The frozen tree.
    pub fn tree(&self) -> PathBuf {
        self.0.join("tree")
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.0.join("manifest")
    }
}

/// Freezes `checkout` (or its part `ship`) into `build`: files unchanged since `previous` are hard links to it and keep its
/// mtime; then the manifest is written, and everything is on the disk. Blocking.
///
/// # Errors
/// What cannot be frozen, by path: devices, links that leave the tree, names with control bytes …
pub fn freeze(
    _checkout: &Path,
    _ship: Option<&str>,
    _build: &BuildDir,
    _previous: Option<&BuildDir>,
) -> Result<Frozen, FreezeError> {
    todo!()
}
