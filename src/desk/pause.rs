//! Pause, and going on after one: asked of the runner on its control socket, which writes it into the journal; the ledger
//! learns it from there. It must never call a push paused whose runner has not said so.

use super::tell::{Untold, tell};
use super::{Case, Decision, Desk, Refusal, one_line};
use crate::journal::PushDir;
use crate::ledger::pushes::PushRow;
use crate::ledger::{audit, pushes};
use crate::run::Order;
use crate::stack::{PushNumber, Who};
use crate::time::At;
use rusqlite::Transaction;
use std::time::Duration;

/// A runner answers when the order is on the disk, and a disk may stall for some seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long the ledger may take to learn it from the journal; who asks later sees it then.
const FOLD_LIMIT: Duration = Duration::from_secs(2);

impl Desk {
    /// Pauses a running push: no new host starts, those that run end.
    ///
    /// # Errors
    /// When there is no such push, it does not run, is paused already, or its runner does not answer.
    pub async fn pause(&self, push: PushNumber, who: &Who, reason: Option<String>) -> Decision<()> {
        let reason = reason.map(|reason| one_line("reason", &reason)).transpose()?.filter(|reason| !reason.is_empty());
        self.order_pause(push, Order::Pause { who: who.clone(), reason }).await
    }

    /// Lets a paused push go on: the same push, where it was.
    ///
    /// # Errors
    /// When there is no such push, it is not paused, or its runner does not answer.
    pub async fn unpause(&self, push: PushNumber, who: &Who) -> Decision<()> {
        self.order_pause(push, Order::Unpause { who: who.clone() }).await
    }

    async fn order_pause(&self, push: PushNumber, order: Order) -> Decision<()> {
        let Some(desk) = self.me.upgrade() else {
            return Err(Refusal::stopping());
        };
        // A task of its own: what is in the audit is done, also when the browser hangs up.
        let ordered = self.runtime.spawn(async move {
            let noted = order.clone();
            desk.ledger.write(move |tx| note(tx, push, &noted)).await??;
            let dir = PushDir::of(&desk.config.data, push);
            match tell(&dir, &order, ANSWER_LIMIT).await {
                Ok(()) => {
                    desk.until_folded(push, matches!(order, Order::Pause { .. })).await;
                    Ok(())
                }
                Err(Untold::Refused(why)) => {
                    Err(Refusal::Nothing { case: Case::Order, why: format!("push {push}: {why}") })
                }
                Err(Untold::Silent(error)) => {
                    tracing::warn!(push = push.get(), %error, "a runner did not answer a pause");
                    let why = format!("the runner of push {push} does not answer ({error}); cancel still works");
                    Err(Refusal::Unable { case: Case::RunnerSilent, why })
                }
            }
        });
        ordered.await.unwrap_or_else(|error| Err(Refusal::broke("the order", &error)))
    }

    /// So that whoever ordered it sees it on the next page that they load.
    async fn until_folded(&self, push: PushNumber, paused: bool) {
        let mut changes = self.changes();
        let known = async {
            loop {
                let row = self.ledger.read(move |connection| pushes::get(connection, push.get())).await;
                let so = row.ok().flatten().is_none_or(|row| row.paused.is_some() == paused || row.ended_at.is_some());
                if so || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Late is no error: the order is in the journal.
        let _ = tokio::time::timeout(FOLD_LIMIT, known).await;
    }
}

fn note(tx: &Transaction<'_>, push: PushNumber, order: &Order) -> crate::ledger::Answer<Decision<()>> {
    let row = pushes::get(tx, push.get())?;
    let (who, what, reason) = match order {
        Order::Pause { who, reason } => (who, "pause", reason.as_deref()),
        Order::Unpause { who } => (who, "unpause", None),
        Order::Cancel { who, reason } => (who, "cancel", reason.as_deref()),
        Order::Answer(given) => (&given.who, "answer", given.reason.as_deref()),
    };
    if let Err(refusal) = allowed(row.as_ref(), push, matches!(order, Order::Pause { .. })) {
        return Ok(Err(refusal));
    }
    let deed = reason.map_or_else(|| format!("push {push}"), |reason| format!("push {push}: {reason}"));
    Ok(Ok(audit::note(tx, At::now(), who.as_str(), what, &deed)?))
}

/// Whether a push can be paused, or let go on.
fn allowed(row: Option<&PushRow>, push: PushNumber, pause: bool) -> Decision<()> {
    let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
    match row {
        None => Err(Refusal::Unknown { what: format!("push {push}") }),
        Some(row) if row.ended_at.is_some() => {
            nothing(Case::Ended, format!("push {push} has ended already: {}", row.state))
        }
        Some(PushRow { paused: Some(paused), .. }) if pause => {
            nothing(Case::Paused, format!("push {push} is paused already, by {} since {}", paused.who, paused.at))
        }
        Some(PushRow { paused: None, .. }) if !pause => nothing(Case::NotPaused, format!("push {push} is not paused")),
        Some(_) => Ok(()),
    }
}
