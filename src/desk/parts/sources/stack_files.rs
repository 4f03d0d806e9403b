//! The stack files, re-read when they change. A broken or missing file keeps the last good one, with its problem: it
//! closes its own stack and nothing else (TRUST promise 16). It must never change a file.

use crate::config::FileRead;
use crate::desk::view::{LoadedStack, StackFiles};
use crate::reading;
use crate::stack::{Answers, Host, Inventory, Stack, StackName, overlaps, parse_with};
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
pub(crate) struct StackFolder {
    dir: PathBuf,
    files: BTreeMap<StackName, StackFile>,
    /// What the commands that list hosts have said; of those that some stack names.
    answers: Answers,
    unreadable: bool,
    /// Files that were read, or are gone, and are not in the audit yet.
    read: Vec<FileRead>,
}

/// One stack file.
#[derive(Debug)]
struct StackFile {
    /// None when the file is gone.
    stamp: Option<Stamp>,
    loaded: LoadedStack,
    /// The text of the last good form: it is read again with new answers.
    good: Option<String>,
}

impl StackFolder {
    /// Reads all files of `dir` for the first time.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn load(dir: &Path) -> io::Result<Self> {
        let mut stack_folder = Self {
            dir: dir.to_owned(),
            files: BTreeMap::new(),
            answers: Answers::new(),
            unreadable: false,
            read: Vec::new(),
        };
        stack_folder.read_changed()?;
        Ok(stack_folder)
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

    /// The files that were read since this was asked last.
    pub fn take_read(&mut self) -> Vec<FileRead> {
        std::mem::take(&mut self.read)
    }

    /// Gives back what could not be written into the audit.
    pub fn not_noted(&mut self, read: Vec<FileRead>) {
        self.read.splice(0..0, read);
    }

    /// All stacks as they are now.
    pub fn stack_files(&self) -> Arc<StackFiles> {
        let mut stacks: Vec<LoadedStack> = self.files.values().map(|kept| kept.loaded.clone()).collect();
        for (name, words) in self.overlaps() {
            // What is wrong with its own file comes first.
            if let Some(loaded) = stacks.iter_mut().find(|loaded| loaded.name == name && loaded.problem.is_none()) {
                loaded.problem = Some(format!("error: {words}"));
            }
        }
        Arc::new(StackFiles { stacks })
    }

