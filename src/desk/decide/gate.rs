//! The gate: may this be asked of a stage, now? Pure over the facts, and one call: what a page says of a button is what a press
//! gets. It must never read anything itself.

use super::facts::Facts;
use super::offer::Offer;
use super::press::Press;
use crate::desk::parts::notify_targets::SERVER;
use crate::desk::parts::recent_plans::what_changed;
use crate::desk::reason::first_line;
use crate::desk::refusal::{Refusal, Waits};
use crate::ledger::holds::Hold;
use crate::ledger::pushes::PushRow;
use crate::plan::Plan;
use crate::stack::{Revision, Stack, StackName};

/// What a person may ask of a stage, as far as the stop signs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// What the button offers.
    Next,
    /// Another version than the newest.
    Version,
    /// An earlier build.
    Rollback,
    /// What is left of an earlier push.
    Resume,
    /// The stage's own build, on hosts that are behind.
    CatchUp,
}

/// Why nobody may ask this of the stage now, whatever it would do. A page says this of its buttons before anybody presses, and a
/// press is refused by it: `problem` is what is wrong with the stack's file.
pub(crate) fn closed(asked: Asked, stack: &StackName, problem: Option<&str>, facts: &Facts) -> Option<Refusal> {
    let hold = || facts.stack_hold.as_ref().or(facts.stage_hold.as_ref()).map(held);
    problem.map(|problem| broken(stack, problem)).or_else(|| match asked {
        Asked::Next | Asked::Version | Asked::CatchUp => hold().or_else(|| locked(facts)),
        // A stop sign says: no new code. A rollback is open, that is what it is for.
        Asked::Rollback => in_the_way(facts),
        // What a bad push left is no stop sign to the push that finishes it.
        Asked::Resume => by_a_person(facts).map(held).or_else(|| locked(facts)),
    })
}

/// A stack whose file cannot be read as it is.
pub(crate) fn broken(stack: &StackName, problem: &str) -> Refusal {
    Refusal::BadStack { stack: stack.to_string(), why: first_line(problem) }
}

/// The stop sign that a person set, if there is one.
fn by_a_person(facts: &Facts) -> Option<&Hold> {
    let by_a_person = |hold: &&Hold| hold.who != SERVER || hold.push.is_none();
    facts.stack_hold.as_ref().filter(by_a_person).or(facts.stage_hold.as_ref())
}

/// A stop sign as a refusal.
pub(crate) fn held(hold: &Hold) -> Refusal {
    Refusal::Held {
        scope: hold.scope.clone(),
        who: hold.who.clone(),
        reason: hold.reason.clone(),
        since: hold.at.as_str().into(),
        until: hold.until.clone(),
        push: hold.push,
    }
}

/// Who is pushing the stack right now.
fn locked(facts: &Facts) -> Option<Refusal> {
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
fn in_the_way(facts: &Facts) -> Option<Refusal> {
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

/// What the button offers now instead of what was seen on it.
pub(crate) fn seen_moved(stack: &Stack, place: usize, seen: &str, now: &str) -> String {
    let branch = stack.source.branch();
    match place.checked_sub(1) {
        None if stack.source.is_published() => {
            format!("the newest published build is now {} instead of {}", short(now), short(seen))
        }
        None => format!("{branch} is now at {} instead of {}", short(now), short(seen)),
        Some(before) => format!("{} now runs {} instead of {}", stack.stages[before].name, short(now), short(seen)),
    }
}

#[cfg(test)]
mod tests;
