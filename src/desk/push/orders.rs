//! What people order a running push to do: cancel, pause, go on after a pause, answer a question. All go one way, from page,
//! API and command line alike: the runner is told first, then the audit is written, so that no disk and no locked ledger
//! keeps anybody from stopping a push. A runner that does not hear a cancel is told by TERM, which means the same, and at
//! last by KILL. It must never signal a process that is not the very runner (start time and boot id are compared), never
//! call a push paused whose runner has not said so, and never answer by itself.

use super::runner::{Process, Signal};
use super::tell::{OrderError, send_order};
use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::reason::Reason;
use crate::desk::refusal::{Decision, Refusal};
use crate::journal::PushDir;
use crate::ledger::pushes::{self, PushRow};
use crate::run::{ANOTHER, ConfirmAnswer, NOT_PAUSED, Order, PAUSED};
use crate::stack::{PushNumber, Who};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What a person answers to a push that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether the push goes on.
    pub yes: bool,
    /// Which question of the push is meant, from 1; none for the one that is open.
    pub question: Option<u32>,
    /// Why, when they say so.
    pub reason: Option<Reason>,
}

/// A runner that lives answers at once; a hung one is told otherwise (TRUST section 2).
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A pause is answered when it is on the disk, and a disk may stall for some seconds.
const DURABLE_ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// After TERM a runner has this long beyond twice `grace_s`, in which its commands end: for hosts that are slow to say so, and for
/// its own last records. It is 30 s where nobody changed `grace_s`.
const TERM_SLACK: Duration = Duration::from_secs(20);
/// How long a ledger that does not answer may keep an order waiting.
const LEDGER_LIMIT: Duration = Duration::from_secs(1);
/// How long the ledger may take to learn of a pause from the journal; who asks later sees it then.
const FOLD_LIMIT: Duration = Duration::from_secs(2);

impl Desk {
    /// Cancels a running push.
    ///
    /// # Errors
    /// When there is no such push, it has ended, or its runner cannot be reached.
    pub async fn cancel(&self, push: PushNumber, who: &Who, reason: Option<Reason>) -> Decision<()> {
        self.order(push, Order::Cancel { who: who.clone(), reason: reason.map(String::from) }).await
    }

    /// Pauses a running push: no new host starts, those that run end.
    ///
    /// # Errors
    /// When there is no such push, it does not run, is paused already, or its runner does not answer.
    pub async fn pause(&self, push: PushNumber, who: &Who, reason: Option<Reason>) -> Decision<()> {
        self.order(push, Order::Pause { who: who.clone(), reason: reason.map(String::from) }).await
    }

    /// Lets a paused push go on: the same push, where it was.
    ///
    /// # Errors
    /// When there is no such push, it is not paused, or its runner does not answer.
    pub async fn unpause(&self, push: PushNumber, who: &Who) -> Decision<()> {
        self.order(push, Order::Unpause { who: who.clone() }).await
    }

    /// Answers what a push asks.
    ///
    /// # Errors
    /// When there is no such push, it has ended, or it does not ask that.
    pub async fn confirm(&self, push: PushNumber, who: &Who, answer: Answered) -> Decision<()> {
        let Answered { yes, question: ask, reason } = answer;
        let answer = ConfirmAnswer { who: who.clone(), ask, yes, reason: reason.map(String::from) };
        self.order(push, Order::Answer(answer)).await
    }

    async fn order(&self, push: PushNumber, order: Order) -> Decision<()> {
        self.to_the_end("the order", |desk| async move {
            let row = desk.row_in_time(push).await?;
            if let Some(row) = row.as_ref().filter(|row| row.ended_at.is_some()) {
                let why = format!("push {push} has ended already: {}", row.state);
                return Err(Refusal::Nothing { case: Case::Ended, why });
            }
            desk.tell_runner(push, row.as_ref(), &order).await?;
            desk.note_order(push, &order).await;
            if let Order::Pause { .. } | Order::Unpause { .. } = order {
                desk.until_folded(push, matches!(order, Order::Pause { .. })).await;
            }
            Ok(())
        })
        .await
    }

    /// The push, as the ledger knows it; none when the ledger does not say so soon: then the runner knows best.
    async fn row_in_time(&self, push: PushNumber) -> Decision<Option<PushRow>> {
        let asked = self.ledger.read(move |connection| pushes::get(connection, push));
        match timeout(LEDGER_LIMIT, asked).await {
            Ok(Ok(Some(row))) => Ok(Some(row)),
            Ok(Ok(None)) => Err(Refusal::Unknown { what: format!("push {push}") }),
            Ok(Err(error)) => {
                tracing::warn!(push = push.get(), %error, "an order goes to its runner although the ledger does not answer");
                Ok(None)
            }
            Err(_) => {
                tracing::warn!(push = push.get(), "an order goes to its runner although the ledger is slow");
                Ok(None)
            }
        }
    }

