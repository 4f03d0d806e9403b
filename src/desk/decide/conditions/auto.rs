//! Is this stage pushed now, without anyone pressing its button, and if not, why does it wait? One pure function over the facts, the file's rule
//! and the instant: what the page says is what is done. It asks the same gate as a person's push. What went wrong on the stage since a person
//! turned it on turns it off: a push that did not succeed, a rollback, a hold. It must never push what was pushed there before, whatever became
//! of that, and never read anything itself.

use super::approval::{self, Approved};
use crate::desk::cases::Case;
use crate::desk::decide::facts::{AutoFacts, Facts};
use crate::desk::decide::gate::{self, Asked};
use crate::desk::decide::offer::Offer;
use crate::desk::refusal::Refusal;
use crate::journal::{Ended, PushState};
use crate::ledger::pushes::PushRow;
use crate::plan::PushKind;
use crate::stack::{AutoRule, PushNumber, Stack, Who};
use crate::time::{At, duration_words};

/// What becomes of a stage that is pushed automatically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AutoStep {
    /// Nothing, until something happens or a time has come.
    Wait(Wait),
    /// It is turned off.
    TurnOff(Cause),
    /// People are asked for their approval: nobody has asked for this plan yet.
    AskApproval,
    /// It is pushed.
    Push,
}

/// Why it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// `waits for ci/test`, `off since …`: the end of a sentence that begins with the stage.
    pub why: String,
    /// When it is looked at again at the latest; none where nothing but an event changes it.
    pub until: Option<At>,
}

/// What turns it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Whose push or hold it is.
    pub who: String,
    /// `push 12 failed`, `held by mary: the fair is on`.
    pub why: String,
}

/// What happens now with a stage that its file lets be pushed automatically. `offer` is what its button offers, were it allowed; `broken` whether
/// the stack's file is.
pub(crate) fn step(
    (stack, place, rule): (&Stack, usize, &AutoRule),
    problem: Option<&str>,
    facts: &Facts,
    offer: Result<&Offer, &Refusal>,
    now: At,
) -> AutoStep {
    let known = facts.auto.clone().unwrap_or_default();
    if let Some(off) = known.switch.as_ref().filter(|switch| !switch.on) {
        let why = off.why.as_deref().map(|why| format!(" because {why}")).unwrap_or_default();
        return wait(format!("off since {} by {}{why}", minute(&off.at), off.who));
    }
    if let Some(cause) = cause(facts) {
        return AutoStep::TurnOff(cause);
    }
    if let Some(push) = &facts.lock {
        return wait(format!("someone pushes at this moment: {} to {} (push {})", push.who, push.stage, push.id));
    }
    if let Some(closed) = gate::closed(Asked::Next, &stack.name, problem, facts) {
        return wait(closed.to_string());
    }
    let offer = match offer {
        Ok(offer) => offer,
        Err(refusal) => return wait(refusal.to_string()),
    };
    if let Some(why) = nothing_new(stack, place, facts, &known, offer).or_else(|| not_well(&known)) {
        return wait(why);
    }
    let who = Who::auto(&stack.name);
    let approved = approval::look(Asked::Next, stack, place, facts, offer, (Some(&who), None));
    let asks_people = |refusal: &Refusal| matches!(refusal, Refusal::Unapproved { .. });
    if let Err(refusal) = &approved
        && !asks_people(refusal)
    {
        return wait(waits_for(refusal));
    }
    if let Some(wait) = not_yet(stack, place, rule, facts, now) {
        return AutoStep::Wait(wait);
    }
    match approved {
        Ok(Approved::NotNeeded | Approved::By { .. } | Approved::Without { .. }) => AutoStep::Push,
        Err(refusal) if matches!(refusal.case(), Case::NeedsApproval | Case::ApprovalVoid) => AutoStep::AskApproval,
        Err(refusal) => wait(refusal.to_string()),
    }
}

