//! What the first stages push: sources fetched each few seconds, each stack by its own task, so that a hung git delays
//! nobody; and the commits between two revisions, asked of the source once. Builds that are published are asked of the
//! ledger. It must never make a page wait for a fetch, nor for a directory to be read.

use super::view::FileChanges;
use super::{Case, Desk, Refusal, changes};
use crate::config::Most;
use crate::ledger::pushes::Commit;
use crate::ledger::{Ledger, published};
use crate::source::SourceError;
use crate::source::directory::DirectoryError;
use crate::source::origin::Origin;
use crate::stack::{Revision, Source, Stack, StackName};
use crate::time::At;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// Commits that a page or an announcement lists; the rest is behind the diff link.
const LISTED: usize = 50;
/// A look into the mirror is local work; what takes longer is broken.
pub(super) const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// How long a press waits before it tries again to look at a directory that is being read.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// A first clone may be big; what takes longer is hung.
const FETCH_LIMIT: Duration = Duration::from_secs(600);
/// Remembered answers of git; when there are more, all are forgotten and asked again.
const REMEMBERED_LOGS: usize = 512;

/// What is known of a stack's branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its head and the subject of it.
    pub head: Option<(Revision, String)>,
    /// When it was last fetched.
    pub fetched_at: Option<At>,
    /// Why it could not be fetched.
    pub problem: Option<String>,
}

/// The commits between two revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Newest first; at most 50.
    pub commits: Vec<Commit>,
    /// How many there are in all.
    pub count: usize,
}

type LogKey = (StackName, Option<Revision>, Revision);

/// All branches. Std mutexes: none is held across an await.
pub(super) struct Branches {
    mirrors: PathBuf,
    ssh_config: Option<PathBuf>,
    ledger: Ledger,
    most: Most,
    known: Mutex<HashMap<StackName, Known>>,
    /// Kept as long as the source is the same: a directory remembers what it has read.
    origins: Mutex<HashMap<StackName, (Source, Origin)>>,
    logs: Mutex<HashMap<LogKey, Arc<OnceCell<Arc<Log>>>>>,
}

impl Branches {
    /// Mirrors lie under `mirrors`; `ssh_config` is the operator's; `most` is how much a source may hold.
    pub fn new(mirrors: PathBuf, ssh_config: Option<PathBuf>, most: Most, ledger: Ledger) -> Self {
        let (known, origins, logs) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { mirrors, ssh_config, ledger, most, known, origins, logs }
    }

