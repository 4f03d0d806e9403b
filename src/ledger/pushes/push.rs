//! One push, as the history keeps it: a row, by its number, its press, or the lock that it holds. It must never write one: the press
//! and the fold do, and what ended never changes (a trigger refuses).

use super::questions::Question;
use crate::journal::{Ended, PushState};
use crate::ledger::LedgerResult;
use crate::plan::PushKind;
use crate::stack::{PushNumber, Revision, StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use std::collections::HashMap;

/// One push, as history keeps it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct PushRow {
    /// The number.
    pub id: PushNumber,
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Why the build went out.
    pub kind: PushKind,
    /// The push that a resume goes on with.
    pub resumes: Option<PushNumber>,
    /// The build made or used.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// The root hash of its manifest, once it is frozen.
    pub root: Option<String>,
    /// The build that the stage ran before.
    pub old_build: Option<String>,
    /// Its revision.
    pub old_sha: Option<String>,
    /// The branch.
    pub branch: String,
    /// Who pressed.
    pub who: String,
    /// Why, when they said so.
    pub reason: Option<String>,
    /// Who approved it, where its stage asks for that: `joe, kate`.
    pub approved_by: Option<String>,
    /// Why an admin pushed it without approval.
    pub override_why: Option<String>,
    /// Whether it runs, or how it ended.
    pub state: PushState,
    /// Why it did not end well, one sentence.
    pub why: Option<String>,
    /// Who cancelled it.
    pub ended_by: Option<String>,
    /// The plan's hash.
    pub plan_hash: String,
    /// The address of the difference.
    pub diff: Option<String>,
    /// When the button was pressed.
    pub pressed_at: String,
    /// When the runner took it up.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// How many hosts the frozen list has.
    pub hosts_total: i64,
    /// How many hold its build, as far as is known; while it runs, by now ([`crate::plan::Proof`]).
    pub hosts_ok: i64,
    /// How many lines of output are folded in.
    pub lines: i64,
    /// How many commits it brings in all.
    pub commit_count: i64,
    /// Who paused it, while it is paused.
    pub paused: Option<Paused>,
    /// What it asks a person, while it waits for the answer.
    pub question: Option<Question>,
    /// Since when it waits for a person, paused or for an answer.
    pub waits_since: Option<String>,
    /// How long it has waited for persons before, in milliseconds.
    pub waited_ms: i64,
}

/// A pause of a running push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Who.
    pub who: String,
    /// Since when.
    pub at: String,
    /// Why, when they said so.
    pub reason: Option<String>,
}

/// One push; none when there is no such number.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, id: PushNumber) -> LedgerResult<Option<PushRow>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pushes p WHERE p.id = ?1"))?;
    Ok(ask.query_row([id], row).optional()?)
}

/// What the button of a push's stage said; empty when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn button(connection: &Connection, id: PushNumber) -> LedgerResult<String> {
    let mut ask = connection.prepare_cached("SELECT button FROM pushes WHERE id = ?1")?;
    Ok(ask.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// The assignment of a push (`plan.json`) as it was written; none when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn plan_text(connection: &Connection, id: PushNumber) -> LedgerResult<Option<String>> {
    let mut ask = connection.prepare_cached("SELECT plan FROM pushes WHERE id = ?1")?;
    Ok(ask.query_row([id], |row| row.get(0)).optional()?)
}

/// The push that answered to a press's nonce.
///
/// # Errors
/// What SQLite said.
pub fn by_nonce(connection: &Connection, nonce: &str) -> LedgerResult<Option<PushRow>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pushes p WHERE p.nonce = ?1"))?;
    Ok(ask.query_row([nonce], row).optional()?)
}

/// The last push to a stage, and how many hosts its frozen list had.
///
/// # Errors
/// What SQLite said.
pub fn last_hosts(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
) -> LedgerResult<Option<(PushNumber, i64)>> {
    let mut ask = connection.prepare_cached(
        "SELECT id, hosts_total FROM pushes WHERE stack = ?1 AND stage = ?2 AND kind <> ?3 ORDER BY id DESC LIMIT 1",
    )?;
    Ok(ask
        .query_row(params![stack, stage, PushKind::CatchUp], |row| Ok((row.get("id")?, row.get("hosts_total")?)))
        .optional()?)
}

/// The last push of a build to a stage, and how it ended.
///
/// # Errors
/// What SQLite said.
pub fn last_of_build(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    build: &str,
) -> LedgerResult<Option<(PushNumber, PushState)>> {
    let mut ask = connection.prepare_cached(
        "SELECT id, state FROM pushes WHERE stack = ?1 AND build = ?3 AND stage = ?2 ORDER BY id DESC LIMIT 1",
    )?;
    Ok(ask.query_row(params![stack, stage, build], |row| Ok((row.get("id")?, row.get("state")?))).optional()?)
}

