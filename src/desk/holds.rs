//! Holds: a person's stop sign, set and released by people, or over at the time that they said, each with a row in the audit.
//! It must never stop a push that runs: a hold closes the button. Whether one stands is read at each decision; what is over
//! is taken away here, so that it is told once and the pages learn of it.

use super::Desk;
use super::auto_switch;
use super::cases::Case;
use super::decide::gate::held;
use super::parts::notify_targets::SERVER;
use super::reason::Reason;
use super::refusal::{Decision, Refusal};
use super::until::Until;
use crate::ledger::holds::{self, Hold};
use crate::ledger::{LedgerResult, audit};
use crate::stack::{StackName, StageName, Who};
use crate::time::At;
use rusqlite::Transaction;
use std::time::Duration;

/// The clock may be set, and a machine may sleep, while one waits: it is looked at that often at least.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(10);

impl Desk {
    /// Holds a stack, or one stage of it; `until` says when it is over by itself.
    ///
    /// # Errors
    /// When it does not exist, the end is none, or it is held already.
    pub async fn hold(
        &self,
        stack: &StackName,
        stage: Option<&StageName>,
        who: &Who,
        reason: Reason,
        until: Option<Until>,
    ) -> Decision<()> {
        self.must_exist(stack, stage)?;
        let (scope, who) = (holds::scope(stack, stage), who.to_string());
        let (loaded, stage) = (self.loaded(stack).ok().map(|(stack, _)| stack), stage.cloned());
        self.to_the_end("the hold", |desk| async move {
            let (targets, rights) = (desk.notify_targets.clone(), desk.rights());
            let set = desk.ledger.write(move |tx| {
                let at = At::now();
                let until = match until.map(|until| until.end(at)).transpose() {
                    Ok(until) => until.map(|until| until.to_string()),
                    Err(bad) => return Ok(Err(Refusal::BadRequest { case: Case::HoldEnd, why: bad.to_string() })),
                };
                end(tx, at)?;
                if let Some(old) = holds::get(tx, &scope, at)? {
                    return Ok(Err(held(&old)));
                }
                let hold = Hold { scope, who, reason: reason.into(), at: at.to_string(), push: None, until };
                holds::set(tx, &hold)?;
                let until = hold.until.map(|until| format!(" until {until}")).unwrap_or_default();
                audit::note(
                    tx,
                    at,
                    &hold.who,
                    "hold",
                    &hold.scope,
                    &format!("{}{until}: {}", hold.scope, hold.reason),
                )?;
                if let Some(stack) = &loaded {
                    auto_switch::turn_off_held(tx, &targets, stack, stage.as_ref(), &rights)?;
                }
                Ok(Ok(()))
            });
            set.await??;
            desk.hold_set.notify_one();
            desk.changed();
            Ok(())
        })
        .await
    }

    /// Releases a hold. One that a push set because nobody knows what some host runs takes a reason (promise 15).
    ///
    /// # Errors
    /// When nothing is held, or the reason is missing.
    pub async fn release_hold(
        &self,
        stack: &StackName,
        stage: Option<&StageName>,
        who: &Who,
        reason: Option<Reason>,
    ) -> Decision<()> {
        let (scope, who) = (holds::scope(stack, stage), who.to_string());
        self.to_the_end("the release", |desk| async move {
            let released = desk.ledger.write(move |tx| {
                let at = At::now();
                end(tx, at)?;
                let Some(hold) = holds::get(tx, &scope, at)? else {
                    return Ok(Err(Refusal::Nothing { case: Case::NotHeld, why: format!("{scope} is not held") }));
                };
                if let (Some(push), None) = (hold.push, &reason) {
                    let why = format!(
                        "{scope} is held because push {push} did not end cleanly; say why it is safe to release"
                    );
                    return Ok(Err(Refusal::BadRequest { case: Case::ReleaseReason, why }));
                }
                holds::release(tx, &scope)?;
                let because = reason.map(|reason| format!("; released because: {reason}")).unwrap_or_default();
                let audit_text = format!("{scope}, held by {} since {}: {}{because}", hold.who, hold.at, hold.reason);
                audit::note(tx, at, &who, "release hold", &scope, &audit_text)?;
                Ok(Ok(()))
            });
            released.await??;
            desk.changed();
            Ok(())
        })
        .await
    }

    /// Takes away the holds that are over; when the next one is.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub(super) async fn end_holds(&self) -> LedgerResult<Option<At>> {
        let next = self.ledger.read(holds::next_end).await?;
        if next.is_none_or(|next| next > At::now()) {
            return Ok(next);
        }
        let (ended, next) = self.ledger.write(|tx| Ok((end(tx, At::now())?, holds::next_end(tx)?))).await?;
        if ended > 0 {
            self.changed();
        }
        Ok(next)
    }

    /// Sees to it that pages learn of the end of a hold at that very moment.
    pub(super) async fn keep_ending_holds(&self) {
        loop {
            let wait = match self.end_holds().await {
                Ok(None) => LOOK_AT_THE_CLOCK,
                Ok(Some(next)) => {
                    let ms = u64::try_from(next.millis_since(At::now())).unwrap_or_default();
                    Duration::from_millis(ms.max(1)).min(LOOK_AT_THE_CLOCK)
                }
                Err(error) => {
                    tracing::error!(%error, "holds that are over cannot be taken away; no push waits for that");
                    LOOK_AT_THE_CLOCK
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.hold_set.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn must_exist(&self, stack: &StackName, stage: Option<&StageName>) -> Decision<()> {
        let stack_files = self.stack_files();
        let Some(loaded) = stack_files.stacks.iter().find(|loaded| loaded.name == *stack) else {
            return Err(Refusal::Unknown { what: format!("stack {stack}") });
        };
        let Some(stage) = stage else { return Ok(()) };
        match loaded.stack.as_ref().is_some_and(|stack| stack.stages.iter().any(|known| known.name == *stage)) {
            true => Ok(()),
            false => Err(Refusal::Unknown { what: format!("stage {stage} of {stack}") }),
        }
    }
}

/// Takes away the holds that are over at an instant, with a row in the audit for each, like a release: how many there were.
///
/// # Errors
/// What SQLite said.
pub(super) fn end(tx: &Transaction<'_>, now: At) -> LedgerResult<usize> {
    let over = holds::end(tx, now)?;
    for hold in &over {
        let until = hold.until.as_deref().unwrap_or_default();
        let audit_text =
            format!("{}, held by {} since {} until {until}: {}", hold.scope, hold.who, hold.at, hold.reason);
        audit::note(tx, now, SERVER, "hold ended", &hold.scope, &audit_text)?;
    }
    Ok(over.len())
}
