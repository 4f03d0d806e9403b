//! The gate: may this be pushed, now? A pure decision over plain data that was read in one go; the same function says
//! what a page offers and what a press gets. It must never read anything itself.

use super::fold::SERVER;
use super::shown::what_changed;
use super::{Case, Press, Refusal, Waits, back, inventory};
use crate::ledger::Answer;
use crate::ledger::current::{self, Current};
use crate::ledger::holds::{self, Hold};
use crate::ledger::past;
use crate::ledger::published::{self, Published};
use crate::ledger::pushes::{self, PushRow};
use crate::plan::{self, Goods, OldBuild, Plan, PlannedCommand, Target};
use crate::stack::{BuildId, Revision, Root, Source, Stack, Stage};
use crate::time::At;
use rusqlite::Connection;

/// Good builds that are looked through for where undo would go; behind them nobody goes back by pressing once.
const SPARED_FROM: usize = 20;

/// What is known when a decision about one stage is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The push that holds the stack's lock.
    pub lock: Option<PushRow>,
    /// The hold on the stack.
    pub stack_hold: Option<Hold>,
    /// The hold on the stage.
    pub stage_hold: Option<Hold>,
    /// What the stage runs.
    pub current: Option<Current>,
    /// What the stage before runs; none for the first stage.
    pub before: Option<Current>,
    /// The branch that the build of the stage before was made from.
    pub before_branch: Option<String>,
    /// The head of the branch as it was last fetched; of use to the first stage alone.
    pub head: Option<Revision>,
    /// The builds that succeeded on the stage, the one that came last first: what it runs, and where undo would go.
    pub good: Vec<String>,
    /// The newest published build that the first stage may push.
    pub published: Option<Published>,
    /// The last push to the stage and how many hosts it had, where a command lists them.
    pub last: Option<(i64, i64)>,
    /// The `finally` that the last push to the stage owes, since its runner died.
    pub owed: Vec<PlannedCommand>,
}

impl Facts {
    /// Reads everything but the head from the ledger, as it is now: a hold that is over by the clock is over.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(connection: &Connection, stack: &Stack, place: usize, head: Option<Revision>) -> Answer<Self> {
        // In this reading and not before it: a press right behind the end of a hold is never refused.
        let now = At::now();
        let (name, stage) = (&stack.name, &stack.stages[place].name);
        let (before, before_branch) = match place.checked_sub(1) {
            Some(before) => {
                let before = &stack.stages[before].name;
                (current::get(connection, name, before)?, current::branch(connection, name, before)?)
            }
            None => (None, None),
        };
        let published = match (&stack.source, place) {
            (Source::Published, 0) => published::newest(connection, name, |branch| stack.allows(0, branch))?,
            _ => None,
        };
        let last = match stack.stages[place].inventories.is_empty() {
            true => None,
            false => pushes::last_hosts(connection, name.as_str(), stage.as_str())?,
        };
        let good = past::good_builds(connection, name.as_str(), stage.as_str(), SPARED_FROM)?;
        Ok(Self {
            published,
            last,
            owed: back::owed(connection, name, stage)?,
            good: good.into_iter().map(|good| good.build).collect(),
            lock: pushes::lock_holder(connection, name.as_str())?,
            stack_hold: holds::get(connection, &holds::scope(name, None), now)?,
            stage_hold: holds::get(connection, &holds::scope(name, Some(stage)), now)?,
            current: current::get(connection, name, stage)?,
            before,
            before_branch,
            head,
        })
    }
}

impl Facts {
    /// The builds that no host may lose by a push that puts `goes` on the stage: what the stage runs, since undo goes there
    /// when the push goes wrong; and what undo would go to behind either of them.
    pub fn spared(&self, goes: Option<&BuildId>) -> Vec<BuildId> {
        let runs = self.current.as_ref().map(|current| current.build.as_str());
        let behind = |build: &str| {
            let place = self.good.iter().position(|good| good == build)?;
            self.good.get(place + 1).map(String::as_str)
        };
        let goes = goes.map(BuildId::as_str);
        let names = [runs, runs.and_then(behind), goes.and_then(behind)];
        let mut spared: Vec<BuildId> = names.into_iter().flatten().filter_map(|name| name.parse().ok()).collect();
        spared.sort();
        spared.dedup();
        spared
    }
}

/// What a press of a stage would do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offer {
    /// What the press must carry as `seen`.
    pub seen: String,
    /// The revision that would go out.
    pub sha: Revision,
    /// The root of the build, when it exists already.
    pub root: Option<Root>,
    /// What the stage runs now.
    pub old: Option<OldBuild>,
    /// The plan.
    pub plan: Plan,
    /// Its hash.
    pub plan_hash: String,
}

/// What a press of the stage at `place` would do, were it allowed.
///
/// # Errors
/// [`Refusal::Nothing`] when there is nothing that could go out, [`Refusal::NoHosts`] when it is not known where to.
pub(super) fn offer(stack: &Stack, place: usize, facts: &Facts) -> Result<Offer, Refusal> {
    let (goods, branch) = goes(stack, place, facts)?;
    offer_of(stack, place, facts, goods, branch)
}

