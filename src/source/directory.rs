//! A directory of the push host as a source: its revision is the root hash of what it holds, so what was seen is what is
//! pushed, byte for byte, or nothing is. It must never follow a link, change the directory, read more than its limits, or
//! take a directory that is being written to for a whole one. All of it blocks, so the desk looks in the background only.
//! Called through `Origin` by the desk (what is there?) and the runner (bring it here).
//!
//! A file that has the size, times and inode of an earlier look is not read again, unless it was changed within two seconds
//! before that look: two writes may bear one time.

use super::build::{judge, kept_mode};
use super::manifest::{Content, Entry, Manifest};
use super::tree::{self, FreezeError, Item, ItemKind, hash_while};
use crate::size::Most;
use crate::stack::Revision;
use crate::time::At;
use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Times of files may be as coarse as that.
const COARSE: Duration = Duration::from_secs(2);

/// Why a directory is no source now.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It is not there, or not to be read, or holds what no build may hold.
    #[error("{0}")]
    Unfit(#[from] FreezeError),
    /// It holds nothing: more often a mistake than a wish.
    #[error("it is empty; is a file system not mounted, or the copy not done yet?")]
    Empty,
    /// It holds too much.
    #[error("it holds more than {0}; [limits] in the server's configuration sets the limit of a source")]
    TooMuch(String),
    /// Someone wrote to it while it was read.
    #[error("it is being written to; it is read again soon")]
    Changing,
    /// It is not what was seen any more.
    #[error(
        "it has changed since it was read: it has the content hash {now} instead of {seen}; check it, then push again"
    )]
    Changed {
        /// The root that it has now, short.
        now: String,
        /// The root that was seen, short.
        seen: String,
    },
    /// Reading took too long.
    #[error("reading it took more than {} s and was stopped; the next attempt continues from there", .0.as_secs())]
    TooSlow(Duration),
    /// Another look is on its way still.
    #[error("it is still being read")]
    Busy,
}

/// What a directory held when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryState {
    /// The root hash, as a revision.
    pub root: Revision,
    /// How many files.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// When the newest of them was changed.
    pub changed_at: At,
}

/// A directory, and what is remembered of its files.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    most: Most,
    /// A std mutex: one look at a time.
    hashes: Mutex<HashMap<String, (Stamp, String)>>,
    seen: Mutex<Option<(DirectoryState, At)>>,
}

