//! Builds that somebody else made: taken in, frozen as every other build, and written down, one for each revision. It must
//! never put another tree in the place of one that is there. Called by `web` with a tar that lies under `incoming`.

use super::{Case, Decision, Desk, Refusal, follow};
use crate::ledger::published::{self, Published};
use crate::ledger::{Answer, audit};
use crate::source::build::{BuildDir, Frozen, freeze};
use crate::source::directory::Directory;
use crate::source::unpack::unpack;
use crate::stack::{BuildId, Revision, Source, Stack, StackName, Who, source};
use crate::time::At;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Digits of a revision in the id of its build.
const DIGITS: usize = 12;
/// Hashing what was unpacked.
const HASH_LIMIT: Duration = Duration::from_secs(1800);
/// The longest title.
const LONGEST_TITLE: usize = 200;

/// What is said of a build that is published.
#[derive(Clone, Debug)]
pub struct Publishing {
    /// The stack.
    pub stack: StackName,
    /// The revision that it was made of.
    pub sha: Revision,
    /// The branch; empty when nobody says.
    pub branch: String,
    /// What it is, in one line; may be empty.
    pub title: String,
    /// Who publishes it.
    pub who: Who,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The build as it is known from now on.
    pub build: Published,
    /// Whether it was not known before.
    pub new: bool,
}

impl Desk {
    /// Whether builds are published for a stack, and this may be said of one; before anything is sent.
    ///
    /// # Errors
    /// Why not.
    pub fn may_publish(&self, what: &Publishing) -> Decision<()> {
        let (stack, _) = self.shelved(&what.stack)?;
        let refused = |case, why: String| Err(Refusal::BadRequest { case, why });
        if stack.source != Source::Published {
            let why = format!("{} makes its builds itself, so none is published for it", stack.name);
            return refused(Case::NotPublished, why);
        }
        match (what.branch.as_str(), &what.title) {
            (branch, _) if !branch.is_empty() && !source::is_branch(branch) => {
                refused(Case::PublishedWords, format!("ref {branch:?} is not the name of a branch"))
            }
            (_, title) if title.chars().count() > LONGEST_TITLE || title.chars().any(char::is_control) => {
                let why = format!("the title must be one line of at most {LONGEST_TITLE} characters");
                refused(Case::PublishedWords, why)
            }
            _ => Ok(()),
        }
    }

    /// Takes a build in that was sent as a tar; the same one again changes nothing.
    ///
    /// # Errors
    /// Why not; nothing is left of it then.
    pub async fn publish(&self, what: Publishing, tar: File) -> Decision<Taken> {
        self.may_publish(&what)?;
        let (stack, _) = self.shelved(&what.stack)?;
        let unable = |why: String| Refusal::Unable { case: Case::NotKept, why };
        let (incoming, most) = (self.config.data.join("incoming"), self.config.limits.source());
        let work = tempfile::Builder::new().prefix("build-").tempdir_in(incoming);
        let work = work.map_err(|error| unable(format!("the build cannot be unpacked: {error}")))?;
        let tree = work.path().join("tree");
        let to = tree.clone();
        let bad = |why: std::io::Error| Refusal::BadRequest {
            case: Case::Upload,
            why: format!("the build was not taken: {why}"),
        };
        let seen = follow::blocking(move || {
            unpack(tar, &to, most).map_err(std::io::Error::other)?;
            Directory::new(&to, most).look(HASH_LIMIT).map_err(std::io::Error::other)
        });
        let root = seen.await.map_err(bad)?.root;
        let _one_at_a_time = self.publishing.lock().await;
        let (name, sha) = (stack.name.clone(), what.sha.clone());
        let known = self.ledger.read(move |connection| published::of_revision(connection, &name, &sha)).await?;
        match known {
            Some(build) if build.root == root.as_str() => return Ok(Taken { build, new: false }),
            Some(build) => {
                return Err(Refusal::Taken {
                    case: Case::Taken,
                    why: format!(
                        "a build of {} was published already, by {}, and is another (root {} instead of {}); a revision has \
                         one build for ever",
                        what.sha.short(),
                        build.who,
                        &build.root[..12],
                        &root.as_str()[..12]
                    ),
                });
            }
            None => {}
        }
        let build = self.freeze_published(&stack, &what, tree).await?;
        let (kept, published) = (self.config.limits.published_kept, build.clone());
        let gone = self.ledger.write(move |tx| write_down(tx, &what, &published, kept)).await?;
        self.remove_builds(&stack.name, gone).await;
        self.branches.look(&stack, None).await;
        self.changed();
        Ok(Taken { build, new: true })
    }

    async fn freeze_published(&self, stack: &Arc<Stack>, what: &Publishing, tree: PathBuf) -> Decision<Published> {
        let id: BuildId = format!("{:.DIGITS$}-p", what.sha.as_str())
            .parse()
            .map_err(|bad: crate::stack::BadName| Refusal::corrupt(bad))?;
        let dir = BuildDir::of(&self.config.data, &stack.name, &id);
        let name = stack.name.clone();
        let before = self.ledger.read(move |connection| published::newest(connection, &name, |_| true)).await?;
        let before = before.and_then(|before| before.build.parse().ok());
        let before = before.map(|before: BuildId| BuildDir::of(&self.config.data, &stack.name, &before));
        let (name, wanted) = (stack.name.clone(), id.clone());
        if self.ledger.read(move |connection| published::has_build(connection, &name, &wanted)).await? {
            let why = format!("build {id} is of another revision that begins as {} does", what.sha.short());
            return Err(Refusal::Taken { case: Case::Taken, why });
        }
        let unkept = |why: String| Refusal::Unable { case: Case::NotKept, why };
        let frozen = follow::blocking(move || {
            // What the ledger does not know of is what a crash left between here and its transaction.
            match std::fs::remove_dir_all(&dir.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            freeze(&tree, None, &dir, before.as_ref()).map_err(std::io::Error::other)
        });
        let Frozen { root, files, bytes, .. } =
            frozen.await.map_err(|why| unkept(format!("the build was not frozen: {why}")))?;
        Ok(Published {
            sha: what.sha.to_string(),
            build: id.to_string(),
            root: root.to_string(),
            branch: what.branch.clone(),
            title: what.title.clone(),
            who: what.who.to_string(),
            at: At::now().to_string(),
            files: i64::try_from(files).unwrap_or(i64::MAX),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        })
    }

    /// Removes the files of builds that the ledger has forgotten.
    async fn remove_builds(&self, stack: &StackName, gone: Vec<String>) {
        let ids = gone.into_iter().filter_map(|id| id.parse::<BuildId>().ok());
        let dirs: Vec<_> = ids.map(|id| BuildDir::of(&self.config.data, stack, &id)).collect();
        let removed = follow::blocking(move || dirs.iter().try_for_each(|dir| std::fs::remove_dir_all(&dir.0))).await;
        if let Err(error) = removed {
            tracing::warn!(%stack, %error, "a forgotten build was not removed");
        }
    }
}

fn write_down(
    tx: &rusqlite::Transaction<'_>,
    what: &Publishing,
    build: &Published,
    kept: usize,
) -> Answer<Vec<String>> {
    published::insert(tx, &what.stack, build)?;
    let deed = format!("build {} of {}, root {}", build.build, what.stack, build.root);
    audit::note(tx, At::now(), what.who.as_str(), "publish", &deed)?;
    published::forget_unpushed(tx, &what.stack, kept)
}
