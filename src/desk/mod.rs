//! The desk: where decisions are taken. May this person push this, now? It starts runners, finds them again, and folds
//! their journals into the ledger. It keeps the hosts of the stacks in use connected, and asks them what they run; it must
//! never change anything on a host, and never do anything on a GET.
//!
//! Its folders, from the top down: `show` > `press` > `push` > `watch` > `keep` > `decide` > `parts` > `view`. Each uses those further
//! down alone, which `tests/layers.rs` looks at; the files beside this one are for all of them.

mod auto_switch;
mod cases;
mod decide;
mod holds;
mod keep;
mod news;
mod open;
mod parts;
mod press;
mod push;
mod reason;
mod refusal;
mod show;
mod to_the_end;
mod until;
pub mod view;
mod watch;

use crate::config::Config;
use crate::journal::PushDir;
use crate::ledger::Ledger;
use crate::stack::{PushNumber, Rights, Stack, StackName, StageName};
use crate::supervise::Health;
pub use cases::Case;
pub use cases::Row;
pub(crate) use cases::rows;
use decide::outside::Outside;
pub use decide::press::Press;
pub use decide::questions::Questions;
pub use keep::{backup, usage, verify};
pub use open::{DeskError, ledger_in, look};
pub use parts::channels::{Broken, Channels};
pub use parts::hosts::numbers::SeenNewer;
pub use parts::hosts::{checkups as checkup, inventories as inventory};
pub use parts::journals::JournalEnd;
use parts::journals::Journals;
use parts::sources::branches::Branches;
use parts::sources::stack_files::StackFolder;
pub use parts::uploads;
pub use press::approval::Verdict;
pub use press::marks::Marking;
pub use press::publish::{PublishedBuild, Publishing};
pub use press::status::NewStatus;
pub use push::orders::Answered;
use reason::first_line;
pub use reason::{NeedsReason, Reason};
pub use refusal::{Decision, Refusal, Waits};
pub use show::commits::{End as CommitsEnd, MOST_SKIPPED};
pub use show::range_end::{BadEnd, RangeEnd};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::watch::{Receiver, Sender};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
pub use until::{BadUntil, Until};
pub use view::{StackFiles, StackView};
pub use watch::hosts::{HostNow, WarmHosts};

/// The decisions, with all that they need. Shared by all requests.
pub struct Desk {
    config: Arc<Config>,
    ledger: Ledger,
    /// What runners are started from.
    program: PathBuf,
    /// A std mutex: held for a few stats, never across an await.
    stack_folder: Mutex<StackFolder>,
    stack_files: Sender<Arc<StackFiles>>,
    rights_file: parts::rights_file::RightsFile,
    boards: parts::boards::Boards,
    auto_tries: parts::auto_tries::AutoTries,
    branches: Branches,
    fetching: parts::sources::fetching::Fetching,
    /// One build at a time is frozen and written down, of those that are published.
    publishing: tokio::sync::Mutex<()>,
    /// Uploads that can be resumed.
    uploads: uploads::Uploads,
    journals: Journals,
    notify_targets: parts::notify_targets::NotifyTargets,
    recent_plans: parts::recent_plans::RecentPlans,
    warm: parts::hosts::warm::Warm,
    drifts: parts::hosts::drift::Drifts,
    checkups: parts::hosts::checkups::Checkups,
    files: parts::sources::file_changes::FilesChanged,
    inventories: parts::hosts::inventories::Inventories,
    changes: Sender<u64>,
    /// One more for each reader who has a page open.
    looking: Arc<()>,
    channels: Channels,
    /// A hold with an end was set: who waits for the next end looks again.
    hold_set: Notify,
    /// The highest number that a push on this disk has.
    floor: AtomicI64,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Which of the server's own tasks are broken.
    health: Health,
    room: parts::room::Room,
    /// What used the disk at the last look.
    usage: Mutex<Option<usage::Usage>>,
    /// Why committers' code could not be isolated at the last try, if so.
    not_isolated: Mutex<Option<String>>,
    /// The files as the audit has them.
    noted: parts::sources::noted::Noted,
    home: parts::home::Home,
    seen_pushes: parts::hosts::numbers::SeenPushes,
    /// Where the desk was opened. What it begins lives there, not on the thread of a request that may end before it.
    runtime: Handle,
    me: Weak<Desk>,
    /// Held as long as the desk lives: one server a data directory.
    _instance: File,
}

