//! The first look at the hosts: all are connected to before anything is touched. Who cannot be reached is given up within
//! what the stage allows; past that nothing is touched. A hung host holds nobody up where the stage allows to lose it. The
//! journal says how far it is. It must never run anything on a host. Called by the walk.

use super::commands::{is_own_work, numbered};
use super::connections::{HostConnections, connect};
use super::job::Job;
use super::outcome::{End, HostOutcome, Outcome, Sum, count, elapsed_ms, host_ended};
use super::policy::failures::HostFailure;
use super::policy::verdict;
use super::progress::Progress;
use super::recorder::Place;
use super::spread;
use crate::journal::connections::{Missing, WAITED_FOR};
use crate::journal::{Connections, Ended, Event, HostResult};
use crate::plan::{Part, Property};
use crate::stack::Host;
use futures::stream::FuturesUnordered;
use futures::stream::StreamExt;
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the journal says how far the connections are, while that changes.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Connects to all hosts before anything is touched. Past what the stage allows, nothing is. Once so many are connected
/// that the stage would go on without the others, it does: those are late, and join when they can.
pub async fn preflight(job: &Job, progress: &mut Progress) -> Result<(), End> {
    if !job.commands().iter().any(|command| command.form.has(Property::OverSsh)) {
        return Ok(());
    }
    let tries = job.hosts().iter().map(|host| (host.clone(), connect(&job.masters, host, &job.plan().stack)));
    progress.connections.late = tries.collect();
    let waiting = progress.connections.late.clone().into_iter().map(|(host, late)| async move { (host, late.await) });
    let mut waiting: FuturesUnordered<_> = waiting.collect();
    let mut news = ConnectionNews::new(job.hosts().len());
    job.recorder.soon(Event::Connecting(news.now(job, &progress.connections))).await;
    // What may veto the push asks all hosts that it has.
    let vetoes = job.commands().iter().any(|command| command.part == Part::Before && command.form.per_host());
    while vetoes || !may_begin(job, progress) {
        let tried = tokio::select! {
            tried = waiting.next() => tried,
            () = news.due() => {
                if let Some(now) = news.changed(job, &progress.connections) {
                    job.recorder.soon(Event::Connecting(now)).await;
                }
                continue;
            }
            () = job.orders.token.cancelled() => return Err(verdict::stopped(job, "before any host was touched")),
        };
        let Some((host, tried)) = tried else { break };
        let connections = &mut progress.connections;
        connections.late.remove(&host);
        match tried {
            Ok(connection) => drop(connections.open.insert(host, connection)),
            Err(why) => {
                news.missing(&host);
                connections.refused.insert(host, why);
            }
        }
    }
    job.recorder.soon(Event::Connected(news.now(job, &progress.connections))).await;
    let HostConnections { open, refused, .. } = &progress.connections;
    let allowed = progress.failures.allows(job.plan().policy, refused.len());
    for (host, why) in refused {
        progress.failures.give_up(host.name(), HostFailure::unreachable(Some(why.clone())));
    }
    match allowed && (refused.is_empty() || !open.is_empty()) {
        true => Ok(()),
        false => Err(unreachable(job, progress).await),
    }
}

/// Whether the push would go on if none of those who are late could be reached.
fn may_begin(job: &Job, progress: &Progress) -> bool {
    let HostConnections { open, late, refused } = &progress.connections;
    !open.is_empty() && progress.failures.allows(job.plan().policy, refused.len() + late.len())
}

/// Waits for who is late: no host leaves a load balancer that nothing can be done on then.
pub async fn wait_for_late(job: &Job, progress: &mut Progress) {
    for (host, late) in std::mem::take(&mut progress.connections.late) {
        let tried = tokio::select! {
            tried = late => tried,
            () = job.orders.token.cancelled() => Err("it was not reached before the push was stopped".to_owned()),
        };
        match tried {
            Ok(connection) => drop(progress.connections.open.insert(host, connection)),
            Err(why) => {
                progress.failures.give_up(host.name(), HostFailure::unreachable(Some(why.clone())));
                progress.connections.refused.insert(host, why);
            }
        }
    }
}

/// Records who could not be reached at the first command that would have worked on hosts; how the push ends.
async fn unreachable(job: &Job, progress: &mut Progress) -> End {
    let total = job.hosts().len();
    let refused = progress.connections.refused.clone();
    let first = numbered(job.commands()).find(|(_, command)| command.per_host() && is_own_work(command));
    if let Some((number, command)) = first {
        spread::command_started(job, number, command, total).await;
        let outcomes = record_refused(job, progress, number).await;
        let skipped = progress.connections.open.keys().cloned().collect();
        spread::command_ended(job, progress, number, &Sum { outcomes, skipped, worse: None }, 0).await;
    }
    let (host, why) = refused.first_key_value().map_or(("a host", ""), |(host, why)| (host.name(), why.as_str()));
    let why = match refused.len() {
        1 => format!("{host} could not be reached, so no host was touched: {why}"),
        n => format!("{n} of {total} hosts could not be reached, so no host was touched; {host}: {why}"),
    };
    End { state: Ended::Failed, why: Some(why) }
}

/// Records the hosts that could not be reached, once.
pub async fn record_refused(job: &Job, progress: &mut Progress, number: u32) -> Vec<HostOutcome> {
    let mut outcomes = Vec::new();
    for (host, why) in std::mem::take(&mut progress.connections.refused) {
        let outcome = Outcome::new(HostResult::Unreachable, Some(why.clone()));
        job.recorder.note(&Place::new(number, Some(&host)), why).await;
        job.recorder.soon(host_ended(number, Some(&host), &outcome, 0)).await;
        outcomes.push((Some(host), outcome));
    }
    outcomes
}

/// What the journal was told of the connections.
struct ConnectionNews {
    began: Instant,
    ticks: Interval,
    hosts: usize,
    missing: Vec<Missing>,
    /// How many were connected or away when it was told last.
    settled: usize,
}

impl ConnectionNews {
    fn new(hosts: usize) -> Self {
        let began = Instant::now();
        let mut ticks = interval(TELL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick of an interval is now.
        ticks.reset();
        Self { began, ticks, hosts, missing: Vec::new(), settled: 0 }
    }

    async fn due(&mut self) {
        self.ticks.tick().await;
    }

    fn missing(&mut self, host: &Host) {
        self.missing.push(Missing { host: host.name().to_owned(), duration_ms: elapsed_ms(self.began) });
    }

    /// How far it is, unless that was told.
    fn changed(&mut self, job: &Job, connections: &HostConnections) -> Option<Connections> {
        let settled = connections.open.len() + self.missing.len();
        (settled != std::mem::replace(&mut self.settled, settled)).then(|| self.now(job, connections))
    }

    fn now(&self, job: &Job, connections: &HostConnections) -> Connections {
        let open = job.hosts().iter().filter(|host| connections.late.contains_key(*host));
        Connections {
            hosts: count(self.hosts),
            connected: count(connections.open.len()),
            missing: self.missing.clone(),
            waits_for: open.take(WAITED_FOR).map(|host| host.name().to_owned()).collect(),
            duration_ms: elapsed_ms(self.began),
        }
    }
}
