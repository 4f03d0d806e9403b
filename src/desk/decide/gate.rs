//! The gate: may this be pushed, now? A pure decision over plain data that was read in one go; the same function says
//! what a page offers and what a press gets. It must never read anything itself.

use super::facts::Facts;
use super::offer::{Offer, offer};
use super::press::Press;
use crate::desk::parts::recent_plans::what_changed;
use crate::desk::parts::teller::SERVER;
use crate::desk::refusal::{Refusal, Waits};
use crate::ledger::holds::Hold;
use crate::ledger::pushes::PushRow;
use crate::plan::Plan;
use crate::stack::{Revision, Source, Stack};

/// Why nobody may press the stage now: held or locked.
pub(crate) fn closed(facts: &Facts) -> Option<Refusal> {
    facts.stack_hold.as_ref().or(facts.stage_hold.as_ref()).map(held).or_else(|| locked(facts))
}

/// Why nobody may resume a push to the stage now: held by a person, or locked. What a bad push left is no stop sign to
/// the push that finishes it.
pub(crate) fn closed_to_resume(facts: &Facts) -> Option<Refusal> {
    let by_a_person = |hold: &&Hold| hold.who != SERVER || hold.push.is_none();
    let hold = facts.stack_hold.as_ref().filter(by_a_person).or(facts.stage_hold.as_ref());
    hold.map(held).or_else(|| locked(facts))
}

/// A stop sign as a refusal.
pub(crate) fn held(hold: &Hold) -> Refusal {
    Refusal::Held {
        scope: hold.scope.clone(),
        who: hold.who.clone(),
        reason: hold.reason.clone(),
        since: hold.at.as_str().into(),
        until: hold.until.clone(),
        push: hold.push.and_then(std::num::NonZeroI64::new),
    }
}

/// Who is pushing the stack right now.
pub(crate) fn locked(facts: &Facts) -> Option<Refusal> {
    facts.lock.as_ref().map(|push| Refusal::Locked {
        who: push.who.clone(),
        stack: push.stack.clone(),
        stage: push.stage.clone(),
        push: push.id,
        since: push.pressed_at.clone(),
        waits: waits(push).map(Box::new),
    })
}

/// The push that must be cancelled before anything can be rolled back.
pub(crate) fn in_the_way(facts: &Facts) -> Option<Refusal> {
    facts.lock.as_ref().map(|push| Refusal::CancelFirst {
        who: push.who.clone(),
        stack: push.stack.clone(),
        stage: push.stage.clone(),
        push: push.id,
        since: push.pressed_at.clone(),
    })
}

/// What a running push waits for, if it waits for a person.
pub(crate) fn waits(push: &PushRow) -> Option<Waits> {
    let asks = push.question.as_ref().map(|question| format!("waits for an answer: “{}”", question.question));
    let paused = push.paused.as_ref().map(|paused| format!("is paused by {}", paused.who));
    let verb = if asks.is_some() { "confirm" } else { "resume" };
    let both: Vec<String> = [asks, paused].into_iter().flatten().collect();
    let hint = format!("pushbutton {verb} {}", push.id);
    (!both.is_empty()).then(|| Waits { waits: both.join(", and it "), hint })
}

/// Takes the decision about a press: the offer that it accepts. `shown` is the plan that its page showed, if remembered.
///
/// # Errors
/// Why it is refused.
pub(crate) fn decide(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    press: &Press,
    shown: Option<&Plan>,
) -> Result<Offer, Refusal> {
    if let Some(refusal) = closed(facts) {
        return Err(refusal);
    }
    let offer = offer(stack, place, facts)?;
    if press.seen != offer.seen {
        let what = seen_moved(stack, place, &press.seen, &offer.seen);
        return Err(Refusal::Moved { what, now: Some(offer.seen) });
    }
    same_plan(offer, press, shown)
}

/// Accepts an offer when its plan is the one that the press has seen.
///
/// # Errors
/// What has changed since.
pub(crate) fn same_plan(offer: Offer, press: &Press, shown: Option<&Plan>) -> Result<Offer, Refusal> {
    match &press.plan_hash {
        Some(hash) if *hash != offer.plan_hash => {
            Err(Refusal::Moved { what: what_changed(shown, &offer.plan), now: Some(offer.seen) })
        }
        _ => Ok(offer),
    }
}

/// The first digits of a revision or build, as people say them.
fn short(seen: &str) -> String {
    match seen.parse::<Revision>() {
        Ok(revision) => revision.short().to_owned(),
        Err(_) => seen.chars().take(63).collect(),
    }
}

fn seen_moved(stack: &Stack, place: usize, seen: &str, now: &str) -> String {
    let branch = stack.source.branch();
    match place.checked_sub(1) {
        None if stack.source == Source::Published => {
            format!("the newest published build is now {} instead of {}", short(now), short(seen))
        }
        None => format!("{branch} is now at {} instead of {}", short(now), short(seen)),
        Some(before) => format!("{} now runs {} instead of {}", stack.stages[before].name, short(now), short(seen)),
    }
}

#[cfg(test)]
mod tests;
