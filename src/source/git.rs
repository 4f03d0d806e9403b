//! One bare mirror per stack, spoken to with a hardened git (TRUST section 6).

use crate::ledger::pushes::Commit;
use crate::stack::{Revision, StackName};
use std::path::{Path, PathBuf};

/// Why git did not do as asked, in words for the person who presses.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct GitError {
    /// What was tried: `fetching https://…`.
    pub what: String,
    /// What git said, cleaned, and what to do.
    pub why: String,
}

/// A bare mirror of one stack's repository.
#[derive(Clone, Debug)]
pub struct Mirror {}

impl Mirror {
    /// Names the mirror under `mirrors`; nothing is touched yet. `ssh_config` is given to git's ssh.
    pub fn new(_mirrors: &Path, _stack: &StackName, _url: &str, _ssh_config: Option<PathBuf>) -> Self {
        todo!()
    }

    /// Brings the mirror up to date; makes it when it is not there. One at a time per mirror, also across processes.
    ///
    /// # Errors
    /// What git said.
    pub async fn fetch(&self) -> Result<(), GitError> {
        todo!()
    }

    /// The head of a branch, as it was last fetched.
    ///
    /// # Errors
    /// When there is no such branch.
    pub async fn head(&self, _branch: &str) -> Result<Revision, GitError> {
        todo!()
    }

    /// Whether the mirror has this revision.
    pub async fn has(&self, _revision: &Revision) -> bool {
        todo!()
    }

    /// The commits in `to` that are not in `from` (the newest alone when `from` is none or unknown), newest first, at
    /// most `most`, and how many there are in all.
    ///
    /// # Errors
    /// What git said.
    pub async fn log(
        &self,
        _from: Option<&Revision>,
        _to: &Revision,
        _most: usize,
    ) -> Result<(Vec<Commit>, usize), GitError> {
        todo!()
    }

    /// Puts the files of a revision into `dir`, which must not exist.
    ///
    /// # Errors
    /// What git said.
    pub async fn checkout(&self, _revision: &Revision, _dir: &Path) -> Result<(), GitError> {
        todo!()
    }
}
