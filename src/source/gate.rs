//! The gate where a build is made, one for every source: a git checkout, Subversion, a directory, a published tar. It looks
//! at what is about to be frozen, whoever brought it, and refuses what is no content: nothing at all, Git LFS pointers,
//! submodules that were left empty, the companions that macOS packs. It must never change anything, and never judge what a
//! file is for. Called by `build::freeze`, through which every build goes.

use super::lfs;
pub use super::no_build::{Before, NoBuild};
use super::no_build::{Fewer, Paths};
use super::tree::{FreezeError, Item, ItemKind, open_file};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// The longest `.gitmodules` that is read: some thousand submodules.
const LONGEST_MODULES: u64 = 1 << 20;

/// What is known of a build before it is made.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The build to compare it with; none where there is none, or a person has said that fewer files are right.
    pub before: Option<Before>,
    /// Where the commit has submodules, below the checkout. Those of a `.gitmodules` are found without it.
    pub submodules: Vec<String>,
}

impl Gate {
    /// Lets pass what lies in `from`, a part of `checkout`, or says why not. Everything of one kind is told at once.
    ///
    /// # Errors
    /// Why it is no build, or what the disk said.
    pub(super) fn pass(&self, checkout: &Path, from: &Path, items: &[Item]) -> Result<(), FreezeError> {
        let now = items.iter().filter(|item| item.kind == ItemKind::File).count() as u64;
        if now == 0 {
            let part = from.strip_prefix(checkout).ok().filter(|part| !part.as_os_str().is_empty());
            let what = part.map_or("the build".to_owned(), |part| part.display().to_string());
            return Err(NoBuild::Empty(what).into());
        }
        if let Some(paths) = pointers(from, items)?.some() {
            return Err(NoBuild::Pointers(paths).into());
        }
        if let Some(paths) = self.empty_submodules(checkout, from, items)?.some() {
            return Err(NoBuild::Submodules(paths).into());
        }
        if let Some(paths) = companions(items).some() {
            return Err(NoBuild::Companions(paths).into());
        }
        match &self.before {
            Some(before) if is_far_fewer(now, before) => {
                Err(NoBuild::Fewer(Fewer { now, before: before.clone() }).into())
            }
            _ => Ok(()),
        }
    }

    /// The submodules within `from` that hold nothing.
    fn empty_submodules(&self, checkout: &Path, from: &Path, items: &[Item]) -> Result<Paths, FreezeError> {
        let part = from.strip_prefix(checkout).unwrap_or(Path::new("")).to_string_lossy().into_owned();
        let mut wanted: BTreeSet<String> = self.submodules.iter().filter_map(|path| inside(path, &part)).collect();
        let mut files = vec![(checkout.join(MODULES), String::new(), part.clone())];
        let named = items.iter().filter(|item| item.kind == ItemKind::File && item.path.ends_with(MODULES));
        files.extend(named.filter_map(|item| {
            let above = item.path.strip_suffix(MODULES)?;
            (above.is_empty() || above.ends_with('/')).then(|| (from.join(&item.path), above.to_owned(), String::new()))
        }));
        for (file, above, part) in files {
            wanted.extend(modules(&file)?.iter().filter_map(|path| inside(&format!("{above}{path}"), &part)));
        }
        let full: BTreeSet<&str> =
            items.iter().filter_map(|item| item.path.rsplit_once('/')).map(|(parent, _)| parent).collect();
        let mut empty = Paths::default();
        let directories = items.iter().filter(|item| item.kind == ItemKind::Directory);
        for item in directories.filter(|item| wanted.contains(&item.path) && !full.contains(item.path.as_str())) {
            empty.add(&item.path);
        }
        Ok(empty)
    }
}

/// Where a repository says which submodules it has.
const MODULES: &str = ".gitmodules";

/// A path below the checkout as one below its part that goes out.
fn inside(path: &str, part: &str) -> Option<String> {
    match part {
        "" => Some(path.to_owned()),
        part => path.strip_prefix(part)?.strip_prefix('/').map(str::to_owned),
    }
}

/// The paths of the submodules that a `.gitmodules` names; none where there is no such file.
fn modules(file: &Path) -> Result<Vec<String>, FreezeError> {
    let mut text = String::new();
    match std::fs::symlink_metadata(file) {
        Ok(meta) if meta.is_file() => {}
        _ => return Ok(Vec::new()),
    }
    // What is no text names none.
    let _ = open_file(file)?.take(LONGEST_MODULES).read_to_string(&mut text);
    let value = |line: &str| {
        let value = line.trim().strip_prefix("path")?.trim_start().strip_prefix('=')?.trim();
        Some(value.trim_matches('"').trim_end_matches('/').to_owned())
    };
    Ok(text.lines().filter_map(value).collect())
}

/// The files that are Git LFS pointers, by their content.
fn pointers(from: &Path, items: &[Item]) -> Result<Paths, FreezeError> {
    let mut found = Paths::default();
    for item in items.iter().filter(|item| item.kind == ItemKind::File && lfs::may_be_pointer(item.meta.len())) {
        if lfs::pointer_at(&from.join(&item.path))?.is_some() {
            found.add(&item.path);
        }
    }
    Ok(found)
}

fn companions(items: &[Item]) -> Paths {
    let mut found = Paths::default();
    for item in items.iter().filter(|item| item.kind == ItemKind::File) {
        if item.path.rsplit('/').next().is_some_and(|name| name.starts_with("._")) {
            found.add(&item.path);
        }
    }
    found
}

/// Whether a build has fewer files than are believed without asking.
fn is_far_fewer(now: u64, before: &Before) -> bool {
    now * 100 < before.files * (100 - before.shrink.min(100)) as u64
}

#[cfg(test)]
mod tests;
