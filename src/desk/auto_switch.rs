//! Stages that are pushed automatically, turned off by what went wrong and by people, and on again by people alone: each with its row in the
//! audit, in one transaction, and what went wrong is announced in the same. It must never turn one on by itself.

use super::Desk;
use super::cases::Case;
use super::decide::auto::{self, Cause};
use super::decide::facts::Facts;
use super::decide::gate::held;
use super::news::tell;
use super::parts::notify_targets::{NotifyTargets, SERVER};
use super::reason::{Reason, because};
use super::refusal::{Decision, Refusal};
use crate::ledger::autos::{self, AutoSwitch};
use crate::ledger::outbox::{StageEvent, StageNews};
use crate::ledger::{LedgerResult, audit};
use crate::stack::{PushNumber, Rights, Stack, StackName, StageName, Who};
use crate::time::At;
use rusqlite::Transaction;
use std::sync::Arc;

impl Desk {
    /// Turns a stage on or off that its file lets be pushed automatically.
    ///
    /// # Errors
    /// When its file does not, and when something that would turn it off at once still stands.
    pub async fn switch_auto(
        &self,
        stack: &StackName,
        stage: &StageName,
        on: bool,
        who: &Who,
        reason: Option<Reason>,
    ) -> Decision<()> {
        let (stack, place) = self.stage_of(stack, stage)?;
        let who = who.clone();
        self.to_the_end("the switch", |desk| async move {
            let rights = desk.rights();
            let switched = desk.ledger.write(move |tx| switch(tx, (&stack, place), on, (&who, reason), &rights));
            switched.await??;
            desk.changed();
            Ok(())
        })
        .await
    }
}

fn switch(
    tx: &Transaction<'_>,
    (stack, place): (&Stack, usize),
    on: bool,
    (who, reason): (&Who, Option<Reason>),
    rights: &Arc<Rights>,
) -> LedgerResult<Decision<()>> {
    let stage = &stack.stages[place];
    if stage.auto.is_none() {
        let why =
            format!("{} of {} is pushed by people alone: its file does not say auto = true", stage.name, stack.name);
        return Ok(Err(Refusal::Nothing { case: Case::NoAuto, why }));
    }
    let facts = Facts::read(tx, stack, place, None, rights)?;
    if let (true, Some(hold)) = (on, facts.stage_hold.as_ref().or(facts.stack_hold.as_ref())) {
        return Ok(Err(held(hold)));
    }
    let is_on = facts.auto.as_ref().and_then(|known| known.switch.as_ref()).is_none_or(|switch| switch.on);
    // What has gone wrong, and is not written yet, does not count any more when a person has turned it on behind that.
    if is_on == on && auto::cause(&facts).is_none() {
        return Ok(Ok(()));
    }
    let at = At::now();
    let switch = AutoSwitch {
        on,
        who: who.to_string(),
        at: at.to_string(),
        why: reason.as_ref().map(ToString::to_string),
        push: newest_ended(&facts),
    };
    autos::set(tx, &stack.name, &stage.name, &switch)?;
    let (what, words) = match on {
        true => ("auto on", "is pushed automatically again"),
        false => ("auto off", "is not pushed automatically any more"),
    };
    let object = format!("{}/{}", stack.name, stage.name);
    let detail = format!("{object} {words}{}", because(reason.as_ref()));
    audit::note(tx, at, who.as_str(), what, &object, &detail)?;
    Ok(Ok(()))
}

/// The newest push that has come to its end: one that runs has not shown yet what becomes of it.
fn newest_ended(facts: &Facts) -> Option<PushNumber> {
    let newest = facts.newest.as_ref()?;
    match newest.state.is_running() {
        true => PushNumber::new(newest.id.get() - 1).ok(),
        false => Some(newest.id),
    }
}

/// Turns a stage off, when something has gone wrong there since a person turned it on.
///
/// # Errors
/// What SQLite said.
pub(crate) fn turn_off_now(
    tx: &Transaction<'_>,
    targets: &NotifyTargets,
    (stack, place): (&Stack, usize),
    facts: &Facts,
) -> LedgerResult<bool> {
    let off = cause_of(facts).map(|cause| (place, cause));
    turn_off(tx, targets, stack, off.into_iter().collect())
}

/// The same for all stages of a stack that a hold is on; `stage` where it is on one alone.
///
/// # Errors
/// What SQLite said.
pub(super) fn turn_off_held(
    tx: &Transaction<'_>,
    targets: &NotifyTargets,
    stack: &Stack,
    stage: Option<&StageName>,
    rights: &Arc<Rights>,
) -> LedgerResult<bool> {
    let mut off = Vec::new();
    for (place, of) in stack.stages.iter().enumerate() {
        if of.auto.is_some() && stage.is_none_or(|stage| *stage == of.name) {
            let facts = Facts::read(tx, stack, place, None, rights)?;
            off.extend(cause_of(&facts).map(|cause| (place, cause)));
        }
    }
    turn_off(tx, targets, stack, off)
}

/// What turns a stage off that is on.
fn cause_of(facts: &Facts) -> Option<Cause> {
    let known = facts.auto.as_ref()?;
    let is_on = known.switch.as_ref().is_none_or(|switch| switch.on);
    auto::cause(facts).filter(|_| is_on)
}

fn turn_off(
    tx: &Transaction<'_>,
    targets: &NotifyTargets,
    stack: &Stack,
    off: Vec<(usize, Cause)>,
) -> LedgerResult<bool> {
    let Some((_, first)) = off.first().cloned() else { return Ok(false) };
    let at = At::now();
    let mut stages = Vec::with_capacity(off.len());
    for (place, cause) in off {
        let stage = &stack.stages[place].name;
        let switch =
            AutoSwitch { on: false, who: cause.who, at: at.to_string(), why: Some(cause.why.clone()), push: None };
        autos::set(tx, &stack.name, stage, &switch)?;
        let object = format!("{}/{stage}", stack.name);
        let detail = format!("{object} is not pushed automatically any more: {}", cause.why);
        audit::note(tx, at, SERVER, "auto off", &object, &detail)?;
        stages.push(stage.clone());
    }
    let news = StageNews {
        news: StageEvent::AutoOff,
        key: format!("auto-off-{}-{}", stack.name, at.millis()),
        stack: stack.name.clone(),
        stage: stages.first().filter(|_| stages.len() == 1).cloned(),
        stages,
        build: None,
        who: first.who,
        asker: None,
        sha: String::new(),
        old_sha: None,
        reason: Some(first.why),
        until: None,
        at: String::new(),
        url: format!("/stacks/{}", stack.name),
        audit_head: String::new(),
    };
    tell(tx, targets, at, news)?;
    Ok(true)
}
