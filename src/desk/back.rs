//! The way back: which earlier build a rollback puts on a stage, and what of the present goes with it. A pure decision
//! over what the ledger says. It must never offer a build that did not succeed on that very stage.

use super::gate::{Facts, Offer, as_build};
use super::resume::Earlier;
use super::view::{BackTo, WayBack};
use super::{Decision, Desk, Refusal, first_line, gate, inventory, undo};
use crate::ledger::history::{self, Filter};
use crate::ledger::past::{self, Good};
use crate::ledger::pushes::PushRow;
use crate::ledger::{Answer, aim};
use crate::plan::{self, Goods, Kind, OldBuild, PlannedCommand, Target};
use crate::stack::{BuildId, PushNumber, Stack, StackName, StageName};
use rusqlite::Connection;
use std::sync::Arc;

/// Pushes that are looked through for the last one that was no catch-up.
const CATCH_UPS: usize = 20;
/// Earlier builds that can be chosen from.
const OFFERED: usize = 20;

/// What a stage ran before, and how its last push ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// The builds that succeeded there, the one that came last first.
    pub good: Vec<Good>,
    /// The last push, if it ended badly with something on a host.
    pub bad: Option<PushRow>,
}

impl Past {
    /// Reads it from the ledger.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(connection: &Connection, stack: &StackName, stage: &StageName) -> Answer<Self> {
        let last = last_bad(connection, stack, stage)?;
        let aim = aim::get(connection, stack, stage)?;
        let whole = |id: i64| aim.as_ref().is_some_and(|aim| aim.push == id && aim.whole);
        let bad = match last {
            Some(row) if past::touched(connection, row.id)? && !whole(row.id) => Some(row),
            _ => None,
        };
        let good = past::good_builds(connection, stack.as_str(), stage.as_str(), OFFERED)?;
        Ok(Self { good, bad })
    }

    /// Where a rollback goes that names no build: behind a bad push, to what the stage ran before it; otherwise to the
    /// good build that came before the present one.
    pub fn last_good(&self, facts: &Facts) -> Option<&Good> {
        let current = facts.current.as_ref()?;
        let place = self.good.iter().position(|good| good.build == current.build)?;
        self.good.get(if self.bad.is_some() { place } else { place + 1 })
    }

    /// The same, for a menu.
    pub fn back_to(&self, facts: &Facts) -> Option<BackTo> {
        self.last_good(facts).map(|good| BackTo { build: good.build.clone(), sha: good.sha.clone() })
    }

    /// What would go: the half-pushed build of a bad push, or what the stage runs.
    fn present(&self, facts: &Facts) -> Result<Option<OldBuild>, Refusal> {
        let half = self.bad.as_ref().and_then(|row| {
            let root = row.root.as_ref()?.parse().ok()?;
            Some(OldBuild { id: row.build.parse().ok()?, sha: row.sha.parse().ok()?, root })
        });
        match half {
            Some(half) => Ok(Some(half)),
            None => facts.current.as_ref().map(as_build).transpose(),
        }
    }

    fn chosen(&self, stack: &Stack, stage: &StageName, facts: &Facts, to: Option<&BuildId>) -> Result<&Good, Refusal> {
        let Some(to) = to else {
            let why = format!("nothing but what {stage} runs has ever succeeded there, so there is no way back");
            return self.last_good(facts).ok_or(Refusal::Nothing { why });
        };
        let Some(good) = self.good.iter().find(|good| good.build == to.as_str()) else {
            let why =
                format!("build {to} is not one of the last {OFFERED} that succeeded on {stage} of {}", stack.name);
            return Err(Refusal::BadRequest { why });
        };
        let runs_it = facts.current.as_ref().is_some_and(|current| current.build == good.build);
        match runs_it && self.bad.is_none() {
            true => {
                Err(Refusal::Nothing { why: format!("{stage} runs {to} already, so there is nothing to roll back") })
            }
            false => Ok(good),
        }
    }
}

/// The last push to a stage, if it ended badly.
fn last_bad(connection: &Connection, stack: &StackName, stage: &StageName) -> Answer<Option<PushRow>> {
    let last = Filter { stack: Some(stack.to_string()), stage: Some(stage.to_string()), ..Filter::default() };
    // Catch-ups that ended well leave it as it was, but for the one that made the stage whole again.
    let caught_up = |row: &PushRow| row.kind == Kind::CatchUp.word() && row.state == "succeeded";
    let newest = history::list(connection, &last, CATCH_UPS)?.into_iter().find(|row| !caught_up(row));
    Ok(newest.filter(|row| ended_badly(&row.state)))
}

