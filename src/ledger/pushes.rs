//! Pushes as the history keeps them: one row each, their commits, commands and results.
//! It must never change a push that ended (a trigger refuses).

use super::LedgerResult;
use super::questions::Question;
use crate::plan::Kind;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One push, as history keeps it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushRow {
    /// The number.
    pub id: i64,
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// `push`, `rollback`, `resume` or `catch-up`.
    #[serde(default = "plain_push")]
    pub kind: String,
    /// The push that a resume goes on with.
    #[serde(default)]
    pub resumes: Option<i64>,
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
    /// `running`, or how it ended: `succeeded`, `degraded`, `failed`, `cancelled`, `rolled back`, `interrupted`.
    pub state: String,
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
    #[serde(default)]
    pub commit_count: i64,
    /// Who paused it, while it is paused.
    #[serde(default)]
    pub paused: Option<Paused>,
    /// What it asks a person, while it waits for the answer.
    #[serde(default)]
    pub question: Option<Question>,
    /// Since when it waits for a person, paused or for an answer.
    #[serde(default)]
    pub waits_since: Option<String>,
    /// How long it has waited for persons before, in milliseconds.
    #[serde(default)]
    pub waited_ms: i64,
}

/// A pause of a running push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who.
    pub who: String,
    /// Since when.
    pub at: String,
    /// Why, when they said so.
    pub reason: Option<String>,
}

/// What a row was before there were others: announcements that wait keep the row as it was written.
fn plain_push() -> String {
    Kind::Push.word().to_owned()
}

/// A commit that a push brings, cleaned of control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The full revision.
    pub sha: String,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// When it was committed, RFC 3339 in UTC.
    pub at: String,
    /// The first line of its message.
    pub subject: String,
}

/// A link that `before` or `finally` gave: a ticket, a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it is called, cleaned.
    pub title: String,
    /// Its address: http or https.
    pub url: String,
    /// The host that said so; none: the push host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// One command of a push, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRow {
    /// Its place in the plan, from 1.
    pub command: i64,
    /// Its title.
    pub title: String,
    /// How it ended; none while it runs or was not begun.
    pub result: Option<String>,
    /// How many hosts it works on; 0 for the push host alone.
    pub hosts: i64,
    /// How many ended well.
    pub ok: i64,
    /// How many did not.
    pub not_ok: i64,
    /// When it began.
    pub started_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// Milliseconds from the first flip of `current` to the last, where it flipped more than one host.
    #[serde(default)]
    pub skew_ms: Option<i64>,
}

/// One command on one host, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRow {
    /// The command.
    pub command: i64,
    /// The host's name; empty for the push host.
    pub host: String,
    /// How it ended; none while it runs.
    pub result: Option<String>,
    /// The exit code.
    pub code: Option<i64>,
    /// Why it did not end well; of a flip that put back something else than the build that was live, what that is.
    pub why: Option<String>,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: Option<i64>,
}

/// One push; none when there is no such number.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, id: i64) -> LedgerResult<Option<PushRow>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pushes p WHERE p.id = ?1"))?;
    Ok(ask.query_row([id], row).optional()?)
}

