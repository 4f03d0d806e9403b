//! What belongs to a push as the API writes it, field by field (docs/api.md, "A push"). A name here stays: programs of others read
//! it. It must never be read from anywhere. The push itself, its questions and its commits are in `desk/view/`, since stacks show them, too.

use crate::ledger::holding::LeftWith;
use crate::ledger::outbox::OutboxRow;
use crate::ledger::pushes::{CommandRow, Link, Measurement, ResultRow};
use crate::stack::PushNumber;
use schemars::JsonSchema;
use serde::Serialize;

/// One command of a push.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CommandBody<'a> {
    /// Its place in the plan, from 1.
    command: i64,
    /// Its title.
    title: &'a str,
    /// How it ended, `ok`, `timed out` …; none while it runs or was not begun.
    result: Option<&'static str>,
    /// How many hosts it works on; 0 for the push host alone.
    hosts: i64,
    /// How many are ok.
    ok: i64,
    /// How many are not.
    not_ok: i64,
    /// When it began.
    started_at: Option<&'a str>,
    /// How long it took.
    duration_ms: Option<i64>,
    /// Milliseconds from the first flip of `current` to the last, where it flipped more than one host.
    skew_ms: Option<i64>,
}

impl<'a> From<&'a CommandRow> for CommandBody<'a> {
    fn from(row: &'a CommandRow) -> Self {
        Self {
            command: row.command,
            title: &row.title,
            result: row.result.map(|result| result.word()),
            hosts: row.hosts,
            ok: row.ok,
            not_ok: row.not_ok,
            started_at: row.started_at.as_deref(),
            duration_ms: row.duration_ms,
            skew_ms: row.skew_ms,
        }
    }
}

/// A value of a graph that a push watches.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct MeasurementBody<'a> {
    /// The command that watches it.
    command: i64,
    /// When it was read.
    at: &'a str,
    /// The value; none when there was no data.
    value: Option<f64>,
    /// At most this was allowed, if anything was.
    max: Option<f64>,
    /// At least this was.
    min: Option<f64>,
    /// Whether it is the mean before the push.
    before: bool,
}

impl<'a> From<&'a Measurement> for MeasurementBody<'a> {
    fn from(row: &'a Measurement) -> Self {
        let Measurement { command, value, max, min, before, .. } = *row;
        Self { command, at: &row.at, value, max, min, before }
    }
}

/// One command on one host.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ResultBody<'a> {
    /// The command.
    command: i64,
    /// The host's name; empty for the push host.
    host: &'a str,
    /// How it ended; none while it runs.
    result: Option<&'static str>,
    /// The exit code.
    code: Option<i64>,
    /// Why it did not end well; of a flip that put back something else than the build that was live, what that is.
    why: Option<&'a str>,
    /// When it began.
    started_at: &'a str,
    /// How long it took.
    duration_ms: Option<i64>,
}

impl<'a> From<&'a ResultRow> for ResultBody<'a> {
    fn from(row: &'a ResultRow) -> Self {
        Self {
            command: row.command,
            host: &row.host,
            result: row.result.map(|result| result.word()),
            code: row.code,
            why: row.why.as_deref(),
            started_at: &row.started_at,
            duration_ms: row.duration_ms,
        }
    }
}

/// What a push left a host with.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LeftWithBody<'a> {
    /// The host.
    host: &'a str,
    /// `has it`, `rolled back`, `not changed` or `in doubt`.
    state: &'static str,
    /// The build that it has by that; none where the records do not say it.
    build: Option<&'a str>,
    /// What failed there last, or what it has instead of the build that was live.
    why: Option<&'a str>,
}

impl<'a> From<&'a LeftWith> for LeftWithBody<'a> {
    fn from(left: &'a LeftWith) -> Self {
        Self { host: &left.host, state: left.standing.word(), build: left.build.as_deref(), why: left.why.as_deref() }
    }
}

/// A link that `before` or `finally` gave: a ticket, a graph.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LinkBody<'a> {
    /// What it is called, cleaned.
    title: &'a str,
    /// Its address: http or https.
    url: &'a str,
    /// The host that said so; not there: the push host.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
}

impl<'a> From<&'a Link> for LinkBody<'a> {
    fn from(link: &'a Link) -> Self {
        Self { title: &link.title, url: &link.url, host: link.host.as_deref() }
    }
}

/// One announcement on one channel.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct AnnouncementBody<'a> {
    /// Its number.
    id: i64,
    /// The push.
    push: Option<PushNumber>,
    /// `started`, `ended`, `asked-1` (with the question's number), `paused-57` or `resumed-63` (with the journal record's).
    event: &'a str,
    /// Where it is told: the name of a channel in config.toml, and perhaps a place in it: `irc`, `slack-web`, `irc:#web`.
    channel: String,
    /// `waiting`, `told` or `given up`.
    state: &'static str,
    /// How many tries there were.
    tries: i64,
    /// When the next try is due.
    next_at: &'a str,
    /// When it was told.
    told_at: Option<&'a str>,
    /// The very words that were told.
    told: Option<&'a str>,
    /// Why the last try failed.
    problem: Option<&'a str>,
}

impl<'a> From<&'a OutboxRow> for AnnouncementBody<'a> {
    fn from(row: &'a OutboxRow) -> Self {
        Self {
            id: row.id,
            push: row.push,
            event: &row.event,
            channel: row.channel.to_string(),
            state: row.state.word(),
            tries: row.tries,
            next_at: &row.next_at,
            told_at: row.told_at.as_deref(),
            told: row.told.as_deref(),
            problem: row.problem.as_deref(),
        }
    }
}

/// Rows as the API writes them.
pub(crate) fn bodies<'a, Row, Body: From<&'a Row>>(rows: &'a [Row]) -> Vec<Body> {
    rows.iter().map(Body::from).collect()
}
