//! The way back: which earlier build a rollback puts on a stage, and what of the present goes with it. A decision over what
//! the ledger and the hosts say. It must never offer a build that did not succeed on that very stage, whose bytes are gone,
//! or that changes nothing.

use super::gate::{Facts, Offer, as_build};
use super::resume::Earlier;
use super::runs::Runs;
use super::view::{BackTo, WayBack};
use super::wish::Questions;
use super::{Case, Decision, Desk, Refusal, first_line, gate, inventory, undo};
use crate::ledger::aim::Aim;
use crate::ledger::history::{self, Filter};
use crate::ledger::past::{self, Good};
use crate::ledger::pushes::PushRow;
use crate::ledger::{Answer, usual};
use crate::plan::{self, Goods, Kind, OldBuild, PlannedCommand, Target};
use crate::source::build::BuildDir;
use crate::stack::{BuildId, PushNumber, Stack, StackName, StageName};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Pushes that are looked through for the last one that was no catch-up.
const CATCH_UPS: usize = 20;
/// Earlier builds that can be chosen from.
const OFFERED: usize = 20;
/// Digits of a content hash in a sentence.
const ROOT_DIGITS: usize = 12;

/// What a stage ran before, how its last push ended, and what its hosts run now.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// The builds that succeeded there, the one that came last first.
    pub good: Vec<Good>,
    /// Those of them whose bytes are on the push host.
    pub here: BTreeSet<String>,
    /// The last push, if it has something on a host and runs still or ended badly.
    pub bad: Option<PushRow>,
    /// What the hosts run now, as far as is known.
    pub runs: Runs,
    /// What they are to run.
    pub aim: Option<Aim>,
}

impl Past {
    /// Where a rollback goes that names no build: behind a bad push that left something on a host, to what the stage ran
    /// before it; otherwise to the last good build before the present one whose content is not what runs.
    pub fn last_good(&self, facts: &Facts) -> Option<&Good> {
        let current = facts.current.as_ref()?;
        let place = self.good.iter().position(|good| good.build == current.build)?;
        let own = &self.good[place];
        if self.is_half_gone(facts) && self.is_here(own) {
            return Some(own);
        }
        // Somebody's hand may have put all hosts on another build: it goes back from there.
        let by_hand = self.runs.one().filter(|on| on.root != own.root);
        let place = by_hand
            .and_then(|on| self.good.iter().position(|good| good.build == on.id || good.root == on.root))
            .unwrap_or(place);
        let from = &self.good[place];
        let earlier = self.good[place + 1..].iter();
        let mut other = earlier.filter(|good| good.root != from.root && self.is_here(good));
        other.find(|good| !self.runs.all_run(&good.root))
    }

    /// The same, for a menu.
    pub fn back_to(&self, facts: &Facts) -> Option<BackTo> {
        let good = self.last_good(facts)?;
        let present = self.present(facts).ok().flatten();
        let same = present.is_some_and(|old| old.sha.as_str() == good.sha && old.id.as_str() != good.build);
        Some(BackTo::new(&good.build, &good.sha, same))
    }

    fn is_here(&self, good: &Good) -> bool {
        self.here.contains(&good.build)
    }

    /// Whether a bad push, or one that runs, has left its build on some host, or a host in doubt. A catch-up may have healed
    /// that since, and so may somebody's hand.
    fn is_half_gone(&self, facts: &Facts) -> bool {
        let (build, root) = facts.current.as_ref().map_or(("", ""), |current| (&*current.build, &*current.root));
        let left = |row: &PushRow| row.build != build && self.runs.some_run_or_doubt(&row.build);
        let doubt = |row: &PushRow| row.build == build && !self.runs.all_run(root);
        // Until somebody has looked, a push that holds its stack, or still has to run `finally`, is not over.
        let holds = |row: &PushRow| facts.stack_hold.as_ref().is_some_and(|hold| hold.push == Some(row.id));
        let unresolved = |row: &PushRow| holds(row) || (ended_badly(&row.state) && !facts.owed.is_empty());
        self.bad.as_ref().is_some_and(|row| left(row) || doubt(row) || unresolved(row))
    }

