//! Holds: a person's stop sign, set and released by people, each time with a row in the audit. It must never stop a push
//! that runs: a hold closes the button.

use super::{Decision, Desk, Refusal, one_line};
use crate::ledger::audit;
use crate::ledger::holds::{self, Hold};
use crate::stack::{StackName, StageName, Who};
use crate::time::At;

impl Desk {
    /// Holds a stack, or one stage of it.
    ///
    /// # Errors
    /// When it does not exist, the reason is missing, or it is held already.
    pub async fn hold(&self, stack: &StackName, stage: Option<&StageName>, who: &Who, reason: String) -> Decision<()> {
        self.must_exist(stack, stage)?;
        let reason = one_line("reason", &reason)?;
        if reason.is_empty() {
            return Err(Refusal::BadRequest {
                why: "a hold needs a reason, so that others know what to wait for".to_owned(),
            });
        }
        let at = At::now();
        let hold =
            Hold { scope: holds::scope(stack, stage), who: who.to_string(), reason, at: at.to_string(), push: None };
        let held = self.ledger.write(move |tx| {
            if let Some(old) = holds::get(tx, &hold.scope)? {
                return Ok(Err(Refusal::Held { scope: old.scope, who: old.who, reason: old.reason, since: old.at }));
            }
            holds::set(tx, &hold)?;
            audit::note(tx, at, &hold.who, "hold", &format!("{}: {}", hold.scope, hold.reason))?;
            Ok(Ok(()))
        });
        held.await??;
        self.changed();
        Ok(())
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
        reason: Option<String>,
    ) -> Decision<()> {
        let (scope, who) = (holds::scope(stack, stage), who.to_string());
        let reason = reason.map(|reason| one_line("reason", &reason)).transpose()?.filter(|reason| !reason.is_empty());
        let released = self.ledger.write(move |tx| {
            let Some(hold) = holds::get(tx, &scope)? else {
                return Ok(Err(Refusal::Nothing { why: format!("{scope} is not held") }));
            };
            if let (Some(push), None) = (hold.push, &reason) {
                let why = format!("{scope} is held because push {push} ended badly; say why the hold may go");
                return Ok(Err(Refusal::BadRequest { why }));
            }
            holds::release(tx, &scope)?;
            let because = reason.map(|reason| format!("; released because: {reason}")).unwrap_or_default();
            let deed = format!("{scope}, held by {} since {}: {}{because}", hold.who, hold.at, hold.reason);
            audit::note(tx, At::now(), &who, "release hold", &deed)?;
            Ok(Ok(()))
        });
        released.await??;
        self.changed();
        Ok(())
    }

    fn must_exist(&self, stack: &StackName, stage: Option<&StageName>) -> Decision<()> {
        let shelf = self.shelf();
        let Some(shelved) = shelf.stacks.iter().find(|shelved| shelved.name == *stack) else {
            return Err(Refusal::Unknown { what: format!("stack {stack}") });
        };
        let Some(stage) = stage else { return Ok(()) };
        match shelved.stack.as_ref().is_some_and(|stack| stack.stages.iter().any(|known| known.name == *stage)) {
            true => Ok(()),
            false => Err(Refusal::Unknown { what: format!("stage {stage} of {stack}") }),
        }
    }
}
