//! The audit: who did what, each row chained to the one before by SHA-256, so that history cannot be changed unnoticed
//! (TRUST promise 20). It must never be updated; triggers refuse. The desk adds rows in the same transaction as the deed.

pub mod export;
pub mod integrity;
pub mod list;
pub mod place;
pub mod replay;
pub mod rows;
pub mod seal;
pub mod sent;

use crate::ledger::LedgerResult;
use crate::time::At;
use place::Place;
use rows::{BEGINNING, chained};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeSet;

/// Rows that are read at once where all are.
const ROWS_AT_ONCE: usize = 1000;
/// Adds a row. `object` is what it was done to, by its name: a stage as `web/prod`, a push as `push 214`; `detail` says the whole of it.
/// From where is what the task says that writes (see [`place`]).
///
/// # Errors
/// What SQLite said.
pub fn note(tx: &Transaction<'_>, at: At, who: &str, what: &str, object: &str, detail: &str) -> LedgerResult<()> {
    let (last, previous) = last(tx)?;
    let (id, at) = (last + 1, at.to_string());
    let place = place::here().unwrap_or(Place::Server).to_string();
    let hash = chained(&previous, id, &[&at, who, what, detail, &place, object]);
    tx.prepare_cached(
        "INSERT INTO audit (id, at, who, what, detail, place, object, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![id, at, who, what, detail, place, object, hash])?;
    Ok(())
}

/// The hash of the newest row; 64 zeros before the first.
///
/// # Errors
/// What SQLite said.
pub fn head(connection: &Connection) -> LedgerResult<String> {
    Ok(last(connection)?.1)
}

/// Walks the whole chain: the number of the first row that is not what was written, or that follows a gap; none when
/// every row is as it was written. A cut-off tail shows by a head that was announced and is not found any more.
///
/// # Errors
/// What SQLite said.
pub fn verify(connection: &Connection) -> LedgerResult<Option<i64>> {
    let (mut before, mut previous) = (0, BEGINNING.to_owned());
    loop {
        let rows = rows::after(connection, before, ROWS_AT_ONCE)?;
        if rows.is_empty() {
            return Ok(None);
        }
        for row in rows {
            if row.number != before + 1 || row.previous != previous || row.hash != row.hash_again() {
                return Ok(Some(row.number));
            }
            (before, previous) = (row.number, row.hash);
        }
    }
}

/// The hashes of all rows, oldest first.
///
/// # Errors
/// What SQLite said.
pub fn hashes(connection: &Connection) -> LedgerResult<Vec<String>> {
    let mut ask = connection.prepare("SELECT hash FROM audit ORDER BY id")?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What all rows of one name say.
///
/// # Errors
/// What SQLite said.
pub fn details(connection: &Connection, what: &str) -> LedgerResult<BTreeSet<String>> {
    let mut ask = connection.prepare("SELECT detail FROM audit WHERE what = ?1")?;
    let rows = ask.query_map([what], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What all rows of one name say, oldest first.
///
/// # Errors
/// What SQLite said.
pub fn in_order(connection: &Connection, what: &str) -> LedgerResult<Vec<String>> {
    let mut ask = connection.prepare("SELECT detail FROM audit WHERE what = ?1 ORDER BY id")?;
    let rows = ask.query_map([what], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn last(connection: &Connection) -> LedgerResult<(i64, String)> {
    let mut ask = connection.prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?;
    let found = ask.query_row([], |row| Ok((row.get("id")?, row.get("hash")?))).optional()?;
    Ok(found.unwrap_or_else(|| (0, BEGINNING.to_owned())))
}

#[cfg(test)]
mod tests;
