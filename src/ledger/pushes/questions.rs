//! What a push asked, and what was answered. Written by the fold alone; a question of a push that ended never changes (a
//! trigger refuses).

use crate::journal::{Answer, Event, Record};
use crate::ledger::LedgerResult;
use crate::stack::PushNumber;
use rusqlite::{Connection, Row, Transaction, params};

/// One question of a push. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which question of the push, from 1.
    pub ask: u32,
    /// The command that asked.
    pub command: u32,
    /// What was asked.
    pub question: String,
    /// When.
    pub asked_at: String,
    /// When nobody can answer any more.
    pub ends_at: String,
    /// Whether someone else must answer than who started the push.
    pub another: bool,
    /// How it ended; none while the push waits.
    pub answer: Option<Answer>,
    /// Who answered.
    pub who: Option<String>,
    /// Why, when they said so.
    pub reason: Option<String>,
}

/// The questions of a push, in order.
///
/// # Errors
/// What SQLite said.
pub fn of_push(connection: &Connection, push: PushNumber) -> LedgerResult<Vec<Question>> {
    let mut ask = connection.prepare_cached(
        "SELECT ask, command, question, asked_at, ends_at, another, answer, who, reason FROM questions WHERE push = ?1 ORDER BY ask",
    )?;
    let rows = ask.query_map([push], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn row(row: &Row<'_>) -> rusqlite::Result<Question> {
    Ok(Question {
        ask: row.get("ask")?,
        command: row.get("command")?,
        question: row.get("question")?,
        asked_at: row.get("asked_at")?,
        ends_at: row.get("ends_at")?,
        another: row.get::<_, Option<bool>>("another")?.unwrap_or_default(),
        answer: row.get("answer")?,
        who: row.get("who")?,
        reason: row.get("reason")?,
    })
}

/// Writes down what a record says of a question. Whatever is open when a push ends was answered by nobody.
///
/// # Errors
/// What SQLite said.
pub(super) fn apply(tx: &Transaction<'_>, push: PushNumber, record: &Record) -> LedgerResult<()> {
    match &record.event {
        Event::Asked { command, ask, question, ends_at, another } => {
            tx.prepare_cached(
                "INSERT INTO questions (push, ask, command, question, asked_at, ends_at, another)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                push.get(),
                ask,
                command,
                question,
                record.at.to_string(),
                ends_at.to_string(),
                // Questions of before have none, and keep their seals so.
                another.then_some(1)
            ])?;
        }
        Event::Answered { ask, answer, who, reason, .. } => {
            let who = who.as_ref().map(|who| who.as_str());
            tx.prepare_cached("UPDATE questions SET answer = ?1, who = ?2, reason = ?3 WHERE push = ?4 AND ask = ?5")?
                .execute(params![answer, who, reason, push.get(), ask])?;
        }
        Event::PushEnded { .. } => {
            tx.prepare_cached("UPDATE questions SET answer = ?2 WHERE push = ?1 AND answer IS NULL")?
                .execute(params![push.get(), Answer::Nobody])?;
        }
        Event::PushStarted { .. }
        | Event::Connecting(_)
        | Event::Connected(_)
        | Event::CommandStarted { .. }
        | Event::HostStarted { .. }
        | Event::Line { .. }
        | Event::HostEnded { .. }
        | Event::BuildMade { .. }
        | Event::Link { .. }
        | Event::Measured { .. }
        | Event::CommandEnded { .. }
        | Event::HostDropped { .. }
        | Event::UndoStarted { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. } => {}
    }
    Ok(())
}
