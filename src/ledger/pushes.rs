//! Pushes as the history keeps them: one row each, their commits, commands and results.
//! It must never change a push that ended (a trigger refuses).

use serde::{Deserialize, Serialize};

/// One push, as history keeps it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushRow {
    /// The number.
    pub id: i64,
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// The build made or used.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// The root hash of its manifest, once it is frozen.
    pub root: Option<String>,
    /// The build that the stage ran before.
    pub old_build: Option<String>,
    /// Its revision.
    pub old_sha: Option<String>,
    /// The branch.
    pub branch: String,
    /// Who pressed.
    pub who: String,
    /// Why, when they said so.
    pub reason: Option<String>,
    /// `running`, or how it ended: `succeeded`, `degraded`, `failed`, `cancelled`, `rolled back`, `interrupted`.
    pub state: String,
    /// Why it did not end well, one sentence.
    pub why: Option<String>,
    /// Who cancelled it.
    pub ended_by: Option<String>,
    /// The plan's hash.
    pub plan_hash: String,
    /// The address of the difference.
    pub diff: Option<String>,
    /// When the button was pressed.
    pub pressed_at: String,
    /// When the runner took it up.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// How many hosts the frozen list has.
    pub hosts_total: i64,
    /// How many were brought to the end of the list.
    pub hosts_ok: i64,
    /// How many lines of output are folded in.
    pub lines: i64,
}

/// A commit that a push brings, cleaned of control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The full revision.
    pub sha: String,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// When it was committed, RFC 3339 in UTC.
    pub at: String,
    /// The first line of its message.
    pub subject: String,
}

/// One command of a push, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRow {
    /// Its place in the plan, from 1.
    pub command: i64,
    /// Its title.
    pub title: String,
    /// How it ended; none while it runs or was not begun.
    pub result: Option<String>,
    /// How many hosts it works on; 0 for the push host alone.
    pub hosts: i64,
    /// How many ended well.
    pub ok: i64,
    /// How many did not.
    pub not_ok: i64,
    /// When it began.
    pub started_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
}

/// One command on one host, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRow {
    /// The command.
    pub command: i64,
    /// The host's name; empty for the push host.
    pub host: String,
    /// How it ended; none while it runs.
    pub result: Option<String>,
    /// The exit code.
    pub code: Option<i64>,
    /// Why it did not end well.
    pub why: Option<String>,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: Option<i64>,
}
