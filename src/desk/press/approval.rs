//! Approval: someone asks that a push may go out, others approve its plan or decline it, and the push takes it. Each is one transaction with
//! its line in the audit. It must never let anyone approve what they asked for, nor approve a plan that is not what would go out now.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::decide::approval::{self, Approved};
use crate::desk::decide::facts::Facts;
use crate::desk::decide::offer::Offer;
use crate::desk::decide::press::Press;
use crate::desk::decide::request::Request;
use crate::desk::news::tell;
use crate::desk::reason::{Reason, because};
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::approvals::{self, ApprovalRequest, ApprovalState, Close, NewRequest};
use crate::ledger::outbox::{StageEvent, StageNews};
use crate::ledger::{LedgerError, LedgerResult, audit};
use crate::plan::Plan;
use crate::stack::{PushNumber, Revision, Stack, StackName, StageName, Who};
use crate::time::At;
use rusqlite::Transaction;
use std::sync::Arc;

/// What someone says of a plan that waits for approval.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Who says it.
    pub who: Who,
    /// The hash of the plan that they looked at.
    pub plan_hash: String,
    /// A remark; a decline needs one.
    pub reason: Option<Reason>,
}

impl Desk {
    /// Asks that a push of this plan be approved: of what the button offers, or of a version. The press says what was seen; the number of
    /// the request.
    ///
    /// # Errors
    /// Why there is nothing to ask for.
    pub async fn ask_approval(&self, press: Press, version: Option<&Revision>) -> Decision<i64> {
        let version = version.cloned();
        self.to_the_end("the request for approval", |desk| async move {
            let request = desk.request_of(&press.stack, &press.stage, version.as_ref()).await?;
            let (stack, place) = desk.pressed_stack(&press, &request).await?;
            let head = desk.head_for(&stack, place, &request).await?;
            let me = desk.me.clone();
            let shown = press.plan_hash.as_ref().and_then(|hash| desk.recent_plans.find(hash));
            let asked = desk.ledger.write(move |tx| {
                let Some(desk) = me.upgrade() else { return Err(LedgerError::Closed) };
                let facts = Facts::read(tx, &stack, place, head, &desk.rights())?;
                let offer = request.offer((&desk.outside(), tx), &stack, place, &facts)?;
                let offer = offer.and_then(|offer| request.accept(&stack, place, offer, &press, shown.as_deref()));
                match offer {
                    Ok(offer) => ask(tx, (&desk, &stack, place), &facts, &offer, (&press, version.as_ref())),
                    Err(refusal) => Ok(Err(refusal)),
                }
            });
            let asked = asked.await??;
            desk.changed();
            Ok(asked)
        })
        .await
    }

    /// Approves a plan that waits for it.
    ///
    /// # Errors
    /// When nobody asked for that, when the plan is not what would go out now, and when it is one's own.
    pub async fn approve(&self, verdict: Verdict) -> Decision<()> {
        self.to_the_end("the approval", |desk| async move {
            let found = desk.waiting(&verdict).await?;
            let version = found.version.as_deref().map(str::parse::<Revision>).transpose().map_err(Refusal::corrupt)?;
            let request = desk.request_of(&verdict.stack, &verdict.stage, version.as_ref()).await?;
            let (stack, place) = desk.stage_of(&verdict.stack, &verdict.stage)?;
            let head = desk.head_for(&stack, place, &request).await?;
            let me = desk.me.clone();
            let approved = desk.ledger.write(move |tx| {
                let Some(desk) = me.upgrade() else { return Err(LedgerError::Closed) };
                let facts = Facts::read(tx, &stack, place, head, &desk.rights())?;
                let offer = request.offer((&desk.outside(), tx), &stack, place, &facts)?;
                match offer {
                    Ok(offer) => approve(tx, (&desk, &stack, place), &offer, &verdict),
                    Err(refusal) => Ok(Err(refusal)),
                }
            });
            approved.await??;
            desk.changed();
            Ok(())
        })
        .await
    }