/// What tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(item: &Item) -> Self {
        let meta = &item.meta;
        Self {
            len: meta.len(),
            inode: meta.ino(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Whether a later write would surely bear another time.
    fn is_settled(&self, began: SystemTime) -> bool {
        let began = began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(began.saturating_sub(COARSE.as_secs())).is_ok_and(|latest| self.changed.0 < latest)
    }
}

impl Directory {
    /// Names the directory; nothing is read yet.
    pub fn new(path: &Path, most: Most) -> Self {
        Self { path: path.to_owned(), most, hashes: Mutex::default(), seen: Mutex::default() }
    }

    /// What it held at the last good look, and when that was.
    pub fn seen(&self) -> Option<(DirectoryState, At)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at all of it, reading the files that have changed. Blocking; given up after `limit`.
    ///
    /// # Errors
    /// Why it is no source now.
    pub fn look(&self, limit: Duration) -> Result<DirectoryState, DirectoryError> {
        let mut hashes = match self.hashes.try_lock() {
            Ok(hashes) => hashes,
            Err(TryLockError::WouldBlock) => return Err(DirectoryError::Busy),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        let (at, began, end) = (At::now(), SystemTime::now(), Instant::now() + limit);
        let items = walk(&self.path, self.most)?;
        let mut entries = Vec::with_capacity(items.len());
        for item in &items {
            entries.push(entry(item, || {
                let stamp = Stamp::of(item);
                if let Some((known, hash)) = hashes.get(&item.path)
                    && *known == stamp
                {
                    return Ok(hash.clone());
                }
                let hash = hash_until(&self.path.join(&item.path), stamp.len, end, limit)?;
                if stamp.is_settled(began) {
                    hashes.insert(item.path.clone(), (stamp, hash.clone()));
                }
                Ok(hash)
            })?);
        }
        let after = walk(&self.path, self.most)?;
        let stamps = |items: &[Item]| items.iter().map(|item| (item.path.clone(), Stamp::of(item))).collect::<Vec<_>>();
        let stamps = (stamps(&items), stamps(&after));
        if stamps.0 != stamps.1 {
            return Err(DirectoryError::Changing);
        }
        let here: std::collections::HashSet<&String> = stamps.0.iter().map(|(path, _)| path).collect();
        hashes.retain(|path, _| here.contains(path));
        let files = items.iter().filter(|item| item.kind == ItemKind::File);
        let newest = items.iter().map(|item| item.meta.mtime()).max().unwrap_or_default();
        let seen = DirectoryState {
            root: revision(entries),
            files: files.clone().count(),
            bytes: files.map(|item| item.meta.len()).sum(),
            changed_at: At::from_seconds(newest),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((seen.clone(), at));
        Ok(seen)
    }
}

/// Copies a directory to `to`, which must not exist, when it is what was seen. Nothing is left there after an error.
/// Blocking.
///
/// # Errors
/// Why it cannot be copied, or that it is another by now.
pub fn copy(path: &Path, most: Most, seen: &Revision, to: &Path) -> Result<(), DirectoryError> {
    let copied = copy_items(path, most, to).and_then(|now| match now == *seen {
        true => Ok(()),
        false => Err(DirectoryError::Changed { now: now.short().to_owned(), seen: seen.short().to_owned() }),
    });
    if copied.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_dir_all(to);
    }
    copied
}

fn copy_items(path: &Path, most: Most, to: &Path) -> Result<Revision, DirectoryError> {
    let items = walk(path, most)?;
    std::fs::create_dir(to).map_err(FreezeError::at(to))?;
    let mut entries = Vec::with_capacity(items.len());
    for item in &items {
        let (from, to) = (path.join(&item.path), to.join(&item.path));
        match &item.kind {
            ItemKind::Directory => std::fs::create_dir(&to).map_err(FreezeError::at(&to))?,
            ItemKind::Link { target } => std::os::unix::fs::symlink(target, &to).map_err(FreezeError::at(&to))?,
            ItemKind::File => {}
        }
        entries.push(entry(item, || copy_file(&from, item, &to))?);
    }
    Ok(revision(entries))
}

/// Copies one file as long as it was when it was listed, and answers the hash of what was written.
fn copy_file(from: &Path, item: &Item, to: &Path) -> Result<String, DirectoryError> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(to).map_err(FreezeError::at(to))?;
    let mut left = item.meta.len();
    let written = hash_while(from, |piece| {
        left = left.checked_sub(piece.len() as u64).ok_or(ErrorKind::FileTooLarge)?;
        file.write_all(piece)
    });
    let hash = match written {
        Err(FreezeError::Io { source, .. }) if source.kind() == ErrorKind::FileTooLarge => {
            return Err(DirectoryError::Changing);
        }
        written => written?,
    };
    let modified = item.meta.modified().map_err(FreezeError::at(from))?;
    file.set_modified(modified).map_err(FreezeError::at(to))?;
    file.set_permissions(Permissions::from_mode(kept_mode(&item.meta))).map_err(FreezeError::at(to))?;
    Ok(hash)
}

fn walk(path: &Path, most: Most) -> Result<Vec<Item>, DirectoryError> {
    // A link at its place is followed, as one that says which of several directories is the newest may be.
    let items = match tree::walk_at_most(path, judge, most.entries)? {
        Some(items) => items,
        None => return Err(DirectoryError::TooMuch(format!("{} paths", most.entries))),
    };
    let bytes: u64 = items.iter().filter(|item| item.kind == ItemKind::File).map(|item| item.meta.len()).sum();
    match () {
        () if bytes >> 20 >= most.mib => Err(DirectoryError::TooMuch(format!("{} MiB", most.mib))),
        () if !items.iter().any(|item| item.kind == ItemKind::File) => Err(DirectoryError::Empty),
        () => Ok(items),
    }
}

/// An item as the manifest of a build says it.
fn entry(item: &Item, hash: impl FnOnce() -> Result<String, DirectoryError>) -> Result<Entry, DirectoryError> {
    let (mode, content) = match &item.kind {
        ItemKind::Directory => (0o755, Content::Directory),
        ItemKind::Link { target } => (0o777, Content::Link { target: target.clone() }),
        ItemKind::File => (kept_mode(&item.meta), Content::File { sha256: hash()? }),
    };
    Ok(Entry { path: item.path.clone(), mode, content })
}

fn revision(entries: Vec<Entry>) -> Revision {
    let root = Manifest::of_sorted(entries).root();
    root.as_str().parse().expect("a content hash is 64 hexadecimal digits, as a revision may be")
}

/// The hash of a file that is as long as it was when it was listed.
fn hash_until(path: &Path, len: u64, end: Instant, limit: Duration) -> Result<String, DirectoryError> {
    let mut left = len;
    let hashed = hash_while(path, |piece| {
        left = left.checked_sub(piece.len() as u64).ok_or(ErrorKind::FileTooLarge)?;
        match Instant::now() < end {
            true => Ok(()),
            false => Err(ErrorKind::TimedOut.into()),
        }
    });
    match hashed {
        Err(FreezeError::Io { source, .. }) if source.kind() == ErrorKind::FileTooLarge => {
            Err(DirectoryError::Changing)
        }
        // Between the list and here.
        Err(FreezeError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Err(DirectoryError::Changing),
        Err(FreezeError::Io { source, .. }) if source.kind() == ErrorKind::TimedOut => {
            Err(DirectoryError::TooSlow(limit))
        }
        hashed => Ok(hashed?),
    }
}

#[cfg(test)]
mod tests;
