//! What a stage needs of the commit that goes out: that its statuses are green. Pure over the facts and the offer: what a page says is what a
//! push gets, a person's and one that nobody started alike. A rollback needs none, since it must be quick; a resume and a catch-up need none,
//! since what they bring was allowed before. It must never read anything itself.

use crate::desk::cases::Case;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::offer::Offer;
use crate::desk::parts::recent_plans::listed;
use crate::desk::refusal::Refusal;
use crate::ledger::statuses::{CommitState, CommitStatus};
use crate::stack::Stack;

/// A status that a stage needs, and what was told of it; nothing was where it is none.
pub(crate) type Need<'f> = (&'f str, Option<&'f CommitStatus>);

/// Whether the statuses matter to what is asked.
pub(crate) fn matter(asked: Asked) -> bool {
    match asked {
        Asked::Next | Asked::Version => true,
        Asked::Rollback | Asked::Resume | Asked::CatchUp => false,
    }
}

/// The statuses that the stage needs of what an offer puts there, in the file's order.
pub(crate) fn of_offer<'f>(stack: &'f Stack, place: usize, facts: &'f Facts, offer: &Offer) -> Vec<Need<'f>> {
    let of = |context: &'f String| {
        let told = |status: &&CommitStatus| status.context == *context && status.sha == offer.sha.as_str();
        (context.as_str(), facts.statuses.iter().find(told))
    };
    stack.stages[place].needs.statuses.iter().map(of).collect()
}

/// How many of them are green.
pub(crate) fn green(needs: &[Need<'_>]) -> usize {
    let is_green = |status: &&CommitStatus| status.state == CommitState::Success;
    needs.iter().filter(|(_, told)| told.as_ref().is_some_and(is_green)).count()
}

/// Why what an offer puts there may not go out yet: a status that is not green.
pub(crate) fn unmet(asked: Asked, stack: &Stack, place: usize, facts: &Facts, offer: &Offer) -> Option<Refusal> {
    if !matter(asked) {
        return None;
    }
    let needs = of_offer(stack, place, facts, offer);
    let bad = needs.iter().find_map(|(_, told)| told.filter(|told| is_bad(told.state)));
    if let Some(bad) = bad {
        return Some(Refusal::Nothing { case: Case::StatusFailed, why: failed(bad, offer) });
    }
    let waited: Vec<String> =
        needs.iter().filter(|(_, told)| told.is_none_or(|told| told.state != CommitState::Success)).map(name).collect();
    let why = || format!("waiting for {} ({} of {} green)", listed(&waited), green(&needs), needs.len());
    (!waited.is_empty()).then(|| Refusal::Nothing { case: Case::StatusWaits, why: why() })
}

fn name((context, _): &Need<'_>) -> String {
    (*context).to_owned()
}

fn is_bad(state: CommitState) -> bool {
    match state {
        CommitState::Failure | CommitState::Error => true,
        CommitState::Pending | CommitState::Success => false,
    }
}

/// `ci/test failed for 3f2c1ab: 2 of 512 tests (https://ci.example.com/7)`.
fn failed(bad: &CommitStatus, offer: &Offer) -> String {
    let what = match bad.state {
        CommitState::Failure => "failed",
        CommitState::Error | CommitState::Pending | CommitState::Success => "ended with an error",
    };
    let said = bad.description.as_deref().map(|said| format!(": {said}")).unwrap_or_default();
    let url = bad.url.as_deref().map(|url| format!(" ({url})")).unwrap_or_default();
    format!("{} {what} for {}{said}{url}", bad.context, offer.sha.short())
}
