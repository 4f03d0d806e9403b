//! Cancel: asked of the runner on its control socket; one that does not answer is told by TERM, which means the same, and
//! at last by KILL. It must never signal a process that is not the very runner (start time and boot id are compared).

use super::runner::{Process, Signal};
use super::tell::tell;
use super::{Case, Decision, Desk, Refusal, one_line};
use crate::journal::PushDir;
use crate::ledger::{audit, pushes};
use crate::run::Order;
use crate::stack::{PushNumber, Who};
use crate::time::At;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A runner that lives answers at once; a hung one is told otherwise (TRUST section 2).
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// After TERM a runner has this long to end its commands.
const TERM_LIMIT: Duration = Duration::from_secs(30);

impl Desk {
    /// Cancels a running push.
    ///
    /// # Errors
    /// When there is no such push, or it has ended.
    pub async fn cancel(&self, push: PushNumber, who: &Who, reason: Option<String>) -> Decision<()> {
        let reason = reason.map(|reason| one_line("reason", &reason)).transpose()?;
        let Some(desk) = self.me.upgrade() else {
            return Err(Refusal::stopping());
        };
        let who = who.clone();
        // A task of its own: what is in the audit is done, also when the browser hangs up.
        let cancelled = self.runtime.spawn(async move {
            desk.note_cancel(push, &who, reason.as_deref()).await?;
            desk.order_cancel(push, &who, reason.as_deref()).await
        });
        cancelled.await.unwrap_or_else(|error| Err(Refusal::broke("the cancel", &error)))
    }

    async fn note_cancel(&self, push: PushNumber, who: &Who, reason: Option<&str>) -> Decision<()> {
        let who = who.to_string();
        let deed = match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("push {push}: {reason}"),
            None => format!("push {push}"),
        };
        let noted = self.ledger.write(move |tx| match pushes::get(tx, push.get())? {
            None => Ok(Err(Refusal::Unknown { what: format!("push {push}") })),
            Some(row) if row.ended_at.is_some() => {
                let why = format!("push {push} has ended already: {}", row.state);
                Ok(Err(Refusal::Nothing { case: Case::Ended, why }))
            }
            Some(_) => Ok(Ok(audit::note(tx, At::now(), &who, "cancel", &deed)?)),
        });
        noted.await?
    }

    async fn order_cancel(self: &Arc<Self>, push: PushNumber, who: &Who, reason: Option<&str>) -> Decision<()> {
        let dir = PushDir::of(&self.config.data, push);
        let order = Order::Cancel { who: who.clone(), reason: reason.map(str::to_owned) };
        let Err(error) = tell(&dir, &order, ANSWER_LIMIT).await else { return Ok(()) };
        let told = Process::of_journal(&dir).filter(|runner| runner.signal(Signal::TERM));
        tracing::warn!(push = push.get(), error = %error, term = told.is_some(), "a runner did not answer a cancel");
        let Some(runner) = told else {
            let why = format!("the runner of push {push} does not answer ({error})");
            return Err(Refusal::Unable { case: Case::RunnerSilent, why });
        };
        let desk = Arc::clone(self);
        self.spawn(async move { desk.kill_if_it_stays(push, &runner).await });
        Ok(())
    }

    async fn kill_if_it_stays(&self, push: PushNumber, runner: &Process) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(TERM_LIMIT) => {
                if runner.signal(Signal::KILL) {
                    tracing::warn!(push = push.get(), "a runner ignored TERM and was killed");
                }
            }
        }
    }
}
