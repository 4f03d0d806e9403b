//! What people say of a build: that it is good for a stage, or bad and goes nowhere. A mark that is taken away is gone; the audit has both.
//! It must never decide what a mark stops: `desk::decide::marks` does.

use crate::journal::{Ended, PushState};
use crate::ledger::LedgerResult;
use crate::stack::{BuildId, StackName, StageName, Who};
use crate::time::At;
use rusqlite::{Connection, Row, Transaction, params};

/// One mark of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The build.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// The root hash of its manifest.
    pub root: String,
    /// The stage that it is good for; none of a bad build: it is bad everywhere.
    pub stage: Option<StageName>,
    /// Who marked it.
    pub who: Who,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why; of a bad one always.
    pub reason: Option<String>,
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let stage: String = row.get("stage")?;
    Ok(Mark {
        build: row.get("build")?,
        sha: row.get("sha")?,
        root: row.get("root")?,
        stage: if stage.is_empty() { None } else { Some(row.get("stage")?) },
        who: row.get("who")?,
        at: row.get("at")?,
        reason: row.get("reason")?,
    })
}

/// All marks of a stack's builds, the newest first.
///
/// # Errors
/// What SQLite said.
pub fn of_stack(connection: &Connection, stack: &StackName) -> LedgerResult<Vec<Mark>> {
    let mut ask = connection.prepare_cached(
        "SELECT m.build, b.sha, b.root, m.stage, m.who, m.at, m.reason
         FROM marks m JOIN builds b ON b.stack = m.stack AND b.id = m.build WHERE m.stack = ?1 ORDER BY m.at DESC, m.build",
    )?;
    Ok(ask.query_map([stack], mark)?.collect::<Result<_, _>>()?)
}

/// The revision of a build of a stack; none when there is no such build.
///
/// # Errors
/// What SQLite said.
pub fn sha_of(connection: &Connection, stack: &StackName, build: &BuildId) -> LedgerResult<Option<String>> {
    let mut ask = connection.prepare_cached("SELECT sha FROM builds WHERE stack = ?1 AND id = ?2")?;
    let mut rows = ask.query_map(params![stack, build.as_str()], |row| row.get(0))?;
    Ok(rows.next().transpose()?)
}

/// Whether a build was ever the good end of a push to a stage.
///
/// # Errors
/// What SQLite said.
pub fn ran_on(connection: &Connection, stack: &StackName, stage: &StageName, build: &BuildId) -> LedgerResult<bool> {
    let mut ask = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM pushes WHERE stack = ?1 AND build = ?3 AND stage = ?2 AND state = ?4)",
    )?;
    let good = PushState::from(Ended::Succeeded);
    Ok(ask.query_row(params![stack, stage, build.as_str(), good], |row| row.get(0))?)
}

/// Marks a build; false when it is marked so already.
///
/// # Errors
/// What SQLite said.
pub fn set(
    tx: &Transaction<'_>,
    stack: &StackName,
    (build, stage): (&str, Option<&StageName>),
    (who, reason): (&Who, Option<&str>),
    at: At,
) -> LedgerResult<bool> {
    let set = tx
        .prepare_cached(
            "INSERT INTO marks (stack, build, stage, who, at, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (stack, build, stage) DO NOTHING",
        )?
        .execute(params![stack, build, stage.map_or("", StageName::as_str), who, at.to_string(), reason])?;
    Ok(set == 1)
}

/// Takes a mark away; false when there was none.
///
/// # Errors
/// What SQLite said.
pub fn remove(
    tx: &Transaction<'_>,
    stack: &StackName,
    build: &BuildId,
    stage: Option<&StageName>,
) -> LedgerResult<bool> {
    let gone = tx
        .prepare_cached("DELETE FROM marks WHERE stack = ?1 AND build = ?2 AND stage = ?3")?
        .execute(params![stack, build.as_str(), stage.map_or("", StageName::as_str)])?;
    Ok(gone == 1)
}
