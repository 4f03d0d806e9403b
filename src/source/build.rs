//! Builds: a checkout, frozen into an immutable tree with a manifest and a root hash.
//! Layout: `builds/STACK/ID/tree/` and `builds/STACK/ID/manifest`.
//! It must never give a half-made build its final name, never follow a link, and never change a build that is there.
//! Called by the runner, when the first stage's commands have made the checkout.
//!
//! What is kept of a checkout: names, bytes, links word for word, and git's one permission bit: a file that its owner may
//! execute is 755, any other 644, a directory 755. So the root does not depend on anybody's umask. `.git` is left out
//! wherever it lies; owners and extended attributes are not kept.
//!
//! An unchanged file lies on the disk once for all builds that hold it. Who writes into it in place changes them all;
//! freezing then makes it anew, and the manifest's check on the hosts refuses the damaged ones.
//!
//! Times: a file whose content is that of the build before keeps its mtime. A new path keeps the checkout's mtime. A
//! changed file gets the checkout's, but at least a second more than it had in the build before: rsync and web servers
//! compare whole seconds and sizes, and build tools that write constant times would make them miss a change.

pub use super::tree::{FreezeError, Offenders};

use super::gate::Gate;
use super::manifest::{Content, Entry, Manifest, REVISION};
use super::tree::{self, Item, ItemKind, Judgement, hash_while};
use crate::reading;
use crate::stack::{BuildId, Root, StackName};
use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// How many files it has, by its manifest; none where that cannot be read.
    pub fn files(&self) -> Option<u64> {
        let manifest = Manifest::parse(&reading::text(self.manifest(), reading::MANIFEST).ok()?).ok()?;
        Some(manifest.files())
    }

    /// Where it is made, until it is whole; no build id holds a dot.
    fn partial(&self) -> Self {
        Self(self.0.with_added_extension("partial"))
    }
}

/// Freezes `checkout` (or its part `ship`) into `build`: files unchanged since `previous` are hard links to it and keep its
/// mtime; then the manifest is written, and everything is on the disk. Whatever brought it, it passes `gate`. Blocking.
///
/// # Errors
/// What cannot be frozen, by path: devices, links that leave the tree, names with control bytes …; or what the disk said.
/// Nothing is left of the try.
pub fn freeze(
    checkout: &Path,
    ship: Option<&str>,
    build: &BuildDir,
    previous: Option<&BuildDir>,
    gate: &Gate,
) -> Result<Frozen, FreezeError> {
    let (whole, from) = shipped_part(checkout, ship)?;
    let items = tree::walk(&from, judge)?;
    gate.pass(&whole, &from, &items)?;
    if build.0.exists() {
        let there = std::io::Error::new(ErrorKind::AlreadyExists, "this build is frozen already");
        return Err(FreezeError::at(&build.0)(there));
    }
    let partial = build.partial();
    remove_leftover(&partial.0)?;
    let frozen = fill(&from, items, &partial, previous).and_then(|frozen| {
        settle(&partial, build)?;
        Ok(frozen)
    });
    if frozen.is_err() {
        // The first error is the one to tell; what cannot be removed now is removed before the next try.
        let _ = remove_leftover(&partial.0);
    }
    frozen
}

/// What of a checkout becomes part of a build.
pub(super) fn judge(path: &str) -> Judgement {
    match path {
        ".git" => Judgement::LeaveOut,
        _ if path.ends_with("/.git") => Judgement::LeaveOut,
        REVISION => Judgement::Refuse("every release writes its own REVISION at the top"),
        _ => Judgement::Keep,
    }
}

/// The directory to deploy. A committer may have made it a link, so where it really lies is asked.
/// Answers both, the whole checkout first.
fn shipped_part(checkout: &Path, ship: Option<&str>) -> Result<(PathBuf, PathBuf), FreezeError> {
    let whole = checkout.canonicalize().map_err(FreezeError::at(checkout))?;
    let Some(ship) = ship else { return Ok((whole.clone(), whole)) };
    let refused = |why| {
        let mut offenders = Offenders::default();
        offenders.add(ship, why);
        FreezeError::Refused(offenders)
    };
    let part = match whole.join(ship).canonicalize() {
        Ok(part) => part,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(refused("the stack ships it, but neither the commit nor the build commands made it"));
        }
        Err(error) => return Err(FreezeError::at(&whole.join(ship))(error)),
    };
    match part {
        _ if !part.starts_with(&whole) => Err(refused("the stack ships it, but it lies outside of the checkout")),
        _ if !part.is_dir() => Err(refused("the stack ships it, but it is not a directory")),
        part => Ok((whole, part)),
    }
}

fn remove_leftover(partial: &Path) -> Result<(), FreezeError> {
    match std::fs::remove_dir_all(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(FreezeError::at(partial)(error)),
        _ => Ok(()),
    }
}

