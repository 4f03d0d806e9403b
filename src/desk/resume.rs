//! Resume: what a push that did not end well left undone, as a plan of its own: the same build, the same commands, the
//! same frozen hosts, without what is done. It must never repeat what a host has recorded as done, and never call done
//! what nobody knows.

use super::back::ended_badly;
use super::gate::{Facts, Offer};
use super::view::{Rest, RestCommand};
use super::{Case, Decision, Desk, Press, Refusal, first_line, gate, owed};
use crate::ledger::pushes::{self, PushRow, ResultRow};
use crate::ledger::{Answer, LedgerError, past};
use crate::plan::{Assignment, BuildFrom, Kind, Part, Plan, PlannedCommand, PlannedForm};
use crate::stack::{BuildId, PushNumber, Root, StackName, StageName, Who};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// The push that is to be resumed.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    /// The push.
    pub row: PushRow,
    /// What it was to do.
    pub plan: Plan,
    /// What became of it, on each host.
    pub results: Vec<ResultRow>,
    /// What it owes, and runs first therefore.
    pub owed: Vec<PlannedCommand>,
    /// A push that came after it, to its stage or to one of its hosts.
    pub newer: Option<i64>,
}

impl Earlier {
    /// Reads it from the ledger; none when there is no such push.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(connection: &Connection, of: PushNumber) -> Answer<Option<Self>> {
        let Some(row) = pushes::get(connection, of.get())? else { return Ok(None) };
        let text = pushes::plan_text(connection, row.id)?.unwrap_or_default();
        let assignment: Assignment =
            serde_json::from_str(&text).map_err(|bad| LedgerError::Corrupt(format!("plan of push {of}: {bad}")))?;
        let (results, newer) = (pushes::results(connection, row.id)?, past::newer(connection, row.id)?);
        let owed = owed::owed(&row, &assignment, &results);
        Ok(Some(Self { row, plan: assignment.plan, results, owed, newer }))
    }
}

/// What a resume would do. What is done is what the ledger says was `ok`, and what the earlier push had itself taken over
/// as done; what is unknown runs again.
///
/// # Errors
/// Why it cannot be resumed.
pub(super) fn offer(earlier: &Earlier) -> Result<Offer, Refusal> {
    let row = &earlier.row;
    let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
    match (row.state.as_str(), earlier.newer) {
        ("running", _) => return nothing(Case::StillRuns, format!("push {} is running still", row.id)),
        ("rolled back", _) => {
            let why = format!("push {} was rolled back: nothing of it is left on a host", row.id);
            return nothing(Case::WentBack, why);
        }
        (state, _) if !ended_badly(state) => {
            return nothing(Case::NothingLeft, format!("push {} {state}: nothing is left to do", row.id));
        }
        (_, Some(newer)) => {
            let why = format!("push {newer} came after push {}, so there is nothing to go on with", row.id);
            return nothing(Case::NewerCame, why);
        }
        _ => {}
    }
    let bad = |what: &str| Refusal::corrupt(format_args!("no {what} of push {}", row.id));
    let of = PushNumber::new(row.id).map_err(|_| bad("number"))?;
    let mut plan = earlier.plan.clone();
    plan.kind = Kind::Resume { of };
    let frozen: Option<Root> = row.root.as_deref().and_then(|root| root.parse().ok());
    if let Some(root) = &frozen {
        let id: BuildId = row.build.parse().map_err(|_| bad("build"))?;
        plan.build = BuildFrom::Existing { id, root: root.clone() };
    }
    let undone = undone(&plan, &earlier.results);
    for (number, command) in (1_i64..).zip(&mut plan.commands) {
        match (command.makes_the_build(), &frozen) {
            (true, Some(_)) => command.done_on = vec![String::new()],
            // A checkout ends with its push: a build that was not frozen is made from the start.
            (true, None) => command.done_on.clear(),
            // What stands around the work stands around the rest of it as well.
            (false, _) if command.part != Part::Main => command.done_on.clear(),
            // What a host runs is asked at the end of every push.
            (false, _) if matches!(command.form, PlannedForm::ReadBack { .. }) => command.done_on.clear(),
            (false, _) => {
                let ok = |row: &&ResultRow| row.command == number && row.result.as_deref() == Some("ok");
                command.done_on.extend(earlier.results.iter().filter(ok).map(|row| row.host.clone()));
                command.done_on.retain(|host| !undone.contains(host.as_str()));
                command.done_on.sort();
                command.done_on.dedup();
            }
        }
    }
    let odd = odd_at_the_end(earlier);
    for command in &mut plan.commands {
        if matches!(command.form, PlannedForm::Release(_) | PlannedForm::Activate { .. }) {
            command.done_on.retain(|host| !odd.contains(host.as_str()));
        }
    }
    whole_rolls(&mut plan.commands);
    plan.commands.retain(|command| command.part != Part::Owed);
    plan.commands.splice(0..0, earlier.owed.iter().cloned());
    let plan_hash = plan.hash();
    Ok(Offer { seen: row.build.clone(), sha: plan.sha.clone(), root: frozen, old: plan.old.clone(), plan, plan_hash })
}