    /// A stack's source, to be asked; none where builds are published.
    pub(super) fn origin(&self, stack: &Stack) -> Option<Origin> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((source, origin)) = origins.get(&stack.name)
            && *source == stack.source
        {
            return Some(origin.clone());
        }
        let origin = Origin::of(&stack.source, &stack.name, &self.mirrors, self.ssh_config.clone(), self.most)?;
        origins.insert(stack.name.clone(), (stack.source.clone(), origin.clone()));
        Some(origin)
    }

    async fn head_of(&self, stack: &Stack) -> Result<Revision, String> {
        if let Some(origin) = self.origin(stack) {
            return within(LOOK_LIMIT, origin.head()).await;
        }
        let (name, refs) = (stack.name.clone(), stack.refs_of(0));
        let allowed = move |branch: &str| refs.as_ref().is_none_or(|refs| refs.allow(branch));
        let newest = self.ledger.read(move |connection| published::newest(connection, &name, allowed)).await;
        match newest.map_err(|error| error.to_string())? {
            Some(newest) => newest.sha.parse().map_err(|bad: crate::stack::BadName| bad.to_string()),
            None => Err("no build has been published yet".to_owned()),
        }
    }

    fn all_known(&self) -> MutexGuard<'_, HashMap<StackName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a stack's branch.
    pub fn known(&self, stack: &StackName) -> Known {
        self.all_known().get(stack).cloned().unwrap_or_default()
    }

    /// The newest revision of a stack's source, by a look into the mirror; never fetches.
    ///
    /// # Errors
    /// When nothing was ever fetched, or git does not answer.
    pub async fn head(&self, stack: &Stack) -> Result<Revision, Refusal> {
        let branch = stack.source.branch();
        match self.head_of(stack).await {
            Ok(head) => Ok(head),
            Err(why) => {
                let (case, why) = match (self.known(&stack.name).problem, &stack.source) {
                    (Some(problem), _) => (Case::Source, problem),
                    (None, Source::Published) => (Case::NothingPublished, why),
                    (None, _) => (Case::NotFetched, why),
                };
                Err(Refusal::Nothing { case, why: format!("{branch} of {} is not known here: {why}", stack.name) })
            }
        }
    }

    /// The commits in `to` that are not in `from`. The source is asked once for each pair; without an answer there are
    /// none.
    pub async fn log(&self, stack: &Stack, from: Option<&Revision>, to: &Revision) -> Arc<Log> {
        let Some(origin) = self.origin(stack) else { return self.published_between(stack, from, to).await };
        let key = (stack.name.clone(), from.cloned(), to.clone());
        let cell = {
            let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            if logs.len() >= REMEMBERED_LOGS && !logs.contains_key(&key) {
                logs.clear();
            }
            Arc::clone(logs.entry(key).or_default())
        };
        let asked = cell.get_or_try_init(|| async {
            let (commits, count) = within(LOOK_LIMIT, origin.log(from, to, LISTED)).await?;
            Ok::<_, String>(Arc::new(Log { commits, count }))
        });
        match asked.await {
            Ok(log) => Arc::clone(log),
            Err(why) => {
                tracing::warn!(stack = %stack.name, to = %to, error = %why, "the source cannot list commits");
                Arc::default()
            }
        }
    }

    /// The files that differ between two revisions; none known when git does not answer.
    pub async fn changed_files(&self, stack: &Stack, from: &Revision, to: &Revision) -> Option<FileChanges> {
        let Some(Origin::Git(mirror, _)) = self.origin(stack) else { return None };
        match within(LOOK_LIMIT, mirror.changed_files(from, to)).await {
            Ok(found) => Some(changes::of_commits(found)),
            Err(why) => {
                tracing::warn!(stack = %stack.name, to = %to, error = %why, "git cannot compare two revisions");
                None
            }
        }
    }

    /// The builds that were published after one, up to another.
    async fn published_between(&self, stack: &Stack, from: Option<&Revision>, to: &Revision) -> Arc<Log> {
        let (name, from, to) = (stack.name.clone(), from.cloned(), to.clone());
        let ask =
            move |connection: &rusqlite::Connection| published::between(connection, &name, from.as_ref(), &to, LISTED);
        match self.ledger.read(ask).await {
            Ok((commits, count)) => Arc::new(Log { commits, count }),
            Err(error) => {
                tracing::warn!(stack = %stack.name, %error, "the ledger cannot list published builds");
                Arc::default()
            }
        }
    }

    /// Looks once more at a directory, where that is quick, so that a press sees what was changed a moment ago.
    ///
    /// # Errors
    /// Why it cannot be pushed as it is now.
    pub async fn look_again(&self, stack: &Stack) -> Result<(), Refusal> {
        let Some(origin @ Origin::Dir(..)) = self.origin(stack) else { return Ok(()) };
        let looking = async {
            loop {
                match origin.fetch().await {
                    // The background's look may have begun before the last change.
                    Err(error) if error.why == DirectoryError::Busy.to_string() => tokio::time::sleep(BUSY_PAUSE).await,
                    looked => return looked,
                }
            }
        };
        match tokio::time::timeout(LOOK_LIMIT, looking).await {
            Ok(looked) => looked.map_err(|error| Refusal::Unable { case: Case::Source, why: error.to_string() }),
            // What takes longer is looked at in the background; the copy is checked against what was seen anyway.
            Err(_) => Ok(()),
        }
    }

    /// Fetches a stack's branch and remembers what came of it; whether a page would show anything new.
    pub async fn fetch(&self, stack: &Stack) -> bool {
        let fetched = match self.origin(stack) {
            Some(origin) => within(FETCH_LIMIT, origin.fetch()).await,
            None => Ok(()),
        };
        self.look(stack, Some(fetched)).await
    }

    /// Remembers what the mirror holds, and how fetching went; before the first fetch, an empty mirror is no problem yet.
    pub async fn look(&self, stack: &Stack, fetched: Option<Result<(), String>>) -> bool {
        let before = self.known(&stack.name);
        let fetched_at = match self.origin(stack) {
            Some(origin) => origin.fetched_at().await,
            None => Some(At::now()),
        };
        let mut now = Known { head: None, fetched_at, problem: None };
        match self.head_of(stack).await {
            Ok(head) if before.head.as_ref().is_some_and(|(old, _)| *old == head) => now.head.clone_from(&before.head),
            Ok(head) => {
                let log = self.log(stack, None, &head).await;
                let subject = log.commits.first().map(|commit| commit.subject.clone()).unwrap_or_default();
                now.head = Some((head, subject));
            }
            // That nothing was published yet is no problem: the button says it.
            Err(why) if fetched.is_some() && stack.source != Source::Published => now.problem = Some(why),
            Err(_) => {}
        }
        // Why it could not be fetched says more than what the mirror lacks because of it.
        if let Some(Err(why)) = fetched {
            now.problem = Some(why);
        }
        let news = now.head != before.head || now.problem != before.problem;
        self.all_known().insert(stack.name.clone(), now);
        news
    }
}

