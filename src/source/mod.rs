//! Where builds come from: git mirrors, Subversion, directories, published trees; checkouts, frozen builds and their
//! manifests. [`Origin`] is a stack's source as it can be asked, whatever kind it is: what is new, what came between two revisions, bring
//! one here. This room must never run a committer's code (the runner does, under the guard), never hand a ref to a tool as an option,
//! and never resolve a name after the press: revisions only. Called by the desk (looking) and the runner (fetching).

pub mod artifact;
pub mod build;
pub mod directory;
pub mod gate;
pub mod git;
pub mod lfs;
pub mod login;
pub mod manifest;
mod no_build;
pub mod svn;
mod tool;
mod tree;
pub mod unpack;

use crate::advice::Table;
use crate::ledger::pushes::Commit;
use crate::size::Most;
use crate::stack::{Refs, Revision, Source, SourceKind};
use crate::time::At;
use directory::{Directory, DirectoryState};
use git::{FileChange, Mirror};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use svn::Svn;
pub use tool::SourceError;

/// Reading all of a directory for the first time.
const LOOK_LIMIT: Duration = Duration::from_secs(540);

/// A source that can be asked.
#[derive(Clone, Debug)]
pub enum Origin {
    /// git, with the branch that the first stage pushes.
    Git(Mirror, String),
    /// Subversion.
    Svn(Svn),
    /// A directory of the push host.
    Dir(Arc<Directory>, PathBuf),
}

/// Whether a source knows a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It does, on these branches.
    On(Vec<String>),
    /// It does not; why, for who chose it.
    No(String),
}

/// Where a page of a list begins that grows at its top: what stood there when it was first read, and how many are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFrom {
    /// The version that was the newest; none for the list as it is now.
    pub from: Option<Revision>,
    /// How many are left out from there on.
    pub skip: usize,
}

impl ListFrom {
    /// What is left of the whole list, newest first.
    pub fn of<T>(&self, all: Vec<T>, sha: impl Fn(&T) -> &str) -> impl Iterator<Item = T> {
        let first = self.from.as_ref().map_or(Some(0), |from| all.iter().position(|one| sha(one) == from.as_str()));
        let (first, skip) = (first.unwrap_or(all.len()), self.skip);
        all.into_iter().skip(first).skip(skip)
    }
}

/// What a source of hashes takes for the whole of one.
pub fn whole_hash(text: &str) -> Option<&str> {
    matches!(text.len(), 40 | 64).then_some(text)
}

impl Origin {
    /// A source; none where builds are published. Nothing is touched yet.
    pub fn of(source: &Source, mirrors: &Path, ssh_config: Option<PathBuf>, most: Most) -> Option<Self> {
        Some(match source {
            Source::Git { url, branch, submodules, lfs, login } => {
                let mirror = Mirror::new(mirrors, url, ssh_config).at_most(most.mib).signing_in(login.clone());
                Self::Git(mirror.bringing(*submodules, *lfs), branch.clone())
            }
            Source::Svn { url, login } => Self::Svn(Svn::new(mirrors, url, ssh_config).signing_in(login.clone())),
            Source::Dir { path } => Self::Dir(Arc::new(Directory::new(Path::new(path), most)), path.into()),
            Source::Published => return None,
        })
    }

    /// Brings what is known up to date.
    ///
    /// # Errors
    /// Why it could not be asked, or be read.
    pub async fn fetch(&self) -> Result<(), SourceError> {
        match self {
            Self::Git(mirror, _) => mirror.fetch().await,
            Self::Svn(svn) => svn.fetch().await,
            Self::Dir(directory, path) => {
                let (directory, path) = (Arc::clone(directory), path.clone());
                let looked = blocking(move || directory.look(LOOK_LIMIT)).await;
                looked.map(|_| ()).map_err(|why| SourceError { what: format!("reading {}", path.display()), why })
            }
        }
    }

    /// When it was last brought up to date.
    pub async fn fetched_at(&self) -> Option<At> {
        match self {
            Self::Git(mirror, _) => mirror.fetched_at().await,
            Self::Svn(svn) => svn.fetched_at(),
            Self::Dir(directory, _) => directory.seen().map(|(_, at)| at),
        }
    }

    /// The newest revision, as it was last fetched.
    ///
    /// # Errors
    /// When nothing is known yet, or git does not answer.
    pub async fn head(&self) -> Result<Revision, SourceError> {
        match self {
            Self::Git(mirror, branch) => mirror.head(branch).await,
            Self::Svn(svn) => svn.head(),
            Self::Dir(directory, path) => match directory.seen() {
                Some((seen, _)) => Ok(seen.root),
                None => Err(SourceError {
                    what: format!("reading {}", path.display()),
                    why: "it was not read yet".to_owned(),
                }),
            },
        }
    }

