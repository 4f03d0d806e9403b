//! Rollback: which earlier build a rollback puts on a stage, and what of the present goes with it. A decision over what
//! the ledger and the hosts say. It must never offer a build that did not succeed on that very stage, whose bytes are gone,
//! or that changes nothing.

use super::earlier::last_push::ended_badly;
use super::facts::{Facts, OFFERED};
use super::marks;
use super::offer::{Offer, as_build};
use super::outside::Outside;
use super::questions::Questions;
use super::runs::Runs;
use crate::desk::cases::Case;
use crate::desk::parts::hosts::inventories;
use crate::desk::refusal::Refusal;
use crate::desk::view::RollbackTarget;
use crate::ledger::LedgerResult;
use crate::ledger::desired::DesiredState;
use crate::ledger::good_builds::{self, GoodBuild};
use crate::ledger::pushes::PushRow;
use crate::plan::{self, Artifact, OldBuild, Target};
use crate::source::build::BuildDir;
use crate::stack::{BuildId, PushNumber, Stack, StackName, StageName};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;

/// Digits of a content hash in a sentence.
const ROOT_DIGITS: usize = 12;

/// What a stage ran before, how its last push ended, and what its hosts run now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    /// The builds that succeeded there, the one that came last first.
    pub good: Vec<GoodBuild>,
    /// Those of them whose bytes are on the push host.
    pub here: BTreeSet<String>,
    /// Those of them that someone has marked as bad.
    pub marked: BTreeSet<String>,
    /// The last push, if it has something on a host and runs still or ended badly.
    pub bad: Option<PushRow>,
    /// What the hosts run now, as far as is known.
    pub runs: Runs,
    /// What they are to run.
    pub desired: Option<DesiredState>,
}

