//! What is known of the sources of the first stages: the head of each branch, as it was last fetched, and the commits between
//! two revisions, asked of the source once. Stacks of one repository share what is asked of it. Builds that are published are
//! asked of the ledger. It must never make a page wait for a fetch, nor for a directory to be read. `fetching` says when.

use super::changes;
use crate::desk::cases::Case;
use crate::desk::refusal::Refusal;
use crate::desk::view::plan::FileChanges;
use crate::ledger::pushes::Commit;
use crate::ledger::{Ledger, published};
use crate::size::Most;
use crate::source::Origin;
use crate::source::SourceError;
use crate::source::directory::DirectoryError;
use crate::stack::{Revision, Source, SourceKind, SourceLogin, Stack, StackName};
use crate::time::At;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Commits that a page or an announcement lists; the rest is behind the diff link.
const LISTED: usize = 50;
/// A look into the mirror is local work; what takes longer is broken.
pub(crate) const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// How long a press waits before it tries again to look at a directory that is being read.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// A first clone may be big; what takes longer is hung.
const FETCH_LIMIT: Duration = Duration::from_secs(600);
/// Remembered answers of git; when there are more, all are forgotten and asked again.
const REMEMBERED_LOGS: usize = 512;

/// Remembered counts: as many differences as there are stages of all stacks; when there are more, all are counted again.
const REMEMBERED_COUNTS: usize = 16_384;
/// Counts that git is asked for at once.
const COUNTS_AT_ONCE: usize = 2;

/// What is known of a stack's branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BranchState {
    /// Its head and the subject of it.
    pub head: Option<(Revision, String)>,
    /// When it was last fetched.
    pub fetched_at: Option<At>,
    /// Why it could not be fetched.
    pub problem: Option<String>,
}

/// What came of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// Whether a page would show anything new.
    pub news: bool,
    /// Whether the source answered.
    pub went_well: bool,
}

/// The commits between two revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// Newest first; at most 50.
    pub commits: Vec<Commit>,
    /// How many there are in all.
    pub count: usize,
}

type LogKey = (Place, Option<Revision>, Revision);

/// Where revisions come from. Stacks whose place is the same are fetched together, whatever branch of it they push. Who signs in
/// is part of it: what one login may read another may not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// What is fetched: the kind of the source, its address, and who signs in.
    Fetched(SourceKind, String, Option<SourceLogin>),
    /// The builds that are published for a stack: nothing is fetched.
    Published(StackName),
}

impl Place {
    /// That of a stack. A slash at the end of an address makes no other place of it.
    pub fn of(stack: &Stack) -> Self {
        let source = &stack.source;
        match source.address() {
            Some(address) => {
                let address = address.trim_end_matches('/').to_owned();
                Self::Fetched(source.kind(), address, source.login().cloned())
            }
            None => Self::Published(stack.name.clone()),
        }
    }
}

/// All branches. Std mutexes: none is held across an await.
pub(crate) struct Branches {
    mirrors: PathBuf,
    ssh_config: Option<PathBuf>,
    ledger: Ledger,
    most: Most,
    known: Mutex<HashMap<StackName, BranchState>>,
    /// Kept as long as the source is the same: a directory remembers what it has read.
    origins: Mutex<HashMap<StackName, (Source, Origin)>>,
    logs: Mutex<HashMap<LogKey, Arc<OnceCell<Arc<Log>>>>>,
    counts: Mutex<HashMap<LogKey, usize>>,
    /// What is being counted now.
    counting: Mutex<HashSet<LogKey>>,
}

impl Branches {
    /// Mirrors lie under `mirrors`; `ssh_config` is the operator's; `most` is how much a source may hold.
    pub fn new(mirrors: PathBuf, ssh_config: Option<PathBuf>, most: Most, ledger: Ledger) -> Self {
        let (known, origins, logs, counts, counting) = Default::default();
        Self { mirrors, ssh_config, ledger, most, known, origins, logs, counts, counting }
    }

