//! The desk: where decisions are taken. May this person push this, now? It starts runners, finds them again, and folds
//! their journals into the ledger. It must never touch a host, and never do anything on a GET.

pub mod view;

use crate::config::Config;
use crate::ledger::Ledger;
use crate::stack::{PushNumber, StackName, StageName, Who};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
pub use view::{Shelf, Street};

/// The decisions, with all that they need. Shared by all requests.
pub struct Desk {
    config: Arc<Config>,
    ledger: Ledger,
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

/// Why the desk refused, in the words of the API: `code` for programs, the display text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No such stack, stage or push.
    #[error("{what} does not exist")]
    Unknown {
        /// What was asked for: `stack webb`.
        what: String,
    },
    /// Another push holds the stack's lock.
    #[error("{who} is pushing {stack} to {stage} right now (push {push})")]
    Locked {
        /// Who.
        who: String,
        /// The stack.
        stack: String,
        /// The stage that is being pushed.
        stage: String,
        /// Its number.
        push: i64,
        /// Since when.
        since: String,
    },
    /// A person's (or a bad end's) stop sign.
    #[error("{scope} is held by {who}: {reason}")]
    Held {
        /// `web` or `web/prod`.
        scope: String,
        /// Who.
        who: String,
        /// Why.
        reason: String,
        /// Since when.
        since: String,
    },
    /// The world moved since the page was drawn.
    #[error("{what}; nothing was pushed. Look again, then press again")]
    Moved {
        /// What changed: `qa now runs 9c1e2f4 instead of 51d0c3e`.
        what: String,
        /// What could be pushed now, as `seen`.
        now: Option<String>,
    },
    /// There is nothing that could go out.
    #[error("{why}")]
    Nothing {
        /// Why: `qa has never been pushed, so princess has nothing to take`.
        why: String,
    },
    /// The stack file is broken; the last good one is shown, pushing is closed.
    #[error("stacks/{stack}.toml has errors, so {stack} cannot be pushed: {why}")]
    BadStack {
        /// The stack.
        stack: String,
        /// The first error.
        why: String,
    },
    /// What was given is not allowed.
    #[error("{why}")]
    BadRequest {
        /// Why.
        why: String,
    },
    /// This server cannot: disk full, git broken.
    #[error("{why}")]
    Unable {
        /// Why, and what to do.
        why: String,
    },
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
        todo!()
    }

    /// Everything that the page of one stack shows.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn street(&self, _stack: &StackName) -> Decision<Street> {
        todo!()
    }

    /// Presses a button.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn press(&self, _press: Press) -> Decision<PushNumber> {
        todo!()
    }

    /// Cancels a running push.
    ///
    /// # Errors
    /// When there is no such push, or it has ended.
    pub async fn cancel(&self, _push: PushNumber, _who: &Who, _reason: Option<String>) -> Decision<()> {
        todo!()
    }

    /// Holds a stack, or one stage of it.
    ///
    /// # Errors
    /// When it does not exist, the reason is missing, or it is held already.
    pub async fn hold(
        &self,
        _stack: &StackName,
        _stage: Option<&StageName>,
        _who: &Who,
        _reason: String,
    ) -> Decision<()> {
        todo!()
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// When nothing is held.
    pub async fn release_hold(&self, _stack: &StackName, _stage: Option<&StageName>, _who: &Who) -> Decision<()> {
        todo!()
    }

    /// The journal file of a push.
    pub fn journal_path(&self, push: PushNumber) -> PathBuf {
        self.config.data.join("pushes").join(push.to_string()).join("journal.jsonl")
    }

    /// How far the journal of a push goes; changes while it runs. `None` for a push that does not exist.
    pub async fn journal_end(&self, _push: PushNumber) -> Option<watch::Receiver<JournalEnd>> {
        todo!()
    }

    /// Counts up whenever something that pages show has changed: a push began, ended or got further, a hold, a stack
    /// file, a fetched branch.
    pub fn changes(&self) -> watch::Receiver<u64> {
        todo!()
    }
}
