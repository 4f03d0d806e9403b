//! Where a stack's revisions come from, and which of them a stage may push: the table `source`, and `refs`. It must never look at the
//! world: an address is only read as text. Called by `parse`; everybody knows [`Source`]. What depends on the kind is in `kind.rs`.

mod address;
mod kind;
mod login;
mod refs;
pub(super) mod tickets;

use super::Revision;
use super::reader::{Keys, Reader};
use super::values;
use crate::diagnostic::Mistake;
use kind::EXAMPLE;
pub use kind::{Source, SourceKind};
pub use login::{SourceLogin, is_insecure, is_path_for_ssh};
pub(super) use refs::read_refs;
pub use refs::{Refs, is_branch};
use toml::de::DeTable;

/// Keys, each with what to do about it where it cannot stand.
type Refused = &'static [(&'static str, &'static str)];

/// What only a source of the network has.
const OF_NETWORK: Refused =
    &[("insecure", NO_NETWORK), ("user", NO_NETWORK), ("token_file", NO_NETWORK), ("key_file", NO_NETWORK)];
const NO_NETWORK: &str = "take it out: nothing is fetched over the network";

pub(super) const SOURCE: Keys = Keys { of: "`source`", known: &KNOWN, later: &[] };

/// The words of the kinds, each with the keys of its own, and what several kinds have.
const KNOWN: [&str; COUNT] = {
    let (mut keys, mut length, mut at) = ([""; COUNT], 0, 0);
    while at < SourceKind::ALL.len() {
        keys[length] = SourceKind::ALL[at].word();
        length += 1;
        let (own, mut of_own) = (SourceKind::ALL[at].own_keys(), 0);
        while of_own < own.len() {
            keys[length] = own[of_own].0;
            (length, of_own) = (length + 1, of_own + 1);
        }
        at += 1;
    }
    keys[length] = "shrink";
    at = 0;
    while at < OF_NETWORK.len() {
        keys[length + 1 + at] = OF_NETWORK[at].0;
        at += 1;
    }
    keys
};

const COUNT: usize = {
    let (mut of_kinds, mut at) = (0, 0);
    while at < SourceKind::ALL.len() {
        of_kinds += 1 + SourceKind::ALL[at].own_keys().len();
        at += 1;
    }
    of_kinds + 1 + OF_NETWORK.len()
};

/// Without a word in the file: half of the files may go.
const SHRINK: usize = 50;

/// Reads `source`; `None` only after a mistake was noted.
pub(super) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) -> Option<Source> {
    let Some((key, value)) = root.get_key_value("source") else {
        reader.missing(0..0, "the stack", "source", &format!("say where it comes from: {EXAMPLE}"));
        return None;
    };
    let table = reader.table(value)?;
    reader.check_keys(table, &SOURCE);
    let kinds: Vec<SourceKind> = SourceKind::ALL.into_iter().filter(|kind| table.contains_key(kind.word())).collect();
    let kind = match kinds.as_slice() {
        [first, second, ..] => {
            let (first, second) = (first.word(), second.word());
            let title = format!("`source` has `{first}` and `{second}`, and a stack has one source");
            reader.refuse(Mistake::new(key.span(), title).cure("keep one of them"));
            return None;
        }
        [kind] => *kind,
        // What most write; it says what is missing.
        [] => SourceKind::Git,
    };
    for (name, cure) in refused_keys(kind) {
        if let Some((key, _)) = table.get_key_value(*name) {
            let title = format!("`{}` has no `{name}`", kind.word());
            reader.refuse(Mistake::new(key.span(), title).cure(*cure));
        }
    }
    let source = Source::read(kind, reader, table, key.span())?;
    if source.is_published() {
        refuse_making(reader, root);
    }
    Some(source)
}

/// The keys that a kind cannot have: what another kind alone has, and what needs a network.
fn refused_keys(kind: SourceKind) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let of_others = SourceKind::ALL.into_iter().filter(move |other| *other != kind);
    let of_network: Refused = if kind.is_of_network() { &[] } else { OF_NETWORK };
    of_others.flat_map(SourceKind::own_keys).chain(of_network)
}

/// Reads `shrink` of the source: how much smaller than the one before a build is believed without asking.
pub(super) fn read_shrink(reader: &mut Reader<'_>, root: &DeTable<'_>) -> usize {
    let table = root.get("source").and_then(|value| value.get_ref().as_table());
    let shrink =
        table.and_then(|table| table.get("shrink")).and_then(|value| reader.parsed(value, values::file_shrink));
    shrink.unwrap_or(SHRINK)
}

/// What is published goes out as it is.
fn refuse_making(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    for name in ["build", "network", "cache", "ship"] {
        if let Some((key, _)) = root.get_key_value(name) {
            let title = format!("`{name}` makes a build, and this stack's builds are published ready-made");
            reader.refuse(Mistake::new(key.span(), title).cure("take it out, and do this where the build is made"));
        }
    }
}

impl super::Stack {
    /// The address of the difference between two revisions, when the file says where one is.
    pub fn diff_url(&self, old: &Revision, new: &Revision) -> Option<String> {
        let diff = self.diff.as_ref()?;
        Some(diff.replace("{old_sha}", old.as_str()).replace("{sha}", new.as_str()))
    }
}

#[cfg(test)]
mod tests;
