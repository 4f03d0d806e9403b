//! What lies in a directory, and what no build may hold: the one walk that freezing and the manifest share.
//! It must never follow a link, nor read a file's bytes unless asked for its hash.

use super::no_build::NoBuild;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How many offenders an error names; the rest are counted.
const NAMED_OFFENDERS: usize = 20;
/// Links followed one after another before Linux gives up with ELOOP.
const LINKS_FOLLOWED: usize = 40;
/// Set-user-id and set-group-id.
const SETID: u32 = 0o6000;

/// Why a tree cannot be frozen, or its manifest not be made.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// It holds what no build may hold.
    #[error("{0}")]
    Refused(Offenders),
    /// What was made is no build.
    #[error("{0}")]
    NoBuild(NoBuild),
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<NoBuild> for FreezeError {
    fn from(why: NoBuild) -> Self {
        Self::NoBuild(why)
    }
}

impl FreezeError {
    /// Says where the disk said no; for `map_err`.
    pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// What no build may hold: the first 20 by name, the rest counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offenders {
    /// Path within the tree (escaped where it cannot be shown) and why, in the order of the walk.
    pub named: Vec<(String, &'static str)>,
    /// How many more there are.
    pub more: usize,
}

impl Offenders {
    pub(super) fn add(&mut self, path: impl Into<String>, why: &'static str) {
        match self.named.len() < NAMED_OFFENDERS {
            true => self.named.push((path.into(), why)),
            false => self.more += 1,
        }
    }

    pub(super) fn into_result(self) -> Result<(), FreezeError> {
        match self.named.is_empty() {
            true => Ok(()),
            false => Err(FreezeError::Refused(self)),
        }
    }
}

impl std::fmt::Display for Offenders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot be part of a build: ")?;
        for (place, (path, why)) in self.named.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{path} ({why})")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// One thing in a tree.
#[derive(Debug)]
pub(super) struct Item {
    /// Its path within the tree, `/` between names, none at the ends.
    pub path: String,
    /// What it is.
    pub kind: ItemKind,
    /// What the file system says about it, links not followed.
    pub meta: Metadata,
}

/// What a thing in a tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Directory,
    File,
    Link { target: String },
}

/// What becomes of a path, judged by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Keep,
    LeaveOut,
    Refuse(&'static str),
}

/// Lists all that lies below `root` and may be looked into, and judges nothing: what no build may hold is left out.
///
/// # Errors
/// What the disk said.
pub(super) fn walk_unjudged(root: &Path) -> Result<Vec<Item>, FreezeError> {
    let (mut items, mut waiting) = (Vec::new(), vec![String::new()]);
    while let Some(below) = waiting.pop() {
        let dir = root.join(&below);
        for entry in std::fs::read_dir(&dir).map_err(FreezeError::at(&dir))? {
            let entry = entry.map_err(FreezeError::at(&dir))?;
            let Ok(name) = shown_name(&entry.file_name()) else { continue };
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            let meta = entry.metadata().map_err(FreezeError::at(&entry.path()))?;
            if let Ok(kind) = kind_of(&entry.path(), &meta)? {
                if kind == ItemKind::Directory {
                    waiting.push(path.clone());
                }
                items.push(Item { path, kind, meta });
            }
        }
    }
    Ok(items)
}

/// Lists all that lies below `root`, sorted by the bytes of the path; `judge` is asked for each path.
///
/// # Errors
/// All offenders at once: devices, fifos, sockets, set-id files, links that leave the tree, names that cannot be shown.
pub(super) fn walk(root: &Path, judge: fn(&str) -> Judgement) -> Result<Vec<Item>, FreezeError> {
    Ok(walk_at_most(root, judge, usize::MAX)?.unwrap_or_default())
}