/// What the last push to a stage owes, whose runner died: the next push runs it first, whatever it is.
///
/// # Errors
/// What SQLite said.
pub(super) fn owed(connection: &Connection, stack: &StackName, stage: &StageName) -> Answer<Vec<PlannedCommand>> {
    match last_bad(connection, stack, stage)?.and_then(|row| PushNumber::new(row.id).ok()) {
        Some(number) => Ok(Earlier::read(connection, number)?.map(|earlier| earlier.owed).unwrap_or_default()),
        None => Ok(Vec::new()),
    }
}

/// Whether a push has ended so that its hosts may be in different states.
pub(super) fn ended_badly(state: &str) -> bool {
    matches!(state, "degraded" | "failed" | "cancelled" | "interrupted")
}

/// What a rollback of the stage at `place` would do; `to` names the build, or the last good one is taken.
///
/// # Errors
/// Why there is no way back, or not to that build.
pub(super) fn offer(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    past: &Past,
    to: Option<&BuildId>,
) -> Result<Offer, Refusal> {
    if let Some(refusal) = inventory::unlisted(stack, &stack.stages[place], facts.last) {
        return Err(refusal);
    }
    let stage = &stack.stages[place].name;
    let unable = |why: String| Refusal::Unable { why };
    let good = past.chosen(stack, stage, facts, to)?;
    let OldBuild { id, sha, root } = good.as_build().map_err(|error| unable(error.to_string()))?;
    let old = past.present(facts)?;
    let goods = Goods::Build { id, root: root.clone(), sha: sha.clone() };
    let target = Target { goods, branch: good.branch.clone(), old: old.clone() };
    let mut plan = plan::plan(stack, stage, target).map_err(|error| unable(error.to_string()))?.into_rollback();
    plan.spared = facts.spared(good.build.parse().ok().as_ref());
    plan.commands.splice(0..0, facts.owed.iter().cloned());
    let plan_hash = plan.hash();
    Ok(Offer { seen: good.build.clone(), sha, root: Some(root), old, plan, plan_hash })
}

impl Desk {
    /// What a rollback of a stage would do, before anybody presses.
    ///
    /// # Errors
    /// When there is no such stage, or no way back to that build.
    pub async fn way_back(&self, name: &StackName, stage: &StageName, to: Option<BuildId>) -> Decision<WayBack> {
        let (stack, problem) = self.shelved(name)?;
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            return Err(Refusal::Unknown { what: format!("stage {stage} of {name}") });
        };
        let asked = Arc::clone(&stack);
        let (facts, past, newest) = self
            .ledger
            .read(move |connection| {
                let stage = &asked.stages[place].name;
                let (facts, past) =
                    (Facts::read(connection, &asked, place, None)?, Past::read(connection, &asked.name, stage)?);
                Ok((facts, past, aim::get(connection, &asked.name, stage)?.map(|aim| aim.newest)))
            })
            .await?;
        let newest = newest.unwrap_or_default();
        let offer = offer(&stack, place, &facts, &past, to.as_ref())?;
        let broken = problem.map(|problem| Refusal::BadStack { stack: name.to_string(), why: first_line(&problem) });
        let why_not = broken.or_else(|| gate::locked(&facts)).map(|refusal| refusal.to_string());
        let log = match super::press::going(&offer) {
            (from, Some(to)) => self.branches.log(&stack, from.as_ref(), &to).await,
            (_, None) => Arc::default(),
        };
        self.shown_plans.remember(&offer.plan_hash, &offer.plan);
        let held = self.drifts.held(name, stage, newest);
        let root = offer.root.as_ref().map_or("", crate::stack::Root::as_str);
        let undo = undo::readiness(&offer.plan, root, &offer.seen, held.as_ref());
        let chosen = past.good.iter().find(|good| good.build == offer.seen).cloned();
        let runs = facts.current.as_ref().map(|current| current.build.clone());
        let others =
            past.good.into_iter().filter(|good| good.build != offer.seen && Some(&good.build) != runs.as_ref());
        Ok(WayBack {
            stack: name.to_string(),
            stage: stage.to_string(),
            from: offer.old.as_ref().map(|old| BackTo { build: old.id.to_string(), sha: old.sha.to_string() }),
            to: chosen.ok_or_else(|| Refusal::Unknown { what: format!("build {}", offer.seen) })?,
            hosts: offer.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
            commands: offer.plan.titles(&offer.plan.values()),
            diff: offer.old.as_ref().and_then(|old| stack.diff_url(&offer.sha, &old.sha)),
            plan_hash: offer.plan_hash,
            commits: log.commits.clone(),
            commit_count: log.count,
            others: others.collect(),
            undo,
            why_not,
        })
    }
}

#[cfg(test)]
mod tests;