    /// Whether putting a build on the stage would change any host.
    fn changes(&self, facts: &Facts, good: &Good) -> bool {
        let is_current = facts.current.as_ref().is_some_and(|current| current.root == good.root);
        match self.runs.are_known() {
            true => !self.runs.all_run(&good.root),
            false => !is_current,
        }
    }

    /// What would go: the half-pushed build of a bad push, or what the stage runs.
    fn present(&self, facts: &Facts) -> Result<Option<OldBuild>, Refusal> {
        let half = self.bad.as_ref().filter(|_| self.is_half_gone(facts)).and_then(|row| {
            let root = row.root.as_ref()?.parse().ok()?;
            Some(OldBuild { id: row.build.parse().ok()?, sha: row.sha.parse().ok()?, root })
        });
        let by_hand = || {
            let on = self.runs.one()?;
            self.good.iter().find(|good| good.build == on.id)?.as_build().ok()
        };
        match half.or_else(by_hand) {
            Some(present) => Ok(Some(present)),
            None => facts.current.as_ref().map(as_build).transpose(),
        }
    }

    /// What the hosts run, as a sentence names it.
    fn running(&self, facts: &Facts) -> String {
        let by_hand = self.runs.one().map(|on| on.id.clone());
        by_hand.or_else(|| facts.current.as_ref().map(|current| current.build.clone())).unwrap_or_default()
    }

    fn chosen(&self, stack: &Stack, stage: &StageName, facts: &Facts, to: Option<&BuildId>) -> Result<&Good, Refusal> {
        let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
        let Some(to) = to else {
            return self
                .last_good(facts)
                .ok_or_else(|| Refusal::Nothing { case: Case::NoWayBack, why: self.no_way_back(stage, facts) });
        };
        let Some(good) = self.good.iter().find(|good| good.build == to.as_str()) else {
            let why =
                format!("build {to} is not one of the last {OFFERED} that succeeded on {stage} of {}", stack.name);
            return Err(Refusal::BadRequest { case: Case::NotGood, why });
        };
        let runs = self.running(facts);
        if !self.changes(facts, good) && !self.is_half_gone(facts) {
            return match runs == good.build {
                true => {
                    nothing(Case::RunsAlready, format!("{stage} runs {to} already, so there is nothing to roll back"))
                }
                false => nothing(
                    Case::SameContent,
                    format!(
                        "build {to} has the same content as {runs}, which {stage} runs (content hash {}), so there is \
                     nothing to roll back",
                        short_root(&good.root)
                    ),
                ),
            };
        }
        match self.is_here(good) {
            true => Ok(good),
            false => nothing(
                Case::BuildGone,
                format!(
                    "build {to} is not on the push host any more (builds/{}/{to} is gone or not whole), so it cannot be \
                 brought back; choose another build, or push its revision again",
                    stack.name
                ),
            ),
        }
    }

    /// Why no build is offered.
    fn no_way_back(&self, stage: &StageName, facts: &Facts) -> String {
        let Some(current) = &facts.current else {
            let last = self.bad.as_ref().map(|row| format!("push {} {}, and ", row.id, row.state)).unwrap_or_default();
            return format!(
                "{last}no push to {stage} has succeeded before, so there is no earlier successful build to roll back to"
            );
        };
        let runs = self.running(facts);
        let others: Vec<&Good> = self.good.iter().filter(|good| good.build != runs).collect();
        let root = self.runs.one().map_or(current.root.as_str(), |on| on.root.as_str());
        let equal: Vec<&str> =
            others.iter().filter(|good| !self.changes(facts, good)).map(|good| good.build.as_str()).collect();
        let gone: Vec<&str> =
            others.iter().filter(|good| !self.is_here(good)).map(|good| good.build.as_str()).collect();
        let none = format!("there is no earlier successful build of {stage} to roll back to");
        match (equal.as_slice(), gone.as_slice()) {
            ([], []) => format!("{none}: it runs {runs}, and nothing before that has succeeded there"),
            ([], gone) => format!("{none}: {} is not on the push host any more", gone.join(", ")),
            (equal, _) => format!(
                "{none} that would change anything: {} {} the same content as {runs}, which it runs (content hash {})",
                equal.join(", "),
                if equal.len() == 1 { "has" } else { "have" },
                short_root(root)
            ),
        }
    }

