//! What pages show of the approval that a stage asks for. It must never decide: `decide::approval` does, for the push as well.

use crate::desk::decide::approval::{self, Standing};
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::offer::Offer;
use crate::desk::view::{ApprovalStanding, ApprovalView, RequestView};
use crate::ledger::approvals::ApprovalState;
use crate::stack::Stack;

/// How the approval of an offer stands; none where it needs none.
pub(super) fn view(asked: Asked, stack: &Stack, place: usize, facts: &Facts, offer: &Offer) -> Option<ApprovalView> {
    let rule = approval::rule(asked, stack, place)?;
    let request = approval::of_offer(facts, offer, asked == Asked::Version);
    let (state, why) = match request {
        None => (ApprovalStanding::NotAsked, None),
        Some(request) => match approval::standing(stack, place, request, offer, rule, request.given.len()) {
            Standing::Waiting => (ApprovalStanding::Waiting, None),
            Standing::Approved => (ApprovalStanding::Approved, None),
            Standing::Expired => (ApprovalStanding::Expired, None),
            Standing::Moved(what) => (ApprovalStanding::Moved, Some(what)),
            Standing::Declined => (ApprovalStanding::Declined, request.closed_why.clone()),
        },
    };
    let stands_beside = |other: &&crate::ledger::approvals::ApprovalRequest| {
        other.state == ApprovalState::Open && other.version.is_some() && !other.over
    };
    let others = facts.approvals.iter().filter(stands_beside).filter(|other| other.plan_hash != offer.plan_hash);
    Some(ApprovalView {
        needed: rule.needed,
        state,
        why,
        request: request.map(RequestView::from),
        others: others.map(RequestView::from).collect(),
    })
}
