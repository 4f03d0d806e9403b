//! What was told of a push where, and whether it arrived. Called by the push page.

use super::parts::Moment;
use super::words;
use crate::config::ChannelKinds;
use crate::ledger::outbox::{DeliveryState, OutboxRow};
use crate::time::{At, duration_words};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Notification {
    /// Its number, where the reader may send it again and that makes sense.
    again: Option<i64>,
    channel: String,
    icon: &'static str,
    at: Option<Moment>,
    tag: &'static str,
    state: String,
    words: Option<String>,
    /// The address of a record.
    link: Option<String>,
    problem: Option<String>,
}

pub(crate) fn notification(row: &OutboxRow, kinds: &ChannelKinds, may_send: bool, now: At) -> Notification {
    let (channel, icon) = (kinds.title(&row.channel), kinds.icon(&row.channel));
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
    // A record's words end with its address: `issue OPS-7: https://…`.
    let record =
        row.told.as_deref().filter(|_| kinds.keeps_records(&row.channel)).and_then(|told| told.rsplit_once(": "));
    let record = record.filter(|(_, address)| address.starts_with("https://") || address.starts_with("http://"));
    let (words, link) = match record {
        Some((words, link)) => (Some(words), Some(link)),
        None => (row.told.as_deref(), None),
    };
    // What has not been tried yet is sent anyway.
    let fresh = row.state == DeliveryState::Waiting && row.tries == 0;
    Notification {
        again: (may_send && !fresh).then_some(row.id),
        channel,
        icon,
        at: row.told_at.as_deref().map(Moment::clock),
        tag,
        state,
        words: words.map(str::to_owned),
        link: link.map(str::to_owned),
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
