//! Where a stack's revisions come from, and which of them a stage may push: `source` and `refs`. It must never look at the
//! world: an address is only read as text. Called by `parse`; everybody knows [`Source`].

mod login;
pub(super) mod tickets;

use super::Revision;
use super::reader::{Keys, Reader};
use super::values::{self, Refused};
use crate::diagnostic::{Mistake, shown};
use login::on_the_way;
pub use login::{SourceLogin, is_insecure, is_path_for_ssh};
use serde::{Deserialize, Serialize};
use std::fmt;
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
/// What only git has, and what to do about it elsewhere.
const OF_GIT: [(&str, &str); 3] = [
    ("branch", "take it out: only git has branches here"),
    ("submodules", "take it out: only git has submodules"),
    ("lfs", "take it out: Git LFS belongs to git; what is published or copied must hold the files themselves"),
];
/// What only a source of the network has.
const OF_NETWORK: [&str; 4] = ["insecure", "user", "token_file", "key_file"];
/// Without a word in the file: half of the files may go.
const SHRINK: usize = 50;
const KINDS: [&str; 4] = ["git", "svn", "dir", "published"];
const EXAMPLE: &str = "source = { git = \"https://git.example.com/web.git\", branch = \"main\" }";

/// Reads `source`; `None` only after a mistake was noted.
pub(super) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) -> Option<Source> {
    let Some((key, value)) = root.get_key_value("source") else {
        reader.missing(0..0, "the stack", "source", &format!("say where it comes from: {EXAMPLE}"));
        return None;
    };
    let table = reader.table(value)?;
    reader.check_keys(table, &SOURCE);
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| table.contains_key(*kind)).collect();
    if let [first, second, ..] = kinds.as_slice() {
        let title = format!("`source` has `{first}` and `{second}`, and a stack has one source");
        reader.refuse(Mistake::new(key.span(), title).cure("keep one of them"));
        return None;
    }
    for (name, cure) in OF_GIT {
        if let (Some((key, _)), [kind @ ("svn" | "dir" | "published")]) = (table.get_key_value(name), &kinds[..]) {
            reader.refuse(Mistake::new(key.span(), format!("`{kind}` has no `{name}`")).cure(cure));
        }
    }
    for name in OF_NETWORK {
        if let (Some((key, _)), [kind @ ("dir" | "published")]) = (table.get_key_value(name), &kinds[..]) {
            let cure = "take it out: nothing is fetched over the network";
            reader.refuse(Mistake::new(key.span(), format!("`{kind}` has no `{name}`")).cure(cure));
        }
    }
    let of = |kind| table.get(kind);
    match kinds.first() {
        Some(&"svn") => {
            let url = reader.parsed(of("svn")?, values::svn_url)?;
            let login = on_the_way(reader, table, "svn", &url)?;
            Some(Source::Svn { url, login })
        }
        Some(&"dir") => {
            let path = reader.parsed(of("dir")?, values::absolute_path)?;
            Some(Source::Dir { path: path.trim_end_matches('/').to_owned() })
        }
        Some(&"published") => {
            let value = of("published")?;
            let yes = reader.boolean(value)?;
            if !yes {
                let mistake = Mistake::new(value.span(), "`published` can only be true");
                reader.refuse(mistake.cure("write published = true, or another source"));
            }
            refuse_making(reader, root);
            Some(Source::Published)
        }
        _ => {
            let mut get = |name, parse: fn(&str) -> Result<String, Refused>| match table.get(name) {
                Some(value) => reader.parsed(value, parse),
                None => {
                    reader.missing(key.span(), "`source`", name, &format!("write {EXAMPLE}"));
                    None
                }
            };
            let (url, branch) = (get("git", values::git_url), get("branch", values::branch));
            let mut says = |name| table.get(name).is_some_and(|value| reader.boolean(value) == Some(true));
            let (submodules, lfs) = (says("submodules"), says("lfs"));
            let url = url?;
            let login = on_the_way(reader, table, "git", &url)?;
            Some(Source::Git { url, branch: branch?, submodules, lfs, login })
        }
    }
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
    if let Some(source @ (Source::Svn { .. } | Source::Dir { .. })) = source {
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
        match (&self.source, said) {
            (_, Some(refs)) => Some(refs),
            (Source::Git { branch, .. }, None) if place == 0 => Some(Refs::only(branch)),
            _ => None,
        }
    }

    /// The address of the difference between two revisions, when the file says where one is.
    pub fn diff_url(&self, old: &Revision, new: &Revision) -> Option<String> {
        let diff = self.diff.as_ref()?;
        Some(diff.replace("{old_sha}", old.as_str()).replace("{sha}", new.as_str()))
    }
}

#[cfg(test)]
mod tests;