    /// Declines a plan that waits for approval.
    ///
    /// # Errors
    /// When nobody asked for that, and when it is one's own: that is withdrawn.
    pub async fn decline(&self, verdict: Verdict, why: Reason) -> Decision<()> {
        self.close(verdict, ApprovalState::Declined, Some(why)).await
    }

    /// Takes back what one has asked for.
    ///
    /// # Errors
    /// When nobody asked for that, or someone else did.
    pub async fn withdraw_request(&self, verdict: Verdict) -> Decision<()> {
        self.close(verdict, ApprovalState::Withdrawn, None).await
    }

    async fn close(&self, verdict: Verdict, state: ApprovalState, why: Option<Reason>) -> Decision<()> {
        self.to_the_end("the answer to a request", |desk| async move {
            let targets = desk.notify_targets.clone();
            let closed = desk.ledger.write(move |tx| {
                let at = At::now();
                let Some(found) = open(tx, &verdict, at)? else { return Ok(Err(not_asked(&verdict))) };
                let own = found.who.person() == verdict.who.person();
                if own != (state == ApprovalState::Withdrawn) {
                    return Ok(Err(not_ones_own(&found, own)));
                }
                let reason = why.as_ref().map(Reason::as_str);
                approvals::close(tx, found.id, Close { state, who: &verdict.who, why: reason, push: None, at })?;
                let (what, asked) = (of(&found), &found.who);
                let word = if own { "withdraw approval request" } else { "decline" };
                audit::note(
                    tx,
                    at,
                    verdict.who.as_str(),
                    word,
                    &format!("{}/{}", verdict.stack, verdict.stage),
                    &format!("{what}, asked by {asked}{}", because(why.as_ref())),
                )?;
                if state == ApprovalState::Declined {
                    let key = format!("approval-{}-declined", found.id);
                    let news = answered(&found, &verdict.who, why.as_ref())?;
                    tell(tx, &targets, at, StageNews { key, news: StageEvent::Declined, ..news })?;
                }
                Ok(Ok(()))
            });
            closed.await??;
            desk.changed();
            Ok(())
        })
        .await
    }

    /// The request that a verdict is about, as it is now.
    async fn waiting(&self, verdict: &Verdict) -> Decision<ApprovalRequest> {
        let of = verdict.clone();
        let found = self
            .ledger
            .read(move |connection| approvals::open(connection, &of.stack, &of.stage, &of.plan_hash, At::now()));
        found.await?.ok_or_else(|| not_asked(verdict))
    }

    /// The button, or a version that is found to be one that the stage may push.
    async fn request_of(&self, stack: &StackName, stage: &StageName, version: Option<&Revision>) -> Decision<Request> {
        let Some(version) = version else { return Ok(Request::Next) };
        let (stack, place) = self.stage_of(stack, stage)?;
        Ok(Request::Version(self.version(&stack, place, version).await?))
    }

    /// The head that a request takes, looked at now.
    async fn head_for(&self, stack: &Arc<Stack>, place: usize, request: &Request) -> Decision<Option<Revision>> {
        if !request.takes_head(place) {
            return Ok(None);
        }
        self.branches.look_again(stack).await?;
        Ok(Some(self.branches.head(stack).await?))
    }
}

