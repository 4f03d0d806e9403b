//! What a stage ran at some moment, and which push made a build. It must never take a push for live that did not succeed.

use super::push::{COLUMNS, PushRow, row};
use crate::journal::Ended;
use crate::ledger::LedgerResult;
use crate::plan::PushKind;
use crate::stack::{PushNumber, StackName, StageName};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, params};

/// The push whose build a stage ran at a moment: the last one before it that succeeded. A catch-up counts where it brought the last hosts. None
/// when no push to the stage had.
///
/// # Errors
/// What SQLite said.
pub fn at(connection: &Connection, stack: &StackName, stage: &StageName, at: At) -> LedgerResult<Option<PushRow>> {
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pushes p WHERE p.stack = ?1 AND p.stage = ?2 AND p.state = ?3 AND p.ended_at <= ?4
         AND (p.kind <> ?5 OR p.id IN (SELECT push FROM completed_stages)) ORDER BY p.id DESC LIMIT 1"
    ))?;
    let values = params![stack, stage, Ended::Succeeded.word(), at.to_string(), PushKind::CatchUp];
    Ok(ask.query_row(values, row).optional()?)
}

/// The revision of a build, and the push that made it; no push of one that was published.
///
/// # Errors
/// What SQLite said.
pub fn build(
    connection: &Connection,
    stack: &StackName,
    id: &str,
) -> LedgerResult<Option<(String, Option<PushNumber>)>> {
    let mut ask = connection.prepare_cached("SELECT sha, push FROM builds WHERE stack = ?1 AND id = ?2")?;
    Ok(ask.query_row(params![stack, id], |row| Ok((row.get("sha")?, row.get("push")?))).optional()?)
}