    /// The other builds that would change something, the one that came last first; of equal ones that one.
    fn others(&self, facts: &Facts, chosen: &Good) -> Vec<Good> {
        let mut others: Vec<Good> = Vec::new();
        for good in self.good.iter().filter(|good| self.is_here(good) && self.changes(facts, good)) {
            if good.root != chosen.root && others.iter().all(|other| other.root != good.root) {
                others.push(good.clone());
            }
        }
        others
    }
}

fn short_root(root: &str) -> &str {
    root.get(..ROOT_DIGITS).unwrap_or(root)
}

/// Whether the bytes of a build are on the push host.
fn is_on_disk(data: &Path, stack: &StackName, build: &str) -> bool {
    let Ok(id) = build.parse::<BuildId>() else { return false };
    let dir = BuildDir::of(data, stack, &id);
    dir.tree().is_dir() && dir.manifest().is_file()
}

/// The last push to a stage that was no catch-up which ended well.
fn last(connection: &Connection, stack: &StackName, stage: &StageName) -> Answer<Option<PushRow>> {
    let last = Filter { stack: Some(stack.to_string()), stage: Some(stage.to_string()), ..Filter::default() };
    // Catch-ups that ended well leave it as it was, but for the one that made the stage whole again.
    let caught_up = |row: &PushRow| row.kind == Kind::CatchUp.word() && row.state == "succeeded";
    Ok(history::list(connection, &last, CATCH_UPS)?.into_iter().find(|row| !caught_up(row)))
}

/// The same, if it ended badly.
fn last_bad(connection: &Connection, stack: &StackName, stage: &StageName) -> Answer<Option<PushRow>> {
    Ok(last(connection, stack, stage)?.filter(|row| ended_badly(&row.state)))
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
    questions: Questions,
) -> Result<Offer, Refusal> {
    if let Some(refusal) = inventory::unlisted(stack, &stack.stages[place], facts.last) {
        return Err(refusal);
    }
    let stage = &stack.stages[place].name;
    let good = past.chosen(stack, stage, facts, to)?;
    let OldBuild { id, sha, root } = good.as_build().map_err(Refusal::corrupt)?;
    let old = past.present(facts)?;
    let goods = Goods::Build { id, root: root.clone(), sha: sha.clone() };
    let target = Target { goods, branch: good.branch.clone(), old: old.clone() };
    let mut plan = plan::plan(stack, stage, target).map_err(Refusal::corrupt)?.into_rollback();
    plan.spared = facts.spared(good.build.parse().ok().as_ref());
    plan.commands.splice(0..0, facts.owed.iter().cloned());
    let plan = questions.of(plan);
    let plan_hash = plan.hash();
    Ok(Offer { seen: good.build.clone(), sha, root: Some(root), old, plan, plan_hash })
}

impl Desk {
    /// What a stage ran before, how its last push ended, and what its hosts run now.
    ///
    /// # Errors
    /// What SQLite said.
    pub(super) fn past(&self, connection: &Connection, stack: &Stack, place: usize) -> Answer<Past> {
        let stage = &stack.stages[place];
        let good = past::good_builds(connection, stack.name.as_str(), stage.name.as_str(), OFFERED)?;
        let (runs, aim) = self.runs(connection, stack, stage, &good)?;
        let whole = |id: i64| aim.as_ref().is_some_and(|aim| aim.push == id && aim.whole);
        let last = last(connection, &stack.name, &stage.name)?;
        let bad = match last.filter(|row| ended_badly(&row.state) || row.state == "running") {
            Some(row) if past::touched(connection, row.id)? && !whole(row.id) => Some(row),
            _ => None,
        };
        let data = &self.config.data;
        let here = good.iter().map(|good| good.build.clone());
        let here = here.filter(|build| is_on_disk(data, &stack.name, build)).collect();
        Ok(Past { good, here, bad, runs, aim })
    }

