//! The manifest of a tree: one line a path, sorted; its SHA-256 is the root hash. The hosts make the very same text
//! with a constant script, so this page is a contract between the two. It must never depend on when, where or by whom
//! a tree was made: same content, same text. Called by `build` (freezing), by the release's verification, and by
//! whatever compares two trees.
//!
//! # The text
//!
//! ```text
//! manifest  = *line                                  ; of an empty tree: no byte at all
//! line      = type TAB mode TAB content TAB path LF  ; TAB is 0x09, LF is 0x0a, also behind the last line
//! type      = "d" / "f" / "l"                        ; directory, regular file, symbolic link
//! mode      = "0" / 1*4 octal digits, no leading 0   ; as `find -printf %m` and `stat -c %a` say: 755, 644; links: 777
//! content   = "-"                                    ; of a directory
//!           / 64 lower-case hexadecimal digits       ; of a file: the SHA-256 of its bytes
//!           / target                                 ; of a link: its target, word for word (`find -printf %l`)
//! path      = name *( "/" name )                     ; below the tree's root (`find -printf %P`): no "./", no end "/"
//! ```
//!
//! - Names and targets are UTF-8, never empty, and without control characters (`char::is_control`: C0, DEL, C1), so a
//!   TAB or LF is always a separator. They may hold spaces, quotes and backslashes, and nothing is escaped: whoever
//!   calls `sha256sum` must mind that it puts a `\` before the digits when the name holds one.
//! - Lines are sorted by the bytes of their **path**: `LC_ALL=C sort -t TAB -k 4`. So `a.b` comes before `a/b`.
//! - The root directory itself is not in it, nor is a `REVISION` at the top: the release writes that one.
//! - Owners and times are not in it.
//!
//! With GNU tools the text of a tree is `find . -mindepth 1 ! -path ./REVISION` with `-printf 'd\t%m\t-\t%P\n'` for
//! directories, `-printf 'l\t777\t%l\t%P\n'` for links, and the same for files around their digests.

use super::tree::{self, FreezeError, ItemKind, Judgement, hash_while, hex};
use crate::stack::Root;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The file that a release writes at the top of a tree; never part of a manifest.
pub const REVISION: &str = "REVISION";

/// What a tree holds, sorted by the bytes of the paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
}

/// One path of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Below the tree's root, `/` between names.
    pub path: String,
    /// The permission bits; 777 of a link.
    pub mode: u32,
    /// What it is and holds.
    pub content: Content,
}

/// What a path of a tree is and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// The SHA-256 of its bytes, 64 lower-case hexadecimal digits.
        sha256: String,
    },
    /// A symbolic link.
    Link {
        /// Its target, word for word.
        target: String,
    },
}

/// A text that is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the manifest is wrong: {why}")]
pub struct BadManifest {
    /// Which line, from 1.
    pub line: usize,
    /// The rule that it breaks.
    pub why: &'static str,
}

impl Manifest {
    /// Reads a tree as it lies on the disk, and hashes its files. Blocking.
    ///
    /// # Errors
    /// What no tree may hold, by path, and what the disk said.
    pub fn of_tree(dir: &Path) -> Result<Self, FreezeError> {
        let mut entries = Vec::new();
        for item in tree::walk(dir, |path| if path == REVISION { Judgement::LeaveOut } else { Judgement::Keep })? {
            let mode = item.meta.permissions().mode() & 0o7777;
            let (mode, content) = match item.kind {
                ItemKind::Directory => (mode, Content::Directory),
                ItemKind::Link { target } => (0o777, Content::Link { target }),
                ItemKind::File => (mode, Content::File { sha256: hash_while(&dir.join(&item.path), |_| Ok(()))? }),
            };
            entries.push(Entry { path: item.path, mode, content });
        }
        Ok(Self { entries })
    }

    /// Makes a manifest of entries that are sorted already; for `build`.
    pub(super) fn of_sorted(entries: Vec<Entry>) -> Self {
        debug_assert!(entries.is_sorted_by(|a, b| a.path < b.path), "entries come sorted from the walk");
        Self { entries }
    }