/// The last push of a revision to a stage, and how it ended.
///
/// # Errors
/// What SQLite said.
pub fn last_of_revision(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    sha: &Revision,
) -> LedgerResult<Option<(PushNumber, PushState)>> {
    let mut ask = connection.prepare_cached(
        "SELECT id, state FROM pushes WHERE stack = ?1 AND stage = ?2 AND sha = ?3 ORDER BY id DESC LIMIT 1",
    )?;
    Ok(ask.query_row(params![stack, stage, sha.as_str()], |row| Ok((row.get("id")?, row.get("state")?))).optional()?)
}

/// The push that holds a stack's lock.
///
/// # Errors
/// What SQLite said.
pub fn lock_holder(connection: &Connection, stack: &StackName) -> LedgerResult<Option<PushRow>> {
    let mut ask = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM locks l JOIN pushes p ON p.id = l.push WHERE l.stack = ?1"))?;
    Ok(ask.query_row([stack], row).optional()?)
}

/// The pushes that hold a lock, by stack.
///
/// # Errors
/// What SQLite said.
pub fn locks(connection: &Connection) -> LedgerResult<HashMap<StackName, PushRow>> {
    let mut ask =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM locks l JOIN pushes p ON p.id = l.push"))?;
    let by_stack = |row: rusqlite::Result<PushRow>| row.map(|row| (row.stack.clone(), row));
    Ok(ask.query_map([], row)?.map(by_stack).collect::<Result<_, _>>()?)
}

/// The ends of a push that came to the end of its list.
pub(in crate::ledger) const REACHED: [PushState; 2] =
    [PushState::Ended(Ended::Succeeded), PushState::Ended(Ended::Degraded)];

/// The columns of [`row`], of `pushes` as `p`.
pub(in crate::ledger) const COLUMNS: &str =
    "p.id, p.stack, p.stage, p.build, p.sha, p.root, p.old_build, p.old_sha, p.branch, p.who, p.reason,
    p.state, p.why, p.ended_by, p.plan_hash, p.diff, p.pressed_at, p.started_at, p.ended_at, p.duration_ms,
    p.hosts_total, p.hosts_ok, p.lines, p.kind, p.resumes, p.paused_by, p.paused_at, p.paused_why,
    p.commit_count, p.waits_since, p.waited_ms, p.approved_by, p.override_why,
    CASE WHEN p.ended_at IS NULL THEN (
        SELECT json_object('ask', q.ask, 'command', q.command, 'question', q.question, 'asked_at', q.asked_at,
                           'ends_at', q.ends_at, 'another', q.another)
        FROM questions q WHERE q.push = p.id AND q.answer IS NULL ORDER BY q.ask DESC LIMIT 1) END AS asks";

/// A push from its [`COLUMNS`].
pub(in crate::ledger) fn row(row: &Row<'_>) -> rusqlite::Result<PushRow> {
    Ok(PushRow {
        id: row.get("id")?,
        stack: row.get("stack")?,
        stage: row.get("stage")?,
        build: row.get("build")?,
        sha: row.get("sha")?,
        root: row.get("root")?,
        old_build: row.get("old_build")?,
        old_sha: row.get("old_sha")?,
        branch: row.get("branch")?,
        who: row.get("who")?,
        reason: row.get("reason")?,
        approved_by: row.get("approved_by")?,
        override_why: row.get("override_why")?,
        state: row.get("state")?,
        why: row.get("why")?,
        ended_by: row.get("ended_by")?,
        plan_hash: row.get("plan_hash")?,
        diff: row.get("diff")?,
        pressed_at: row.get("pressed_at")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        duration_ms: row.get("duration_ms")?,
        hosts_total: row.get("hosts_total")?,
        hosts_ok: row.get("hosts_ok")?,
        lines: row.get("lines")?,
        kind: row.get("kind")?,
        resumes: row.get("resumes")?,
        commit_count: row.get("commit_count")?,
        paused: match (row.get("paused_by")?, row.get("paused_at")?) {
            (Some(who), Some(at)) => Some(Paused { who, at, reason: row.get("paused_why")? }),
            _ => None,
        },
        waits_since: row.get("waits_since")?,
        waited_ms: row.get("waited_ms")?,
        question: row.get::<_, Option<String>>("asks")?.map(|text| question(row, &text)).transpose()?,
    })
}

/// A question that waits, as the [`COLUMNS`] write it.
#[derive(Deserialize)]
struct OpenQuestion {
    ask: u32,
    command: u32,
    question: String,
    asked_at: String,
    ends_at: String,
    another: Option<i64>,
}

fn question(row: &Row<'_>, text: &str) -> rusqlite::Result<Question> {
    let open = serde_json::from_str(text).or_else(|bad| {
        let at = row.as_ref().column_index("asks")?;
        Err(rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(bad)))
    });
    let OpenQuestion { ask, command, question, asked_at, ends_at, another } = open?;
    let another = another.is_some();
    Ok(Question { ask, command, question, asked_at, ends_at, another, answer: None, who: None, reason: None })
}
