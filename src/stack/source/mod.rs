//! Where a stack's revisions come from, and which of them a stage may push: `source` and `refs`. It must never look at the
//! world: an address is only read as text. Called by `parse`; everybody knows [`Source`].

mod kind;
mod login;
pub(super) mod tickets;

use super::Revision;
use super::reader::{Keys, Reader};
use super::values::{self, Refused};
use crate::diagnostic::{Mistake, shown};
use kind::SourceKind;
use login::on_the_way;
pub use login::{SourceLogin, is_insecure, is_path_for_ssh};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use toml::de::DeTable;

/// Where revisions come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A git repository: any URL or absolute path that git takes, and the branch that the first stage pushes.
    Git {
        /// The address, never beginning with `-`.
        url: String,
        /// The branch, as `git check-ref-format --branch` allows it.
        branch: String,
        /// Whether its submodules come along, each at the commit that it names.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        submodules: bool,
        /// Whether the files of Git LFS are fetched.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lfs: bool,
        /// What signs in, where something must that belongs to this source alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<SourceLogin>,
    },
    /// A directory of a Subversion repository; its revisions are numbers.
    Svn {
        /// The address: http, https, svn, svn+ssh or file; no peg revision.
        url: String,
        /// What signs in, where something must that belongs to this source alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<SourceLogin>,
    },
    /// A directory of the push host; its revision is the root hash of what it holds.
    Dir {
        /// The directory, absolute.
        path: String,
    },
    /// Builds that someone else made, and published.
    Published,
}

impl Source {
    /// What the newest revision stands on, as a person says it: the branch, or the last part of an address.
    pub fn branch(&self) -> &str {
        let last = |text: &str| text.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        match self {
            Self::Git { branch, .. } => branch,
            Self::Svn { url: address, .. } | Self::Dir { path: address } => {
                address[last(address)..].trim_end_matches('/')
            }
            Self::Published => "published builds",
        }
    }

    /// What one version of it is called.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Git { .. } | Self::Svn { .. } => "commit",
            Self::Dir { .. } => "version",
            Self::Published => "build",
        }
    }

    /// What signs in to it, where it has something of its own.
    pub fn login(&self) -> Option<&SourceLogin> {
        match self {
            Self::Git { login, .. } | Self::Svn { login, .. } => login.as_ref(),
            Self::Dir { .. } | Self::Published => None,
        }
    }

    /// Its address; none of builds that are published.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Git { url, .. } | Self::Svn { url, .. } => Some(url),
            Self::Dir { path } => Some(path),
            Self::Published => None,
        }
    }

    /// The branch that the first stage pushes where `refs` says no more; none where any may come.
    pub fn own_branch(&self) -> Option<&str> {
        match self {
            Self::Git { branch, .. } => Some(branch),
            Self::Svn { .. } | Self::Dir { .. } | Self::Published => None,
        }
    }

    /// Whether what comes from it is of a branch, so that a stage may say which.
    pub fn has_branches(&self) -> bool {
        match self {
            Self::Git { .. } | Self::Published => true,
            Self::Svn { .. } | Self::Dir { .. } => false,
        }
    }

    /// Whether earlier versions are still there, to be chosen, and to be listed as removed.
    pub fn keeps_versions(&self) -> bool {
        match self {
            Self::Git { .. } | Self::Svn { .. } | Self::Published => true,
            Self::Dir { .. } => false,
        }
    }

    /// Whether it can say which files differ between two revisions.
    pub fn compares_files(&self) -> bool {
        match self {
            Self::Git { .. } => true,
            Self::Svn { .. } | Self::Dir { .. } | Self::Published => false,
        }
    }

    /// Whether builds are published to it, ready-made: then there is nothing to fetch.
    pub fn is_published(&self) -> bool {
        match self {
            Self::Published => true,
            Self::Git { .. } | Self::Svn { .. } | Self::Dir { .. } => false,
        }
    }

    /// Whether it brings files of Git LFS.
    pub fn brings_lfs(&self) -> bool {
        match self {
            Self::Git { lfs, .. } => *lfs,
            Self::Svn { .. } | Self::Dir { .. } | Self::Published => false,
        }
    }

    /// The programs that it starts on the push host: the name of each, what asks it for its version, and how to get it.
    pub fn programs(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let git = ("git", "--version", "apt install git");
        let lfs = ("git-lfs", "version", "apt install git-lfs, or remove lfs = true from the stack file");
        match self {
            Self::Git { lfs: true, .. } => vec![git, lfs],
            Self::Git { lfs: false, .. } => vec![git],
            Self::Svn { .. } => vec![("svn", "--version", "apt install subversion")],
            Self::Dir { .. } | Self::Published => Vec::new(),
        }
    }
}

/// The branches that a stage may push: names, in which `*` stands for any letters but `/`, and `**` for any at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refs(Vec<String>);

impl Refs {
    /// One branch and no other.
    pub fn only(branch: &str) -> Self {
        Self(vec![branch.to_owned()])
    }

    /// Whether a branch is among them.
    pub fn allow(&self, branch: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern.as_bytes(), branch.as_bytes()))
    }
}

impl fmt::Display for Refs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Whether a name is one that a pattern stands for. `reach[n]` says whether the pattern so far ends behind the first `n`
/// bytes of the name, so the work is the product of both lengths whatever the pattern is.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let stars = pattern[at..].iter().take_while(|byte| **byte == b'*').count();
        match stars {
            0 => {
                for end in (0..=name.len()).rev() {
                    reach[end] = end > 0 && reach[end - 1] && name[end - 1] == pattern[at];
                }
                at += 1;
            }
            stars => {
                for end in 1..=name.len() {
                    reach[end] |= reach[end - 1] && (stars > 1 || name[end - 1] != b'/');
                }
                at += stars;
            }
        }
    }
    reach[name.len()]
}