/// Writes a request down, unless one for the very plan stands; those that do not hold any more are closed.
fn ask(
    tx: &Transaction<'_>,
    (desk, stack, place): (&Desk, &Stack, usize),
    facts: &Facts,
    offer: &Offer,
    (press, version): (&Press, Option<&Revision>),
) -> LedgerResult<Decision<i64>> {
    let stage = &stack.stages[place];
    let Some(rule) = stage.approval else { return Ok(Err(approval::not_needed(stack, place))) };
    let at = At::now();
    let of_this =
        |request: &&ApprovalRequest| request.state == ApprovalState::Open && request.plan_hash == offer.plan_hash;
    if let Some(same) = facts.approvals.iter().filter(of_this).find(|request| !request.over) {
        let why = format!("{} has asked for the approval of this push already, at {}", same.who, same.at);
        return Ok(Err(Refusal::Nothing { case: Case::AskedAlready, why }));
    }
    // A version that was chosen is another wish, and its request stands beside this one.
    let is_void = |request: &&ApprovalRequest| {
        let same_wish = request.version.as_deref() == version.map(Revision::as_str);
        request.state == ApprovalState::Open && (request.over || same_wish)
    };
    for void in facts.approvals.iter().filter(is_void) {
        let close = Close { state: ApprovalState::Replaced, who: &press.who, why: None, push: None, at };
        approvals::close(tx, void.id, close)?;
    }
    let plan = serde_json::to_string(&offer.plan)?;
    let expires_ms = i64::try_from(rule.expires.as_millis()).unwrap_or(i64::MAX);
    let new = NewRequest {
        stack: &stack.name,
        stage: &stage.name,
        plan_hash: &offer.plan_hash,
        plan: &plan,
        seen: &offer.seen,
        sha: offer.sha.as_str(),
        version: version.map(Revision::as_str),
        who: &press.who,
        reason: press.reason.as_ref().map(Reason::as_str),
        at,
        ends_at: At::from_millis(at.millis().saturating_add(expires_ms)),
    };
    let id = approvals::ask(tx, &new)?;
    let detail = format!(
        "{} to {}, {}, plan {}, until {}{}",
        stack.name,
        stage.name,
        offer.seen,
        offer.plan_hash,
        new.ends_at,
        because(press.reason.as_ref())
    );
    audit::note(tx, at, press.who.as_str(), "ask approval", &format!("{}/{}", stack.name, stage.name), &detail)?;
    let asked = StageNews {
        until: Some(new.ends_at.to_string()),
        reason: new.reason.map(str::to_owned),
        ..news(&stack.name, &stage.name, &press.who, (&offer.sha, offer.old.as_ref().map(|old| &old.sha)))
    };
    let url = plan_page(&stack.name, &stage.name, new.version);
    tell(tx, &desk.notify_targets, at, StageNews { key: format!("approval-{id}-asked"), url, ..asked })?;
    Ok(Ok(id))
}

fn approve(
    tx: &Transaction<'_>,
    (desk, stack, place): (&Desk, &Stack, usize),
    offer: &Offer,
    verdict: &Verdict,
) -> LedgerResult<Decision<()>> {
    let at = At::now();
    if stack.stages[place].approval.is_none() {
        return Ok(Err(approval::not_needed(stack, place)));
    }
    let Some(found) = open(tx, verdict, at)? else { return Ok(Err(not_asked(verdict))) };
    let refused = |case, why: String| Ok(Err(Refusal::Unapproved { case, why, of: of_stage(verdict) }));
    if found.who.person() == verdict.who.person() {
        let why = format!("{} asked for this push, so someone else must approve it", found.who);
        return refused(Case::OwnApproval, why);
    }
    if found.plan_hash != offer.plan_hash {
        let what = approval::moved(stack, place, &found, offer);
        let why = format!("{what}, so what {} asked for would not go out any more", found.who);
        return refused(Case::ApprovalVoid, why);
    }
    if found.over {
        return refused(Case::ApprovalExpired, format!("the request of {} has expired ({})", found.who, found.ends_at));
    }
    let reason = verdict.reason.as_ref();
    // Who says it twice has said it.
    if approvals::give(tx, found.id, &verdict.who, reason.map(Reason::as_str), at)? {
        let detail = format!("{}, asked by {}{}", of(&found), found.who, because(reason));
        audit::note(tx, at, verdict.who.as_str(), "approve", &format!("{}/{}", verdict.stack, verdict.stage), &detail)?;
        let key = format!("approval-{}-given-{}", found.id, found.given.len() + 1);
        let news = StageNews { key, news: StageEvent::Approved, ..answered(&found, &verdict.who, reason)? };
        tell(tx, &desk.notify_targets, at, news)?;
    }
    Ok(Ok(()))
}

