//! The gate where a build is made, one for every source: a git checkout, Subversion, a directory, a published tar. It looks
//! at what is about to be frozen, whoever brought it, and refuses what is no content: nothing at all, Git LFS pointers,
//! submodules that were left empty, the companions that macOS packs. It must never change anything, and never judge what a
//! file is for. Called by `build::freeze`, through which every build goes.

use super::lfs;
use super::tree::{FreezeError, Item, ItemKind, open_file};
use crate::size;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::path::Path;

/// Paths that a refusal names; the rest are counted.
const NAMED: usize = 5;
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

/// The build that a new one is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its id.
    pub build: String,
    /// How many files it has.
    pub files: u64,
    /// By so many percent fewer are still believed.
    pub shrink: usize,
}

/// Why what was made is no build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoBuild {
    /// There is not one file.
    Empty(String),
    /// Files that stand for others.
    Pointers(Paths),
    /// Directories that should hold a repository.
    Submodules(Paths),
    /// What macOS packs beside files.
    Companions(Paths),
    /// It has far fewer files than the build before.
    Fewer(Fewer),
}

/// Far fewer files than the build before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fewer {
    /// How many there are now.
    pub now: u64,
    /// What it was compared with.
    pub before: Before,
}

impl Fewer {
    /// The `shrink` that would let it pass.
    pub fn shrink(&self) -> u64 {
        100 - self.now * 100 / self.before.files.max(1)
    }
}

impl fmt::Display for Fewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it has {}, and build {} before it has {}",
            size::counted(self.now, "file"),
            self.before.build,
            self.before.files
        )
    }
}

/// Some paths by name, the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    named: Vec<String>,
    count: usize,
}

impl Paths {
    fn add(&mut self, path: &str) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(path.to_owned());
        }
    }

    fn some(self) -> Option<Self> {
        (self.count > 0).then_some(self)
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Display for NoBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(what) => write!(
                f,
                "{what} holds no file at all, so nothing would be served: does the build write somewhere else, or did it \
                 fail without saying so?"
            ),
            Self::Pointers(paths) => write!(
                f,
                "{} instead of {} content ({paths}): write lfs = true into the git source of the stack file, or run \
                 `git lfs pull` where the build is made",
                counted(paths.count, "file is a Git LFS pointer", "files are Git LFS pointers"),
                if paths.count == 1 { "its" } else { "their" },
            ),
            Self::Submodules(paths) => write!(
                f,
                "{} empty ({paths}): write submodules = true into the git source of the stack file, or run \
                 `git submodule update --init --recursive` where the build is made",
                counted(paths.count, "submodule is", "submodules are"),
            ),
            Self::Companions(paths) => write!(
                f,
                "{} beside a file, not content ({paths}): pack with COPYFILE_DISABLE=1 tar …, and remove them with \
                 find . -name '._*' -delete",
                counted(paths.count, "file is what macOS keeps", "files are what macOS keeps"),
            ),
            Self::Fewer(fewer) => write!(
                f,
                "{fewer}; if that is right, say so, or write shrink = \"{}%\" into `source` and take it out afterwards",
                fewer.shrink()
            ),
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
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
