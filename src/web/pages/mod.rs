//! The pages: pure functions from data to HTML, by the embedded templates (which escape by their names, all `.html`).
//! They must never ask for anything: no ledger, no file, no clock. Called by the routes, which gather what is shown.

pub mod assets;

pub use assets::{Asset, asset};

use crate::desk::Street;
use crate::desk::view::Hold;
use crate::journal::event::Record;
use crate::ledger::outbox::OutboxRow;
use crate::ledger::pushes::{CommandRow, Commit, PushRow, ResultRow};
use crate::time::At;

/// Why a page could not be drawn: a mistake in a template, never in what it was given.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A template is wrong, or names something that it is not given.
    #[error("the page {page} cannot be drawn: {source}")]
    Template {
        /// The template.
        page: String,
        /// What is wrong with it.
        source: tera::Error,
    },
}

/// Which part of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// All stacks, and each of them.
    Stacks,
    /// The push log, and each push.
    Pushes,
    /// None of them: signing in, errors.
    Nowhere,
}

/// What all pages show around themselves.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Who is asking; `None` before signing in.
    pub who: Option<String>,
    /// Their full name, when it is known.
    pub full_name: Option<String>,
    /// Now: what "12 min ago" counts from.
    pub now: At,
    /// The pushes that run now.
    pub running: Vec<PushRow>,
    /// The nonce for this page's forms: a press's idempotency key.
    pub nonce: String,
    /// What everybody should know, a sentence each: a broken stack file, a full disk.
    pub notices: Vec<String>,
    /// Where in the navigation the page is.
    pub section: Section,
    /// Whether people only say their name (`mode = "open"`).
    pub open_mode: bool,
}

/// One push, live or past.
#[derive(Clone, Debug)]
pub struct PushPage {
    /// The push.
    pub row: PushRow,
    /// Its commands as far as they were begun, in order.
    pub commands: Vec<CommandRow>,
    /// Its results, a command on a host each.
    pub results: Vec<ResultRow>,
    /// What it brings, newest first.
    pub commits: Vec<Commit>,
    /// What was told where.
    pub announcements: Vec<OutboxRow>,
    /// The titles of all commands of its plan, in order.
    pub titles: Vec<String>,
    /// The frozen host list, by name.
    pub hosts: Vec<String>,
    /// How long the last good pushes of this stage took.
    pub usual_ms: Vec<i64>,
    /// The last records of its journal, for readers without JavaScript.
    pub tail: Vec<Record>,
    /// The hold on its stack or stage, if any.
    pub hold: Option<Hold>,
    /// What the stage's button says.
    pub button: String,
}

/// The push log.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// The pushes, newest first.
    pub rows: Vec<PushRow>,
    /// What was asked for.
    pub filter: LogFilter,
    /// The cursor of the next, older page, if there is one.
    pub next_before: Option<i64>,
    /// The names of all stacks.
    pub stacks: Vec<String>,
}

/// What the push log shows; nothing set shows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogFilter {
    /// One stack.
    pub stack: Option<String>,
    /// One stage.
    pub stage: Option<String>,
    /// One person.
    pub who: Option<String>,
    /// One end, or `running`.
    pub state: Option<String>,
    /// A word of a commit, a revision, a build or a reason.
    pub word: Option<String>,
}

/// Signing in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whether a name is enough.
    pub open: bool,
    /// Where to go afterwards: one of our own addresses.
    pub next: String,
    /// The name that was given before.
    pub name: String,
    /// Why the last try was refused.
    pub problem: Option<String>,
}

/// All pages, ready to be drawn. Cheap to share, made once.
pub struct Pages {}

impl Pages {
    /// Reads the templates.
    ///
    /// # Errors
    /// When one of them is wrong.
    pub fn load() -> Result<Self, PageError> {
        todo!()
    }

    /// All stacks: what is where, who is pushing.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn dashboard(&self, _frame: &Frame, _streets: &[Street]) -> Result<String, PageError> {
        todo!()
    }

    /// One stack: its buttons, and what would go out.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn stack(&self, _frame: &Frame, _street: &Street) -> Result<String, PageError> {
        todo!()
    }

    /// One push, live or past.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn push(&self, _frame: &Frame, _page: &PushPage) -> Result<String, PageError> {
        todo!()
    }

    /// The push log.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn log(&self, _frame: &Frame, _page: &LogPage) -> Result<String, PageError> {
        todo!()
    }

    /// Signing in.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn sign_in(&self, _frame: &Frame, _page: &SignIn) -> Result<String, PageError> {
        todo!()
    }

    /// What went wrong, what it means for the push, what to do.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn error(
        &self,
        _frame: &Frame,
        _status: u16,
        _title: &str,
        _words: &str,
        _todo: &str,
    ) -> Result<String, PageError> {
        todo!()
    }
}