/// Where the earlier push had begun to go back: what was done there before is done no more. Whatever ran once on the push
/// host (no name) counts as undone with the first of them.
fn undone<'a>(plan: &Plan, results: &'a [ResultRow]) -> BTreeSet<&'a str> {
    let is_undo = |row: &&ResultRow| {
        let place = usize::try_from(row.command - 1).ok();
        place.and_then(|place| plan.commands.get(place)).is_some_and(|command| command.part == Part::Undo)
    };
    let mut hosts: BTreeSet<&str> = results.iter().filter(is_undo).map(|row| row.host.as_str()).collect();
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
fn odd_at_the_end(earlier: &Earlier) -> BTreeSet<&str> {
    let asks = |number: i64| {
        let place = usize::try_from(number - 1).ok();
        let command: Option<&PlannedCommand> = place.and_then(|place| earlier.plan.commands.get(place));
        command.is_some_and(|command| matches!(command.form, PlannedForm::ReadBack { .. }))
    };
    let fine = |row: &ResultRow| matches!(row.result.as_deref(), Some("ok" | "skipped" | "cancelled"));
    let odd = earlier.results.iter().filter(|row| asks(row.command) && !fine(row));
    odd.map(|row| row.host.as_str()).collect()
}

impl Desk {
    /// Goes on with a push that did not end well: a new push that does what is left of it. A push that is paused goes on
    /// itself, and its own number comes back.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn resume(
        &self,
        of: PushNumber,
        who: &Who,
        reason: Option<String>,
        plan_hash: Option<String>,
        nonce: Option<String>,
    ) -> Decision<PushNumber> {
        let row = self.ledger.read(move |connection| pushes::get(connection, of.get())).await?;
        let Some(row) = row else { return Err(Refusal::Unknown { what: format!("push {of}") }) };
        if row.ended_at.is_none() {
            // Whether it is paused its runner knows; the ledger may be behind.
            match self.unpause(of, who).await {
                Ok(()) => return Ok(of),
                Err(refusal) if row.paused.is_some() => return Err(refusal),
                // It runs, and why it cannot be resumed is said below.
                Err(_) => {}
            }
        }
        let corrupt = |bad: crate::stack::BadName| Refusal::corrupt(bad);
        let press = Press {
            stack: row.stack.parse().map_err(corrupt)?,
            stage: row.stage.parse().map_err(corrupt)?,
            who: who.clone(),
            seen: row.build,
            plan_hash,
            reason,
            nonce,
        };
        self.press_for(press, super::wish::Wish::Rest(of)).await
    }

    /// What is left of a push that did not end well; none when there is nothing to resume.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn rest(&self, of: PushNumber) -> Decision<Option<Rest>> {
        let Some(earlier) = self.ledger.read(move |connection| Earlier::read(connection, of)).await? else {
            return Ok(None);
        };
        let Ok(offer) = offer(&earlier) else { return Ok(None) };
        let values = offer.plan.values();
        let hosts = &offer.plan.hosts;
        let left = |(number, command): (usize, &PlannedCommand)| {
            let meant: Vec<_> = hosts.iter().filter(|host| command.is_meant_for(host)).collect();
            let (all, left) = match command.per_host() {
                true => (meant.len(), meant.iter().filter(|host| !command.is_done_on(Some(host))).count()),
                false => (0, usize::from(!command.is_done_on(None))),
            };
            let owed_by = command.owed.as_ref().map(|owed| owed.push.get());
            (left > 0).then(|| RestCommand {
                command: number,
                title: command.title(&values),
                hosts: all,
                left,
                owed_by,
            })
        };
        // Numbered as in the push whose page it is on: what is owed comes before them.
        let before = earlier.plan.commands.iter().filter(|command| command.part == Part::Owed).count();
        let (owed, own) = offer.plan.commands.split_at(earlier.owed.len());
        let numbered = (1..).zip(owed).chain((before + 1..).zip(own));
        let commands = numbered.filter(|(_, command)| !command.part.is_spare()).filter_map(left).collect();
        let why_not = self.why_no_rest(&earlier.row).await?;
        self.shown_plans.remember(&offer.plan_hash, &offer.plan);
        Ok(Some(Rest { plan_hash: offer.plan_hash, commands, why_not }))
    }

    async fn why_no_rest(&self, row: &PushRow) -> Decision<Option<String>> {
        let (Ok(name), Ok(stage)) = (row.stack.parse::<StackName>(), row.stage.parse::<StageName>()) else {
            return Ok(Some(format!("{} is no stack of this server", row.stack)));
        };
        let (stack, problem) = match self.shelved(&name) {
            Ok(shelved) => shelved,
            Err(refusal) => return Ok(Some(refusal.to_string())),
        };
        if let Some(problem) = problem {
            return Ok(Some(Refusal::BadStack { stack: row.stack.clone(), why: first_line(&problem) }.to_string()));
        }
        let Some(place) = stack.stages.iter().position(|known| known.name == stage) else {
            return Ok(Some(format!("{name} has no stage {stage} any more")));
        };
        let facts = self.ledger.read(move |connection| Facts::read(connection, &stack, place, None)).await?;
        Ok(gate::closed_to_resume(&facts).map(|refusal| refusal.to_string()))
    }
}

#[cfg(test)]
mod tests;
