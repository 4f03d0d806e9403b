//! What was told of a push where, and whether it arrived. Called by the push page.

use super::parts::Moment;
use super::words;
use crate::ledger::outbox::OutboxRow;
use crate::time::{At, duration_words};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Notification {
    channel: &'static str,
    icon: &'static str,
    at: Option<Moment>,
    tag: &'static str,
    state: String,
    words: Option<String>,
    problem: Option<String>,
}

pub(crate) fn notification(row: &OutboxRow, now: At) -> Notification {
    let (channel, icon) = (row.channel.title(), row.channel.icon());
    let event = match row.event.split('-').next() {
        Some("started") => "start",
        Some("paused") => "pause",
        Some("resumed") => "resumed",
        Some("asked") => "question",
        _ => "end",
    };
    let (tag, state) = match row.state.as_str() {
        "told" if row.problem.is_some() => ("warn", format!("{event}: sent, but not to everyone")),
        "told" => ("ok", format!("{event}: sent")),
        "waiting" if row.tries > 0 => {
            ("warn", format!("{event}: waiting, {}", words::count(row.tries, "try").replace("trys", "tries")))
        }
        "waiting" => ("warn", format!("{event}: waiting")),
        _ => ("fail", format!("{event}: given up")),
    };
    let next = match row.state.as_str() {
        "waiting" => row.next_at.parse::<At>().ok().map(|at| at.millis_since(now)),
        _ => None,
    };
    let problem = row.problem.as_ref().map(|problem| match next {
        Some(ms) => format!("{problem}. Next try in {}.", duration_words(ms)),
        None => problem.clone(),
    });
    Notification {
        channel,
        icon,
        at: row.told_at.as_deref().map(Moment::clock),
        tag,
        state,
        words: row.told.clone(),
        problem,
    }
}

pub(crate) fn counts_words(rows: &[OutboxRow]) -> String {
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let counts = [(count("told"), "sent"), (count("waiting"), "waiting"), (count("given up"), "given up")];
    let words: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    words.join(", ")
}
