//! A question in the middle of a push: asked in the journal, answered by a person through the runner's socket. Without a
//! yes the push is stopped. It must never go on by itself, and never leave a question open behind it. Called by the walk.

use crate::journal::{Answer, Event};
use crate::plan::PlannedCommand;
use crate::remote::Ending;
use crate::run::orders::{Given, Stop};
use crate::run::recorder::Place;
use crate::run::walk::Walk;
use crate::stack::Question;
use crate::time::{At, duration_words};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Walk {
    /// Asks, and waits for the answer, the end of its time, or an order to stop; whether somebody said yes.
    pub(in crate::run) async fn confirmed(&self, number: u32, question: &Question) -> bool {
        if self.orders.stopped().is_some() {
            return false;
        }
        let place = Place { command: number, host: None };
        let ask = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        // Before anybody can read it: whoever answers at once is heard.
        let mut answer = self.orders.ask(ask);
        let ends_at = At::from_millis(At::now().millis().saturating_add(millis(question)));
        let text = question.text.clone();
        self.recorder.state(Event::Asked { command: number, ask, question: text, ends_at }).await;
        let words = format!("waits for an answer: {} (at most {})", question.text, duration_words(millis(question)));
        self.recorder.note(&place, words).await;
        let thinking = self.flips.somebody_thinks();
        let in_time = tokio::select! {
            biased;
            given = &mut answer => given.ok(),
            () = self.orders.token.cancelled() => None,
            () = tokio::time::sleep(Duration::from_secs(question.timeout_s)) => None,
        };
        drop(thinking);
        // From here on nobody is told that their answer counts.
        answer.close();
        let given = in_time.or_else(|| answer.try_recv().ok());
        self.answered(&place, ask, given.as_ref()).await;
        match given {
            Some(given) if given.yes => return self.orders.stopped().is_none(),
            Some(given) => self.orders.stop(Stop::Refused { given, question: question.text.clone() }),
            // Where it was stopped already, that reason stays.
            None => self.orders.stop(Stop::Unanswered(question.clone())),
        }
        false
    }

    /// Asks before a batch that is larger than the one before it, where the command says so. After `bad` failures that
    /// end the push nobody is asked.
    pub(in crate::run) async fn may_grow(&self, number: u32, command: &PlannedCommand, bad: usize) -> bool {
        match &command.confirm {
            Some(question) => self.goes_on(command, bad) && self.confirmed(number, question).await,
            None => true,
        }
    }

    /// Waits while the push is paused.
    pub(in crate::run) async fn until_unpaused(&self) {
        if self.orders.is_paused() {
            let _thinking = self.flips.somebody_thinks();
            self.orders.until_unpaused().await;
        }
    }

    /// A question that is a command of its own.
    pub(in crate::run) async fn confirm(&self, number: u32, command: &PlannedCommand, question: &str) -> Ending {
        let question = Question { text: question.to_owned(), timeout_s: command.timeout_s };
        match (self.confirmed(number, &question).await, self.orders.stopped()) {
            (true, _) => Ending::Exited(0),
            (false, Some(Stop::Unanswered(_))) => Ending::TimedOut { left: 0 },
            (false, _) => Ending::Cancelled { left: 0 },
        }
    }

    async fn answered(&self, place: &Place, ask: u32, given: Option<&Given>) {
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
        self.recorder.state(Event::Answered { command: place.command, ask, answer, who, reason }).await;
        self.recorder.note(place, words).await;
    }
}

fn millis(question: &Question) -> i64 {
    i64::try_from(question.timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

/// Why a push ends whose question got no yes in time.
pub(in crate::run) fn unanswered(question: &Question) -> String {
    format!("nobody answered “{}” within {}, so nothing was confirmed", question.text, duration_words(millis(question)))
}

/// Why a push ends whose question was answered with no.
pub(in crate::run) fn refused(given: &Given, question: &str) -> String {
    let reason = given.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} answered “{question}” with no{reason}", given.who)
}