impl Past {
    /// What a stage ran before, how its last push ended, and what its hosts run now.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(
        outside: &Outside<'_>,
        connection: &Connection,
        stack: &Stack,
        place: usize,
        facts: &Facts,
    ) -> LedgerResult<Past> {
        let (stage, good) = (&stack.stages[place], facts.good.clone());
        let (runs, desired) = Runs::read(outside.drifts, connection, stack, stage, facts)?;
        let whole = |id: PushNumber| desired.as_ref().is_some_and(|desired| desired.push == id && desired.whole);
        let bad = match facts.last_push.clone().filter(|row| ended_badly(row.state) || row.state.is_running()) {
            Some(row) if good_builds::touched(connection, row.id)? && !whole(row.id) => Some(row),
            _ => None,
        };
        let data = outside.data;
        let here = good.iter().map(|good| good.build.clone());
        let here = here.filter(|build| is_on_disk(data, &stack.name, build)).collect();
        let is_marked =
            |good: &&GoodBuild| good.as_build().is_ok_and(|build| marks::bad_build(facts, &build).is_some());
        let marked = good.iter().filter(is_marked).map(|good| good.build.clone()).collect();
        Ok(Past { good, here, marked, bad, runs, desired })
    }

    /// Where a rollback goes that names no build: behind a bad push that left something on a host, to what the stage ran
    /// before it; otherwise to the last good build before the present one whose content is not what runs.
    pub fn last_good(&self, facts: &Facts) -> Option<&GoodBuild> {
        let current = facts.current.as_ref()?;
        let place = self.good.iter().position(|good| good.build == current.build)?;
        let own = &self.good[place];
        if self.is_half_gone(facts) && self.is_here(own) {
            return Some(own);
        }
        // Someone's hand may have put all hosts on another build: it goes back from there.
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
    pub fn back_to(&self, facts: &Facts) -> Option<RollbackTarget> {
        let good = self.last_good(facts)?;
        let present = self.present(facts).ok().flatten();
        let same = present.is_some_and(|old| old.sha.as_str() == good.sha && old.id.as_str() != good.build);
        Some(RollbackTarget::new(&good.build, &good.sha, same))
    }

    fn is_here(&self, good: &GoodBuild) -> bool {
        self.here.contains(&good.build) && !self.marked.contains(&good.build)
    }

    /// Whether a bad push, or one that runs, has left its build on some host, or a host in doubt. A catch-up may have healed
    /// that since, and so may someone's hand.
    fn is_half_gone(&self, facts: &Facts) -> bool {
        let (build, root) = facts.current.as_ref().map_or(("", ""), |current| (&*current.build, &*current.root));
        let left = |row: &PushRow| row.build != build && self.runs.some_run_or_doubt(&row.build);
        let doubt = |row: &PushRow| row.build == build && !self.runs.all_run(root);
        // Until someone has looked, a push that holds its stack, or still has to run `finally`, is not over.
        let holds = |row: &PushRow| facts.stack_hold.as_ref().is_some_and(|hold| hold.push == Some(row.id));
        let unresolved = |row: &PushRow| holds(row) || (ended_badly(row.state) && !facts.deferred_finally.is_empty());
        self.bad.as_ref().is_some_and(|row| left(row) || doubt(row) || unresolved(row))
    }

    /// Whether putting a build on the stage would change any host.
    fn changes(&self, facts: &Facts, good: &GoodBuild) -> bool {
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

    fn chosen(
        &self,
        stack: &Stack,
        stage: &StageName,
        facts: &Facts,
        to: Option<&BuildId>,
    ) -> Result<&GoodBuild, Refusal> {
        let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
        let Some(to) = to else {
            return self
                .last_good(facts)
                .ok_or_else(|| Refusal::Nothing { case: Case::NoWayBack, why: self.no_rollback_target(stage, facts) });
        };
        let Some(good) = self.good.iter().find(|good| good.build == to.as_str()) else {
            let why =
                format!("build {to} is not one of the last {OFFERED} that succeeded on {stage} of {}", stack.name);
            return Err(Refusal::BadRequest { case: Case::NotGood, why });
        };
        if let Some(refusal) = marks::bad_build(facts, &good.as_build().map_err(Refusal::corrupt)?) {
            return Err(refusal);
        }
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
                    "build {to} is no longer on the push host (builds/{}/{to} is missing or incomplete), so it cannot \
                 be deployed again; choose another build, or push its revision again",
                    stack.name
                ),
            ),
        }
    }

    /// Why no build is offered.
    fn no_rollback_target(&self, stage: &StageName, facts: &Facts) -> String {
        let Some(current) = &facts.current else {
            let last = self.bad.as_ref().map(|row| format!("push {} {}, and ", row.id, row.state)).unwrap_or_default();
            return format!(
                "{last}no push to {stage} has succeeded before, so there is no earlier successful build to roll back to"
            );
        };
        let runs = self.running(facts);
        let others: Vec<&GoodBuild> = self.good.iter().filter(|good| good.build != runs).collect();
        let root = self.runs.one().map_or(current.root.as_str(), |on| on.root.as_str());
        let equal: Vec<&str> =
            others.iter().filter(|good| !self.changes(facts, good)).map(|good| good.build.as_str()).collect();
        let gone: Vec<&str> =
            others.iter().filter(|good| !self.is_here(good)).map(|good| good.build.as_str()).collect();
        let marked: Vec<&str> =
            others.iter().filter(|good| self.marked.contains(&good.build)).map(|good| good.build.as_str()).collect();
        let gone: Vec<&str> = gone.into_iter().filter(|build| !marked.contains(build)).collect();
        let none = format!("there is no earlier successful build of {stage} to roll back to");
        match (equal.as_slice(), gone.as_slice()) {
            ([], []) if !marked.is_empty() => {
                let verb = if marked.len() == 1 { "is" } else { "are" };
                format!("{none}: {} {verb} marked as bad", marked.join(", "))
            }
            ([], []) => format!("{none}: it runs {runs}, and nothing before that has succeeded there"),
            ([], gone) => format!("{none}: {} is no longer on the push host", gone.join(", ")),
            (equal, _) => format!(
                "{none} that would change anything: {} {} the same content as {runs}, which it runs (content hash {})",
                equal.join(", "),
                if equal.len() == 1 { "has" } else { "have" },
                short_root(root)
            ),
        }
    }

    /// The other builds that would change something, the one that came last first; of equal ones that one.
    pub(crate) fn others(&self, facts: &Facts, chosen: &GoodBuild) -> Vec<GoodBuild> {
        let mut others: Vec<GoodBuild> = Vec::new();
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

/// What a rollback of the stage at `place` would do; `to` names the build, or the last good one is taken.
///
/// # Errors
/// Why there is no earlier build to roll back to, or not to that build.
pub(crate) fn offer(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    past: &Past,
    to: Option<&BuildId>,
    questions: Questions,
) -> Result<Offer, Refusal> {
    if let Some(refusal) = inventories::unlisted(stack, &stack.stages[place], facts.last) {
        return Err(refusal);
    }
    let stage = &stack.stages[place].name;
    let good = past.chosen(stack, stage, facts, to)?;
    let OldBuild { id, sha, root } = good.as_build().map_err(Refusal::corrupt)?;
    let old = past.present(facts)?;
    let artifact = Artifact::Build { id, root: root.clone(), sha: sha.clone() };
    let target = Target { artifact, branch: good.branch.clone(), old: old.clone() };
    let mut plan = plan::plan(stack, stage, target).map_err(Refusal::corrupt)?.into_rollback();
    plan.keep_on_hosts = facts.keep_on_hosts(good.build.parse().ok().as_ref());
    plan.commands.splice(0..0, facts.deferred_finally.iter().cloned());
    let plan = questions.of(plan);
    let plan_hash = plan.hash();
    Ok(Offer { seen: good.build.clone(), sha, root: Some(root), old, plan, plan_hash })
}

/// Whether the bytes of a build are on the push host.
fn is_on_disk(data: &Path, stack: &StackName, build: &str) -> bool {
    let Ok(id) = build.parse::<BuildId>() else { return false };
    let dir = BuildDir::of(data, stack, &id);
    dir.tree().is_dir() && dir.manifest().is_file()
}

#[cfg(test)]
mod tests;
