//! Builds that someone else made: taken in, frozen as every other build, and written down, one for each revision; and
//! withdrawn, as long as nobody has pushed them. It must never put another tree in the place of one that is there. Called by `web` with a tar that lies under `incoming`.

use crate::address;
use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::keep::verify::files::builds_there;
use crate::desk::reason::{Reason, because};
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{MarkView, PublishedBody, body};
use crate::ledger::marks;
use crate::ledger::published::{self, Published};
use crate::ledger::{LedgerError, LedgerResult, audit, integrity};
use crate::source::build::{BuildDir, FreezeError, Frozen, freeze};
use crate::source::directory::{Directory, DirectoryError};
use crate::source::gate::{Before, Gate, NoBuild};
use crate::source::unpack::unpack;
use crate::stack::{BadName, BuildId, PushNumber, Revision, Stack, StackName, Who, source};
use crate::supervise::blocking;
use crate::time::At;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Digits of a revision in the id of its build.
const DIGITS: usize = 12;
/// How the id of a published build ends.
const PUBLISHED: &str = "-p";
/// Hashing what was unpacked.
const HASH_LIMIT: Duration = Duration::from_secs(1800);
/// Published builds that are listed.
const LISTED: usize = 200;
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
    /// A title, in one line; may be empty.
    pub title: String,
    /// Who publishes it.
    pub who: Who,
    /// They say that far fewer files than before are right.
    pub fewer: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishOutcome {
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
        let (stack, _) = self.loaded(&what.stack)?;
        let refused = |case, why: String| Err(Refusal::BadRequest { case, why });
        if !stack.source.is_published() {
            let why = format!("{} makes its own builds, so none can be published for it", stack.name);
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
    pub async fn publish(&self, what: Publishing, tar: File) -> Decision<PublishOutcome> {
        self.to_the_end("publishing", |desk| async move { desk.take_build(what, tar).await }).await
    }

    async fn take_build(&self, what: Publishing, tar: File) -> Decision<PublishOutcome> {
        self.may_publish(&what)?;
        let (stack, _) = self.loaded(&what.stack)?;
        let unable = |why: String| Refusal::Unable { case: Case::NotKept, why };
        let (incoming, most) = (self.config.data.join("incoming"), self.config.limits.source());
        let work = tempfile::Builder::new().prefix("build-").tempdir_in(incoming);
        let work = work.map_err(|error| unable(format!("the build cannot be unpacked: {error}")))?;
        let tree = work.path().join("tree");
        let to = tree.clone();
        let bad = |why: std::io::Error| Refusal::BadRequest {
            case: Case::Upload,
            why: format!("the build was not accepted: {why}"),
        };
        let seen = blocking(move || {
            unpack(tar, &to, most).map_err(std::io::Error::other)?;
            Directory::new(&to, most).look(HASH_LIMIT).map_err(|error| match error {
                // What was sent is mounted nowhere.
                DirectoryError::Empty => std::io::Error::other(NoBuild::Empty("what was sent".to_owned()).to_string()),
                error @ (DirectoryError::Unfit(_)
                | DirectoryError::TooMuch(_)
                | DirectoryError::Changing
                | DirectoryError::Changed { .. }
                | DirectoryError::TooSlow(_)
                | DirectoryError::Busy) => std::io::Error::other(error),
            })
        });
        let root = seen.await.map_err(bad)?.root;
        let _one_at_a_time = self.publishing.lock().await;
        let (name, sha) = (stack.name.clone(), what.sha.clone());
        let known = self.ledger.read(move |connection| published::of_revision(connection, &name, &sha)).await?;
        match known {
            Some(build) if build.root == root.as_str() => return Ok(PublishOutcome { build, new: false }),
            Some(build) => return Err(self.taken(&stack.name, &what.sha, &build, root.as_str()).await?),
            None => {}
        }
        let build = self.freeze_published(&stack, &what, tree).await?;
        let (kept, published) = (self.config.limits.published_kept, build.clone());
        let gone = self.ledger.write(move |tx| write_down(tx, &what, &published, kept)).await?;
        self.remove_builds(&stack.name, gone).await;
        self.branches.look(&stack).await;
        self.changed();
        Ok(PublishOutcome { build, new: true })
    }

    async fn freeze_published(&self, stack: &Arc<Stack>, what: &Publishing, tree: PathBuf) -> Decision<Published> {
        let id: BuildId = format!("{:.DIGITS$}{PUBLISHED}", what.sha.as_str())
            .parse()
            .map_err(|bad: crate::stack::BadName| Refusal::corrupt(bad))?;
        let dir = BuildDir::of(&self.config.data, &stack.name, &id);
        let name = stack.name.clone();
        let before = self.ledger.read(move |connection| published::newest(connection, &name, |_| true)).await?;
        let before = before.and_then(|before| before.build.parse().ok());
        let before = before.map(|before: BuildId| BuildDir::of(&self.config.data, &stack.name, &before));
        let (name, wanted) = (stack.name.clone(), id.clone());
        if self.ledger.read(move |connection| published::has_build(connection, &name, &wanted)).await? {
            let why = format!("build {id} is of another revision that also begins with {}", what.sha.short());
            return Err(Refusal::Taken { case: Case::Taken, why });
        }
        let gate = Gate { before: self.compared(stack, what).await?, ..Gate::default() };
        let frozen = blocking(move || {
            // What the ledger does not know of is what a crash left between here and its transaction.
            match std::fs::remove_dir_all(&dir.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            freeze(&tree, None, &dir, before.as_ref(), &gate).map_err(std::io::Error::other)
        });
        let Frozen { root, files, bytes, .. } = frozen.await.map_err(not_frozen)?;
        Ok(Published {
            sha: what.sha.to_string(),
            build: id.to_string(),
            root: root.to_string(),
            branch: what.branch.clone(),
            title: address::shown(&what.title).into_owned(),
            who: what.who.to_string(),
            at: At::now().to_string(),
            files: i64::try_from(files).unwrap_or(i64::MAX),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        })
    }

    /// The newest build, which a new one is compared with, unless a person has said that fewer files are right.
    async fn compared(&self, stack: &Stack, what: &Publishing) -> Decision<Option<Before>> {
        if what.fewer {
            return Ok(None);
        }
        let name = stack.name.clone();
        let newest = self.ledger.read(move |connection| published::newest(connection, &name, |_| true)).await?;
        Ok(newest.map(|newest| Before {
            build: newest.build,
            files: u64::try_from(newest.files).unwrap_or_default(),
            shrink: stack.shrink,
        }))
    }

    /// Why a revision that has a build gets no other, and what to do: a build that nobody pushed can be withdrawn.
    async fn taken(&self, stack: &StackName, sha: &Revision, build: &Published, root: &str) -> Decision<Refusal> {
        let (name, id) = (stack.clone(), build_id(&build.build)?);
        let pushed = self.ledger.read(move |connection| published::pushed(connection, &name, &id)).await?;
        let cure = match pushed {
            Some((push, stage)) => format!(
                "push {push} deployed it to {stage}, so it cannot be replaced: make a new commit, and publish that"
            ),
            None => {
                format!(
                    "it has not been pushed yet: pushbutton build withdraw {stack} {}, then publish again",
                    build.build
                )
            }
        };
        Ok(Refusal::Taken {
            case: Case::Taken,
            why: format!(
                "another build of {} was already published, by {} (content hash {} instead of {}); {cure}",
                sha.short(),
                build.who,
                &build.root[..12],
                &root[..12]
            ),
        })
    }

    /// Takes a published build back that nobody has pushed, and removes its files. Its revision may be published again.
    ///
    /// # Errors
    /// When there is no such build, or someone has pushed it.
    pub async fn withdraw(
        &self,
        stack: &StackName,
        build: &BuildId,
        who: &Who,
        reason: Option<Reason>,
    ) -> Decision<()> {
        let (stack, build, who) = (stack.clone(), build.clone(), who.to_string());
        self.to_the_end("the withdrawal", |desk| async move { desk.take_back(stack, build, who, reason).await }).await
    }

    async fn take_back(&self, stack: StackName, build: BuildId, who: String, reason: Option<Reason>) -> Decision<()> {
        let (known, _) = self.loaded(&stack)?;
        let _one_at_a_time = self.publishing.lock().await;
        let (name, id) = (stack.clone(), build.clone());
        let withdrawn = self.ledger.write(move |tx| {
            let Some(found) = published::of_build(tx, &name, &id)? else {
                return Ok(Err(Refusal::Unknown { what: format!("published build {id} of {name}") }));
            };
            // In the very transaction that forgets it: a press is written down before or after, never between.
            if let Some((push, stage)) = published::pushed(tx, &name, &id)? {
                return Ok(Err(Refusal::Taken {
                    case: Case::Pushed,
                    why: format!(
                        "build {id} cannot be withdrawn: push {push} deployed it to {stage}, and pushed builds stay in \
                         the history; publish a new commit, or roll {stage} back"
                    ),
                }));
            }
            published::withdraw(tx, &name, &id)?;
            let why = because(reason.as_ref());
            let audit_text =
                format!("build {id} of {name}, content hash {}, published by {}{why}", found.root, found.who);
            audit::note(tx, At::now(), &who, "withdraw", name.as_str(), &audit_text)?;
            Ok(Ok(()))
        });
        withdrawn.await??;
        self.remove_builds(&stack, vec![build.to_string()]).await;
        self.branches.look(&known).await;
        self.changed();
        Ok(())
    }

    /// The newest published builds of a stack, newest first, each with whether it may be withdrawn.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn published(&self, stack: &StackName) -> Decision<Vec<PublishedBuild>> {
        let page = self.published_before(stack, None, LISTED).await?;
        Ok(page.into_iter().map(|(_, build)| build).collect())
    }

    /// The same of those before a place, each with its place; at most `most`.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn published_before(
        &self,
        stack: &StackName,
        before: Option<i64>,
        most: usize,
    ) -> Decision<Vec<(i64, PublishedBuild)>> {
        self.loaded(stack)?;
        let name = stack.clone();
        let listed = self.ledger.read(move |connection| {
            let found = published::page(connection, &name, before, most)?;
            let of = |(place, build): (i64, Published)| -> LedgerResult<(i64, PublishedBuild)> {
                let id: BuildId = build.build.parse().map_err(|bad: BadName| LedgerError::Corrupt(bad.to_string()))?;
                let push = published::pushed(connection, &name, &id)?.map(|(push, _)| push);
                Ok((place, PublishedBuild { build, push }))
            };
            found.into_iter().map(of).collect()
        });
        Ok(listed.await?)
    }

    /// All marks of a stack's builds, the newest first.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn marks(&self, stack: &StackName) -> Decision<Vec<MarkView>> {
        self.loaded(stack)?;
        let name = stack.clone();
        let found = self.ledger.read(move |connection| marks::of_stack(connection, &name)).await?;
        Ok(found.iter().map(MarkView::from).collect())
    }

    /// Removes the files of builds that the ledger has forgotten.
    async fn remove_builds(&self, stack: &StackName, gone: Vec<String>) {
        let ids = gone.into_iter().filter_map(|id| id.parse::<BuildId>().ok());
        let dirs: Vec<_> = ids.map(|id| BuildDir::of(&self.config.data, stack, &id)).collect();
        let removed = blocking(move || dirs.iter().try_for_each(|dir| std::fs::remove_dir_all(&dir.0))).await;
        if let Err(error) = removed {
            tracing::warn!(%stack, %error, "a forgotten build was not removed");
        }
    }
}

