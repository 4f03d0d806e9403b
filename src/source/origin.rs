//! A stack's source as it can be asked, whatever kind it is: what is new, what came between two revisions, bring one here.
//! It must never resolve a name after the press: revisions only. Called by the desk (looking) and the runner (fetching).

use super::SourceError;
use super::directory::{self, Directory, DirectoryState};
use super::git::Mirror;
use super::svn::Svn;
use crate::config::Most;
use crate::ledger::pushes::Commit;
use crate::stack::{Revision, Source};
use crate::time::At;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