    /// A stack's source, to be asked; none where builds are published.
    pub(crate) fn origin(&self, stack: &Stack) -> Option<Origin> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((source, origin)) = origins.get(&stack.name)
            && *source == stack.source
        {
            return Some(origin.clone());
        }
        let shared = |(source, origin): &(Source, Origin)| {
            (origin.is_shared() && *source == stack.source).then(|| origin.clone())
        };
        let origin = match origins.values().find_map(shared) {
            Some(origin) => origin,
            None => Origin::of(&stack.source, &self.mirrors, self.ssh_config.clone(), self.most)?,
        };
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

    fn all_known(&self) -> MutexGuard<'_, HashMap<StackName, BranchState>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a stack's branch.
    pub fn known(&self, stack: &StackName) -> BranchState {
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
                let (case, why) = match self.known(&stack.name).problem {
                    Some(problem) => (Case::Source, problem),
                    None if stack.source.is_published() => (Case::NothingPublished, why),
                    None => (Case::NotFetched, why),
                };
                Err(Refusal::Nothing { case, why: format!("{branch} of {} is not known here: {why}", stack.name) })
            }
        }
    }

    /// The commits in `to` that are not in `from`. The source is asked once for each pair; without an answer there are
    /// none.
    pub async fn log(&self, stack: &Stack, from: Option<&Revision>, to: &Revision) -> Arc<Log> {
        let Some(origin) = self.origin(stack) else { return self.published_between(stack, from, to).await };
        let key = (Place::of(stack), from.cloned(), to.clone());
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

    /// How many commits are in `to` that are not in `from`, if that is known: one alone where nothing was there before.
    pub fn counted(&self, stack: &Stack, from: Option<&Revision>, to: &Revision) -> Option<usize> {
        let Some(from) = from else { return Some(1) };
        let key = (Place::of(stack), Some(from.clone()), to.clone());
        let log = || Some(self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&key)?.get()?.count);
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts.get(&key).copied();
        drop(counts);
        known.or_else(log)
    }

    /// Counts the commits of many differences, a few at a time, each once; those that someone else counts already are left to
    /// them. Answers how many were counted.
    pub async fn count_all(&self, all: Vec<(Arc<Stack>, Option<Revision>, Revision)>) -> usize {
        let mut once = HashMap::new();
        {
            let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
            for (stack, from, to) in all {
                let key = (Place::of(&stack), from, to);
                if counting.insert(key.clone()) {
                    once.insert(key, stack);
                }
            }
        }
        let counted = AtomicUsize::new(0);
        let counted = &counted;
        let count = |(key, stack): (LogKey, Arc<Stack>)| async move {
            let count = match self.origin(&stack) {
                Some(origin) => within(LOOK_LIMIT, origin.count(key.1.as_ref(), &key.2)).await,
                None => Ok(self.published_between(&stack, key.1.as_ref(), &key.2).await.count),
            };
            self.counting.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            match count {
                Ok(count) => {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                    if counts.len() >= REMEMBERED_COUNTS {
                        counts.clear();
                    }
                    counts.insert(key, count);
                }
                Err(why) => tracing::warn!(stack = %stack.name, error = %why, "the source cannot count commits"),
            }
        };
        futures::stream::iter(once).for_each_concurrent(COUNTS_AT_ONCE, count).await;
        counted.load(Ordering::Relaxed)
    }

    /// The files that differ between two revisions; none known when the source does not answer, or cannot.
    pub async fn changed_files(&self, stack: &Stack, from: &Revision, to: &Revision) -> Option<FileChanges> {
        match within(LOOK_LIMIT, self.origin(stack)?.changed_files(from, to)).await {
            Ok(found) => found.map(changes::of_commits),
            Err(why) => {
                tracing::warn!(stack = %stack.name, to = %to, error = %why, "the source cannot compare two revisions");
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

    /// Looks once more at a source, where that is quick, so that a press sees what was changed a moment ago.
    ///
    /// # Errors
    /// Why it cannot be pushed as it is now.
    pub async fn look_again(&self, stack: &Stack) -> Result<(), Refusal> {
        let Some(origin) = self.origin(stack).filter(Origin::is_quick_to_look_at) else { return Ok(()) };
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

    /// Fetches a stack's source and remembers what came of it; whether a page would show anything new.
    pub async fn fetch(&self, stack: &Arc<Stack>) -> bool {
        self.fetch_for(std::slice::from_ref(stack)).await.news
    }

    /// Fetches the one place that all these stacks push from, and remembers what came of it for each.
    pub async fn fetch_for(&self, stacks: &[Arc<Stack>]) -> Fetched {
        let fetched = match stacks.first().and_then(|first| self.origin(first)) {
            Some(origin) => within(FETCH_LIMIT, origin.fetch()).await,
            None => Ok(()),
        };
        let went_well = fetched.is_ok();
        Fetched { news: self.look_for(stacks, Some(fetched)).await, went_well }
    }

    /// Remembers what is here already of a stack's source; before the first fetch, an empty mirror is no problem yet.
    pub async fn look(&self, stack: &Arc<Stack>) -> bool {
        self.look_for(std::slice::from_ref(stack), None).await
    }

    /// The same for all these stacks of one place, asked once: how fetching went, and what is here now.
    pub async fn look_for(&self, stacks: &[Arc<Stack>], fetched: Option<Result<(), String>>) -> bool {
        let Some(first) = stacks.first() else { return false };
        let origin = self.origin(first);
        let fetched_at = match &origin {
            Some(origin) => origin.fetched_at().await,
            None => Some(At::now()),
        };
        let heads = match &origin {
            Some(origin) if stacks.len() > 1 => within(LOOK_LIMIT, async { Ok(origin.all_heads().await) }).await,
            Some(_) | None => Ok(BTreeMap::new()),
        };
        let heads = heads.unwrap_or_default();
        let mut news = false;
        for stack in stacks {
            let head = match heads.get(stack.source.branch()) {
                Some(head) => Ok(head.clone()),
                // One stack, or a branch that is not there: then it is asked for, since the words name what is.
                None => self.head_of(stack).await,
            };
            news |= self.note(stack, head, fetched_at, fetched.as_ref()).await;
        }
        news
    }

    /// Remembers what is known of a stack now; whether a page would show anything new.
    async fn note(
        &self,
        stack: &Arc<Stack>,
        head: Result<Revision, String>,
        fetched_at: Option<At>,
        fetched: Option<&Result<(), String>>,
    ) -> bool {
        let before = self.known(&stack.name);
        let mut now = BranchState { head: None, fetched_at, problem: None };
        match head {
            Ok(head) if before.head.as_ref().is_some_and(|(old, _)| *old == head) => now.head.clone_from(&before.head),
            Ok(head) => {
                let log = self.log(stack, None, &head).await;
                let subject = log.commits.first().map(|commit| commit.subject.clone()).unwrap_or_default();
                now.head = Some((head, subject));
            }
            // That nothing was published yet is no problem: the button says it.
            Err(why) if fetched.is_some() && !stack.source.is_published() => now.problem = Some(why),
            Err(_) => {}
        }
        // Why it could not be fetched says more than what the mirror lacks because of it.
        if let Some(Err(why)) = fetched {
            now.problem = Some(why.clone());
        }
        let news = now.head != before.head || now.problem != before.problem;
        self.all_known().insert(stack.name.clone(), now);
        news
    }

    /// Forgets what is known of stacks that are gone.
    pub fn keep_only(&self, stacks: &BTreeSet<StackName>) {
        self.all_known().retain(|name, _| stacks.contains(name));
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| stacks.contains(name));
    }
}

/// Asks a source, but not forever.
pub(crate) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the source has not answered for {} s", limit.as_secs())),
    }
}
