//! Why the desk refuses: the reason, the title and the cure of each case, in one place (`cases.rs` beside it). It must never
//! hold a refusal whose title and cure do not fit its reason: who adds a case writes its row, or it does not compile, and
//! `tests/words.rs` holds all rows against one snapshot and against the table in `docs/operating.md`.

pub use super::cases::Case;
use super::until;
use crate::ledger::LedgerError;
use crate::stack::{NoRight, PushNumber, StackName, StageName};

/// What the desk answers.
pub type Decision<T> = Result<T, Refusal>;

/// Why the desk refused, in the words of the API: `code` for programs, the display text for people; title and cure come from
/// [`Refusal::case`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No such stack, stage or push.
    #[error("{what} does not exist")]
    Unknown {
        /// What was asked for: `stack webb`.
        what: String,
    },
    /// The rights of the server's file do not let them.
    #[error("{why}")]
    NoRight {
        /// Who asked.
        who: String,
        /// What they wanted, as `[rights]` says it: `push`.
        verb: &'static str,
        /// Where: `web/prod`.
        on: String,
        /// Who could: `only joe and nina (@web)`.
        can: String,
        /// All of it in words.
        why: String,
    },
    /// Another push holds the stack's lock.
    #[error("{who} is pushing {stack} to {stage} right now (push {push}){}", waits.as_ref().map(|waits| format!("; it {}", waits.waits)).unwrap_or_default())]
    Locked {
        /// Who.
        who: String,
        /// The stack.
        stack: StackName,
        /// The stage that is being pushed.
        stage: StageName,
        /// Its number.
        push: PushNumber,
        /// Since when.
        since: String,
        /// What it waits for, when it waits for a person.
        #[serde(flatten)]
        waits: Option<Box<Waits>>,
    },
    /// A rollback cannot begin under a running push.
    #[error("push {push} is running: cancel it first ({who} is pushing {stack} to {stage})")]
    CancelFirst {
        /// Who.
        who: String,
        /// The stack.
        stack: StackName,
        /// The stage that is being pushed.
        stage: StageName,
        /// Its number.
        push: PushNumber,
        /// Since when.
        since: String,
    },
    /// A person's (or a bad end's) stop sign.
    #[error("{scope} is held by {who}{}: {reason}", until::words(.until.as_deref()))]
    Held {
        /// `web` or `web/prod`.
        scope: String,
        /// Who.
        who: String,
        /// Why.
        reason: String,
        /// Since when.
        since: Box<str>,
        /// When it is over by itself; none stands until someone releases it.
        until: Option<String>,
        /// The push that set it, since it ended badly; none when a person did.
        push: Option<PushNumber>,
    },
    /// The world moved since the page was drawn.
    #[error("{what}; nothing was pushed")]
    Moved {
        /// What changed: `qa now runs 9c1e2f4 instead of 51d0c3e`.
        what: String,
        /// What could be pushed now, as `seen`.
        now: Option<String>,
    },
    /// What is there already is another.
    #[error("{why}")]
    Taken {
        /// Which row of the table.
        case: Case,
        /// What is there.
        why: String,
    },
    /// What came in has far fewer files than what was there before.
    #[error("{why}")]
    Fewer {
        /// Both numbers, and how to say that it is right.
        why: String,
        /// How many files there are.
        now: u64,
        /// How many there were.
        before: u64,
    },
    /// Others have not approved what would go out, or it is one's own.
    #[error("{why}")]
    Unapproved {
        /// Which row of the table.
        case: Case,
        /// Why.
        why: String,
        /// The stack and the stage, as a command line names them: `web prod`.
        of: String,
    },
    /// There is nothing that could go out, or be done.
    #[error("{why}")]
    Nothing {
        /// Which row of the table.
        case: Case,
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
    /// The hosts of the stage are not known well enough: its command gave no good answer.
    #[error("{stack} cannot be pushed to {stage}: {why}")]
    NoHosts {
        /// Which row of the table.
        case: Case,
        /// The stack.
        stack: String,
        /// The stage.
        stage: String,
        /// Which command, and what it said.
        why: String,
    },
    /// What was given is not allowed.
    #[error("{why}")]
    BadRequest {
        /// Which row of the table.
        case: Case,
        /// Why.
        why: String,
    },
    /// This server cannot: disk full, git broken.
    #[error("{why}")]
    Unable {
        /// Which row of the table.
        case: Case,
        /// Why.
        why: String,
    },
}

