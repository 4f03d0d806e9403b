//! May this plan go out, where its stage needs the approval of others, a mark, or statuses of its commit (`needs`)? Pure over the facts and the offer: what a page says is what a push
//! gets. Nobody approves what they asked for, nor pushes by their own approval, and a program is its token's owner. A rollback needs none,
//! since it must be quick; a resume and a catch-up need none, since what they bring was allowed before. It must never read anything itself.

use super::needs;
use crate::desk::cases::Case;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate::{Asked, seen_moved};
use crate::desk::decide::offer::Offer;
use crate::desk::parts::recent_plans::what_changed;
use crate::desk::reason::Reason;
use crate::desk::refusal::Refusal;
use crate::ledger::approvals::{ApprovalRequest, ApprovalState};
use crate::ledger::marks::Mark;
use crate::plan::Plan;
use crate::stack::{ApprovalRule, Stack, Who};

/// What lets a push out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Approved {
    /// It needs no approval.
    NotNeeded,
    /// Others approved its plan.
    By {
        /// Their request.
        request: i64,
        /// Who.
        who: Vec<Who>,
    },
    /// An admin says that it goes out without.
    Without {
        /// The request for the same plan, if there is one.
        request: Option<i64>,
        /// Why.
        why: Reason,
    },
}

/// How a request is, beside the plan as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits for more approvals.
    Waiting,
    /// It has enough of them.
    Approved,
    /// Its time is over.
    Expired,
    /// The plan has changed since.
    Moved(String),
    /// Someone said no.
    Declined,
}

/// Whether the request needs approval, and how much.
pub(crate) fn rule(asked: Asked, stack: &Stack, place: usize) -> Option<ApprovalRule> {
    match asked {
        Asked::Next | Asked::Version => stack.stages[place].approval,
        Asked::Rollback | Asked::Resume | Asked::CatchUp => None,
    }
}

/// How a request is, where `offer` is what it asks for as it would go out now; `count` is how many of its approvals count.
pub(crate) fn standing(
    stack: &Stack,
    place: usize,
    request: &ApprovalRequest,
    offer: &Offer,
    rule: ApprovalRule,
    count: usize,
) -> Standing {
    match request.state {
        ApprovalState::Declined => Standing::Declined,
        ApprovalState::Open | ApprovalState::Used | ApprovalState::Withdrawn | ApprovalState::Replaced => match () {
            () if request.plan_hash != offer.plan_hash => Standing::Moved(moved(stack, place, request, offer)),
            () if request.over => Standing::Expired,
            () if count >= rule.needed => Standing::Approved,
            () => Standing::Waiting,
        },
    }
}

/// What has changed since the plan of a request was made.
pub(crate) fn moved(stack: &Stack, place: usize, request: &ApprovalRequest, offer: &Offer) -> String {
    if request.version.is_none() && request.seen != offer.seen {
        return seen_moved(stack, place, &request.seen, &offer.seen);
    }
    let asked: Option<Plan> = serde_json::from_str(&request.plan).ok();
    what_changed(asked.as_ref(), &offer.plan)
}

/// The request that matters for an offer: the one for this very plan; else, for what the button offers, the newest one that was for it.
pub(crate) fn of_offer<'f>(facts: &'f Facts, offer: &Offer, version: bool) -> Option<&'f ApprovalRequest> {
    let open = |request: &&ApprovalRequest| request.state == ApprovalState::Open;
    let same = facts.approvals.iter().find(|request| open(request) && request.plan_hash == offer.plan_hash);
    // What was declined, or does not hold any more, is told until someone asks anew.
    same.or_else(|| facts.approvals.iter().find(|request| !version && request.version.is_none()))
}