/// The commands of a push, in order.
///
/// # Errors
/// What SQLite said.
pub fn commands(connection: &Connection, id: i64) -> LedgerResult<Vec<CommandRow>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, title, result, hosts, ok, not_ok, started_at, duration_ms, skew_ms
         FROM commands WHERE push = ?1 ORDER BY command",
    )?;
    let rows = ask.query_map([id], |row| {
        Ok(CommandRow {
            command: row.get("command")?,
            title: row.get("title")?,
            result: row.get("result")?,
            hosts: row.get("hosts")?,
            ok: row.get("ok")?,
            not_ok: row.get("not_ok")?,
            started_at: row.get("started_at")?,
            duration_ms: row.get("duration_ms")?,
            skew_ms: row.get("skew_ms")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What became of each command on each host, by command, then host.
///
/// # Errors
/// What SQLite said.
pub fn results(connection: &Connection, id: i64) -> LedgerResult<Vec<ResultRow>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, host, result, code, why, started_at, duration_ms
         FROM results WHERE push = ?1 ORDER BY command, host",
    )?;
    let rows = ask.query_map([id], |row| {
        Ok(ResultRow {
            command: row.get("command")?,
            host: row.get("host")?,
            result: row.get("result")?,
            code: row.get("code")?,
            why: row.get("why")?,
            started_at: row.get("started_at")?,
            duration_ms: row.get("duration_ms")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The commits that a push brings, newest first; at most 50 (see [`Told`] for how many there are).
///
/// # Errors
/// What SQLite said.
pub fn commits(connection: &Connection, id: i64) -> LedgerResult<Vec<Commit>> {
    let mut ask = connection
        .prepare_cached("SELECT sha, author, email, at, subject FROM commits WHERE push = ?1 ORDER BY place")?;
    let rows = ask.query_map([id], |row| {
        Ok(Commit {
            sha: row.get("sha")?,
            author: row.get("author")?,
            email: row.get("email")?,
            at: row.get("at")?,
            subject: row.get("subject")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a push linked to, in order.
///
/// # Errors
/// What SQLite said.
pub fn links(connection: &Connection, id: i64) -> LedgerResult<Vec<Link>> {
    let mut ask = connection.prepare_cached("SELECT title, url, host FROM links WHERE push = ?1 ORDER BY place")?;
    let rows =
        ask.query_map([id], |row| Ok(Link { title: row.get("title")?, url: row.get("url")?, host: row.get("host")? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What announcements say of a push beside its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What the stage's button said.
    pub button: String,
    /// How many commits the push brings in all.
    pub commit_count: usize,
}

/// What announcements say of a push beside its row; empty when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn told(connection: &Connection, id: i64) -> LedgerResult<Told> {
    let mut ask = connection.prepare_cached("SELECT button FROM pushes WHERE id = ?1")?;
    let button = ask.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default();
    let commit_count = usize::try_from(commit_count(connection, id)?.unwrap_or_default()).unwrap_or_default();
    Ok(Told { button, commit_count })
}

/// How many commits a push brings in all; none when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn commit_count(connection: &Connection, id: i64) -> LedgerResult<Option<i64>> {
    let mut ask = connection.prepare_cached("SELECT commit_count FROM pushes WHERE id = ?1")?;
    Ok(ask.query_row([id], |row| row.get(0)).optional()?)
}

/// The assignment of a push (`plan.json`) as it was written; none when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn plan_text(connection: &Connection, id: i64) -> LedgerResult<Option<String>> {
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
pub fn last_hosts(connection: &Connection, stack: &str, stage: &str) -> LedgerResult<Option<(i64, i64)>> {
    let query = "SELECT id, hosts_total FROM pushes WHERE stack = ?1 AND stage = ?2 AND kind <> 'catch-up' ORDER BY id DESC LIMIT 1";
    let mut statement = connection.prepare_cached(query)?;
    Ok(statement.query_row(params![stack, stage], |row| Ok((row.get("id")?, row.get("hosts_total")?))).optional()?)
}

/// The push that holds a stack's lock.
///
/// # Errors
/// What SQLite said.
pub fn lock_holder(connection: &Connection, stack: &str) -> LedgerResult<Option<PushRow>> {
    let mut ask = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM locks l JOIN pushes p ON p.id = l.push WHERE l.stack = ?1"))?;
    Ok(ask.query_row([stack], row).optional()?)
}

/// The pushes that hold a lock, by stack.
///
/// # Errors
/// What SQLite said.
pub fn locks(connection: &Connection) -> LedgerResult<HashMap<String, PushRow>> {
    let mut ask =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM locks l JOIN pushes p ON p.id = l.push"))?;
    let by_stack = |row: rusqlite::Result<PushRow>| row.map(|row| (row.stack.clone(), row));
    Ok(ask.query_map([], row)?.map(by_stack).collect::<Result<_, _>>()?)
}

/// The columns of [`row`], of `pushes` as `p`.
pub(super) const COLUMNS: &str =
    "p.id, p.stack, p.stage, p.build, p.sha, p.root, p.old_build, p.old_sha, p.branch, p.who, p.reason,
    p.state, p.why, p.ended_by, p.plan_hash, p.diff, p.pressed_at, p.started_at, p.ended_at, p.duration_ms,
    p.hosts_total, p.hosts_ok, p.lines, p.kind, p.resumes, p.paused_by, p.paused_at, p.paused_why,
    p.commit_count, p.waits_since, p.waited_ms,
    CASE WHEN p.state = 'running' THEN (
        SELECT json_object('ask', q.ask, 'command', q.command, 'question', q.question, 'asked_at', q.asked_at,
                           'ends_at', q.ends_at)
        FROM questions q WHERE q.push = p.id AND q.answer IS NULL ORDER BY q.ask DESC LIMIT 1) END AS asks";

/// A push from its [`COLUMNS`].
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<PushRow> {
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

/// A question as the [`COLUMNS`] write it.
fn question(row: &Row<'_>, text: &str) -> rusqlite::Result<Question> {
    serde_json::from_str(text).or_else(|bad| {
        let at = row.as_ref().column_index("asks")?;
        Err(rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(bad)))
    })
}
