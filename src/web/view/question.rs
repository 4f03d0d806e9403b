//! What a push asks, prominently while it waits, and what was answered. Called by the push page.

use super::parts::{Moment, Person};
use crate::journal::Answer;
use crate::ledger::questions::Question;
use crate::stack::person_of;
use serde::Serialize;

/// The question that waits for its answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Open {
    ask: u32,
    question: String,
    until: Moment,
    /// The person who started the push, where someone else must answer.
    not_by: Option<String>,
}

/// A question that is over.
#[derive(Debug, Serialize)]
pub(crate) struct AskedLine {
    question: String,
    command: u32,
    shape: &'static str,
    words: &'static str,
    who: Option<Person>,
    reason: Option<String>,
}

pub(crate) fn open_question(questions: &[Question], starter: &str) -> Option<Open> {
    let open = questions.iter().rev().find(|question| question.answer.is_none())?;
    Some(Open {
        ask: open.ask,
        question: open.question.clone(),
        until: Moment::clock(&open.ends_at),
        not_by: open.another.then(|| person_of(starter).to_owned()),
    })
}

pub(crate) fn asked_lines(questions: &[Question]) -> Vec<AskedLine> {
    let line = |question: &Question| {
        let (shape, words) = match question.answer? {
            Answer::Yes => ("ok", "yes"),
            Answer::No => ("cancel", "no"),
            Answer::Nobody => ("skip", "nobody answered"),
        };
        Some(AskedLine {
            question: question.question.clone(),
            command: question.command,
            shape,
            words,
            who: question.who.as_deref().map(Person::new),
            reason: question.reason.clone(),
        })
    };
    questions.iter().filter_map(line).collect()
}
