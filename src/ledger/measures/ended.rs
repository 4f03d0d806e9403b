//! The pushes that have ended, for who adds them up: each is read once, since what ended never changes. It must never read a plan.

use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::{LedgerError, LedgerResult};
use rusqlite::Connection;

/// A push that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedPush {
    /// Its number.
    pub id: i64,
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// How it ended.
    pub result: Ended,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}

/// All pushes that have ended, in no order: from the index of the statistics alone, since a row of `pushes` has its plan behind it.
///
/// # Errors
/// What SQLite said.
pub fn all(connection: &Connection) -> LedgerResult<Vec<EndedPush>> {
    read(
        connection,
        "SELECT id, stack, stage, state, coalesce(duration_ms, 0) AS took_ms
         FROM pushes INDEXED BY pushes_by_time WHERE ended_at IS NOT NULL AND id > ?1",
        0,
    )
}

/// The pushes with a number above `mark` that have ended, in the order of their numbers.
///
/// # Errors
/// What SQLite said.
pub fn after(connection: &Connection, mark: i64) -> LedgerResult<Vec<EndedPush>> {
    read(
        connection,
        "SELECT id, stack, stage, state, coalesce(duration_ms, 0) AS took_ms
         FROM pushes WHERE id > ?1 AND ended_at IS NOT NULL ORDER BY id",
        mark,
    )
}

fn read(connection: &Connection, question: &str, mark: i64) -> LedgerResult<Vec<EndedPush>> {
    let mut ask = connection.prepare_cached(question)?;
    let mut rows = ask.query([mark])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let state: PushState = row.get("state")?;
        found.push(EndedPush {
            id: row.get("id")?,
            stack: row.get("stack")?,
            stage: row.get("stage")?,
            result: state.ended().ok_or_else(|| LedgerError::Corrupt(format!("{state} as the state of an end")))?,
            duration_ms: row.get("took_ms")?,
        });
    }
    Ok(found)
}

/// The lowest number of a push that still runs; none when none does.
///
/// # Errors
/// What SQLite said.
pub fn first_running(connection: &Connection) -> LedgerResult<Option<i64>> {
    let mut ask = connection.prepare_cached("SELECT min(push) FROM locks")?;
    Ok(ask.query_row([], |row| row.get(0))?)
}

/// How often a command ended on a host in each way, in one push.
///
/// # Errors
/// What SQLite said.
pub fn on_hosts(connection: &Connection, push: i64) -> LedgerResult<Vec<(HostResult, u32)>> {
    let mut ask = connection.prepare_cached(
        "SELECT result, count(*) AS times FROM results WHERE push = ?1 AND host <> '' AND result IS NOT NULL GROUP BY result",
    )?;
    let rows = ask.query_map([push], |row| Ok((row.get("result")?, row.get("times")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
