//! What is checked and kept beside the history: how each push was sealed, all builds and their roots, as text, so that what is
//! damaged is read, too. It must never change any of it. Called by `verify`, `backup` and publishing.

use crate::ledger::LedgerResult;
use crate::stack::PushNumber;
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use std::collections::BTreeSet;

/// A push that ended, with all that its end was sealed with. As it stands in the ledger, whatever that is: a row that another hand has
/// changed is one to be named, and not one that nothing can be said of.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedPush {
    /// Its number.
    pub id: i64,
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// How it ended.
    pub state: String,
    /// Why it did not end well.
    pub why: Option<String>,
    /// Who cancelled it.
    pub ended_by: Option<String>,
    /// When the runner took it up.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// How many hosts it had.
    pub hosts_total: i64,
    /// How many held its build at its end.
    pub hosts_ok: i64,
    /// The SHA-256 of its journal before the last record.
    pub journal_hash: String,
    /// The assignment as it was written.
    pub plan: String,
}

/// All pushes that ended, oldest first.
///
/// # Errors
/// What SQLite said.
pub fn sealed_pushes(connection: &Connection) -> LedgerResult<Vec<SealedPush>> {
    let mut ask = connection.prepare(&format!("{SEALED} ORDER BY id"))?;
    let rows = ask.query_map([], sealed)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One of them; none when it has not ended.
///
/// # Errors
/// What SQLite said.
pub fn sealed_push(connection: &Connection, push: PushNumber) -> LedgerResult<Option<SealedPush>> {
    Ok(connection.prepare_cached(&format!("{SEALED} AND id = ?1"))?.query_row([push], sealed).optional()?)
}

/// The columns of [`SealedPush`].
const SEALED: &str =
    "SELECT id, stack, stage, state, why, ended_by, started_at, ended_at, duration_ms, hosts_total, hosts_ok,
    coalesce(journal_hash, '') AS journal_hash, plan FROM pushes WHERE ended_at IS NOT NULL";

fn sealed(row: &Row<'_>) -> rusqlite::Result<SealedPush> {
    Ok(SealedPush {
        id: row.get("id")?,
        stack: row.get("stack")?,
        stage: row.get("stage")?,
        state: row.get("state")?,
        why: row.get("why")?,
        ended_by: row.get("ended_by")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        duration_ms: row.get("duration_ms")?,
        hosts_total: row.get("hosts_total")?,
        hosts_ok: row.get("hosts_ok")?,
        journal_hash: row.get("journal_hash")?,
        plan: row.get("plan")?,
    })
}

/// The numbers of the pushes that have not ended, lowest first.
///
/// # Errors
/// What SQLite said.
pub fn running(connection: &Connection) -> LedgerResult<Vec<i64>> {
    let mut ask = connection.prepare("SELECT id FROM pushes WHERE ended_at IS NULL ORDER BY id")?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The numbers of all pushes, lowest first.
///
/// # Errors
/// What SQLite said.
pub fn numbers(connection: &Connection) -> LedgerResult<Vec<i64>> {
    let mut ask = connection.prepare("SELECT id FROM pushes ORDER BY id")?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A build, as `verify` looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRoot {
    /// The stack.
    pub stack: String,
    /// The build.
    pub id: String,
    /// The root hash of its manifest.
    pub root: String,
    /// When its files were left out, where they were.
    pub pruned_at: Option<String>,
}

/// All builds.
///
/// # Errors
/// What SQLite said.
pub fn build_roots(connection: &Connection) -> LedgerResult<Vec<BuildRoot>> {
    let mut ask = connection.prepare("SELECT stack, id, root, pruned_at FROM builds ORDER BY stack, id")?;
    let rows = ask.query_map([], |row| {
        Ok(BuildRoot {
            stack: row.get("stack")?,
            id: row.get("id")?,
            root: row.get("root")?,
            pruned_at: row.get("pruned_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that the files of all builds are left out but of those that a stage runs: in the copy of a ledger that comes without them.
///
/// # Errors
/// What SQLite said.
pub fn prune_but_current(tx: &Transaction<'_>, at: At) -> LedgerResult<()> {
    tx.execute(
        "UPDATE builds SET pruned_at = ?1 WHERE pruned_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM current c WHERE c.stack = builds.stack AND c.build = builds.id)",
        [at.to_string()],
    )?;
    Ok(())
}

/// The builds that pushes made or were to make, as stack and build: also of those that ended before their build was known.
///
/// # Errors
/// What SQLite said.
pub fn pushed_builds(connection: &Connection) -> LedgerResult<BTreeSet<(String, String)>> {
    let mut ask = connection.prepare("SELECT DISTINCT stack, build FROM pushes")?;
    let rows = ask.query_map([], |row| Ok((row.get("stack")?, row.get("build")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The builds that a stage runs now, as stack and build, each once.
///
/// # Errors
/// What SQLite said.
pub fn current_builds(connection: &Connection) -> LedgerResult<Vec<(String, String)>> {
    let mut ask = connection.prepare("SELECT DISTINCT stack, build FROM current ORDER BY stack, build")?;
    let rows = ask.query_map([], |row| Ok((row.get("stack")?, row.get("build")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