impl Desk {
    /// Removes the files of published builds that a kill left when the ledger did not know of them yet, or any more: no push
    /// can be of them, and `verify` would name them.
    pub(crate) async fn remove_unknown_published(&self) -> Result<(), LedgerError> {
        let known = self.ledger.read(|connection| {
            let made = integrity::build_roots(connection)?.into_iter().map(|build| (build.stack, build.id));
            Ok(made.chain(integrity::pushed_builds(connection)?).collect::<BTreeSet<_>>())
        });
        let (known, data) = (known.await?, self.config.data.clone());
        let removed = blocking(move || {
            let mut unread = Vec::new();
            let there = builds_there(&data, &mut unread);
            for (stack, id) in there.difference(&known).filter(|(_, id)| id.ends_with(PUBLISHED)) {
                std::fs::remove_dir_all(data.join("builds").join(stack).join(id))?;
                tracing::info!(stack, id, "removed the files of a published build that the ledger does not know");
            }
            match unread.is_empty() {
                true => Ok(()),
                false => Err(std::io::Error::other(unread.join("; "))),
            }
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "files of unknown published builds were not removed");
        }
        Ok(())
    }
}

/// A published build in a list.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PublishedBuild {
    /// The build.
    #[serde(flatten, serialize_with = "body::one")]
    #[schemars(with = "PublishedBody")]
    pub build: Published,
    /// Its last push; none when nobody has pushed it, and then it may be withdrawn.
    pub push: Option<PushNumber>,
}

