//! The audit: who did what, each row chained to the one before by SHA-256, so that history cannot be changed unnoticed
//! (TRUST promise 20). It must never be updated; triggers refuse. The desk adds rows in the same transaction as the deed.

pub mod integrity;
pub mod replay;
pub mod seal;

use crate::journal::write::hex;
use crate::ledger::LedgerResult;
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What the first row is chained to.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Adds a row.
///
/// # Errors
/// What SQLite said.
pub fn note(tx: &Transaction<'_>, at: At, who: &str, what: &str, detail: &str) -> LedgerResult<()> {
    let (last, previous) = last(tx)?;
    let (id, at) = (last + 1, at.to_string());
    let hash = chained(&previous, id, [&at, who, what, detail]);
    tx.prepare_cached("INSERT INTO audit (id, at, who, what, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![id, at, who, what, detail, hash])?;
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
    let mut ask = connection.prepare("SELECT id, at, who, what, detail, hash FROM audit ORDER BY id")?;
    let mut rows = ask.query([])?;
    let (mut expected, mut previous) = (1, BEGINNING.to_owned());
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        let (at, who): (String, String) = (row.get("at")?, row.get("who")?);
        let (what, detail): (String, String) = (row.get("what")?, row.get("detail")?);
        let hash: String = row.get("hash")?;
        if id != expected || hash != chained(&previous, id, [&at, &who, &what, &detail]) {
            return Ok(Some(id));
        }
        (expected, previous) = (id + 1, hash);
    }
    Ok(None)
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

/// Each part goes in with its length before it, so that no two rows read the same.
fn chained(previous: &str, id: i64, parts: [&str; 4]) -> String {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(id.to_be_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests;