    /// What a rollback of a stage would do, before anybody presses.
    ///
    /// # Errors
    /// When there is no such stage, or no way back to that build.
    pub async fn way_back(
        &self,
        name: &StackName,
        stage: &StageName,
        to: Option<BuildId>,
        questions: Questions,
    ) -> Decision<WayBack> {
        let (stack, problem) = self.shelved(name)?;
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            return Err(Refusal::Unknown { what: format!("stage {stage} of {name}") });
        };
        let (asked, desk) = (Arc::clone(&stack), self.me.clone());
        let read = move |connection: &Connection| {
            let Some(desk) = desk.upgrade() else { return Err(crate::ledger::LedgerError::Closed) };
            let (of, at) = (asked.name.as_str(), asked.stages[place].name.as_str());
            let facts = Facts::read(connection, &asked, place, None)?;
            let past = desk.past(connection, &asked, place)?;
            Ok((facts, past, usual::rollbacks(connection, of, at)?, usual::pushes(connection, of, at)?))
        };
        let (facts, past, rollbacks, pushes) = self.ledger.read(read).await?;
        let closed = gate::in_the_way(&facts);
        let offers = |questions| offer(&stack, place, &facts, &past, to.as_ref(), questions);
        let (asking, quiet) = match (offers(Questions::Asked), offers(Questions::LeftOut)) {
            (Ok(asking), Ok(quiet)) => (asking, quiet),
            // While a push runs, that is what everything else waits for.
            (Err(refusal), _) | (_, Err(refusal)) => return Err(closed.unwrap_or(refusal)),
        };
        for shown in [&asking, &quiet] {
            self.shown_plans.remember(&shown.plan_hash, &shown.plan);
        }
        let (plan_hash_quiet, plan_hash_asking) = (quiet.plan_hash.clone(), asking.plan_hash.clone());
        let asks = asking.plan.questions();
        let offer = if questions == Questions::Asked { asking } else { quiet };
        let Some(chosen) = past.good.iter().find(|good| good.build == offer.seen).cloned() else {
            return Err(Refusal::Unknown { what: format!("build {}", offer.seen) });
        };
        let broken = problem.map(|problem| Refusal::BadStack { stack: name.to_string(), why: first_line(&problem) });
        let running = facts.lock.as_ref().map(|push| push.id);
        let bad_path = offer.plan.look_at_paths().err().map(|bad| bad.to_string());
        let why_not = broken.or(closed).map(|refusal| refusal.to_string()).or(bad_path);
        let log = match super::press::going(&offer) {
            (from, Some(to)) => self.branches.log(&stack, from.as_ref(), &to).await,
            (_, None) => Arc::default(),
        };
        let held = self.drifts.held(name, stage, past.aim.as_ref().map_or(0, |aim| aim.newest));
        let root = offer.root.as_ref().map_or("", crate::stack::Root::as_str);
        let undo = undo::readiness(&offer.plan, root, &offer.seen, held.as_ref());
        let others = past.others(&facts, &chosen);
        let from = offer.old.as_ref();
        let same = from.is_some_and(|old| old.sha.as_str() == chosen.sha && old.id.as_str() != chosen.build);
        let usual = if rollbacks.is_empty() { pushes } else { rollbacks };
        let mut plan = self.view_of(&stack, place, &facts, &offer, usual).await;
        plan.why_not.clone_from(&why_not);
        Ok(WayBack {
            stack: name.to_string(),
            stage: stage.to_string(),
            from: from.map(|old| BackTo::new(old.id.as_str(), old.sha.as_str(), same)),
            name: BackTo::new(&chosen.build, &chosen.sha, same).name,
            to: chosen,
            hosts: offer.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
            commands: offer.plan.titles(&offer.plan.values()),
            diff: from.and_then(|old| stack.diff_url(&offer.sha, &old.sha)),
            ask: questions == Questions::Asked,
            questions: asks,
            plan_hash: plan_hash_quiet,
            plan_hash_asking,
            plan,
            commits: log.commits.clone(),
            commit_count: log.count,
            others,
            undo,
            why_not,
            running,
        })
    }
}

#[cfg(test)]
mod tests;
