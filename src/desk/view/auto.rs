//! Statuses of commits, and stages that are pushed automatically, as pages, API and command line show them (docs/api.md, "A status of a commit").
//! Plain data; it must never be read from anywhere.

use crate::ledger::statuses::{CommitState, CommitStatus};
use schemars::JsonSchema;
use serde::Serialize;

/// A status of a commit. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct StatusView {
    /// What was looked at: `ci/test`.
    pub context: String,
    /// What came of it.
    pub state: CommitState,
    /// In a few words.
    pub description: Option<String>,
    /// Where more is said of it.
    pub url: Option<String>,
    /// Who told it: a person, a program, `GitHub webhook`.
    pub who: String,
    /// When it came here.
    pub at: String,
}

impl From<&CommitStatus> for StatusView {
    fn from(row: &CommitStatus) -> Self {
        Self {
            context: row.context.clone(),
            state: row.state,
            description: row.description.clone(),
            url: row.url.clone(),
            who: row.who.clone(),
            at: row.at.clone(),
        }
    }
}

/// The statuses that a stage needs of what would go out.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NeedsView {
    /// How many of them are green.
    pub green: usize,
    /// How many there are.
    pub total: usize,
    /// What it waits for, in words: `waiting for ci/test (2 of 3 green)`; none when all are green.
    pub why: Option<String>,
    /// Each of them, in the order of the stack file.
    pub statuses: Vec<NeedView>,
}

/// A status that a stage needs.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NeedView {
    /// Its name.
    pub context: String,
    /// What was told of it; none where nothing was.
    pub status: Option<StatusView>,
}

/// A stage that is pushed automatically. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AutoView {
    /// Whether it is, now.
    pub on: bool,
    /// Why it waits, in words: `waits for ci/test`, `off since …`; none while it is about to be pushed.
    pub why: Option<String>,
    /// When it stops waiting, where that is known.
    pub until: Option<String>,
}
