//! What the last push of a stage owes whose runner died: the `finally` that nobody ran. Decided from what the ledger holds;
//! the next push to the stage takes it into its plan. It must never owe twice what was run.

use crate::journal::{Ended, HostResult};
use crate::ledger::pushes::{PushRow, ResultRow};
use crate::plan::{self, Assignment, Part, PlannedCommand};
use std::collections::BTreeSet;

/// The commands that are owed behind this push: its own `finally` when its runner died, and what it had taken over from
/// an earlier one and not done.
pub(crate) fn still_to_run(row: &PushRow, assignment: &Assignment, results: &[ResultRow]) -> Vec<PlannedCommand> {
    let commands = || (1_i64..).zip(&assignment.plan.commands);
    let ok =
        |number: i64| results.iter().filter(move |row| row.command == number && row.result == Some(HostResult::Ok));
    let taken_over =
        commands().filter(|(_, command)| command.part == Part::DeferredFinally).map(|(number, command)| {
            let mut command = command.clone();
            command.done_on.extend(ok(number).map(|row| row.host.clone()));
            command
        });
    let mut all: Vec<PlannedCommand> = taken_over.collect();
    let works = |number: i64| {
        let part = commands().find(|(other, _)| *other == number).map(|(_, command)| command.part);
        matches!(part, Some(Part::Before | Part::Main))
    };
    let began = results.iter().any(|row| works(row.command));
    if row.state == Ended::Interrupted && began {
        let touched = |row: &&ResultRow| {
            let untouched = matches!(row.result, Some(HostResult::Skipped | HostResult::Unreachable));
            works(row.command) && !row.host.is_empty() && !untouched
        };
        let hosts: BTreeSet<&str> = results.iter().filter(touched).map(|row| row.host.as_str()).collect();
        // In the order of the plan.
        let names = assignment.plan.hosts.iter().map(|host| host.name());
        let on: Vec<String> = names.filter(|name| hosts.contains(name)).map(str::to_owned).collect();
        let numbers = commands()
            .filter(|(_, command)| command.part == Part::Finally && (!command.form.per_host() || !on.is_empty()));
        let own = plan::deferred_finally(assignment, &on).into_iter().zip(numbers.map(|(number, _)| number));
        // The runner may have died in the middle of it.
        all.extend(own.map(|(command, number)| PlannedCommand {
            done_on: ok(number).map(|row| row.host.clone()).collect(),
            ..command
        }));
    }
    all.retain(|command| !is_done(command));
    all
}

fn is_done(command: &PlannedCommand) -> bool {
    let done = |name: &str| command.done_on.iter().any(|done| done == name);
    match (&command.deferred, command.form.per_host()) {
        (Some(deferred), true) => deferred.on.iter().all(|host| done(host)),
        _ => done(""),
    }
}
