//! The rows of the audit as a third party gets them: in order, each with the hash of the one before. It must never leave a part out that
//! its hash is made of. Asked by `audit export`, by what sends the audit on, by its page, and by `verify`.

use crate::journal::write::hex;
use crate::ledger::LedgerResult;
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the first row is chained to.
pub const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A row, as it is exported: the names of its fields are promised (`docs/audit.md`).
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Its number, from 1, without a gap.
    pub number: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who did it: a person, a program with a token of theirs, or the server.
    pub who: String,
    /// From where; none in rows of before it was written down.
    pub from: Option<String>,
    /// What was done, in a word or two.
    pub action: String,
    /// To what; none in rows of before it was written down.
    pub object: Option<String>,
    /// All of it.
    pub detail: String,
    /// The hash of the row before.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

impl AuditRow {
    /// The hash that it must have.
    pub fn hash_again(&self) -> String {
        let mut parts = vec![self.at.as_str(), &self.who, &self.action, &self.detail];
        match (&self.from, &self.object) {
            (None, None) => {}
            (Some(from), Some(object)) => parts.extend([from.as_str(), object]),
            // A row has both or none: no hash is right.
            (Some(_), None) | (None, Some(_)) => return String::new(),
        }
        chained(&self.previous, self.number, &parts)
    }
}

/// All columns, with the hash of the row before.
pub(super) const COLUMNS: &str = "a.id, a.at, a.who, a.place, a.what, a.object, a.detail, a.hash,
    (SELECT b.hash FROM audit b WHERE b.id < a.id ORDER BY b.id DESC LIMIT 1) AS previous";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        number: row.get("id")?,
        at: row.get("at")?,
        who: row.get("who")?,
        from: row.get("place")?,
        action: row.get("what")?,
        object: row.get("object")?,
        detail: row.get("detail")?,
        previous: row.get::<_, Option<String>>("previous")?.unwrap_or_else(|| BEGINNING.to_owned()),
        hash: row.get("hash")?,
    })
}

/// The rows that follow a number, oldest first, so many at most.
///
/// # Errors
/// What SQLite said.
pub fn after(connection: &Connection, number: i64, most: usize) -> LedgerResult<Vec<AuditRow>> {
    let sql = format!("SELECT {COLUMNS} FROM audit a WHERE a.id > ?1 ORDER BY a.id LIMIT ?2");
    let mut ask = connection.prepare_cached(&sql)?;
    let rows = ask.query_map(params![number, i64::try_from(most).unwrap_or(i64::MAX)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same without seals, which are for `verify`.
///
/// # Errors
/// What SQLite said.
pub fn deeds_after(connection: &Connection, number: i64, most: usize) -> LedgerResult<Vec<AuditRow>> {
    let sql = format!("SELECT {COLUMNS} FROM audit a WHERE a.id > ?1 AND a.what <> 'seal' ORDER BY a.id LIMIT ?2");
    let mut ask = connection.prepare_cached(&sql)?;
    let rows = ask.query_map(params![number, i64::try_from(most).unwrap_or(i64::MAX)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether there is a row of this number with this hash.
///
/// # Errors
/// What SQLite said.
pub fn has(connection: &Connection, number: i64, hash: &str) -> LedgerResult<bool> {
    let mut ask = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM audit WHERE id = ?1 AND hash = ?2)")?;
    Ok(ask.query_row(params![number, hash], |row| row.get(0))?)
}

/// From which number to which the rows go that were written in a time: all between the first and the last of them, so that they
/// are a chain, also where the clock was set. None where there are none.
///
/// # Errors
/// What SQLite said.
pub fn between(connection: &Connection, since: Option<At>, until: Option<At>) -> LedgerResult<Option<(i64, i64)>> {
    let mut ask = connection.prepare_cached(
        "SELECT min(id) AS first, max(id) AS last FROM audit WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR at < ?2)",
    )?;
    let times = params![since.map(|at| at.to_string()), until.map(|at| at.to_string())];
    let found = ask.query_row(times, |row| Ok((row.get("first")?, row.get("last")?))).optional()?;
    Ok(found.and_then(|(first, last): (Option<i64>, Option<i64>)| first.zip(last)))
}

/// Each part goes in with its length before it, so that no two rows read the same.
pub(super) fn chained(previous: &str, id: i64, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(id.to_be_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}