/// What has gone wrong on the stage since a person turned it on, if anything.
pub(crate) fn cause(facts: &Facts) -> Option<Cause> {
    let known = facts.auto.as_ref()?;
    let counted = known.switch.as_ref().and_then(|switch| switch.push);
    let newest = facts.newest.as_ref().filter(|push| counted.is_none_or(|counted| push.id > counted));
    let by_push = newest.and_then(|push| {
        let why = match (push.kind, push.state) {
            (PushKind::Rollback, _) => format!("push {} is a rollback", push.id),
            (_, PushState::Ended(ended)) if ended != Ended::Succeeded => bad_end(push.id, ended),
            _ => return None,
        };
        Some(Cause { who: push.who.clone(), why })
    });
    by_push.or_else(|| {
        let hold = facts.stage_hold.as_ref().or(facts.stack_hold.as_ref())?;
        let why = format!("{} is held by {}: {}", hold.scope, hold.who, hold.reason);
        Some(Cause { who: hold.who.clone(), why })
    })
}

fn bad_end(push: PushNumber, ended: Ended) -> String {
    match ended {
        Ended::Failed => format!("push {push} failed"),
        Ended::Succeeded | Ended::Degraded | Ended::Cancelled | Ended::RolledBack | Ended::Interrupted => {
            format!("push {push} was {}", PushState::Ended(ended).word())
        }
    }
}

/// Why nothing is left to do: the stage has it, or had it once.
fn nothing_new(stack: &Stack, place: usize, facts: &Facts, known: &AutoFacts, offer: &Offer) -> Option<String> {
    let stage = &stack.stages[place].name;
    let is_made = offer.root.is_none();
    let has = |current: &crate::ledger::current::Current| match is_made {
        true => current.sha == offer.sha.as_str(),
        false => current.build == offer.seen,
    };
    if facts.current.as_ref().is_some_and(has) {
        return Some(match place.checked_sub(1) {
            None if stack.source.is_published() => "waits for a new build".to_owned(),
            None => format!("waits for a new commit on {}", stack.source.branch()),
            Some(before) => format!("waits for a new build on {}", stack.stages[before].name),
        });
    }
    let (push, state) = known.pushed_before?;
    let what = if is_made { offer.sha.short() } else { &offer.seen };
    Some(format!("waits for something new: {what} was pushed to {stage} before (push {push}, {state})"))
}

/// Why what the stage before runs is not trusted: its last push did not succeed, or took something back.
fn not_well(known: &AutoFacts) -> Option<String> {
    let last = known.last_before.as_ref()?;
    let PushRow { id, stage, kind, state, .. } = last;
    match (kind, state) {
        (PushKind::Rollback, _) => {
            Some(format!("waits for a new build on {stage}: its last push ({id}) is a rollback"))
        }
        (_, PushState::Ended(Ended::Succeeded)) => None,
        (_, state) => Some(format!("waits for {stage}: its last push ({id}) is {state}")),
    }
}

/// `waits for ci/test`, in the words of the refusal.
fn waits_for(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    match text.strip_prefix("waiting ") {
        Some(rest) => format!("waits {rest}"),
        None => text,
    }
}

/// Which time has not come yet.
fn not_yet(stack: &Stack, place: usize, rule: &AutoRule, facts: &Facts, now: At) -> Option<Wait> {
    let since = facts.before.as_ref().and_then(|before| before.pushed_at.parse::<At>().ok());
    let before = place.checked_sub(1).map(|before| &stack.stages[before].name);
    if let (Some(after), Some(since), Some(before)) = (rule.after, since, before) {
        let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let until = At::from_millis(since.millis().saturating_add(after_ms));
        if now < until {
            let why = format!("waits until {} ({} after {before})", minute(&until.to_string()), length(after_ms));
            return Some(Wait { why, until: Some(until) });
        }
    }
    if rule.is_open(now) {
        return None;
    }
    Some(match rule.opens(now) {
        Some((at, words)) => Wait { why: format!("waits for {words} (window)"), until: Some(at) },
        None => Wait { why: "waits for its window, which never opens".to_owned(), until: None },
    })
}

fn wait(why: String) -> AutoStep {
    AutoStep::Wait(Wait { why, until: None })
}

/// `15 min`, `2 h`: a length as the file says it.
fn length(ms: i64) -> String {
    match ms / 1000 {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => duration_words(ms),
    }
}

/// `10:15 UTC`, with the day where it is another one than that of most things that are waited for: `Mon 30 Nov 10:15 UTC`.
fn minute(at: &str) -> String {
    match at.parse::<At>() {
        Ok(at) => at.timestamp().strftime("%a %H:%M UTC").to_string(),
        Err(_) => at.to_owned(),
    }
}

#[cfg(test)]
mod tests;