/// Makes the tree and its manifest in the partial directory.
fn fill(from: &Path, items: Vec<Item>, partial: &BuildDir, previous: Option<&BuildDir>) -> Result<Frozen, FreezeError> {
    DirBuilder::new().recursive(true).mode(0o700).create(&partial.0).map_err(FreezeError::at(&partial.0))?;
    let tree = partial.tree();
    make_directory(&tree)?;
    let mut entries = Vec::with_capacity(items.len());
    let (mut files, mut bytes, mut unchanged) = (0, 0, 0);
    // Sorted, so a directory comes before what lies in it.
    for item in items {
        let to = tree.join(&item.path);
        let (mode, content) = match item.kind {
            ItemKind::Directory => {
                make_directory(&to)?;
                (0o755, Content::Directory)
            }
            ItemKind::Link { target } => {
                std::os::unix::fs::symlink(&target, &to).map_err(FreezeError::at(&to))?;
                (0o777, Content::Link { target })
            }
            ItemKind::File => {
                let before = previous.map(|build| build.tree().join(&item.path));
                let carried = carry(&from.join(&item.path), &to, before.as_deref())?;
                files += 1;
                bytes += carried.bytes;
                unchanged += u64::from(carried.linked);
                (carried.mode, Content::File { sha256: carried.sha256 })
            }
        };
        entries.push(Entry { path: item.path, mode, content });
    }
    let manifest = Manifest::of_sorted(entries);
    let path = partial.manifest();
    std::fs::write(&path, manifest.to_text()).map_err(FreezeError::at(&path))?;
    Ok(Frozen { root: manifest.root(), files, bytes, unchanged })
}

fn make_directory(path: &Path) -> Result<(), FreezeError> {
    std::fs::create_dir(path).map_err(FreezeError::at(path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(FreezeError::at(path))
}

/// A file that was brought into the build.
struct Carried {
    sha256: String,
    bytes: u64,
    mode: u32,
    /// It is the same file as in the build before.
    linked: bool,
}

/// Brings one file into the build: as a link to the build before where nothing changed, as a copy otherwise.
fn carry(from: &Path, to: &Path, before: Option<&Path>) -> Result<Carried, FreezeError> {
    let meta = std::fs::symlink_metadata(from).map_err(FreezeError::at(from))?;
    let mode = kept_mode(&meta);
    let modified = meta.modified().map_err(FreezeError::at(from))?;
    let before = before.and_then(|path| Some((path, std::fs::symlink_metadata(path).ok().filter(|m| m.is_file())?)));
    let Some((before, old)) = before else {
        return copy(from, to, mode, modified);
    };
    let old_modified = old.modified().map_err(FreezeError::at(before))?;
    // The bytes of the build before are read, and not believed by its manifest: a damaged file is not carried on.
    let sha256 = hash_while(from, |_| Ok(()))?;
    let same = old.len() == meta.len() && hash_while(before, |_| Ok(()))? == sha256;
    // A link fails where the file system has no more of them, or where they are forbidden: then a copy does as well.
    if same && old.permissions().mode() & 0o7777 == mode && std::fs::hard_link(before, to).is_ok() {
        return Ok(Carried { sha256, bytes: meta.len(), mode, linked: true });
    }
    copy(from, to, mode, if same { old_modified } else { modified.max(a_second_after(old_modified)) })
}

/// The mode that a file has in a build: git's one bit is what is kept.
pub(super) fn kept_mode(meta: &Metadata) -> u32 {
    if meta.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 }
}

/// The earliest time that no program which compares whole seconds takes for `time`.
fn a_second_after(time: SystemTime) -> SystemTime {
    let whole = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    UNIX_EPOCH + Duration::from_secs(whole.saturating_add(1))
}

fn copy(from: &Path, to: &Path, mode: u32, modified: SystemTime) -> Result<Carried, FreezeError> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(to).map_err(FreezeError::at(to))?;
    let mut bytes = 0;
    // What is hashed is what is written, even if someone still writes to the checkout.
    let sha256 = hash_while(from, |piece| {
        bytes += piece.len() as u64;
        file.write_all(piece)
    })?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(FreezeError::at(to))?;
    file.set_modified(modified).map_err(FreezeError::at(to))?;
    Ok(Carried { sha256, bytes, mode, linked: false })
}

/// Puts all of it on the disk, then gives it its name, then puts the name on the disk.
fn settle(partial: &BuildDir, build: &BuildDir) -> Result<(), FreezeError> {
    let stack = build.0.parent().unwrap_or(Path::new("."));
    let dir = File::open(&partial.0).map_err(FreezeError::at(&partial.0))?;
    // One call for the whole file system: an fsync for each of thousands of files would take minutes on a slow disk.
    nix::unistd::syncfs(&dir).map_err(|error| FreezeError::at(&partial.0)(error.into()))?;
    std::fs::rename(&partial.0, &build.0).map_err(FreezeError::at(&build.0))?;
    File::open(stack).and_then(|dir| dir.sync_all()).map_err(FreezeError::at(stack))
}

#[cfg(test)]
mod tests;
