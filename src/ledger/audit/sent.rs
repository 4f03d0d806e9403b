//! How far the audit was sent on to syslog or a file. It is no history and has no seal: a seal is a row of the audit, which would have to be
//! sent again. It must never go back. Asked by `announce`.

use crate::ledger::LedgerResult;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// The number of the last row that a target has; 0 when it has none.
///
/// # Errors
/// What SQLite said.
pub fn up_to(connection: &Connection, target: &str) -> LedgerResult<i64> {
    let mut ask = connection.prepare_cached("SELECT number FROM audit_sent WHERE target = ?1")?;
    Ok(ask.query_row([target], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Keeps that a target has the rows up to a number.
///
/// # Errors
/// What SQLite said.
pub fn note(tx: &Transaction<'_>, target: &str, number: i64) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO audit_sent (target, number) VALUES (?1, ?2)
         ON CONFLICT (target) DO UPDATE SET number = max(number, excluded.number)",
    )?
    .execute(params![target, number])?;
    Ok(())
}
