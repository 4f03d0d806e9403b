//! What pages show of the statuses that a stage needs, and of a stage that is pushed automatically. It must never decide: `decide::needs` and
//! `decide::auto` do, for the push as well.

use crate::desk::Desk;
use crate::desk::decide::auto::{self, AutoStep};
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::needs;
use crate::desk::decide::offer::Offer;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{AutoView, NeedView, NeedsView, StatusView};
use crate::ledger::statuses;
use crate::stack::{Revision, Stack, StackName};
use crate::time::At;

/// The statuses that a stage needs of an offer; none where it needs none.
pub(super) fn needs(asked: Asked, stack: &Stack, place: usize, facts: &Facts, offer: &Offer) -> Option<NeedsView> {
    let needs = needs::of_offer(stack, place, facts, offer);
    if needs.is_empty() || !needs::matter(asked) {
        return None;
    }
    let view = |(context, told): &needs::Need<'_>| NeedView {
        context: (*context).to_owned(),
        status: told.map(StatusView::from),
    };
    Some(NeedsView {
        green: needs::green(&needs),
        total: needs.len(),
        why: needs::unmet(asked, stack, place, facts, offer).map(|refusal| refusal.to_string()),
        statuses: needs.iter().map(view).collect(),
    })
}

impl Desk {
    /// Whether a stage is pushed automatically, and why it waits; none where only people push it.
    pub(super) fn auto_view(
        &self,
        (stack, place): (&Stack, usize),
        problem: Option<&str>,
        facts: &Facts,
        offer: Result<&Offer, &Refusal>,
    ) -> Option<AutoView> {
        let stage = &stack.stages[place];
        let rule = stage.auto.as_ref()?;
        let is_on = facts.auto.as_ref().and_then(|known| known.switch.as_ref()).is_none_or(|switch| switch.on);
        Some(match auto::step((stack, place, rule), problem, facts, offer, At::now()) {
            AutoStep::Wait(wait) => {
                AutoView { on: is_on, why: Some(wait.why), until: wait.until.map(|until| until.to_string()) }
            }
            // It is written in a moment.
            AutoStep::TurnOff(cause) => {
                AutoView { on: false, why: Some(format!("off because {}", cause.why)), until: None }
            }
            AutoStep::AskApproval => AutoView { on: true, why: Some("asks for approval".to_owned()), until: None },
            AutoStep::Push => {
                let last = offer.ok().and_then(|offer| self.auto_tries.last((&stack.name, &stage.name), &offer.seen));
                AutoView { on: true, why: last.map(|(why, _)| format!("is tried again: {why}")), until: None }
            }
        })
    }

    /// What was told of a commit, by context.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn commit_statuses(&self, stack: &StackName, sha: &Revision) -> Decision<Vec<StatusView>> {
        let (stack, _) = self.loaded(stack)?;
        let sha = sha.clone();
        let read = self.ledger.read(move |connection| statuses::of_commits(connection, &stack.name, &[sha.as_str()]));
        Ok(read.await?.iter().map(StatusView::from).collect())
    }
}
