//! The desk: where decisions are taken. May this person push this, now? It starts runners, finds them again, and folds
//! their journals into the ledger. It keeps the hosts of the stacks in use connected, and asks them what they run; it must
//! never change anything on a host, and never do anything on a GET.

mod back;
pub mod backup;
mod board;
mod branches;
mod cases;
mod catch_up;
mod changed_files;
mod changes;
mod channels;
pub mod checkup;
mod drift;
mod fetching;
mod files;
mod fold;
mod follow;
mod gate;
mod holds;
mod home;
mod hosts;
mod interrupt;
pub mod inventory;
mod journals;
mod lateness;
mod numbers;
mod open;
mod orders;
mod owed;
mod pick;
mod plan_view;
mod press;
mod publish;
mod recover;
mod refusal;
mod resume;
mod runner;
mod runs;
#[cfg(test)]
mod sample;
mod shelf;
mod short;
mod shown;
mod street;
mod tell;
mod undo;
mod until;
pub mod verify;
pub mod view;
mod warm;
mod wish;
mod writable;

use crate::config::Config;
use crate::journal::PushDir;
use crate::ledger::Ledger;
use crate::stack::{PushNumber, Stack, StackName, StageName, Who};
use crate::supervise::Health;
use branches::Branches;
pub use cases::Row;
pub(crate) use cases::rows;
pub use channels::{Broken, Channels};
pub use hosts::HostNow;
use journals::Journals;
pub use numbers::SeenNewer;
pub use open::{DeskError, ledger_in, look};
pub use orders::Answered;
pub use publish::{PublishedBuild, Publishing};
pub use refusal::{Case, Refusal, Waits};
use shelf::Shelves;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
pub use until::{BadUntil, Until};
pub use view::{Shelf, Street};
pub use wish::Questions;

/// The decisions, with all that they need. Shared by all requests.
pub struct Desk {
    config: Arc<Config>,
    ledger: Ledger,
    /// What runners are started from.
    program: PathBuf,
    /// A std mutex: held for a few stats, never across an await.
    shelves: Mutex<Shelves>,
    shelf: watch::Sender<Arc<Shelf>>,
    boards: board::Boards,
    branches: Branches,
    fetching: fetching::Fetching,
    /// One build at a time is frozen and written down, of those that are published.
    publishing: tokio::sync::Mutex<()>,
    journals: Journals,
    teller: fold::Teller,
    shown_plans: shown::Shown,
    warm: warm::Warm,
    drifts: drift::Drifts,
    checkups: checkup::Checkups,
    files: files::FilesChanged,
    inventories: inventory::Inventories,
    changes: watch::Sender<u64>,
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
    room: writable::Room,
    /// The files as the audit has them.
    noted: changed_files::Noted,
    home: home::Home,
    seen_pushes: numbers::SeenPushes,
    /// Where the desk was opened. What it begins lives there, not on the thread of a request that may end before it.
    runtime: Handle,
    me: Weak<Desk>,
    /// Held as long as the desk lives: one server a data directory.
    _instance: File,
}

/// A press of a button.
#[derive(Clone, Debug)]
pub struct Press {
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Who presses.
    pub who: Who,
    /// What they saw on the button: the revision (first stage) or the build (later stages).
    pub seen: String,
    /// The hash of the plan that they saw; `None` accepts the plan of what was seen.
    pub plan_hash: Option<String>,
    /// Why, if they say so.
    pub reason: Option<String>,
    /// The press's idempotency key: a repeat answers with the same push.
    pub nonce: Option<String>,
}

/// What the desk answers.
pub type Decision<T> = Result<T, Refusal>;

/// How far a push's journal goes, for viewers: they read the file themselves, up to `len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct JournalEnd {
    /// Bytes of whole records that may be shown.
    pub len: u64,
    /// Whether the ledger knows the end, so that nothing will follow.
    pub ended: bool,
}

impl Desk {
    /// The server's configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The ledger, for questions.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All stacks as they were last loaded, with what is wrong with their files.
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shelf.borrow().clone()
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
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Which of the server's own tasks are broken; for those of other rooms too.
    pub fn health(&self) -> &Health {
        &self.health
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
    fn refresh_shelf(&self) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.refresh() {
            self.shelf.send_replace(shelves.shelf());
            drop(shelves);
            self.changed();
        }
    }

    /// The last good form of a stack, and what is wrong with its file now.
    fn shelved(&self, name: &StackName) -> Decision<(Arc<Stack>, Option<String>)> {
        let shelf = self.shelf();
        let Some(shelved) = shelf.stacks.iter().find(|shelved| shelved.name == *name) else {
            return Err(Refusal::Unknown { what: format!("stack {name}") });
        };
        match (&shelved.stack, &shelved.problem) {
            (Some(stack), problem) => Ok((Arc::clone(stack), problem.clone())),
            (None, problem) => Err(Refusal::BadStack {
                stack: name.to_string(),
                why: first_line(problem.as_deref().unwrap_or("it has never been read without an error")),
            }),
        }
    }
}

/// Text from a person, as one line: at most 1,000 characters, no control characters (TRUST section 5, *Text*).
fn one_line(what: &str, text: &str) -> Decision<String> {
    const LONGEST: usize = 1000;
    let text = text.trim();
    let bad = |why: String| Err(Refusal::BadRequest { case: Case::Text, why });
    match text {
        _ if text.chars().count() > LONGEST => bad(format!("the {what} is longer than {LONGEST} characters")),
        _ if text.chars().any(char::is_control) => {
            bad(format!("the {what} must be one line without control characters"))
        }
        // It is told on pages, in mails and in the channel.
        _ => Ok(crate::address::shown(text).into_owned()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