    async fn tell_runner(self: &Arc<Self>, push: PushNumber, row: Option<&PushRow>, order: &Order) -> Decision<()> {
        let dir = PushDir::of(&self.config.data, push);
        let limit = match order {
            Order::Cancel { .. } | Order::Answer(_) => ANSWER_LIMIT,
            Order::Pause { .. } | Order::Unpause { .. } => DURABLE_ANSWER_LIMIT,
        };
        match (send_order(&dir, order, limit).await, order) {
            (Ok(()), _) => Ok(()),
            (Err(error), Order::Cancel { .. }) => self.terminate(push, &dir, &error),
            (Err(OrderError::Refused(why)), Order::Answer(_)) if why == ANOTHER => {
                let starter = row.map_or_else(String::new, |row| format!(" ({})", row.who));
                let why = format!("push {push} wants an answer of someone else than who started it{starter}");
                Err(Refusal::Nothing { case: Case::AnotherAnswers, why })
            }
            (Err(OrderError::Refused(_)), Order::Answer(given)) => {
                let what = match given.ask {
                    Some(ask) => format!("an answer to question {ask} any more"),
                    None => "an answer now".to_owned(),
                };
                Err(Refusal::Nothing { case: Case::AsksNothing, why: format!("push {push} is not waiting for {what}") })
            }
            (Err(OrderError::Refused(why)), _) => Err(refused(push, row, &why)),
            (Err(OrderError::Silent(error)), _) => {
                tracing::warn!(push = push.get(), %error, "a runner did not answer an order");
                Err(silent(push, &error))
            }
        }
    }

    /// Tells a runner that does not answer to end, by signal.
    fn terminate(self: &Arc<Self>, push: PushNumber, dir: &PushDir, error: &OrderError) -> Decision<()> {
        let told = Process::of_journal(dir).filter(|runner| runner.signal(Signal::TERM));
        tracing::warn!(push = push.get(), %error, term = told.is_some(), "a runner did not answer a cancel");
        let Some(runner) = told else { return Err(silent(push, error)) };
        let desk = Arc::clone(self);
        let limit = 2 * Duration::from_secs(self.config.ssh.grace_s) + TERM_SLACK;
        self.spawn(async move {
            tokio::select! {
                () = desk.stop.cancelled() => {}
                () = sleep(limit) => {
                    if runner.signal(Signal::KILL) {
                        tracing::warn!(push = push.get(), "a runner ignored TERM and was killed");
                    }
                }
            }
        });
        Ok(())
    }

    /// Writes an order that was obeyed into the audit. The journal has it in any case, by its end or its pause.
    async fn note_order(&self, push: PushNumber, order: &Order) {
        let (who, what, text) = audit_text(push, order);
        self.note(who, what, &format!("push {push}"), text).await;
    }

    /// So that whoever ordered it sees it on the next page that they load.
    async fn until_folded(&self, push: PushNumber, paused: bool) {
        let mut changes = self.changes();
        let known = async {
            loop {
                let row = self.ledger.read(move |connection| pushes::get(connection, push)).await;
                let so = row.ok().flatten().is_none_or(|row| row.paused.is_some() == paused || row.ended_at.is_some());
                if so || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Late is no error: the order is in the journal.
        let _ = timeout(FOLD_LIMIT, known).await;
    }
}

fn silent(push: PushNumber, error: &dyn std::fmt::Display) -> Refusal {
    let why = format!("the runner of push {push} does not answer ({error})");
    Refusal::Unable { case: Case::RunnerSilent, why }
}

/// Why a runner did not obey. Whether it is paused only the runner knows: the ledger may be behind.
fn refused(push: PushNumber, row: Option<&PushRow>, why: &str) -> Refusal {
    let (case, why) = match (why, row.and_then(|row| row.paused.as_ref())) {
        (PAUSED, Some(paused)) => {
            (Case::Paused, format!("push {push} is paused already, by {} since {}", paused.who, paused.at))
        }
        (PAUSED, None) => (Case::Paused, format!("push {push} is paused already")),
        (NOT_PAUSED, _) => (Case::NotPaused, format!("push {push} is not paused")),
        (why, _) => (Case::Order, format!("push {push}: {why}")),
    };
    Refusal::Nothing { case, why }
}

/// Who ordered what, as the audit says it.
fn audit_text(push: PushNumber, order: &Order) -> (&Who, &'static str, String) {
    let (who, what, reason) = match order {
        Order::Pause { who, reason } => (who, "pause", reason),
        Order::Unpause { who } => (who, "unpause", &None),
        Order::Cancel { who, reason } => (who, "cancel", reason),
        Order::Answer(given) => (&given.who, "answer", &given.reason),
    };
    let answer = match order {
        Order::Answer(given) if given.yes => ", yes",
        Order::Answer(_) => ", no",
        Order::Pause { .. } | Order::Unpause { .. } | Order::Cancel { .. } => "",
    };
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    (who, what, format!("push {push}{answer}{reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_says_who_ordered_what_and_why() {
        let push = PushNumber::new(214).unwrap();
        let who: Who = "mary".parse().unwrap();
        let reason = Some("graphs".to_owned());
        let no = ConfirmAnswer { who: who.clone(), ask: Some(1), yes: false, reason: reason.clone() };
        for (order, what, text) in [
            (Order::Cancel { who: who.clone(), reason: reason.clone() }, "cancel", "push 214: graphs"),
            (Order::Cancel { who: who.clone(), reason: None }, "cancel", "push 214"),
            (Order::Pause { who: who.clone(), reason }, "pause", "push 214: graphs"),
            (Order::Unpause { who: who.clone() }, "unpause", "push 214"),
            (Order::Answer(ConfirmAnswer { yes: true, reason: None, ..no.clone() }), "answer", "push 214, yes"),
            (Order::Answer(no), "answer", "push 214, no: graphs"),
        ] {
            assert_eq!(audit_text(push, &order), (&who, what, text.to_owned()));
        }
    }
}