    /// The commits in `to` that are not in `from`, newest first, at most `most`, and how many there are in all.
    ///
    /// # Errors
    /// What git said.
    pub async fn log(
        &self,
        from: Option<&Revision>,
        to: &Revision,
        most: usize,
    ) -> Result<(Vec<Commit>, usize), SourceError> {
        match self {
            Self::Git(mirror, _) => mirror.log(from, to, most).await,
            Self::Svn(svn) => Ok(svn.log(from, to, most)),
            Self::Dir(_, _) if from == Some(to) => Ok((Vec::new(), 0)),
            Self::Dir(directory, path) => {
                let seen = directory.seen().filter(|(seen, _)| seen.root == *to);
                Ok((vec![version(path, to, seen.map(|(seen, _)| seen))], 1))
            }
        }
    }

    /// How many commits are in `to` that are not in `from`, as [`Origin::log`] counts them.
    ///
    /// # Errors
    /// What git said.
    pub async fn count(&self, from: Option<&Revision>, to: &Revision) -> Result<usize, SourceError> {
        match self {
            Self::Git(mirror, _) => mirror.count(from, to).await,
            Self::Svn(_) | Self::Dir(..) => Ok(self.log(from, to, 0).await?.1),
        }
    }

    /// The whole of a revision, where a text in small letters is one; none where it may be the beginning of one.
    pub fn whole<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Git(..) | Self::Dir(..) => whole_hash(text),
            Self::Svn(_) => Some(text.strip_prefix('r').unwrap_or(text)),
        }
    }

    /// The revisions that begin with hexadecimal digits, at most `most`.
    ///
    /// # Errors
    /// What git said.
    pub async fn beginning_with(&self, digits: &str, most: usize) -> Result<Vec<String>, SourceError> {
        match self {
            Self::Git(mirror, _) => mirror.commits_with(digits, most).await,
            // A number is never the beginning of one.
            Self::Svn(_) => Ok(Vec::new()),
            Self::Dir(directory, _) => {
                let seen = directory.seen().map(|(seen, _)| seen.root.to_string());
                Ok(seen.into_iter().filter(|root| root.starts_with(digits)).collect())
            }
        }
    }

    /// Whether a revision can be brought from here, and of which branches it is; `branch` is the source's own.
    ///
    /// # Errors
    /// What git said.
    pub async fn knows(&self, revision: &Revision, branch: &str) -> Result<Known, SourceError> {
        let short = revision.short();
        let on_its_own = || Ok(Known::On(vec![branch.to_owned()]));
        match self {
            Self::Git(mirror, _) if mirror.has(revision).await => Ok(Known::On(mirror.branches_with(revision).await?)),
            Self::Git(..) => Ok(Known::No(format!(
                "the commit {short} is not known here; was it pushed to {branch}, and fetched since?"
            ))),
            Self::Svn(svn) => match svn.recent().iter().any(|commit| commit.sha == revision.as_str()) {
                true => on_its_own(),
                false => Ok(Known::No(format!("r{short} is not among the last commits of {branch}"))),
            },
            Self::Dir(directory, path) => match directory.seen() {
                Some((seen, _)) if seen.root == *revision => on_its_own(),
                Some(_) | None => Ok(Known::No(format!(
                    "{} has one version at a time, and it is not {short}; to go back, roll the stage back",
                    path.display()
                ))),
            },
        }
    }

    /// The newest versions that can be chosen, by branch: at most `most` of the source's `own`, the head of each of as many others
    /// that `refs` allows; `branches` are looked at. Further down the list, those of `own` alone.
    ///
    /// # Errors
    /// What git said.
    pub async fn versions(
        &self,
        own: &str,
        refs: &Refs,
        (page, most): (&ListFrom, usize),
        branches: usize,
    ) -> Result<Vec<(String, Vec<Commit>)>, SourceError> {
        match self {
            Self::Git(mirror, _) if let Some(from) = &page.from => {
                let is_own = mirror.has(from).await && mirror.branches_with(from).await?.iter().any(|of| of == own);
                let commits = if is_own { mirror.newest(from, page.skip + most).await? } else { Vec::new() };
                Ok(vec![(own.to_owned(), commits.into_iter().skip(page.skip).collect())])
            }
            Self::Git(mirror, _) => {
                let commits = match mirror.head(own).await {
                    Ok(head) => mirror.newest(&head, most).await?,
                    // The branch may be gone, and the others are not.
                    Err(_) => Vec::new(),
                };
                let others = mirror.heads(branches).await?.into_iter();
                let others = others.filter(|(branch, _)| *branch != own && refs.allow(branch)).take(most);
                let others = others.map(|(branch, head)| (branch, vec![head]));
                Ok([(own.to_owned(), commits)].into_iter().chain(others).collect())
            }
            Self::Svn(svn) => {
                Ok(vec![(own.to_owned(), page.of(svn.recent(), |commit| commit.sha.as_str()).take(most).collect())])
            }
            Self::Dir(..) => Ok(Vec::new()),
        }
    }

    /// The newest revision of each branch, where asking for all at once saves asking for each; otherwise none.
    pub async fn all_heads(&self) -> BTreeMap<String, Revision> {
        match self {
            Self::Git(mirror, _) => mirror.all_heads().await,
            Self::Svn(_) | Self::Dir(..) => BTreeMap::new(),
        }
    }

    /// The files that differ between two revisions; none where it cannot tell (`compares_files` of [`Source`]).
    ///
    /// # Errors
    /// What git said.
    pub async fn changed_files(
        &self,
        from: &Revision,
        to: &Revision,
    ) -> Result<Option<Vec<(FileChange, String)>>, SourceError> {
        match self {
            Self::Git(mirror, _) => mirror.changed_files(from, to).await.map(Some),
            Self::Svn(_) | Self::Dir(..) => Ok(None),
        }
    }

    /// Where its mirror lies, if it has one that a script can check out from.
    pub fn mirror_dir(&self) -> Option<PathBuf> {
        match self {
            Self::Git(mirror, _) => Some(mirror.dir()),
            Self::Svn(_) | Self::Dir(..) => None,
        }
    }

    /// Whether what it remembers serves all stacks of the very same source.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Dir(..) => true,
            Self::Git(..) | Self::Svn(_) => false,
        }
    }

    /// Whether looking at it again is a matter of moments, so that a push sees what was changed a moment ago.
    pub fn is_quick_to_look_at(&self) -> bool {
        match self {
            Self::Dir(..) => true,
            Self::Git(..) | Self::Svn(_) => false,
        }
    }

    /// Whether a revision must be fetched before it can be checked out.
    pub async fn is_missing(&self, revision: &Revision) -> bool {
        match self {
            Self::Git(mirror, _) => !mirror.has(revision).await,
            Self::Svn(_) | Self::Dir(..) => false,
        }
    }

    /// What the log of a push says before a revision is brought; nothing where it is here already.
    pub fn bringing_words(&self, revision: &Revision, address: &str, is_missing: bool) -> Option<String> {
        match self {
            Self::Git(..) => is_missing.then(|| format!("fetching {address}")),
            Self::Svn(_) => Some(format!("exporting {address}@{revision}")),
            Self::Dir(..) => Some(format!("copying {address}")),
        }
    }

    /// Puts the files of a revision into `dir`, which must not exist, and answers which submodules are empty there. Nothing
    /// is left there after an error.
    ///
    /// # Errors
    /// What the source said.
    pub async fn checkout(&self, revision: &Revision, dir: &Path, most: Most) -> Result<Vec<String>, SourceError> {
        match self {
            Self::Git(mirror, _) => mirror.checkout(revision, dir).await,
            Self::Svn(svn) => svn.checkout(revision, dir).await.map(|()| Vec::new()),
            Self::Dir(_, path) => {
                let (from, seen, dir) = (path.clone(), revision.clone(), dir.to_owned());
                let copied = blocking(move || directory::copy(&from, most, &seen, &dir)).await;
                let copied = copied.map_err(|why| SourceError { what: format!("copying {}", path.display()), why });
                copied.map(|()| Vec::new())
            }
        }
    }
}

/// What the programs of all kinds are known to say when they fail, and what we say of them ourselves.
pub fn advice() -> impl Iterator<Item = Table> {
    let tables = |kind| match kind {
        SourceKind::Git => git::advice::TABLES,
        SourceKind::Svn => svn::advice::TABLES,
        SourceKind::Dir | SourceKind::Published => &[],
    };
    SourceKind::ALL.into_iter().flat_map(tables).copied()
}

/// What a directory holds, as a list of commits has it.
fn version(path: &Path, root: &Revision, seen: Option<DirectoryState>) -> Commit {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (subject, at) = match seen {
        Some(seen) => {
            let files = if seen.files == 1 { "file" } else { "files" };
            (format!("{} {files}, {} bytes in {}", seen.files, seen.bytes, path.display()), seen.changed_at)
        }
        None => (format!("what {} held", path.display()), At::now()),
    };
    Commit { sha: root.to_string(), author: name, email: String::new(), at: at.to_string(), subject }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, directory::DirectoryError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