/// What lets this offer out: approval of others, or an admin's word. With nobody named it is what a page says to everyone.
///
/// # Errors
/// What is missing, and who can give it.
pub(crate) fn look(
    asked: Asked,
    stack: &Stack,
    place: usize,
    facts: &Facts,
    offer: &Offer,
    (who, override_why): (Option<&Who>, Option<&Reason>),
) -> Result<Approved, Refusal> {
    let not_good = not_good(asked, stack, place, facts, offer);
    if let Some(refusal) = not_good.or_else(|| needs::unmet(asked, stack, place, facts, offer)) {
        return Err(refusal);
    }
    let stage = &stack.stages[place].name;
    let request = of_offer(facts, offer, asked == Asked::Version);
    let Some(rule) = rule(asked, stack, place) else {
        return match override_why {
            None => Ok(Approved::NotNeeded),
            Some(_) => Err(not_needed(stack, place)),
        };
    };
    if let Some(why) = override_why {
        let same = request.filter(|request| request.plan_hash == offer.plan_hash).map(|request| request.id);
        return Ok(Approved::Without { request: same, why: why.clone() });
    }
    let refused = |case, why: String| Err(Refusal::Unapproved { case, why, of: format!("{} {stage}", stack.name) });
    let Some(request) = request else {
        let why = format!("a push to {stage} needs {} by someone else, and nobody has asked for it yet", rule.words());
        return refused(Case::NeedsApproval, why);
    };
    let asker = &request.who;
    let by: Vec<Who> = request
        .given
        .iter()
        .map(|given| given.who.clone())
        .filter(|given| who.is_none_or(|who| who.person() != given.person()))
        .collect();
    match standing(stack, place, request, offer, rule, by.len()) {
        Standing::Approved => Ok(Approved::By { request: request.id, who: by }),
        Standing::Moved(what) => {
            let why = format!("{what}, so the approval that {asker} asked for does not hold any more");
            refused(Case::ApprovalVoid, why)
        }
        Standing::Expired => {
            let why = format!("the approval that {asker} asked for has expired ({})", request.ends_at);
            refused(Case::ApprovalExpired, why)
        }
        Standing::Declined => {
            let (by, why) = (request.closed_by.as_ref(), request.closed_why.as_deref().unwrap_or_default());
            let by = by.map_or_else(String::new, |by| format!(" by {by}"));
            refused(Case::Declined, format!("the push that {asker} asked for was declined{by}: {why}"))
        }
        Standing::Waiting if by.len() < request.given.len() => {
            let why = format!("you approved this push to {stage}, so someone else must start it, or approve it too");
            refused(Case::OwnApproval, why)
        }
        Standing::Waiting => {
            let given = request.given.len();
            let so_far = if given == 0 { String::new() } else { format!(", {given} so far") };
            let why = format!(
                "{asker} has asked for {} of this push to {stage}{so_far}: it waits for someone else who may approve",
                rule.words()
            );
            refused(Case::ApprovalWaits, why)
        }
    }
}

/// Why the build may not go to a stage that takes only what is good on the stage before.
fn not_good(asked: Asked, stack: &Stack, place: usize, facts: &Facts, offer: &Offer) -> Option<Refusal> {
    let (stage, before) = (&stack.stages[place], stack.stages.get(place.checked_sub(1)?)?);
    let is_asked = match asked {
        Asked::Next | Asked::Version => stage.needs.approved,
        Asked::Rollback | Asked::Resume | Asked::CatchUp => false,
    };
    let is_good = |mark: &Mark| mark.build == offer.seen && mark.stage.as_ref() == Some(&before.name);
    if !is_asked || facts.marks.iter().any(is_good) {
        return None;
    }
    let why = format!(
        "{} takes only builds that are marked as good on {}, and nobody who may approve there has marked {} yet",
        stage.name, before.name, offer.seen
    );
    Some(Refusal::Nothing { case: Case::NotMarkedGood, why })
}

/// That nothing is to be approved there.
pub(crate) fn not_needed(stack: &Stack, place: usize) -> Refusal {
    let stage = &stack.stages[place].name;
    let why = format!("a push to {stage} of {} needs no approval", stack.name);
    Refusal::Nothing { case: Case::NoApproval, why }
}

impl Approved {
    /// Who approved, as the history keeps it: `joe, kate`.
    pub fn by(&self) -> Option<String> {
        match self {
            Self::NotNeeded | Self::Without { .. } => None,
            Self::By { who, .. } => Some(who.iter().map(Who::as_str).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Why it goes out without approval.
    pub fn override_why(&self) -> Option<&Reason> {
        match self {
            Self::NotNeeded | Self::By { .. } => None,
            Self::Without { why, .. } => Some(why),
        }
    }

    /// The end of its line in the audit.
    pub fn audit_words(&self) -> String {
        match (self.by(), self.override_why()) {
            (Some(by), _) => format!(", approved by {by}"),
            (None, Some(why)) => format!(", WITHOUT approval: {why}"),
            (None, None) => String::new(),
        }
    }

    /// The request that it takes.
    pub fn request(&self) -> Option<i64> {
        match self {
            Self::NotNeeded => None,
            Self::By { request, .. } => Some(*request),
            Self::Without { request, .. } => *request,
        }
    }
}
