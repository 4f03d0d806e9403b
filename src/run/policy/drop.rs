//! How hosts leave a push that goes on without them (`on_failure = "drop"`): the stage's `drop` list takes each out, right
//! after the command that it failed. It must never take out more hosts than may leave, nor call a host out that is not.
//! Called by the walk.

use crate::journal::{Ended, Event};
use crate::plan::{Part, PlannedCommand, Property};
use crate::run::commands::numbered;
use crate::run::job::Job;
use crate::run::outcome::{End, Outcome, elapsed_ms};
use crate::run::policy::verdict;
use crate::run::progress::Progress;
use crate::run::{spread, step};
use crate::stack::Host;
use std::collections::BTreeMap;
use std::time::Instant;

/// Drops the hosts that were sent away, each through the whole list; one that cannot leave has failed for good.
pub async fn drop_hosts(job: &Job, progress: &mut Progress) -> Result<(), End> {
    let leaving = std::mem::take(&mut progress.drops.waiting);
    let mut not_dropped: BTreeMap<Host, String> = BTreeMap::new();
    for (number, command) in numbered(job.commands()).filter(|(_, command)| command.part == Part::Drop) {
        let hosts: Vec<Host> =
            leaving.iter().map(|(host, _)| host.clone()).filter(|host| !not_dropped.contains_key(host)).collect();
        if hosts.is_empty() {
            break;
        }
        not_dropped.extend(take_out(job, progress, (number, command), hosts).await);
        if job.orders.stopped().is_some() {
            return Err(verdict::stopped(job, &format!("in command {number}")));
        }
    }
    for (host, command) in leaving {
        match not_dropped.remove(&host) {
            Some(why) => progress.failures.not_dropped(host.name(), why),
            None => job.recorder.state(Event::HostDropped { command, host: host.name().to_owned() }).await,
        }
    }
    match progress.failures.too_many_not_dropped(job.plan().policy) {
        Some(hosts) => Err(End { state: Ended::Failed, why: Some(format!("could not drop {hosts}")) }),
        None => Ok(()),
    }
}

/// Runs one command of the list for some hosts; returns those for which it did not succeed, and why.
async fn take_out(
    job: &Job,
    progress: &mut Progress,
    (number, command): (u32, &PlannedCommand),
    hosts: Vec<Host>,
) -> Vec<(Host, String)> {
    let (began, mut earlier) = progress.drops.ended.remove(&number).unwrap_or_else(|| (Instant::now(), Vec::new()));
    spread::command_started(job, number, command, earlier.len() + hosts.len()).await;
    let is_lost = |host: &Host| command.form.has(Property::OverSsh) && progress.failures.is_lost(host.name());
    let (lost, places): (Vec<Host>, Vec<Host>) = hosts.into_iter().partition(is_lost);
    let mut fresh = Vec::new();
    for host in lost {
        fresh.push(step::not_reached(job, number, host).await);
    }
    let mut sum = spread::over(job, progress, (number, command), places.into_iter().map(Some).collect()).await;
    sum.outcomes.append(&mut fresh);
    let bad = sum.bad().filter_map(|(host, outcome)| Some((host.clone()?, words(number, outcome))));
    let bad: Vec<(Host, String)> = bad.collect();
    sum.outcomes.append(&mut earlier);
    spread::command_ended(job, progress, number, &sum, elapsed_ms(began)).await;
    // What they have learned is recorded; the list may run again for others.
    sum.outcomes.iter_mut().for_each(|(_, outcome)| outcome.learned.clear());
    progress.drops.ended.insert(number, (began, sum.outcomes));
    bad
}

fn words(number: u32, outcome: &Outcome) -> String {
    let why = outcome.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("command {number} {}{why}", outcome.result.word())
}