/// Whether a text can be the name of a branch.
pub fn is_branch(text: &str) -> bool {
    values::branch(text).is_ok()
}

pub(super) const SOURCE: Keys = Keys {
    of: "`source`",
    known: &[
        "git",
        "branch",
        "submodules",
        "lfs",
        "svn",
        "dir",
        "published",
        "shrink",
        "insecure",
        "user",
        "token_file",
        "key_file",
    ],
    later: &[],
};
/// Without a word in the file: half of the files may go.
const SHRINK: usize = 50;
const EXAMPLE: &str = "source = { git = \"https://git.example.com/web.git\", branch = \"main\" }";

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
    for (name, cure) in kind.refused().concat() {
        if let Some((key, _)) = table.get_key_value(name) {
            let title = format!("`{}` has no `{name}`", kind.word());
            reader.refuse(Mistake::new(key.span(), title).cure(cure));
        }
    }
    match kind {
        SourceKind::Git => read_git(reader, table, key.span()),
        SourceKind::Svn => {
            let url = reader.parsed(table.get(kind.word())?, values::svn_url)?;
            let login = on_the_way(reader, table, kind.word(), &url)?;
            Some(Source::Svn { url, login })
        }
        SourceKind::Dir => {
            let path = reader.parsed(table.get(kind.word())?, values::absolute_path)?;
            Some(Source::Dir { path: path.trim_end_matches('/').to_owned() })
        }
        SourceKind::Published => {
            let value = table.get(kind.word())?;
            let yes = reader.boolean(value)?;
            if !yes {
                let mistake = Mistake::new(value.span(), "`published` can only be true");
                reader.refuse(mistake.cure("write published = true, or another source"));
            }
            refuse_making(reader, root);
            Some(Source::Published)
        }
    }
}

fn read_git(reader: &mut Reader<'_>, table: &DeTable<'_>, at: Range<usize>) -> Option<Source> {
    let mut get = |name, parse: fn(&str) -> Result<String, Refused>| match table.get(name) {
        Some(value) => reader.parsed(value, parse),
        None => {
            reader.missing(at.clone(), "`source`", name, &format!("write {EXAMPLE}"));
            None
        }
    };
    let (url, branch) = (get("git", values::git_url), get("branch", values::branch));
    let mut says = |name| table.get(name).is_some_and(|value| reader.boolean(value) == Some(true));
    let (submodules, lfs) = (says("submodules"), says("lfs"));
    let url = url?;
    let login = on_the_way(reader, table, SourceKind::Git.word(), &url)?;
    Some(Source::Git { url, branch: branch?, submodules, lfs, login })
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
    for name in ["build", "ship"] {
        if let Some((key, _)) = root.get_key_value(name) {
            let title = format!("`{name}` makes a build, and this stack's builds are published ready-made");
            reader.refuse(Mistake::new(key.span(), title).cure("take it out, and do this where the build is made"));
        }
    }
}

/// Reads `refs` of the stack or of a stage.
pub(super) fn read_refs(reader: &mut Reader<'_>, table: &DeTable<'_>, source: Option<&Source>) -> Option<Refs> {
    let (key, value) = table.get_key_value("refs")?;
    if let Some(source) = source.filter(|source| !source.has_branches()) {
        let title = format!("`refs` needs branches, and {} has none", shown(source.address().unwrap_or_default()));
        reader.refuse(Mistake::new(key.span(), title).cure("take it out"));
        return None;
    }
    let texts = reader.texts(value)?;
    if texts.is_empty() {
        let cure = "name branches: refs = [\"main\", \"release/*\"]";
        reader.refuse(Mistake::new(value.span(), "`refs` allows no branch at all").cure(cure));
        return None;
    }
    let patterns = texts.iter().map(|text| reader.parsed_text(text, pattern)).collect::<Vec<_>>();
    patterns.into_iter().collect::<Option<Vec<_>>>().map(Refs)
}

/// A branch in which stars may stand for letters.
fn pattern(text: &str) -> Result<String, Refused> {
    match values::branch(&text.replace('*', "x")) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Refused {
            title: format!("`{}` is not the name of a branch, nor a pattern for some", shown(text)),
            at: None,
            cures: vec![
                "write names; * matches any characters but /, ** any at all: \"main\", \"release/*\"".to_owned(),
            ],
        }),
    }
}

impl super::Stack {
    /// Whether the stage at `place` may push what was made from a branch.
    pub fn allows(&self, place: usize, branch: &str) -> bool {
        self.refs_of(place).is_none_or(|refs| refs.allow(branch))
    }

    /// The branches that the stage at `place` may push; none: all that come to it. The first stage of a git stack pushes
    /// its own branch, unless `refs` says more.
    pub fn refs_of(&self, place: usize) -> Option<Refs> {
        let said = self.stages.get(place).and_then(|stage| stage.refs.clone());
        said.or_else(|| self.source.own_branch().filter(|_| place == 0).map(Refs::only))
    }

    /// The address of the difference between two revisions, when the file says where one is.
    pub fn diff_url(&self, old: &Revision, new: &Revision) -> Option<String> {
        let diff = self.diff.as_ref()?;
        Some(diff.replace("{old_sha}", old.as_str()).replace("{sha}", new.as_str()))
    }
}

#[cfg(test)]
mod tests;
