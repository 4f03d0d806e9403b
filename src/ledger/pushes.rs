//! Pushes as the history keeps them: one row each, their commits, commands and results.
//! It must never change a push that ended (a trigger refuses).

use super::Answer;
use crate::plan::Kind;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// One push, as history keeps it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushRow {
    /// The number.
    pub id: i64,
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// `push`, `rollback` or `resume`.
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
    /// How many were brought to the end of the list.
    pub hosts_ok: i64,
    /// How many lines of output are folded in.
    pub lines: i64,
    /// Who paused it, while it is paused.
    #[serde(default)]
    pub paused: Option<Paused>,
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
    /// Why it did not end well.
    pub why: Option<String>,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: Option<i64>,
}

/// Which pushes a list shows; an empty filter shows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this stack.
    pub stack: Option<String>,
    /// To this stage.
    pub stage: Option<String>,
    /// Pressed by this person.
    pub who: Option<String>,
    /// In this state: `running`, or how it ended.
    pub state: Option<String>,
    /// With this word in a name, revision, reason or commit; case does not matter.
    pub word: Option<String>,
    /// Older than the push of this number: the cursor.
    pub before: Option<i64>,
}

/// One push; none when there is no such number.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, id: i64) -> Answer<Option<PushRow>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pushes p WHERE p.id = ?1"))?;
    Ok(ask.query_row([id], row).optional()?)
}

