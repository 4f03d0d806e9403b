//! What the stats page asks: the pushes to one stage in a span of time, small and without their words.
//! It must never read more than the span holds; the index `pushes_by_time` finds it.

use super::push::REACHED;
use crate::journal::PushState;
use crate::ledger::LedgerResult;
use crate::plan::PushKind;
use crate::stack::StackName;
use rusqlite::{Connection, params};

/// A push that ended, as far as statistics want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatRow {
    /// The stack.
    pub stack: StackName,
    /// Who pressed.
    pub who: String,
    /// Why the build went out.
    pub kind: PushKind,
    /// How it ended.
    pub state: PushState,
    /// When the button was pressed, RFC 3339 in UTC.
    pub pressed_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}

/// How long one commit took until its push had ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRow {
    /// The stack.
    pub stack: StackName,
    /// When it was committed, RFC 3339 in UTC.
    pub committed_at: String,
    /// When its push ended, RFC 3339 in UTC.
    pub ended_at: String,
}

/// The pushes to a stage that were pressed from `from` on and before `to` and have ended, oldest first.
///
/// # Errors
/// What SQLite said.
pub fn pushes(connection: &Connection, stage: &str, from: &str, to: &str) -> LedgerResult<Vec<StatRow>> {
    let mut ask = connection.prepare_cached(
        "SELECT stack, who, kind, state, pressed_at, coalesce(duration_ms, 0) AS took_ms FROM pushes
         WHERE stage = ?1 AND pressed_at >= ?2 AND pressed_at < ?3 AND ended_at IS NOT NULL ORDER BY pressed_at",
    )?;
    let rows = ask.query_map(params![stage, from, to], |row| {
        Ok(StatRow {
            stack: row.get("stack")?,
            who: row.get("who")?,
            kind: row.get("kind")?,
            state: row.get("state")?,
            pressed_at: row.get("pressed_at")?,
            duration_ms: row.get("took_ms")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The commits that plain pushes in that span brought to the stage, and how long each had waited.
///
/// # Errors
/// What SQLite said.
pub fn waits(connection: &Connection, stage: &str, from: &str, to: &str) -> LedgerResult<Vec<WaitRow>> {
    let mut ask = connection.prepare_cached(
        "SELECT p.stack, c.at, p.ended_at FROM pushes p JOIN commits c ON c.push = p.id
         WHERE p.stage = ?1 AND p.pressed_at >= ?2 AND p.pressed_at < ?3 AND p.state IN (?4, ?5)
           AND p.kind = ?6 AND p.ended_at IS NOT NULL ORDER BY p.pressed_at",
    )?;
    let rows = ask.query_map(params![stage, from, to, REACHED[0], REACHED[1], PushKind::Push], |row| {
        Ok(WaitRow { stack: row.get("stack")?, committed_at: row.get("at")?, ended_at: row.get("ended_at")? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The people among `who` that had never pushed to the stage before `from`.
///
/// # Errors
/// What SQLite said.
pub fn first_timers(connection: &Connection, stage: &str, from: &str, who: &[String]) -> LedgerResult<usize> {
    let mut ask = connection
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM pushes WHERE who = ?1 AND stage = ?2 AND pressed_at < ?3)")?;
    let mut new = 0;
    for name in who {
        let is_new: bool = ask.query_row(params![name, stage, from], |row| row.get(0))?;
        new += usize::from(is_new);
    }
    Ok(new)
}

/// The stages that were ever pushed to, the one pushed to most lately first.
///
/// # Errors
/// What SQLite said.
pub fn stages(connection: &Connection) -> LedgerResult<Vec<String>> {
    let mut ask = connection.prepare_cached(
        "WITH RECURSIVE known (stage) AS (
             SELECT min(stage) FROM pushes
             UNION ALL SELECT (SELECT min(stage) FROM pushes p WHERE p.stage > known.stage) FROM known WHERE stage IS NOT NULL)
         SELECT stage FROM known WHERE stage IS NOT NULL
         ORDER BY (SELECT max(id) FROM pushes p WHERE p.stage = known.stage) DESC",
    )?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