/// Takes the approval that lets a push out: it is of no use again. An override has a line of its own in the audit.
///
/// # Errors
/// What SQLite said.
pub(super) fn take(
    tx: &Transaction<'_>,
    approved: &Approved,
    press: &Press,
    push: PushNumber,
    at: At,
) -> LedgerResult<()> {
    if let Some(request) = approved.request() {
        let why = approved.override_why().map(Reason::as_str);
        let close = Close { state: ApprovalState::Used, who: &press.who, why, push: Some(push), at };
        approvals::close(tx, request, close)?;
    }
    match approved.override_why() {
        Some(why) => {
            let detail = format!("push {push} of {} to {}: {why}", press.stack, press.stage);
            audit::note(
                tx,
                at,
                press.who.as_str(),
                "override approval",
                &format!("{}/{}", press.stack, press.stage),
                &detail,
            )
        }
        None => Ok(()),
    }
}

/// What is told when someone asks for approval; its time, key and address are added.
fn news(stack: &StackName, stage: &StageName, who: &Who, (new, old): (&Revision, Option<&Revision>)) -> StageNews {
    StageNews {
        news: StageEvent::ApprovalAsked,
        key: String::new(),
        stack: stack.clone(),
        stage: Some(stage.clone()),
        build: None,
        who: who.to_string(),
        stages: Vec::new(),
        asker: None,
        sha: new.to_string(),
        old_sha: old.map(ToString::to_string),
        reason: None,
        until: None,
        at: String::new(),
        url: String::new(),
        audit_head: String::new(),
    }
}

/// What is told when someone answers a request.
fn answered(request: &ApprovalRequest, who: &Who, reason: Option<&Reason>) -> LedgerResult<StageNews> {
    let plan: Plan = serde_json::from_str(&request.plan)?;
    Ok(StageNews {
        stages: Vec::new(),
        asker: Some(request.who.to_string()),
        reason: reason.map(ToString::to_string),
        url: plan_page(&request.stack, &request.stage, request.version.as_deref()),
        ..news(&request.stack, &request.stage, who, (&plan.sha, plan.old.as_ref().map(|old| &old.sha)))
    })
}

fn plan_page(stack: &StackName, stage: &StageName, version: Option<&str>) -> String {
    let version = version.map(|sha| format!("?sha={sha}")).unwrap_or_default();
    format!("/stacks/{stack}/stages/{stage}/plan{version}")
}

fn open(tx: &Transaction<'_>, verdict: &Verdict, at: At) -> LedgerResult<Option<ApprovalRequest>> {
    approvals::open(tx, &verdict.stack, &verdict.stage, &verdict.plan_hash, at)
}

fn of(request: &ApprovalRequest) -> String {
    format!("{} to {}, {}, plan {}", request.stack, request.stage, request.seen, request.plan_hash)
}

fn of_stage(verdict: &Verdict) -> String {
    format!("{} {}", verdict.stack, verdict.stage)
}

fn not_asked(verdict: &Verdict) -> Refusal {
    let (stack, stage) = (&verdict.stack, &verdict.stage);
    let why = format!("nobody is waiting for the approval of this plan of {stack} to {stage}");
    Refusal::Nothing { case: Case::NotAsked, why }
}

fn not_ones_own(request: &ApprovalRequest, own: bool) -> Refusal {
    let why = match own {
        true => format!("{} asked for this push: withdraw the request instead of declining it", request.who),
        false => format!("{} asked for this push, so only they withdraw it; you can decline it", request.who),
    };
    Refusal::Unapproved { case: Case::OwnApproval, why, of: format!("{} {}", request.stack, request.stage) }
}
