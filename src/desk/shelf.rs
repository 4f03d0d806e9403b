//! The stack files, re-read when they change. A broken or missing file keeps the last good one, with its problem: it
//! closes its own stack and nothing else (TRUST promise 16). It must never change a file.

use super::view::{Shelf, Shelved};
use crate::stack::{Stack, StackName, parse};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// What tells whether a file has changed since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    len: u64,
    inode: u64,
}

/// The directory of stack files, as it was last read.
#[derive(Debug)]
pub(super) struct Shelves {
    dir: PathBuf,
    files: BTreeMap<StackName, (Option<Stamp>, Shelved)>,
    unreadable: bool,
}

impl Shelves {
    /// Reads all files of `dir` for the first time.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn load(dir: &Path) -> io::Result<Self> {
        let mut shelves = Self { dir: dir.to_owned(), files: BTreeMap::new(), unreadable: false };
        shelves.read_changed()?;
        Ok(shelves)
    }

    /// Reads what has changed; whether anything had. Blocking, and quick: one stat a file.
    pub fn refresh(&mut self) -> bool {
        match self.read_changed() {
            Ok(changed) => {
                self.unreadable = false;
                changed
            }
            Err(error) => {
                // Said once, not each second; every stack stays as it was last read.
                if !self.unreadable {
                    tracing::error!(dir = %self.dir.display(), error = %error, "the stack files cannot be read");
                }
                self.unreadable = true;
                false
            }
        }
    }

    /// All stacks as they are now.
    pub fn shelf(&self) -> Arc<Shelf> {
        Arc::new(Shelf { stacks: self.files.values().map(|(_, shelved)| shelved.clone()).collect() })
    }

    fn read_changed(&mut self) -> io::Result<bool> {
        let mut changed = false;
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if let Some(name) = stack_of(&path) {
                found.insert(name, path);
            }
        }
        for (name, path) in &found {
            let stamp = stamp(path).ok();
            let known = self.files.get(name);
            if stamp.is_some() && known.is_some_and(|(seen, _)| *seen == stamp) {
                continue;
            }
            let last_good = known.and_then(|(_, shelved)| shelved.stack.clone());
            let shelved = read(name, path, last_good);
            changed |= known.is_none_or(|(_, old)| old.problem != shelved.problem || old.stack != shelved.stack);
            self.files.insert(name.clone(), (stamp, shelved));
        }
        changed |= self.notice_missing(&found);
        Ok(changed)
    }

    /// A file that is gone keeps its stack on the page, closed; one that was never right is forgotten.
    fn notice_missing(&mut self, found: &BTreeMap<StackName, PathBuf>) -> bool {
        let before = self.files.len();
        self.files.retain(|name, (_, shelved)| found.contains_key(name) || shelved.stack.is_some());
        let mut changed = before != self.files.len();
        for (name, (stamp, shelved)) in &mut self.files {
            if !found.contains_key(name) && stamp.is_some() {
                *stamp = None;
                shelved.problem =
                    Some(format!("stacks/{name}.toml is gone; put it back, or restart the server to forget {name}"));
                changed = true;
            }
        }
        changed
    }
}

/// The stack that a file describes; none for files that are no stack files, such as an editor's.
fn stack_of(path: &Path) -> Option<StackName> {
    (path.extension()? == "toml").then(|| path.file_stem()?.to_str()?.parse().ok()).flatten()
}

/// Taken before the text is read: a file that changes in between is read once more.
fn stamp(path: &Path) -> io::Result<Stamp> {
    let meta = std::fs::metadata(path)?;
    Ok(Stamp { modified: meta.modified()?, len: meta.len(), inode: meta.ino() })
}

fn read(name: &StackName, path: &Path, last_good: Option<Arc<Stack>>) -> Shelved {
    let file = format!("stacks/{name}.toml");
    let parsed = match std::fs::read_to_string(path) {
        Ok(text) => parse(name.clone(), &file, &text)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        Err(error) => Err(format!("cannot read {file}: {error}")),
    };
    match parsed {
        Ok(stack) => Shelved { name: name.clone(), stack: Some(Arc::new(stack)), problem: None },
        Err(problem) => Shelved { name: name.clone(), stack: last_good, problem: Some(problem) },
    }
}
