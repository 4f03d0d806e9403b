//! A running push on a card: how far it is, what it waits for. It must never guess how long a push takes that nobody has seen.

use super::parts::{Moment, Person, StageTag, Version, millis_between};
use super::question::{Open, open_question};
use super::words;
use crate::ledger::pushes::PushRow;
use crate::ledger::running::StepNow;
use crate::time::{At, duration_words};
use serde::Serialize;

/// A running push on a card: how far it is, by how long such pushes took.
#[derive(Clone, Debug, Serialize)]
pub struct Running {
    id: i64,
    stack: String,
    stage: StageTag,
    who: Person,
    sha: Version,
    /// Per cent; `None` when nobody knows how long it takes.
    percent: Option<i64>,
    left: Option<String>,
    so_far: String,
    /// `Step 5 of 9, Code to every host`; none before the first step has begun.
    step: Option<String>,
    since: String,
    started: Moment,
    typical_ms: i64,
    paused: Option<PauseLine>,
    /// What it asks, while it waits for the answer.
    asks: Option<Open>,
    /// Whether it waits for a person: then no estimate moves.
    waits: bool,
    /// `3 of 4 hosts have 51d0c3e`.
    hosts: String,
}

impl Running {
    /// Who pushes what and how far it is, or what it waits for.
    pub fn in_a_line(&self) -> String {
        let how_far = match (&self.asks, &self.paused, self.percent) {
            (Some(_), _, _) => " waits for an answer".to_owned(),
            (None, Some(_), _) => " is paused".to_owned(),
            (None, None, Some(percent)) => format!(", {percent} %"),
            (None, None, None) => format!(", {} so far", self.so_far),
        };
        format!("{} to {}{how_far}", self.who.name, self.stage.words)
    }

    /// Makes one; `typical_ms` are the durations of the last good pushes of its stage.
    pub fn new(row: &PushRow, stage: StageTag, typical_ms: &[i64], step: Option<&StepNow>, now: At) -> Self {
        let since = row.started_at.as_deref().unwrap_or(&row.pressed_at);
        // The clock of the estimate stands while the push waits for a person.
        let until = row.waits_since.as_deref().and_then(|at| at.parse::<At>().ok()).unwrap_or(now);
        let so_far = (millis_between(since, until).unwrap_or(0) - row.waited_ms).max(0);
        let typical = words::median(typical_ms);
        let waits = row.waits_since.is_some();
        let began = since.parse::<At>().map_or_else(
            |_| since.to_owned(),
            |began| At::from_millis(began.millis().saturating_add(row.waited_ms)).to_string(),
        );
        Self {
            id: row.id.get(),
            stack: row.stack.to_string(),
            stage,
            who: Person::new(&row.who),
            sha: Version::new(&row.sha),
            // Never a stuck 99 %: past the usual time the words say so.
            percent: typical.map(|typical| (so_far * 100 / typical.max(1)).min(95)),
            left: typical.filter(|_| !waits).map(|typical| words::left(typical - so_far)),
            so_far: duration_words(so_far),
            step: step.map(|step| format!("Step {} of {}, {}", step.number, step.of, step.title)),
            since: began,
            started: Moment::clock(since),
            // Without it nothing in the browser moves the bar.
            typical_ms: typical.filter(|_| !waits).unwrap_or(0),
            paused: PauseLine::of(row),
            asks: open_question(row.question.as_slice(), &row.who),
            waits,
            hosts: words::have(row),
        }
    }
}

/// A pause of a running push.
#[derive(Clone, Debug, Serialize)]
pub struct PauseLine {
    who: Person,
    since: Moment,
    reason: Option<String>,
}

impl PauseLine {
    /// The pause of a push, if it is paused.
    pub fn of(row: &PushRow) -> Option<Self> {
        let paused = row.paused.as_ref()?;
        Some(Self { who: Person::new(&paused.who), since: Moment::minute(&paused.at), reason: paused.reason.clone() })
    }
}