    /// Reads the text of a manifest; whatever [`Manifest::to_text`] would not write is refused.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, BadManifest> {
        let mut entries: Vec<Entry> = Vec::new();
        for (place, line) in text.split_inclusive('\n').enumerate() {
            let wrong = |why| BadManifest { line: place + 1, why };
            let entry = parse_line(line).map_err(wrong)?;
            if entries.last().is_some_and(|before| before.path >= entry.path) {
                return Err(wrong("its path does not come behind the one before"));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// Its text, as this module's page says.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for Entry { path, mode, content } in &self.entries {
            let (kind, content) = match content {
                Content::Directory => ('d', "-"),
                Content::File { sha256 } => ('f', sha256.as_str()),
                Content::Link { target } => ('l', target.as_str()),
            };
            writeln!(text, "{kind}\t{mode:o}\t{content}\t{path}").expect("a string takes all that is written");
        }
        text
    }

    /// How many files it has.
    pub fn files(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry.content, Content::File { .. })).count() as u64
    }

    /// The root hash: the SHA-256 of its text.
    pub fn root(&self) -> Root {
        hex(&Sha256::digest(self.to_text())).parse().expect("a SHA-256 is 64 hexadecimal digits")
    }

    /// The paths, sorted by their bytes.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How `found` differs from this manifest, in words, sorted by path; empty when they are equal.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut words = Vec::new();
        let (mut ours, mut theirs) = (self.entries.iter().peekable(), found.entries.iter().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return words,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(our), Some(their)) => our.path.cmp(&their.path),
            };
            let our = ours.next_if(|_| order.is_le());
            let their = theirs.next_if(|_| order.is_ge());
            match (our, their) {
                (Some(our), None) => words.push(format!("missing {}", our.path)),
                (None, Some(their)) => words.push(format!("extra {}", their.path)),
                (Some(our), Some(their)) => words.extend(difference(our, their)),
                (None, None) => unreachable!("the order takes from at least one side"),
            }
        }
    }
}

/// How one path differs from what it should be.
fn difference(wanted: &Entry, found: &Entry) -> Vec<String> {
    let path = &wanted.path;
    let mut words = Vec::new();
    match (&wanted.content, &found.content) {
        (Content::Link { target: wanted }, Content::Link { target: found }) if wanted != found => {
            words.push(format!("link {path} points to {found} instead of {wanted}"));
        }
        (Content::File { sha256: wanted }, Content::File { sha256: found }) if wanted != found => {
            words.push(format!("changed {path}"));
        }
        (wanted, found) if kind_word(wanted) != kind_word(found) => {
            return vec![format!("{path} is {} instead of {}", kind_word(found), kind_word(wanted))];
        }
        _ => {}
    }
    if wanted.mode != found.mode {
        words.push(format!("mode of {path} is {:o} instead of {:o}", found.mode, wanted.mode));
    }
    words
}

fn kind_word(content: &Content) -> &'static str {
    match content {
        Content::Directory => "a directory",
        Content::File { .. } => "a file",
        Content::Link { .. } => "a link",
    }
}

fn parse_line(line: &str) -> Result<Entry, &'static str> {
    let line = line.strip_suffix('\n').ok_or("it does not end with a line feed")?;
    let mut fields = line.splitn(4, '\t');
    let (Some(kind), Some(mode), Some(content), Some(path)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("it does not have four fields");
    };
    let mode = parse_mode(mode)?;
    let content = match kind {
        "d" if content == "-" => Content::Directory,
        "d" => return Err("a directory's third field is not -"),
        "f" if is_sha256(content) => Content::File { sha256: content.to_owned() },
        "f" => return Err("a file's third field is not a SHA-256"),
        "l" if mode != 0o777 => return Err("a link's mode is not 777"),
        "l" if content.is_empty() || content.contains(char::is_control) => {
            return Err("a link's target is empty or has control characters");
        }
        "l" => Content::Link { target: content.to_owned() },
        _ => return Err("its type is none of d, f and l"),
    };
    if path.contains(char::is_control) || path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err("its path is not a path within a tree");
    }
    if path == REVISION {
        return Err("REVISION is the release's own file");
    }
    Ok(Entry { path: path.to_owned(), mode, content })
}

fn parse_mode(text: &str) -> Result<u32, &'static str> {
    let octal = (1..=4).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    if !octal || (text.starts_with('0') && text != "0") {
        return Err("its mode is not an octal number of at most four digits");
    }
    u32::from_str_radix(text, 8).map_err(|_| "its mode is not an octal number of at most four digits")
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
