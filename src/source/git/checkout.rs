//! Puts the files of a revision on the disk: what git has, then the submodules and the files of Git LFS that the stack file
//! asks for. It must never leave a part of a checkout behind after an error. Called through `Origin` by the runner.

use super::run::{Git, Trouble};
use super::{Mirror, is_damage, words};
use crate::source::tool::SourceError;
use crate::source::{lfs, tree};
use crate::stack::Revision;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A checkout writes all files of a revision.
const CHECKOUT_LIMIT: Duration = Duration::from_secs(600);

impl Mirror {
    /// Puts the files of a revision into `dir`, which must not exist, and answers which of its submodules are empty there.
    /// Nothing is left there after an error.
    ///
    /// # Errors
    /// What git said.
    pub async fn checkout(&self, revision: &Revision, dir: &Path) -> Result<Vec<String>, SourceError> {
        let on_disk = |error: std::io::Error| self.checkout_error(revision, format!("{}: {error}", dir.display()));
        let dir = std::path::absolute(dir).map_err(on_disk)?;
        std::fs::create_dir(&dir).map_err(on_disk)?;
        let brought = self.bring_files(revision, &dir, 0).await;
        if brought.is_err() {
            // The first error is the one to tell.
            let _ = std::fs::remove_dir_all(&dir);
        }
        brought
    }

    /// The same into an empty directory; `depth` says within how many repositories this one lies.
    pub(super) async fn bring_files(
        &self,
        revision: &Revision,
        dir: &Path,
        depth: usize,
    ) -> Result<Vec<String>, SourceError> {
        match self.git_checkout(revision, dir).await {
            Ok(()) => {}
            // What may be the copy's fault is asked of the repository itself, once.
            Err(Trouble::Failed(said)) if is_damage(&said) || is_missing(&said) => {
                self.checkout_anew(revision, dir, &said).await?;
            }
            Err(trouble) => return Err(self.checkout_error(revision, words::why(&trouble, &self.url))),
        }
        let mut empty = empty_directories(dir).await.map_err(|why| self.checkout_error(revision, why))?;
        if self.submodules && !empty.is_empty() {
            empty = self.bring_submodules(revision, dir, empty, depth).await?;
        }
        if self.lfs {
            lfs::fill(self, revision, dir).await?;
        }
        Ok(empty)
    }

    async fn git_checkout(&self, revision: &Revision, dir: &Path) -> Result<(), Trouble> {
        // git's index, of no use afterwards; beside the files, it would be part of the build.
        let index = tempfile::tempdir_in(&self.mirrors).map_err(Trouble::NotRun)?;
        let git = Git::new(&self.dir())
            .env("GIT_INDEX_FILE", index.path().join("index"))
            .arg("--work-tree")
            .arg(dir)
            .args(["checkout", "--quiet", "--force", "--end-of-options", revision.as_str(), "--", "."])
            .dir(dir);
        git.run(CHECKOUT_LIMIT).await.map(|_| ())
    }

    /// Makes the mirror anew, then checks out from that.
    async fn checkout_anew(&self, revision: &Revision, dir: &Path, said: &str) -> Result<(), SourceError> {
        self.suspect();
        if let Err(error) = self.fetch().await {
            let why = match is_damage(said) {
                true => format!("{}, and that did not work: {}", words::of_the_copy(said, &self.url), error.why),
                false => words::why(&Trouble::Failed(said.to_owned()), &self.url),
            };
            return Err(self.checkout_error(revision, why));
        }
        let left = std::fs::read_dir(dir)
            .and_then(|mut entries| entries.try_for_each(|entry| crate::source::tool::remove(&entry?.path())));
        left.map_err(|error| self.checkout_error(revision, error.to_string()))?;
        let again = self.git_checkout(revision, dir).await;
        again.map_err(|trouble| self.checkout_error(revision, words::why(&trouble, &self.url)))
    }

    pub(super) fn checkout_error(&self, revision: &Revision, why: String) -> SourceError {
        SourceError { what: format!("checking out {}", revision.short()), why }
    }
}

/// Whether git does not find what it was asked for: it may be gone from the repository, or from our copy alone.
fn is_missing(said: &str) -> bool {
    ["not a tree", "invalid reference", "unknown revision", "bad revision"].iter().any(|mark| said.contains(mark))
}

/// The directories that hold nothing, below `dir`. git makes none but where a submodule belongs.
async fn empty_directories(dir: &Path) -> Result<Vec<String>, String> {
    let dir: PathBuf = dir.to_owned();
    let looked = tokio::task::spawn_blocking(move || tree::empty_directories(&dir)).await;
    match looked {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