/// The same; none when there are more than `most` paths.
///
/// # Errors
/// As [`walk`].
pub(super) fn walk_at_most(
    root: &Path,
    judge: fn(&str) -> Judgement,
    most: usize,
) -> Result<Option<Vec<Item>>, FreezeError> {
    let mut items = Vec::new();
    let mut offenders = Offenders::default();
    let mut waiting = vec![String::new()];
    while let Some(below) = waiting.pop() {
        let dir = root.join(&below);
        for entry in std::fs::read_dir(&dir).map_err(FreezeError::at(&dir))? {
            let entry = entry.map_err(FreezeError::at(&dir))?;
            if items.len() >= most {
                return Ok(None);
            }
            let path = match shown_name(&entry.file_name()) {
                Ok(name) if below.is_empty() => name,
                Ok(name) => format!("{below}/{name}"),
                Err((name, why)) => {
                    offenders.add(format!("{below}/{name}").trim_start_matches('/'), why);
                    continue;
                }
            };
            match judge(&path) {
                Judgement::Keep => {}
                Judgement::LeaveOut => continue,
                Judgement::Refuse(why) => {
                    offenders.add(path, why);
                    continue;
                }
            }
            let meta = entry.metadata().map_err(FreezeError::at(&entry.path()))?;
            match kind_of(&entry.path(), &meta)? {
                Ok(kind) => {
                    if kind == ItemKind::Directory {
                        waiting.push(path.clone());
                    }
                    items.push(Item { path, kind, meta });
                }
                Err(why) => offenders.add(path, why),
            }
        }
    }
    items.sort_by(|a, b| a.path.cmp(&b.path));
    refuse_links_that_leave(&items, &mut offenders);
    offenders.named.sort();
    offenders.into_result()?;
    Ok(Some(items))
}

/// A name as text, or as it can be shown and why it is refused.
fn shown_name(name: &OsStr) -> Result<String, (String, &'static str)> {
    match name.to_str() {
        None => Err((name.as_bytes().escape_ascii().to_string(), "its name is not UTF-8")),
        Some(text) if text.contains(char::is_control) => {
            Err((text.escape_debug().to_string(), "its name has control characters"))
        }
        Some(text) => Ok(text.to_owned()),
    }
}

fn kind_of(path: &Path, meta: &Metadata) -> Result<Result<ItemKind, &'static str>, FreezeError> {
    let kind = meta.file_type();
    if kind.is_symlink() {
        let target = std::fs::read_link(path).map_err(FreezeError::at(path))?;
        return Ok(match target.to_str() {
            Some(text) if !text.contains(char::is_control) => Ok(ItemKind::Link { target: text.to_owned() }),
            _ => Err("the link's target has control characters or is not UTF-8"),
        });
    }
    Ok(match kind {
        _ if kind.is_dir() => Ok(ItemKind::Directory),
        _ if kind.is_file() && meta.permissions().mode() & SETID != 0 => Err("it is setuid or setgid"),
        _ if kind.is_file() => Ok(ItemKind::File),
        _ if kind.is_fifo() => Err("it is a fifo"),
        _ if kind.is_socket() => Err("it is a socket"),
        _ => Err("it is a device"),
    })
}

fn refuse_links_that_leave(items: &[Item], offenders: &mut Offenders) {
    let links: HashMap<&str, &str> = items
        .iter()
        .filter_map(|item| match &item.kind {
            ItemKind::Link { target } => Some((item.path.as_str(), target.as_str())),
            ItemKind::Directory | ItemKind::File => None,
        })
        .collect();
    for item in items.iter().filter(|item| links.contains_key(item.path.as_str())) {
        if leaves_the_tree(&item.path, &links) {
            offenders.add(&*item.path, "the link leaves the tree");
        }
    }
}

