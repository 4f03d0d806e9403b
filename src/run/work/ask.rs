//! A question in the middle of a push: asked in the journal, answered by a person through the runner's socket. Without a
//! yes the push is stopped. It must never go on by itself, and never leave a question open behind it. Called by the step, by the
//! build, and before a batch that grows.

pub(in crate::run) mod watch;

use crate::journal::{Answer, Event};
use crate::plan::PlannedCommand;
use crate::remote::Ending;
use crate::run::job::Job;
use crate::run::orders::{ConfirmAnswer, Stop};
use crate::run::recorder::Place;
use crate::stack::{AnswerBy, Question};
use crate::time::{At, duration_words};
use std::time::Duration;

/// Asks, and waits for the answer, the end of its time, or an order to stop; whether someone said yes.
pub async fn confirmed(job: &Job, number: u32, question: &Question) -> bool {
    if job.orders.stopped().is_some() {
        return false;
    }
    let place = Place::new(number, None);
    // Before anybody can read it: the answer of whoever is quick counts.
    let starter = job.assignment.who.person();
    let another = question.by == AnswerBy::Another;
    let (ask, mut answer) = job.orders.ask(another.then(|| starter.to_owned()));
    let limit = i64::try_from(question.timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    let ends_at = At::from_millis(At::now().millis().saturating_add(limit));
    let text = question.text.clone();
    job.recorder.state(Event::Asked { command: number, ask, question: text, ends_at, another }).await;
    let words = format!("waits for an answer: {} (at most {})", question.text, duration_words(limit));
    job.recorder.note(&place, words).await;
    let wait = job.orders.waits.begin();
    let in_time = tokio::select! {
        biased;
        given = &mut answer => given.ok(),
        () = job.orders.token.cancelled() => None,
        () = tokio::time::sleep(Duration::from_secs(question.timeout_s)) => None,
    };
    drop(wait);
    // From here on nobody is told that their answer counts.
    answer.close();
    let given = in_time.or_else(|| answer.try_recv().ok());
    answered(job, &place, ask, given.as_ref()).await;
    match given {
        Some(given) if given.yes => return job.orders.stopped().is_none(),
        Some(given) => job.orders.stop(Stop::Refused { given, question: question.text.clone() }),
        // Where it was stopped already, that reason stays.
        None => job.orders.stop(Stop::Unanswered(question.clone())),
    }
    false
}

/// A question that is a command of its own.
pub async fn confirm(job: &Job, number: u32, command: &PlannedCommand, question: &str) -> Ending {
    let question = Question {
        text: question.to_owned(),
        timeout_s: command.timeout_s,
        by: command.confirm.as_ref().map_or(AnswerBy::Anyone, |question| question.by),
    };
    match (confirmed(job, number, &question).await, job.orders.stopped()) {
        (true, _) => Ending::Exited(0),
        (false, Some(Stop::Unanswered(_))) => Ending::TimedOut { left: 0 },
        (false, _) => Ending::Cancelled { left: 0 },
    }
}

async fn answered(job: &Job, place: &Place, ask: u32, given: Option<&ConfirmAnswer>) {
    let answer = match given {
        Some(given) if given.yes => Answer::Yes,
        Some(_) => Answer::No,
        None => Answer::Nobody,
    };
    let (who, reason) = given.map_or((None, None), |given| (Some(given.who.clone()), given.reason.clone()));
    let words = match &who {
        Some(who) => {
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{who} answered {}{reason}", answer.word())
        }
        None => "nobody answered".to_owned(),
    };
    job.recorder.state(Event::Answered { command: place.command, ask, answer, who, reason }).await;
    job.recorder.note(place, words).await;
}
