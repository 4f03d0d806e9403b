//! Named groups that may hold each other: `[hosts]` and `[lists]`, by `"@name"`. One mechanism finds what is unknown, what
//! is empty and what contains itself, for both. It must never loop, however the groups are knotted.

use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::Reader;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The most entries that one group may come to, references followed.
const MOST: usize = 20_000;
/// How deep groups may hold each other.
const DEEPEST: usize = 32;

/// An entry of a group: a thing, or the name of another group.
#[derive(Clone, Debug)]
pub(in crate::stack) enum Entry<T> {
    Item(T),
    Reference { name: String, at: Range<usize> },
}

/// All groups of one kind.
#[derive(Debug)]
pub(in crate::stack) struct Groups<T> {
    /// What one is called: `command list`.
    pub what: &'static str,
    /// Where they are written: `[lists]`.
    pub section: &'static str,
    by_name: BTreeMap<String, Vec<Entry<T>>>,
    cyclic: BTreeSet<String>,
}

impl<T: Clone> Groups<T> {
    pub fn new(what: &'static str, section: &'static str) -> Self {
        Self { what, section, by_name: BTreeMap::new(), cyclic: BTreeSet::new() }
    }

    pub fn insert(&mut self, name: String, entries: Vec<Entry<T>>) {
        self.by_name.insert(name, entries);
    }

    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// The things of one group, references followed; notes an unknown name.
    pub fn named(&mut self, reader: &mut Reader<'_>, name: &str, at: Range<usize>) -> Option<Vec<T>> {
        if !self.by_name.contains_key(name) {
            self.unknown(reader, name, at);
            return None;
        }
        Some(self.flat(reader, &[Entry::Reference { name: name.to_owned(), at }]))
    }

    /// The things of some entries, references followed.
    pub fn flat(&mut self, reader: &mut Reader<'_>, entries: &[Entry<T>]) -> Vec<T> {
        let mut walk = Expansion { path: Vec::new(), things: Vec::new(), steps: 0 };
        self.follow(reader, entries, &mut walk);
        walk.things
    }

    fn follow(&mut self, reader: &mut Reader<'_>, entries: &[Entry<T>], walk: &mut Expansion<T>) {
        for entry in entries {
            walk.steps += 1;
            let (name, at) = match entry {
                Entry::Item(thing) => {
                    walk.things.push(thing.clone());
                    continue;
                }
                Entry::Reference { name, at } => (name, at.clone()),
            };
            if let Some(start) = walk.path.iter().position(|on_path| on_path == name) {
                self.cycle(reader, &walk.path[start..], name, at);
            } else if walk.steps > MOST || walk.path.len() >= DEEPEST {
                let title =
                    format!("{} `{}` holds too much: at most {MOST} entries, {DEEPEST} deep", self.what, shown(name));
                reader.refuse(Mistake::new(at, title).cure("name fewer others in it, or write their entries out"));
                return;
            } else if let Some(inner) = self.by_name.get(name).cloned() {
                walk.path.push(name.clone());
                self.follow(reader, &inner, walk);
                walk.path.pop();
            } else {
                self.unknown(reader, name, at);
            }
        }
    }

    fn unknown(&self, reader: &mut Reader<'_>, name: &str, at: Range<usize>) {
        let mistake = Mistake::new(at, format!("unknown {} `{}`", self.what, shown(name)));
        let mistake = mistake.nearest(name, self.by_name.keys().map(String::as_str));
        reader.refuse(match mistake.cures.is_empty() {
            true if self.by_name.is_empty() => mistake.cure(format!("there is none: name it in {}", self.section)),
            true => mistake.cure(format!("{} has: {}", self.section, self.names().join(", "))),
            false => mistake,
        });
    }

    fn cycle(&mut self, reader: &mut Reader<'_>, path: &[String], name: &str, at: Range<usize>) {
        // Each group on the ring would find the same ring again; it is told once.
        if path.iter().all(|on_path| self.cyclic.contains(on_path)) {
            return;
        }
        self.cyclic.extend(path.iter().cloned());
        let ring: Vec<&str> = path.iter().map(String::as_str).chain([name]).collect();
        let last = path.last().map_or(name, String::as_str);
        let title = format!("{} `{}` contains itself: {}", self.what, shown(name), ring.join(" → "));
        reader.refuse(Mistake::new(at, title).cure(format!("take `@{}` out of `{}`", shown(name), shown(last))));
    }
}

struct Expansion<T> {
    path: Vec<String>,
    things: Vec<T>,
    steps: usize,
}