/// Asks a source, but not for ever.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the source has not answered for {} s", limit.as_secs())),
    }
}

impl Desk {
    /// Keeps one fetching task for each stack on the shelf, until `stop`; a stack whose source changed gets a new one.
    pub(super) async fn keep_fetching(&self, stop: CancellationToken) {
        let mut tasks: HashMap<StackName, (Source, CancellationToken)> = HashMap::new();
        // Should this task break and be made anew, those that it had begun end with it.
        let all = stop.child_token();
        let _end_with_us = all.clone().drop_guard();
        let mut changes = self.changes();
        loop {
            let shelf = self.shelf();
            let stacks = shelf.stacks.iter().filter_map(|shelved| shelved.stack.clone());
            let wanted: HashMap<StackName, Arc<Stack>> = stacks.map(|stack| (stack.name.clone(), stack)).collect();
            tasks.retain(|name, (source, token)| {
                let keep = wanted.get(name).is_some_and(|stack| stack.source == *source);
                if !keep {
                    token.cancel();
                }
                keep
            });
            for (name, stack) in wanted {
                tasks.entry(name).or_insert_with(|| {
                    let token = all.child_token();
                    let source = stack.source.clone();
                    if let Some(desk) = self.me.upgrade() {
                        let stop = token.clone();
                        let fetch = move || {
                            let (desk, stack, stop) = (Arc::clone(&desk), Arc::clone(&stack), stop.clone());
                            async move { desk.fetch_again_and_again(stack, stop).await }
                        };
                        self.spawn(self.health.clone().keep("fetch branches", token.clone(), fetch));
                    }
                    (source, token)
                });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn fetch_again_and_again(&self, stack: Arc<Stack>, stop: CancellationToken) {
        let pause = Duration::from_secs(self.config.limits.fetch_every_s.max(1));
        let work = async {
            // What an earlier server fetched can be pushed at once, also while the repository does not answer.
            if self.branches.look(&stack, None).await {
                self.changed();
            }
            loop {
                if self.branches.fetch(&stack).await {
                    self.changed();
                }
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! { () = stop.cancelled() => {}, () = work => {} }
    }
}
