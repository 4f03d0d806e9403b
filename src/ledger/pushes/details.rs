//! What belongs to a push beside its row: commits, links, commands, results. It must never change any of it: the press and the fold
//! write them.

use crate::journal::HostResult;
use crate::ledger::LedgerResult;
use crate::stack::PushNumber;
use rusqlite::Connection;

/// A commit that a push brings, cleaned of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is called, cleaned.
    pub title: String,
    /// Its address: http or https.
    pub url: String,
    /// The host that said so; none: the push host.
    pub host: Option<String>,
}

/// A value of a graph that a push watches.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The command that watches it.
    pub command: i64,
    /// When it was read, RFC 3339 in UTC.
    pub at: String,
    /// The value; none when there was no data.
    pub value: Option<f64>,
    /// At most this was allowed, if anything was.
    pub max: Option<f64>,
    /// At least this was.
    pub min: Option<f64>,
    /// Whether it is the mean before the push.
    pub before: bool,
}

/// One command of a push, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its place in the plan, from 1.
    pub command: i64,
    /// Its title.
    pub title: String,
    /// How it ended; none while it runs or was not begun.
    pub result: Option<HostResult>,
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
    pub skew_ms: Option<i64>,
}

/// One command on one host, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// The command.
    pub command: i64,
    /// The host's name; empty for the push host.
    pub host: String,
    /// How it ended; none while it runs.
    pub result: Option<HostResult>,
    /// The exit code.
    pub code: Option<i64>,
    /// Why it did not end well; of a flip that put back something else than the build that was live, what that is.
    pub why: Option<String>,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: Option<i64>,
}

/// The commands of a push, in order.
///
/// # Errors
/// What SQLite said.
pub fn commands(connection: &Connection, id: PushNumber) -> LedgerResult<Vec<CommandRow>> {
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
pub fn results(connection: &Connection, id: PushNumber) -> LedgerResult<Vec<ResultRow>> {
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

/// The commits that a push brings, newest first; at most 50 (see [`super::PushRow`] for how many there are).
///
/// # Errors
/// What SQLite said.
pub fn commits(connection: &Connection, id: PushNumber) -> LedgerResult<Vec<Commit>> {
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
pub fn links(connection: &Connection, id: PushNumber) -> LedgerResult<Vec<Link>> {
    let mut ask = connection.prepare_cached("SELECT title, url, host FROM links WHERE push = ?1 ORDER BY place")?;
    let rows =
        ask.query_map([id], |row| Ok(Link { title: row.get("title")?, url: row.get("url")?, host: row.get("host")? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a push has measured, in order.
///
/// # Errors
/// What SQLite said.
pub fn measurements(connection: &Connection, id: PushNumber) -> LedgerResult<Vec<Measurement>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, at, value, max, min, before FROM measurements WHERE push = ?1 ORDER BY place",
    )?;
    let rows = ask.query_map([id], |row| {
        Ok(Measurement {
            command: row.get("command")?,
            at: row.get("at")?,
            value: row.get("value")?,
            max: row.get("max")?,
            min: row.get("min")?,
            before: row.get("before")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