/// Whether following the link at `path` leads outside, also through other links of the tree. Walks as the kernel does,
/// since `..` behind a link to a directory goes up from where that link points.
fn leaves_the_tree(path: &str, links: &HashMap<&str, &str>) -> bool {
    let mut at: Vec<&str> = Vec::new();
    let mut ahead: Vec<&str> = path.rsplit('/').collect();
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        match name {
            "" | "." => {}
            ".." => {
                if at.pop().is_none() {
                    return true;
                }
            }
            name => {
                at.push(name);
                let Some(target) = links.get(at.join("/").as_str()) else { continue };
                followed += 1;
                if target.starts_with('/') {
                    return true;
                }
                if followed > LINKS_FOLLOWED {
                    // A loop of links leads nowhere, so not outside either.
                    return false;
                }
                at.pop();
                ahead.extend(target.rsplit('/'));
            }
        }
    }
    false
}

/// The bytes of all files below a directory, links not followed; what cannot be read counts nothing.
pub(super) fn bytes_below(dir: &Path) -> u64 {
    let mut waiting = vec![dir.to_owned()];
    let mut bytes = 0;
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => waiting.push(entry.path()),
                Ok(meta) => bytes += meta.len(),
                // It was removed in this moment.
                Err(_) => {}
            }
        }
    }
    bytes
}

/// The directories below `dir` that hold nothing, sorted. Names that cannot be shown are passed over: no build holds them.
pub(super) fn empty_directories(dir: &Path) -> Result<Vec<String>, FreezeError> {
    let items = walk_unjudged(dir)?;
    let full: std::collections::HashSet<&str> =
        items.iter().filter_map(|item| item.path.rsplit_once('/')).map(|(parent, _)| parent).collect();
    let empty = items.iter().filter(|item| item.kind == ItemKind::Directory && !full.contains(item.path.as_str()));
    let mut empty: Vec<String> = empty.map(|item| item.path.clone()).collect();
    empty.sort();
    Ok(empty)
}

/// Opens a regular file for reading, never through a link that took its place.
pub(super) fn open_file(path: &Path) -> Result<File, FreezeError> {
    let no_follow = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    File::options().read(true).custom_flags(no_follow).open(path).map_err(FreezeError::at(path))
}

/// Reads a file to its end in pieces, and answers the SHA-256 of what was read.
pub(super) fn hash_while(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<String, FreezeError> {
    let mut file = open_file(path)?;
    let mut hash = Sha256::new();
    // Large enough that the cost is in the hash and not in the calls.
    let mut piece = vec![0; 128 * 1024];
    loop {
        match file.read(&mut piece).map_err(FreezeError::at(path))? {
            0 => return Ok(hex(&hash.finalize())),
            read => {
                hash.update(&piece[..read]);
                each(&piece[..read]).map_err(FreezeError::at(path))?;
            }
        }
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_may_point_anywhere_within_the_tree_and_nowhere_else() {
        let links = HashMap::from([
            ("d1/d2/up", ".."),
            ("loop", "loop"),
            ("out", "../x"),
            ("sub/out", "../../x"),
            ("sub/in", "../x"),
            ("root", "."),
            ("absolute", "/etc/passwd"),
            ("through", "d1/d2/up/../.."),
            ("through-in", "d1/d2/up/d2"),
            ("dangling", "no/such/../../thing"),
            ("dangling-out", "no/such/../../../thing"),
            ("chain", "absolute"),
            ("deep/a", "b/../../x"),
        ]);
        let leaving: Vec<&str> = {
            let mut all: Vec<&str> = links.keys().copied().filter(|path| leaves_the_tree(path, &links)).collect();
            all.sort();
            all
        };
        assert_eq!(leaving, ["absolute", "chain", "dangling-out", "out", "sub/out", "through"]);
    }

    #[test]
    fn an_error_names_twenty_offenders_and_counts_the_rest() {
        let mut offenders = Offenders::default();
        for n in 0..23 {
            offenders.add(format!("f{n}"), "it is a fifo");
        }
        let words = offenders.to_string();
        assert!(words.starts_with("cannot be part of a build: f0 (it is a fifo), f1 (it is a fifo)"), "{words}");
        assert!(words.ends_with("f19 (it is a fifo), and 3 more"), "{words}");
    }
}