fn build_id(text: &str) -> Decision<BuildId> {
    text.parse().map_err(|bad: BadName| Refusal::corrupt(bad))
}

/// What is wrong with the build is the publisher's to fix; what the disk said is not.
fn not_frozen(error: std::io::Error) -> Refusal {
    match error.downcast::<FreezeError>() {
        Ok(FreezeError::NoBuild(NoBuild::Fewer(fewer))) => Refusal::Fewer {
            why: format!(
                "the build was not accepted: {fewer}. If that is right, publish it again with --fewer (fewer=yes in the API)"
            ),
            now: fewer.now,
            before: fewer.before.files,
        },
        Ok(error @ (FreezeError::NoBuild(_) | FreezeError::Refused(_))) => {
            Refusal::BadRequest { case: Case::Upload, why: format!("the build was not accepted: {error}") }
        }
        Ok(error @ FreezeError::Io { .. }) => {
            Refusal::Unable { case: Case::NotKept, why: format!("the build was not packed: {error}") }
        }
        Err(error) => Refusal::Unable { case: Case::NotKept, why: format!("the build was not packed: {error}") },
    }
}

fn write_down(
    tx: &rusqlite::Transaction<'_>,
    what: &Publishing,
    build: &Published,
    kept: usize,
) -> LedgerResult<Vec<String>> {
    published::insert(tx, &what.stack, build)?;
    let audit_text = format!("build {} of {}, content hash {}", build.build, what.stack, build.root);
    audit::note(tx, At::now(), what.who.as_str(), "publish", what.stack.as_str(), &audit_text)?;
    published::forget_unpushed(tx, &what.stack, kept)
}
