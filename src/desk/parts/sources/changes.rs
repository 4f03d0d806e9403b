//! Which files a press would change: from the manifests of two builds, or, before a build is made, from what git says of
//! two revisions. It must never change anything, nor guess: what nobody knows yet is not said. Called by the plan's view and for the branches.

use crate::desk::view::plan::{Compared, FileChanges, Weight};
use crate::plan::Plan;
use crate::reading;
use crate::source::build::BuildDir;
use crate::source::git::FileChange;
use crate::source::manifest::{Content, Entry, Manifest};
use crate::supervise::blocking;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Paths of each kind that are named; all are counted.
const NAMED: usize = 200;

/// What is different between two builds, `None` being no build; none where one of them is not here any more.
pub(crate) async fn between(plan: &Plan, old: Option<BuildDir>, new: BuildDir) -> Option<FileChanges> {
    let (carried, hosts) = (carried(plan), plan.hosts.len());
    let compared = blocking(move || {
        let before = old.map(|old| manifest(&old.manifest())).transpose()?.unwrap_or_default();
        let after = manifest(&new.manifest())?;
        Ok(compare(&before, &after, &new.tree(), &carried, hosts))
    });
    compared.await.ok()
}

/// What git says of two revisions.
pub(crate) fn of_commits(found: Vec<(FileChange, String)>) -> FileChanges {
    let mut changes = FileChanges::new(Compared::Commits);
    for (change, path) in found {
        match change {
            FileChange::Added => changes.added.push(path),
            FileChange::Changed => changes.changed.push(path),
            FileChange::Deleted => changes.deleted.push(path),
        }
    }
    cut(changes)
}

/// What the commands bring to each host, as prefixes of paths: all of the build is the empty one. One for each command,
/// so what two commands bring counts twice.
fn carried(plan: &Plan) -> Vec<String> {
    let values = plan.values();
    plan.commands.iter().filter_map(|command| command.form.brings(&values)).collect()
}

fn manifest(path: &Path) -> io::Result<Manifest> {
    Manifest::parse(&reading::text(path, reading::MANIFEST)?).map_err(io::Error::other)
}

/// Files and links that are new, other, or gone. Bytes are those of files whose content no file of the old build has at
/// that path; sizes come from the tree, since a manifest holds none.
fn compare(before: &Manifest, after: &Manifest, tree: &Path, carried: &[String], hosts: usize) -> FileChanges {
    let of = |manifest: &Manifest| -> BTreeMap<String, Entry> {
        let shown = manifest.entries().iter().filter(|entry| entry.content != Content::Directory);
        shown.map(|entry| (entry.path.clone(), entry.clone())).collect()
    };
    let (mut before, after) = (of(before), of(after));
    let mut found = FileChanges::new(Compared::Builds);
    let mut to_send = BTreeSet::new();
    for (path, entry) in after {
        match before.remove(&path) {
            None => {
                to_send.insert(path.clone());
                found.added.push(path);
            }
            Some(old) if old != entry => {
                if old.content != entry.content {
                    to_send.insert(path.clone());
                }
                found.changed.push(path);
            }
            Some(_) => {}
        }
    }
    found.deleted = before.into_keys().collect();
    let each_host = to_send.iter().map(|path| copies(carried, path) * size(&tree.join(path))).sum();
    found.bytes = Some(Weight { each_host, in_all: each_host * hosts as u64 });
    cut(found)
}

/// How many commands bring a file.
fn copies(carried: &[String], path: &str) -> u64 {
    let below = |prefix: &&String| {
        prefix.is_empty()
            || path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    carried.iter().filter(below).count() as u64
}

/// The bytes of a file; a link has none worth counting.
fn size(path: &Path) -> u64 {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => meta.len(),
        Ok(_) | Err(_) => 0,
    }
}

fn cut(mut found: FileChanges) -> FileChanges {
    found.counts = [found.added.len(), found.changed.len(), found.deleted.len()];
    for list in [&mut found.added, &mut found.changed, &mut found.deleted] {
        list.truncate(NAMED);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(digit: char, mode: &str, path: &str) -> String {
        format!("f\t{mode}\t{}\t{path}\n", digit.to_string().repeat(64))
    }

    fn parse(lines: &[String]) -> Manifest {
        Manifest::parse(&lines.concat()).unwrap()
    }

    fn paths(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::create_dir_all(tree.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(tree.path().join(name), text).unwrap();
        }
        tree
    }

    #[test]
    fn what_changes_between_two_builds_is_counted_and_named() {
        let before = [file('a', "644", "a"), file('a', "644", "b"), file('a', "644", "c"), "l\t777\tc\td\n".to_owned()];
        let after = [file('a', "755", "a"), file('b', "644", "b"), "l\t777\ta\td\n".to_owned(), file('a', "755", "e")];
        let tree = tree(&[("a", "four"), ("b", "fives"), ("e", "12")]);
        let found = compare(&parse(&before), &parse(&after), tree.path(), &paths(&[""]), 3);
        assert_eq!(
            (found.added, found.changed, found.deleted),
            (paths(&["e"]), paths(&["a", "b", "d"]), paths(&["c"]))
        );
        assert_eq!(found.counts, [1, 3, 1]);
        let weight = Weight { each_host: 7, in_all: 21 };
        assert_eq!(found.bytes, Some(weight), "a's mode alone is not a byte; each of 3 hosts gets b and e");
    }

    #[test]
    fn a_host_gets_what_the_commands_bring_and_nothing_twice_but_by_two_commands() {
        let after = parse(&[file('a', "644", "assets-old/y"), file('a', "644", "assets/x"), file('a', "644", "z")]);
        let tree = tree(&[("assets/x", "1"), ("assets-old/y", "22"), ("z", "333")]);
        let each = |carried: &[&str]| {
            let found = compare(&Manifest::default(), &after, tree.path(), &paths(carried), 2);
            assert_eq!(found.counts, [3, 0, 0], "before the first push all is new");
            found.bytes.unwrap().each_host
        };
        for (carried, bytes) in [(&[][..], 0), (&[""], 6), (&["assets"], 1), (&["assets", ""], 7), (&["z"], 3)] {
            assert_eq!(each(carried), bytes, "{carried:?}");
        }
    }

    #[test]
    fn long_lists_are_cut_but_counted() {
        let added = (0..NAMED + 5).map(|n| (FileChange::Added, format!("f{n}")));
        let found = of_commits(added.chain([(FileChange::Deleted, "gone".to_owned())]).collect());
        assert_eq!((found.added.len(), found.counts, found.bytes), (NAMED, [NAMED + 5, 0, 1], None));
    }
}