impl Desk {
    /// What a decision is told besides the ledger.
    fn outside(&self) -> Outside<'_> {
        Outside { data: &self.config.data, drifts: &self.drifts }
    }

    /// The server's configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Who may what, as the server's file says it now.
    pub fn rights(&self) -> Arc<Rights> {
        self.rights_file.now()
    }

    /// What is wrong with the server's file since it was changed, if anything.
    pub fn rights_problem(&self) -> Option<String> {
        self.rights_file.problem()
    }

    /// The stages of a stack, in order; none when there is no such stack, or its file was never right.
    pub fn stages_of(&self, name: &StackName) -> Vec<StageName> {
        let stack_files = self.stack_files();
        let loaded = stack_files.stacks.iter().find(|loaded| loaded.name == *name);
        loaded.map(view::LoadedStack::stages).unwrap_or_default()
    }

    /// The ledger, for questions.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All stacks as they were last loaded, with what is wrong with their files.
    pub fn stack_files(&self) -> Arc<StackFiles> {
        self.stack_files.borrow().clone()
    }

    /// The journal file of a push.
    pub fn journal_path(&self, push: PushNumber) -> PathBuf {
        PushDir::of(&self.config.data, push).journal()
    }

    /// The index of a push's journal: may be gone at any time, and is only believed when it fits the journal.
    pub fn index_path(&self, push: PushNumber) -> PathBuf {
        PushDir::of(&self.config.data, push).index()
    }

    /// Counts up whenever something that pages show has changed: a push began, ended or got further, a hold, a stack
    /// file, a fetched branch.
    pub fn changes(&self) -> Receiver<u64> {
        self.changes.subscribe()
    }

    /// Which of the server's own tasks are broken; for those of other rooms too.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Uploads that can be resumed.
    pub fn uploads(&self) -> &uploads::Uploads {
        &self.uploads
    }

    /// How the channels of announcements are doing.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Starts a task that ends when the desk stops.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    /// Starts a task that goes on as long as the desk, whatever breaks in it; `task` says what it does.
    fn keep<Fut>(self: &Arc<Self>, task: &'static str, work: impl Fn(Arc<Self>) -> Fut + Send + 'static)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let desk = Arc::clone(self);
        self.spawn(self.health.clone().keep(task, self.stop.clone(), move || work(Arc::clone(&desk))));
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Looks at the stack files again. Blocking, and quick.
    fn refresh_stack_files(&self) {
        let mut stack_folder = self.stack_folder.lock().unwrap_or_else(PoisonError::into_inner);
        if stack_folder.refresh() {
            self.stack_files.send_replace(stack_folder.stack_files());
            drop(stack_folder);
            self.changed();
        }
    }

    /// Looks at the server's file and the stack files again. Blocking, and quick.
    fn refresh_files(&self) {
        let before = (self.rights_file.now(), self.rights_file.problem());
        if let Some(read) = self.rights_file.refresh() {
            self.stack_folder.lock().unwrap_or_else(PoisonError::into_inner).not_noted(vec![read]);
        }
        if before != (self.rights_file.now(), self.rights_file.problem()) {
            self.changed();
        }
        self.refresh_stack_files();
    }

    /// A stack as its file last said it rightly; none of one that does not exist, or never was right.
    pub fn loaded_stack(&self, name: &StackName) -> Option<Arc<Stack>> {
        self.loaded(name).ok().map(|(stack, _)| stack)
    }

    /// The last good form of a stack, and what is wrong with its file now.
    fn loaded(&self, name: &StackName) -> Decision<(Arc<Stack>, Option<String>)> {
        let stack_files = self.stack_files();
        let Some(loaded) = stack_files.stacks.iter().find(|loaded| loaded.name == *name) else {
            return Err(Refusal::Unknown { what: format!("stack {name}") });
        };
        match (&loaded.stack, &loaded.problem) {
            (Some(stack), problem) => Ok((Arc::clone(stack), problem.clone())),
            (None, problem) => Err(Refusal::BadStack {
                stack: name.to_string(),
                why: first_line(problem.as_deref().unwrap_or("it has never been read without an error")),
            }),
        }
    }
}
