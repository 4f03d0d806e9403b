//! What a week brought, as the outbox keeps it: of each stage how many pushes, by whom, how they ended. Kept as other announcements are: a field is
//! never renamed nor taken away. It must never be read from a table, nor written twice.

use crate::ledger::LedgerResult;
use crate::stack::{Destination, PushNumber, StackName, StageName};
use crate::time::At;
use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};

/// A week. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// The day at whose time it is over, where people live: `2026-11-30`.
    pub week: String,
    /// What tells a repeat: `weekly-2026-11-30`.
    pub key: String,
    /// From when …
    pub from: String,
    /// … to when.
    pub to: String,
    /// Each stage that was pushed to, by stack and stage; at most 200.
    pub stages: Vec<WeekOfStage>,
    /// What did not succeed, oldest first; at most 30.
    pub bad: Vec<BadPush>,
    /// How many more of these there were.
    pub more_bad: u64,
    /// When it was written.
    pub at: String,
    /// The address of its pushes.
    pub url: String,
    /// The first 12 digits of the audit's head.
    pub audit_head: String,
}

/// What was pushed to a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekOfStage {
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// How many pushes ended, rollbacks and resumes among them.
    pub pushes: u64,
    /// How many of these succeeded.
    pub succeeded: u64,
    /// How many were rollbacks, or rolled back by themselves.
    pub rollbacks: u64,
    /// How many commits those that succeeded brought.
    pub commits: u64,
    /// The revision of the last one that succeeded.
    pub sha: Option<String>,
    /// Who pushed how often, the busiest first; at most 20.
    pub who: Vec<(String, u64)>,
}

/// A push that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadPush {
    /// Its number.
    pub push: PushNumber,
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Who pushed.
    pub who: String,
    /// How it ended, as people say it.
    pub state: String,
    /// Why.
    pub why: Option<String>,
}

/// Whether a week was written for a channel already, whatever became of it.
///
/// # Errors
/// What SQLite said.
pub fn has_week(connection: &Connection, key: &str, to: &Destination) -> LedgerResult<bool> {
    let mut ask = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE push IS NULL AND event = ?1 AND channel = ?2)")?;
    Ok(ask.query_row(params![key, to], |row| row.get(0))?)
}

/// Writes what a week brought for one channel.
///
/// # Errors
/// What SQLite said.
pub fn write_week(tx: &Transaction<'_>, week: &Week, to: &Destination, at: At) -> LedgerResult<()> {
    let payload = serde_json::to_string(week)?;
    tx.prepare_cached("INSERT INTO outbox (push, event, channel, payload, next_at) VALUES (NULL, ?1, ?2, ?3, ?4)")?
        .execute(params![week.key, to, payload, at.to_string()])?;
    Ok(())
}