/// What a running push waits for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waits {
    /// The end of a sentence: `waits for an answer: “Graphs calm?”`.
    pub waits: String,
    /// The command that lets it go on.
    pub hint: String,
}

impl Refusal {
    /// The row of the table that it is.
    pub fn case(&self) -> Case {
        match self {
            Self::Unknown { .. } => Case::Unknown,
            Self::NoRight { .. } => Case::NoRight,
            Self::Locked { waits: None, .. } => Case::Locked,
            Self::Locked { waits: Some(_), .. } => Case::LockedWaits,
            Self::CancelFirst { .. } => Case::CancelFirst,
            Self::Held { push: None, .. } => Case::Held,
            Self::Held { push: Some(_), .. } => Case::HeldByPush,
            Self::Moved { .. } => Case::Moved,
            Self::BadStack { .. } => Case::BadStack,
            Self::Fewer { .. } => Case::FewerFiles,
            Self::Taken { case, .. }
            | Self::Nothing { case, .. }
            | Self::Unapproved { case, .. }
            | Self::NoHosts { case, .. }
            | Self::BadRequest { case, .. }
            | Self::Unable { case, .. } => *case,
        }
    }

    /// The heading of what tells it.
    pub fn title(&self) -> &'static str {
        self.case().row().title
    }

    /// What to do about it: a phrase without a full stop.
    pub fn cure(&self) -> &'static str {
        self.case().row().cure
    }

    /// The command that helps now, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { waits: Some(waits), .. } => Some(waits.hint.clone()),
            Self::Locked { waits: None, push, .. } => Some(format!("pushbutton follow {push}")),
            Self::CancelFirst { push, .. } => Some(format!("pushbutton cancel {push}")),
            Self::Held { push: Some(push), .. } => Some(format!("pushbutton resume {push}")),
            Self::Held { push: None, scope, .. } => Some(format!("pushbutton release-hold {scope}")),
            Self::Unapproved { case: Case::ApprovalWaits, of, .. } => Some(format!("pushbutton approve {of}")),
            Self::Unapproved { case: Case::OwnApproval, .. } => None,
            Self::Unapproved { of, .. } => Some(format!("pushbutton ask-approval {of}")),
            Self::Unknown { .. }
            | Self::NoRight { .. }
            | Self::Moved { .. }
            | Self::Taken { .. }
            | Self::Fewer { .. }
            | Self::Nothing { .. }
            | Self::BadStack { .. }
            | Self::NoHosts { .. }
            | Self::BadRequest { .. }
            | Self::Unable { .. } => None,
        }
    }

    /// The server is about to end.
    pub(super) fn stopping() -> Self {
        Self::Unable { case: Case::Stopping, why: "the server is stopping".to_owned() }
    }

    /// A task of ours broke before its end.
    pub(super) fn broke(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, what, "a decision broke");
        Self::Unable { case: Case::Broke, why: format!("{what} broke: {error}") }
    }

    /// The ledger holds what cannot be.
    pub(super) fn corrupt(why: impl std::fmt::Display) -> Self {
        Self::Unable { case: Case::LedgerRow, why: format!("the ledger contains an invalid value: {why}") }
    }
}

impl From<NoRight> for Refusal {
    fn from(no: NoRight) -> Self {
        let (why, on) = (no.to_string(), no.target.to_string());
        Self::NoRight { who: no.who.to_string(), verb: no.verb.word(), on, can: no.can, why }
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        tracing::error!(error = %error, "the ledger did not take a decision");
        Self::Unable { case: Case::Ledger, why: format!("the ledger does not work, so nothing was done: {error}") }
    }
}
