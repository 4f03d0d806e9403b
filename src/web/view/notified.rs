//! What was told of a push where, and whether it arrived. Called by the push page.

use super::parts::Moment;
use super::words;
use crate::ledger::outbox::{DeliveryState, OutboxRow};
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
        Some("approval") => "approval",
        Some("mark" | "unmark") => "mark",
        Some("started") => "start",
        Some("paused") => "pause",
        Some("resumed") => "resumed",
        Some("asked") => "question",
        _ => "end",
    };
    let (tag, state) = match row.state {
        DeliveryState::Told if row.problem.is_some() => ("warn", format!("{event}: sent, but not to everyone")),
        DeliveryState::Told => ("ok", format!("{event}: sent")),
        DeliveryState::Waiting if row.tries > 0 => {
            ("warn", format!("{event}: waiting, {}", words::count(row.tries, "try").replace("trys", "tries")))
        }
        DeliveryState::Waiting => ("warn", format!("{event}: waiting")),
        DeliveryState::GivenUp => ("fail", format!("{event}: given up")),
    };
    let next = match row.state {
        DeliveryState::Waiting => row.next_at.parse::<At>().ok().map(|at| at.millis_since(now)),
        DeliveryState::Told | DeliveryState::GivenUp => None,
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
    let count = |state: DeliveryState| rows.iter().filter(|row| row.state == state).count();
    let counts = [
        (count(DeliveryState::Told), "sent"),
        (count(DeliveryState::Waiting), "waiting"),
        (count(DeliveryState::GivenUp), "given up"),
    ];
    let words: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    words.join(", ")
}
