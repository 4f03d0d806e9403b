//! Answers to what a push asks: given to its runner, which waits for them. It must never answer by itself, and never signal
//! a runner: one that does not hear goes on waiting, to the end of the question's time.

use super::tell::{self, Untold};
use super::{Case, Decision, Desk, Refusal, one_line};
use crate::journal::PushDir;
use crate::ledger::{audit, pushes};
use crate::run::{Given, Order};
use crate::stack::{PushNumber, Who};
use crate::time::At;
use std::time::Duration;

/// What a person answers to a push that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether the push goes on.
    pub yes: bool,
    /// Which question of the push is meant, from 1; none for the one that is open.
    pub question: Option<u32>,
    /// Why, when they say so.
    pub reason: Option<String>,
}

/// A runner that lives answers at once.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

impl Desk {
    /// Answers what a push asks.
    ///
    /// # Errors
    /// When there is no such push, it has ended, or it does not ask that.
    pub async fn confirm(&self, push: PushNumber, who: &Who, mut answer: Answered) -> Decision<()> {
        answer.reason = answer.reason.map(|reason| one_line("reason", &reason)).transpose()?;
        let Some(desk) = self.me.upgrade() else {
            return Err(Refusal::stopping());
        };
        let who = who.clone();
        // A task of its own: what the runner has heard gets into the audit, also when the browser hangs up.
        let answered = self.runtime.spawn(async move {
            desk.tell(push, &who, &answer).await?;
            desk.note_answer(push, &who, &answer).await
        });
        answered.await.unwrap_or_else(|error| Err(Refusal::broke("the answer", &error)))
    }

    async fn tell(&self, push: PushNumber, who: &Who, answer: &Answered) -> Decision<()> {
        let row = self.ledger.read(move |connection| pushes::get(connection, push.get())).await?;
        match row {
            None => return Err(Refusal::Unknown { what: format!("push {push}") }),
            Some(row) if row.ended_at.is_some() => {
                let why = format!("push {push} has ended already: {}", row.state);
                return Err(Refusal::Nothing { case: Case::Ended, why });
            }
            Some(_) => {}
        }
        let dir = PushDir::of(&self.config.data, push);
        let Answered { yes, question: ask, reason } = answer.clone();
        let order = Order::Answer(Given { who: who.clone(), ask, yes, reason });
        match tell::tell(&dir, &order, ANSWER_LIMIT).await {
            Ok(()) => Ok(()),
            Err(Untold::Refused(_)) => {
                let what =
                    ask.map_or("an answer now".to_owned(), |ask| format!("an answer to question {ask} any more"));
                let why = format!("push {push} is not waiting for {what}");
                Err(Refusal::Nothing { case: Case::AsksNothing, why })
            }
            Err(error @ Untold::Silent(_)) => Err(Refusal::Unable {
                case: Case::RunnerSilent,
                why: format!("the runner of push {push} does not answer ({error})"),
            }),
        }
    }

    async fn note_answer(&self, push: PushNumber, who: &Who, answer: &Answered) -> Decision<()> {
        let yes = if answer.yes { "yes" } else { "no" };
        let reason = answer.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let (who, deed) = (who.to_string(), format!("push {push}, {yes}{reason}"));
        self.ledger.write(move |tx| audit::note(tx, At::now(), &who, "answer", &deed)).await?;
        Ok(())
    }
}