    /// Stacks that are in each other's way, each with what is wrong: both are closed, since each would remove what is the other's.
    fn overlaps(&self) -> Vec<(StackName, String)> {
        let kept: Vec<(&StackName, &StackFile)> = self.files.iter().collect();
        let files: Vec<String> = kept.iter().map(|(name, _)| shown(name)).collect();
        let read = kept.iter().zip(&files).filter_map(|((_, kept), file)| {
            Some(overlaps::StackText { stack: kept.loaded.stack.as_deref()?, file, text: kept.good.as_deref()? })
        });
        let read: Vec<overlaps::StackText<'_>> = read.collect();
        let found = overlaps::overlaps(&read).into_iter();
        let both = |overlap: overlaps::Overlap| {
            let name = |at: usize| read[at].stack.name.clone();
            [(name(overlap.of.0), overlap.words.clone()), (name(overlap.of.1), overlap.words)]
        };
        found.flat_map(both).collect()
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
            if stamp.is_some() && known.is_some_and(|known| known.stamp == stamp) {
                continue;
            }
            let kept = read(name, path, stamp, known, &self.answers, &mut self.read);
            changed |= known.is_none_or(|old| differs(&old.loaded, &kept.loaded));
            self.files.insert(name.clone(), kept);
        }
        changed |= self.notice_missing(&found);
        Ok(changed)
    }

    /// Takes the answer of a command that lists hosts; whether a stack looks different now. A bad answer keeps the hosts
    /// of the last good one on the page, closed.
    pub fn answered(&mut self, inventory: Inventory, answer: Result<Vec<Host>, String>) -> bool {
        let known = self.answers.entry(inventory.clone()).or_default();
        match answer {
            Ok(hosts) => (known.hosts, known.problem) = (hosts, None),
            Err(why) => known.problem = Some(why),
        }
        let mut changed = false;
        for (name, kept) in &mut self.files {
            let names_it = |stack: &Arc<Stack>| stack.stages.iter().any(|stage| stage.inventories.contains(&inventory));
            let (Some(text), true) = (&kept.good, kept.loaded.stack.as_ref().is_some_and(names_it)) else { continue };
            let Ok(stack) = parse_with(name.clone(), &shown(name), text, &self.answers) else { continue };
            let stack = Some(Arc::new(stack));
            changed |= kept.loaded.stack != stack;
            kept.loaded.stack = stack;
        }
        let stacks = self.files.values().filter_map(|kept| kept.loaded.stack.as_ref());
        let named: Vec<&Inventory> = stacks.flat_map(|stack| &stack.stages).flat_map(|it| &it.inventories).collect();
        self.answers.retain(|inventory, _| named.contains(&inventory));
        changed
    }

    /// A file that is gone keeps its stack on the page, closed; one that was never right is forgotten.
    fn notice_missing(&mut self, found: &BTreeMap<StackName, PathBuf>) -> bool {
        let before = self.files.len();
        self.files.retain(|name, kept| found.contains_key(name) || kept.loaded.stack.is_some());
        let mut changed = before != self.files.len();
        for (name, kept) in &mut self.files {
            if !found.contains_key(name) && kept.stamp.is_some() {
                kept.stamp = None;
                self.read.push(FileRead { name: shown(name), hash: None, owner: None });
                kept.loaded.problem =
                    Some(format!("stacks/{name}.toml is missing; restore it, or restart the server to forget {name}"));
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

fn read(
    name: &StackName,
    path: &Path,
    stamp: Option<Stamp>,
    known: Option<&StackFile>,
    answers: &Answers,
    files: &mut Vec<FileRead>,
) -> StackFile {
    let file = shown(name);
    let text = reading::text(path, reading::BY_HAND).inspect(|text| files.push(FileRead::of(file.clone(), path, text)));
    let parsed = match text {
        Ok(text) => match parse_with(name.clone(), &file, &text, answers) {
            Ok(stack) => Ok((stack, text)),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        },
        Err(error) => Err(format!("cannot read {file}: {error}")),
    };
    let loaded = |stack, problem| LoadedStack { name: name.clone(), stack, problem };
    match parsed {
        Ok((stack, text)) => StackFile { stamp, loaded: loaded(Some(Arc::new(stack)), None), good: Some(text) },
        Err(problem) => {
            let last_good = known.and_then(|known| known.loaded.stack.clone());
            let good = known.and_then(|known| known.good.clone());
            StackFile { stamp, loaded: loaded(last_good, Some(problem)), good }
        }
    }
}

/// A stack's file as people are told of it.
fn shown(name: &StackName) -> String {
    format!("stacks/{name}.toml")
}

fn differs(old: &LoadedStack, new: &LoadedStack) -> bool {
    old.problem != new.problem || old.stack != new.stack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_in_each_others_way_are_closed_until_one_of_them_goes_out_of_it() {
        let room = tempfile::tempdir().unwrap();
        let write = |name: &str, dir: &str| {
            let text = format!(
                "source = {{ git = \"x\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = [\"web1\"]\ncommands = \
                 [{{ release = \"{dir}\" }}, {{ activate = \"{dir}\" }}]\n"
            );
            std::fs::write(room.path().join(name), text).unwrap();
        };
        write("web.toml", "/srv/web");
        write("shop.toml", "/srv/web");
        write("blog.toml", "/srv/blog");
        let mut stack_folder = StackFolder::load(room.path()).unwrap();
        let closed = |stack_folder: &StackFolder| -> Vec<String> {
            let files = stack_folder.stack_files();
            let closed = files.stacks.iter().filter(|loaded| {
                loaded.problem.as_ref().is_some_and(|problem| {
                    problem.contains("stacks/shop.toml:5") && problem.contains("stacks/web.toml:5")
                })
            });
            closed.map(|loaded| loaded.name.to_string()).collect()
        };
        assert_eq!(closed(&stack_folder), ["shop", "web"]);
        write("shop.toml", "/srv/the-shop");
        assert!(stack_folder.refresh());
        assert!(stack_folder.stack_files().stacks.iter().all(|loaded| loaded.problem.is_none()));
    }
}