/// What a press of the stage at `place` would put there, were it allowed, and the branch of it.
///
/// # Errors
/// As [`offer`].
pub(super) fn goes(stack: &Stack, place: usize, facts: &Facts) -> Result<(Goods, String), Refusal> {
    let stage = &stack.stages[place];
    if let Some(refusal) = inventory::unlisted(stack, stage, facts.last) {
        return Err(refusal);
    }
    let branch = stack.source.branch();
    let (goods, branch) = match (place.checked_sub(1), &stack.source) {
        (None, Source::Published) => match &facts.published {
            Some(newest) => (goods_of(newest)?, newest.branch.clone()),
            None => return Err(Refusal::Nothing { case: Case::NothingPublished, why: nothing_published(stack) }),
        },
        (None, _) => match facts.head.clone() {
            Some(head) => (Goods::Revision(head), branch.to_owned()),
            None => {
                let why = format!("{branch} of {} has not been fetched yet, so there is nothing to push", stack.name);
                return Err(Refusal::Nothing { case: Case::NotFetched, why });
            }
        },
        (Some(before), _) => {
            let Some(source) = &facts.before else {
                let why = nothing_before(&stack.stages[before], stage);
                return Err(Refusal::Nothing { case: Case::StageBefore, why });
            };
            let OldBuild { id, sha, root } = as_build(source)?;
            (Goods::Build { id, root, sha }, facts.before_branch.clone().unwrap_or_else(|| branch.to_owned()))
        }
    };
    if let Some(refs) = stack.refs_of(place).filter(|refs| !refs.allow(&branch)) {
        let why = format!("{} pushes {refs} only, and what comes next is of {}", stage.name, branch_words(&branch));
        return Err(Refusal::Nothing { case: Case::OtherBranch, why });
    }
    Ok((goods, branch))
}

/// What a press would do that puts these goods on the stage at `place`.
///
/// # Errors
/// When the ledger holds a value that is no build.
pub(super) fn offer_of(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    goods: Goods,
    branch: String,
) -> Result<Offer, Refusal> {
    let old = facts.current.as_ref().map(as_build).transpose()?;
    let (seen, root) = match &goods {
        Goods::Revision(sha) => (sha.to_string(), None),
        Goods::Build { id, root, .. } => (id.to_string(), Some(root.clone())),
    };
    let target = Target { goods, branch, old: old.clone() };
    let stage = &stack.stages[place].name;
    let mut plan = plan::plan(stack, stage, target).map_err(Refusal::corrupt)?;
    plan.spared = facts.spared(None);
    plan.commands.splice(0..0, facts.owed.iter().cloned());
    let sha = plan.sha.clone();
    let plan_hash = plan.hash();
    Ok(Offer { seen, sha, root, old, plan, plan_hash })
}

/// A published build as goods.
///
/// # Errors
/// When the ledger holds a value that is no build.
pub(super) fn goods_of(published: &Published) -> Result<Goods, Refusal> {
    let OldBuild { id, sha, root } = published.as_build().map_err(Refusal::corrupt)?;
    Ok(Goods::Build { id, root, sha })
}

/// A branch as a person says it; nobody may have said one.
pub(super) fn branch_words(branch: &str) -> &str {
    if branch.is_empty() { "no named branch" } else { branch }
}

fn nothing_published(stack: &Stack) -> String {
    match stack.refs_of(0) {
        Some(refs) => format!("no build of {refs} has been published yet, so there is nothing to push"),
        None => "no build has been published yet, so there is nothing to push".to_owned(),
    }
}

/// Why nobody may press the stage now: held or locked.
pub(super) fn closed(facts: &Facts) -> Option<Refusal> {
    facts.stack_hold.as_ref().or(facts.stage_hold.as_ref()).map(held).or_else(|| locked(facts))
}

/// Why nobody may resume a push to the stage now: held by a person, or locked. What a bad push left is no stop sign to
/// the push that finishes it.
pub(super) fn closed_to_resume(facts: &Facts) -> Option<Refusal> {
    let by_a_person = |hold: &&Hold| hold.who != SERVER || hold.push.is_none();
    let hold = facts.stack_hold.as_ref().filter(by_a_person).or(facts.stage_hold.as_ref());
    hold.map(held).or_else(|| locked(facts))
}

/// A stop sign as a refusal.
pub(super) fn held(hold: &Hold) -> Refusal {
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
pub(super) fn locked(facts: &Facts) -> Option<Refusal> {
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
pub(super) fn in_the_way(facts: &Facts) -> Option<Refusal> {
    facts.lock.as_ref().map(|push| Refusal::CancelFirst {
        who: push.who.clone(),
        stack: push.stack.clone(),
        stage: push.stage.clone(),
        push: push.id,
        since: push.pressed_at.clone(),
    })
}

/// What a running push waits for, if it waits for a person.
pub(super) fn waits(push: &PushRow) -> Option<Waits> {
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
pub(super) fn decide(
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
pub(super) fn same_plan(offer: Offer, press: &Press, shown: Option<&Plan>) -> Result<Offer, Refusal> {
    match &press.plan_hash {
        Some(hash) if *hash != offer.plan_hash => {
            Err(Refusal::Moved { what: what_changed(shown, &offer.plan), now: Some(offer.seen) })
        }
        _ => Ok(offer),
    }
}

/// What a stage runs, as plans say it.
///
/// # Errors
/// When the ledger holds a value that is no build.
pub(super) fn as_build(current: &Current) -> Result<OldBuild, Refusal> {
    current.as_build().map_err(Refusal::corrupt)
}

fn nothing_before(before: &Stage, stage: &Stage) -> String {
    format!("{before} has never been pushed, so {stage} has nothing to take", before = before.name, stage = stage.name)
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