/// The pushes that `filter` lets through, newest first, at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn list(connection: &Connection, filter: &Filter, most: usize) -> Answer<Vec<PushRow>> {
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pushes p
         WHERE (?1 IS NULL OR p.stack = ?1) AND (?2 IS NULL OR p.stage = ?2) AND (?3 IS NULL OR p.who = ?3)
           AND (?4 IS NULL OR p.state = ?4) AND (?5 IS NULL OR p.id < ?5)
           AND (?6 IS NULL OR p.who LIKE ?6 ESCAPE '\\' OR p.sha LIKE ?6 ESCAPE '\\' OR p.build LIKE ?6 ESCAPE '\\'
                OR p.stack LIKE ?6 ESCAPE '\\' OR p.reason LIKE ?6 ESCAPE '\\' OR p.why LIKE ?6 ESCAPE '\\'
                OR EXISTS (SELECT 1 FROM commits c WHERE c.push = p.id
                           AND (c.subject LIKE ?6 ESCAPE '\\' OR c.author LIKE ?6 ESCAPE '\\' OR c.sha LIKE ?6 ESCAPE '\\')))
         ORDER BY p.id DESC LIMIT ?7"
    ))?;
    let word = filter.word.as_deref().map(anywhere);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows =
        ask.query_map(params![filter.stack, filter.stage, filter.who, filter.state, filter.before, word, most], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The commands of a push, in order.
///
/// # Errors
/// What SQLite said.
pub fn commands(connection: &Connection, id: i64) -> Answer<Vec<CommandRow>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, title, result, hosts, ok, not_ok, started_at, duration_ms
         FROM commands WHERE push = ?1 ORDER BY command",
    )?;
    let rows = ask.query_map([id], |row| {
        Ok(CommandRow {
            command: row.get(0)?,
            title: row.get(1)?,
            result: row.get(2)?,
            hosts: row.get(3)?,
            ok: row.get(4)?,
            not_ok: row.get(5)?,
            started_at: row.get(6)?,
            duration_ms: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What became of each command on each host, by command, then host.
///
/// # Errors
/// What SQLite said.
pub fn results(connection: &Connection, id: i64) -> Answer<Vec<ResultRow>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, host, result, code, why, started_at, duration_ms
         FROM results WHERE push = ?1 ORDER BY command, host",
    )?;
    let rows = ask.query_map([id], |row| {
        Ok(ResultRow {
            command: row.get(0)?,
            host: row.get(1)?,
            result: row.get(2)?,
            code: row.get(3)?,
            why: row.get(4)?,
            started_at: row.get(5)?,
            duration_ms: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The commits that a push brings, newest first; at most 50 (see [`Told`] for how many there are).
///
/// # Errors
/// What SQLite said.
pub fn commits(connection: &Connection, id: i64) -> Answer<Vec<Commit>> {
    let mut ask = connection
        .prepare_cached("SELECT sha, author, email, at, subject FROM commits WHERE push = ?1 ORDER BY place")?;
    let rows = ask.query_map([id], |row| {
        Ok(Commit { sha: row.get(0)?, author: row.get(1)?, email: row.get(2)?, at: row.get(3)?, subject: row.get(4)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a push linked to, in order.
///
/// # Errors
/// What SQLite said.
pub fn links(connection: &Connection, id: i64) -> Answer<Vec<Link>> {
    let mut ask = connection.prepare_cached("SELECT title, url FROM links WHERE push = ?1 ORDER BY place")?;
    let rows = ask.query_map([id], |row| Ok(Link { title: row.get(0)?, url: row.get(1)? }))?;
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
pub fn told(connection: &Connection, id: i64) -> Answer<Told> {
    let mut ask = connection.prepare_cached("SELECT button FROM pushes WHERE id = ?1")?;
    let button = ask.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default();
    let commit_count = usize::try_from(commit_count(connection, id)?.unwrap_or_default()).unwrap_or_default();
    Ok(Told { button, commit_count })
}

/// How many commits a push brings in all; none when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn commit_count(connection: &Connection, id: i64) -> Answer<Option<i64>> {
    let mut ask = connection.prepare_cached("SELECT commit_count FROM pushes WHERE id = ?1")?;
    Ok(ask.query_row([id], |row| row.get(0)).optional()?)
}

/// The assignment of a push (`plan.json`) as it was written; none when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn plan_text(connection: &Connection, id: i64) -> Answer<Option<String>> {
    let mut ask = connection.prepare_cached("SELECT plan FROM pushes WHERE id = ?1")?;
    Ok(ask.query_row([id], |row| row.get(0)).optional()?)
}

/// The push that answered to a press's nonce.
///
/// # Errors
/// What SQLite said.
pub fn by_nonce(connection: &Connection, nonce: &str) -> Answer<Option<PushRow>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pushes p WHERE p.nonce = ?1"))?;
    Ok(ask.query_row([nonce], row).optional()?)
}

/// The last push to a stage, and how many hosts its frozen list had.
///
/// # Errors
/// What SQLite said.
pub fn last_hosts(connection: &Connection, stack: &str, stage: &str) -> Answer<Option<(i64, i64)>> {
    let query = "SELECT id, hosts_total FROM pushes WHERE stack = ?1 AND stage = ?2 ORDER BY id DESC LIMIT 1";
    let mut statement = connection.prepare_cached(query)?;
    Ok(statement.query_row(params![stack, stage], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// The push that holds a stack's lock.
///
/// # Errors
/// What SQLite said.
pub fn lock_holder(connection: &Connection, stack: &str) -> Answer<Option<PushRow>> {
    let mut ask = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM locks l JOIN pushes p ON p.id = l.push WHERE l.stack = ?1"))?;
    Ok(ask.query_row([stack], row).optional()?)
}

/// How long the last good pushes to a stage took, in milliseconds, oldest first; at most `most`. Rollbacks and resumes do
/// less and are left out.
///
/// # Errors
/// What SQLite said.
pub fn usual_ms(connection: &Connection, stack: &str, stage: &str, most: usize) -> Answer<Vec<i64>> {
    let mut ask = connection.prepare_cached(
        "SELECT duration_ms FROM pushes WHERE stack = ?1 AND stage = ?2 AND state = 'succeeded' AND kind = 'push'
         AND duration_ms IS NOT NULL ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = ask.query_map(params![stack, stage, i64::try_from(most).unwrap_or(i64::MAX)], |row| row.get(0))?;
    let mut newest_first: Vec<i64> = rows.collect::<Result<_, _>>()?;
    newest_first.reverse();
    Ok(newest_first)
}

/// A push that ended, with all that its end was sealed with.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    /// The push.
    pub row: PushRow,
    /// The SHA-256 of its journal before the last record.
    pub journal_hash: String,
    /// The assignment as it was written.
    pub plan: String,
}

/// All pushes that ended, oldest first.
///
/// # Errors
/// What SQLite said.
pub fn sealed(connection: &Connection) -> Answer<Vec<Sealed>> {
    let mut ask = connection.prepare(&format!(
        "SELECT {COLUMNS}, coalesce(p.journal_hash, ''), p.plan FROM pushes p WHERE p.ended_at IS NOT NULL ORDER BY p.id"
    ))?;
    let rows = ask.query_map([], |found| {
        let columns = found.as_ref().column_count();
        Ok(Sealed { row: row(found)?, journal_hash: found.get(columns - 2)?, plan: found.get(columns - 1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The numbers of all pushes, lowest first.
///
/// # Errors
/// What SQLite said.
pub fn numbers(connection: &Connection) -> Answer<Vec<i64>> {
    let mut ask = connection.prepare("SELECT id FROM pushes ORDER BY id")?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A build and its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRoot {
    /// The stack.
    pub stack: String,
    /// The build.
    pub id: String,
    /// The root hash of its manifest.
    pub root: String,
}

/// All builds.
///
/// # Errors
/// What SQLite said.
pub fn build_roots(connection: &Connection) -> Answer<Vec<BuildRoot>> {
    let mut ask = connection.prepare("SELECT stack, id, root FROM builds ORDER BY stack, id")?;
    let rows = ask.query_map([], |row| Ok(BuildRoot { stack: row.get(0)?, id: row.get(1)?, root: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The builds that a stage runs now, as stack and build, each once.
///
/// # Errors
/// What SQLite said.
pub fn current_builds(connection: &Connection) -> Answer<Vec<(String, String)>> {
    let mut ask = connection.prepare("SELECT DISTINCT stack, build FROM current ORDER BY stack, build")?;
    let rows = ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The columns of [`row`], of `pushes` as `p`.
const COLUMNS: &str =
    "p.id, p.stack, p.stage, p.build, p.sha, p.root, p.old_build, p.old_sha, p.branch, p.who, p.reason,
    p.state, p.why, p.ended_by, p.plan_hash, p.diff, p.pressed_at, p.started_at, p.ended_at, p.duration_ms,
    p.hosts_total, p.hosts_ok, p.lines, p.kind, p.resumes, p.paused_by, p.paused_at, p.paused_why";

fn row(row: &Row<'_>) -> rusqlite::Result<PushRow> {
    Ok(PushRow {
        id: row.get(0)?,
        stack: row.get(1)?,
        stage: row.get(2)?,
        build: row.get(3)?,
        sha: row.get(4)?,
        root: row.get(5)?,
        old_build: row.get(6)?,
        old_sha: row.get(7)?,
        branch: row.get(8)?,
        who: row.get(9)?,
        reason: row.get(10)?,
        state: row.get(11)?,
        why: row.get(12)?,
        ended_by: row.get(13)?,
        plan_hash: row.get(14)?,
        diff: row.get(15)?,
        pressed_at: row.get(16)?,
        started_at: row.get(17)?,
        ended_at: row.get(18)?,
        duration_ms: row.get(19)?,
        hosts_total: row.get(20)?,
        hosts_ok: row.get(21)?,
        lines: row.get(22)?,
        kind: row.get(23)?,
        resumes: row.get(24)?,
        paused: match (row.get(25)?, row.get(26)?) {
            (Some(who), Some(at)) => Some(Paused { who, at, reason: row.get(27)? }),
            _ => None,
        },
    })
}

/// A LIKE pattern that finds `word` anywhere, its own wildcards taken as they are.
fn anywhere(word: &str) -> String {
    let mut pattern = String::from("%");
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
