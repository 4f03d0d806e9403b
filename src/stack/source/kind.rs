//! The kinds of sources, and what the rooms ask of one before anything is fetched: word and keys, how it is read, address, branches,
//! programs, how a person brings it by hand. Who adds one answers here, and is led to `source/mod.rs`, which fetches it. The one list
//! of them: the reader takes a kind only from here. It must never look at the world: an address is only read as text.

use super::address;
use super::login::{SourceLogin, on_the_way};
use crate::diagnostic::Mistake;
use crate::stack::Revision;
use crate::stack::reader::Reader;
use crate::stack::shell::quoted;
use crate::stack::values::{self, Refused};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;
use toml::de::DeTable;

/// What most write.
pub(super) const EXAMPLE: &str = "source = { git = \"https://git.example.com/web.git\", branch = \"main\" }";

/// A kind of source, as the stack file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A git repository.
    Git,
    /// A directory of a Subversion repository.
    Svn,
    /// A directory of the push host.
    Dir,
    /// Builds that someone else made.
    Published,
}

impl SourceKind {
    /// All of them, in the order in which error messages name them.
    pub const ALL: [Self; 4] = [Self::Git, Self::Svn, Self::Dir, Self::Published];

    /// Its key in the table of a source.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Svn => "svn",
            Self::Dir => "dir",
            Self::Published => "published",
        }
    }

    /// The keys that it alone has, each with what to do about it where another kind has it.
    pub(super) const fn own_keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Git => &[
                ("branch", "take it out: only git has branches here"),
                ("submodules", "take it out: only git has submodules"),
                (
                    "lfs",
                    "take it out: Git LFS belongs to git; what is published or copied must hold the files themselves",
                ),
            ],
            Self::Svn | Self::Dir | Self::Published => &[],
        }
    }

    /// Whether it is fetched over the network, so that someone may have to sign in.
    pub(super) const fn is_of_network(self) -> bool {
        match self {
            Self::Git | Self::Svn => true,
            Self::Dir | Self::Published => false,
        }
    }

    /// The schemes of its addresses over which a password or token signs in.
    const fn token_schemes(self) -> &'static [&'static str] {
        match self {
            Self::Git => &["https", "http"],
            Self::Svn => &["https", "http", "svn"],
            Self::Dir | Self::Published => &[],
        }
    }
}

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
    /// Reads what a table says of a source of this kind; `at` is the place of the key `source`. `None` only after a mistake was noted.
    pub(super) fn read(
        kind: SourceKind,
        reader: &mut Reader<'_>,
        table: &DeTable<'_>,
        at: Range<usize>,
    ) -> Option<Self> {
        let mut get = |name, parse: fn(&str) -> Result<String, Refused>| match table.get(name) {
            Some(value) => reader.parsed(value, parse),
            None => {
                reader.missing(at.clone(), "`source`", name, &format!("write {}", EXAMPLE));
                None
            }
        };
        match kind {
            SourceKind::Git => {
                let (url, branch) = (get(kind.word(), address::git_url), get("branch", values::branch));
                let mut says = |name| table.get(name).is_some_and(|value| reader.boolean(value) == Some(true));
                let (submodules, lfs) = (says("submodules"), says("lfs"));
                let url = url?;
                let login = on_the_way(reader, table, kind.word(), kind.token_schemes(), &url)?;
                Some(Self::Git { url, branch: branch?, submodules, lfs, login })
            }
            SourceKind::Svn => {
                let url = get(kind.word(), address::svn_url)?;
                let login = on_the_way(reader, table, kind.word(), kind.token_schemes(), &url)?;
                Some(Self::Svn { url, login })
            }
            SourceKind::Dir => {
                let path = get(kind.word(), values::absolute_path)?;
                Some(Self::Dir { path: path.trim_end_matches('/').to_owned() })
            }
            SourceKind::Published => {
                let value = table.get(kind.word())?;
                if !reader.boolean(value)? {
                    let mistake = Mistake::new(value.span(), "`published` can only be true");
                    reader.refuse(mistake.cure("write published = true, or another source"));
                }
                Some(Self::Published)
            }
        }
    }

    /// Its kind.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Git { .. } => SourceKind::Git,
            Self::Svn { .. } => SourceKind::Svn,
            Self::Dir { .. } => SourceKind::Dir,
            Self::Published => SourceKind::Published,
        }
    }

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

    /// Whether builds are published to it, ready-made: then there is nothing to fetch, nor to build.
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

    /// The lines of a shell that put a revision into the empty directory `$work/checkout`, for who pushes by hand. `mirror` is where
    /// the mirror of its address lies, if it has one.
    pub fn by_hand(&self, revision: &Revision, mirror: &Path) -> String {
        let mirror = quoted(&mirror.display().to_string());
        match self {
            Self::Git { submodules: false, lfs: false, .. } => format!(
                "GIT_INDEX_FILE=\"$work/index\" git -c core.hooksPath=/dev/null --git-dir={mirror} \
                 --work-tree=\"$work/checkout\" \\\n  checkout --quiet --force {revision} -- . </dev/null\n"
            ),
            Self::Git { url, submodules, lfs, .. } => {
                let git = "git -c core.hooksPath=/dev/null -C \"$work/checkout\"";
                let mut lines = format!(
                    "git clone --quiet --no-checkout -- {} \"$work/checkout\" </dev/null\n{git} checkout --quiet --force {revision}\n",
                    quoted(url),
                );
                if *submodules {
                    lines.push_str(&format!("{git} submodule --quiet update --init --recursive </dev/null\n"));
                }
                if *lfs {
                    lines.push_str(&format!("{git} lfs pull </dev/null\n"));
                }
                lines
            }
            Self::Svn { url, .. } => format!(
                "svn --non-interactive export --quiet --force --ignore-externals -r {revision} -- {} \"$work/checkout\" </dev/null\n",
                quoted(&format!("{}@{revision}", url.trim_end_matches('/')))
            ),
            // Nothing compares it with what was seen: it is what lies there now.
            Self::Dir { path } => format!("cp -a -- {} \"$work/checkout/\"\n", quoted(&format!("{path}/."))),
            // A build that was published is there already.
            Self::Published => String::new(),
        }
    }
}
