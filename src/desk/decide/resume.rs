//! Resume: what a push that did not end well left undone, as a plan of its own: the same build, the same commands, the
//! same frozen hosts, without what is done. It must never repeat what a host has recorded as done, and never call done
//! what nobody knows.

use super::earlier::ended::Earlier;
use super::earlier::last_push::ended_badly;
use super::facts::Facts;
use super::marks;
use super::offer::Offer;
use crate::desk::cases::Case;
use crate::desk::refusal::Refusal;
use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::pushes::ResultRow;
use crate::plan::{Artifact, BuildFrom, Kind, Part, Plan, PlannedCommand, Property};
use crate::stack::{BuildId, Root};
use std::collections::BTreeSet;

/// What a resume would do. What is done is what the ledger says was `ok`, and what the earlier push had itself taken over
/// as done; what is unknown runs again.
///
/// # Errors
/// Why it cannot be resumed.
pub(crate) fn offer(earlier: &Earlier, facts: &Facts) -> Result<Offer, Refusal> {
    let row = &earlier.row;
    let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
    match (row.state, earlier.newer) {
        (PushState::Running, _) => return nothing(Case::StillRuns, format!("push {} is still running", row.id)),
        (PushState::Ended(Ended::RolledBack), _) => {
            let why = format!("push {} was rolled back: none of it is left on any host", row.id);
            return nothing(Case::WentBack, why);
        }
        (state, _) if !ended_badly(state) => {
            return nothing(Case::NothingLeft, format!("push {} {state}: nothing is left to do", row.id));
        }
        (_, Some(newer)) => {
            let why = format!("push {newer} came after push {}, so there is nothing to resume", row.id);
            return nothing(Case::NewerCame, why);
        }
        _ => {}
    }
    let artifact = match &earlier.plan.build {
        BuildFrom::Existing { id, root } => {
            Artifact::Build { id: id.clone(), root: root.clone(), sha: earlier.plan.sha.clone() }
        }
        BuildFrom::Made { .. } => Artifact::Revision(earlier.plan.sha.clone()),
    };
    if let Some(refusal) = marks::bad(facts, &artifact) {
        return Err(refusal);
    }
    let bad = |what: &str| Refusal::corrupt(format_args!("no {what} of push {}", row.id));
    let mut plan = earlier.plan.clone();
    plan.kind = Kind::Resume { of: row.id };
    let frozen: Option<Root> = row.root.as_deref().and_then(|root| root.parse().ok());
    if let Some(root) = &frozen {
        let id: BuildId = row.build.parse().map_err(|_| bad("build"))?;
        plan.build = BuildFrom::Existing { id, root: root.clone() };
    }
    let rolled_back = rolled_back_hosts(&plan, &earlier.results);
    for (number, command) in (1_i64..).zip(&mut plan.commands) {
        match (command.makes_the_build(), &frozen) {
            (true, Some(_)) => command.done_on = vec![String::new()],
            // A checkout ends with its push: a build that was not frozen is made from the start.
            (true, None) => command.done_on.clear(),
            // What stands around the work stands around the rest of it as well.
            (false, _) if command.part != Part::Main => command.done_on.clear(),
            // What a host runs is asked at the end of every push.
            (false, _) if command.form.reads_back().is_some() => command.done_on.clear(),
            (false, _) => {
                let ok = |row: &&ResultRow| row.command == number && row.result == Some(HostResult::Ok);
                command.done_on.extend(earlier.results.iter().filter(ok).map(|row| row.host.clone()));
                command.done_on.retain(|host| !rolled_back.contains(host.as_str()));
                command.done_on.sort();
                command.done_on.dedup();
            }
        }
    }
    let divergent = divergent_at_the_end(earlier);
    for command in &mut plan.commands {
        if command.form.has(Property::UndoneByReadBack) {
            command.done_on.retain(|host| !divergent.contains(host.as_str()));
        }
    }
    whole_rolls(&mut plan.commands);
    plan.commands.retain(|command| command.part != Part::DeferredFinally);
    plan.commands.splice(0..0, earlier.deferred_finally.iter().cloned());
    let plan_hash = plan.hash();
    Ok(Offer { seen: row.build.clone(), sha: plan.sha.clone(), root: frozen, old: plan.old.clone(), plan, plan_hash })
}

/// Where the earlier push had begun to go back: what was done there before is done no more. Whatever ran once on the push
/// host (no name) counts as undone with the first of them.
fn rolled_back_hosts<'a>(plan: &Plan, results: &'a [ResultRow]) -> BTreeSet<&'a str> {
    let is_rollback = |row: &&ResultRow| {
        let place = usize::try_from(row.command - 1).ok();
        place.and_then(|place| plan.commands.get(place)).is_some_and(|command| command.part == Part::Rollback)
    };
    let mut hosts: BTreeSet<&str> = results.iter().filter(is_rollback).map(|row| row.host.as_str()).collect();
    if !hosts.is_empty() {
        hosts.insert("");
    }
    hosts
}

/// A host half-way through a roll walks all of it again: it is done only where the whole list is.
fn whole_rolls(commands: &mut [PlannedCommand]) {
    for roll in commands.chunk_by_mut(PlannedCommand::rolls_with) {
        let done = roll.iter().map(|command| command.done_on.clone());
        let all = done.reduce(|all, one| all.into_iter().filter(|host| one.contains(host)).collect());
        for command in roll {
            command.done_on = all.clone().unwrap_or_default();
        }
    }
}

/// The hosts that were asked at the end what they run, and did not say this build: whatever was recorded before, it is
/// brought and flipped there again.
fn divergent_at_the_end(earlier: &Earlier) -> BTreeSet<&str> {
    let asks = |number: i64| {
        let place = usize::try_from(number - 1).ok();
        let command: Option<&PlannedCommand> = place.and_then(|place| earlier.plan.commands.get(place));
        command.is_some_and(|command| command.form.reads_back().is_some())
    };
    let fine =
        |row: &ResultRow| matches!(row.result, Some(HostResult::Ok | HostResult::Skipped | HostResult::Cancelled));
    let divergent = earlier.results.iter().filter(|row| asks(row.command) && !fine(row));
    divergent.map(|row| row.host.as_str()).collect()
}

#[cfg(test)]
mod tests;
