//! What waits for a channel that the server's file has no more, or never had. It must never touch what a channel of the file has to tell. Called by
//! `announce`.

use crate::ledger::LedgerResult;
use crate::stack::ChannelName;
use rusqlite::{Connection, Transaction, params};

/// What waits for a channel that is not in a list of names.
const WITHOUT_CHANNEL: &str = "state = 'waiting'
    AND substr(channel, 1, instr(channel || ':', ':') - 1) NOT IN (SELECT value FROM json_each(?1))";

/// Whether something waits for a channel that the server's file has not.
///
/// # Errors
/// What SQLite said.
pub fn waits(conn: &Connection, channels: &[ChannelName]) -> LedgerResult<bool> {
    let known = serde_json::to_string(channels)?;
    let mut ask = conn.prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {WITHOUT_CHANNEL})"))?;
    Ok(ask.query_row([known], |row| row.get(0))?)
}

/// Gives up what waits for a channel that the server's file has no more, so that it neither waits for ever nor goes out of date when a channel
/// of that name comes back; how many these were.
///
/// # Errors
/// What SQLite said.
pub fn give_up(tx: &Transaction<'_>, channels: &[ChannelName], problem: &str) -> LedgerResult<usize> {
    let known = serde_json::to_string(channels)?;
    let mut update =
        tx.prepare_cached(&format!("UPDATE outbox SET state = 'given up', problem = ?2 WHERE {WITHOUT_CHANNEL}"))?;
    Ok(update.execute(params![known, problem])?)
}
