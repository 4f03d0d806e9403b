//! The first look at the hosts: all are connected to before anything is touched. Who cannot be reached is given up within
//! what the stage allows; past that nothing is touched. A hung host holds nobody up where the stage allows to lose it. The
//! journal says how far it is. It must never run anything on a host. Called by the walk.

use super::policy::deferred_finally::is_own_work;
use super::policy::failures::Loss;
use super::policy::verdict::{End, HostOutcome, Sum};
use super::recorder::Place;
use super::step::Outcome;
use super::walk::{Walk, count, elapsed_ms, host_ended, numbered};
use crate::advice::of_stack;
use crate::journal::connections::{Missing, WAITED_FOR};
use crate::journal::{Connections, Ended, Event, HostResult};
use crate::plan::{Part, PlannedCommand};
use crate::remote::Ending;
use crate::remote::masters::{Connection, Masters};
use crate::stack::{Host, StackName};
use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// A connection that is still being made, or why it was not. Many may wait for it.
pub(super) type Late = Shared<BoxFuture<'static, Result<Arc<Connection>, String>>>;

/// How often the journal says how far the connections are, while that changes.
const TELL_EVERY: Duration = Duration::from_secs(1);

impl Walk {
    /// Connects to all hosts before anything is touched. Past what the stage allows, nothing is. Once so many are connected
    /// that the stage would go on without the others, it does: those are late, and join when they can.
    pub(super) async fn preflight(&mut self, commands: &[PlannedCommand]) -> Result<(), End> {
        if !commands.iter().any(|command| command.form.over_ssh()) {
            return Ok(());
        }
        let plan = &self.assignment.plan;
        let tries = plan.hosts.iter().map(|host| (host.clone(), connect(&self.masters, host, &plan.stack)));
        self.late = tries.collect();
        let waiting = self.late.clone().into_iter().map(|(host, late)| async move { (host, late.await) });
        let mut waiting: FuturesUnordered<_> = waiting.collect();
        let mut told = Told::new(plan.hosts.len());
        self.recorder.soon(Event::Connecting(told.now(self))).await;
        // What may veto the push asks all hosts that it has.
        let vetoes = commands.iter().any(|command| command.part == Part::Before && command.form.per_host());
        while vetoes || !self.may_begin() {
            let tried = tokio::select! {
                tried = waiting.next() => tried,
                () = told.due() => {
                    if let Some(now) = told.news(self) {
                        self.recorder.soon(Event::Connecting(now)).await;
                    }
                    continue;
                }
                () = self.orders.token.cancelled() => return Err(self.stopped("before any host was touched")),
            };
            let Some((host, tried)) = tried else { break };
            self.late.remove(&host);
            match tried {
                Ok(connection) => drop(self.connections.insert(host, connection)),
                Err(why) => {
                    told.missing(&host);
                    self.refused.insert(host, why);
                }
            }
        }
        self.recorder.soon(Event::Connected(told.now(self))).await;
        let allowed = self.toll.allows(self.assignment.plan.policy, self.refused.len());
        for (host, why) in &self.refused {
            self.toll.give_up(host.name(), unreachable(Some(why.clone())));
        }
        match allowed && (self.refused.is_empty() || !self.connections.is_empty()) {
            true => Ok(()),
            false => Err(self.unreachable(commands).await),
        }
    }

    /// Whether the push would go on if none of those who are late could be reached.
    fn may_begin(&self) -> bool {
        let lost = self.refused.len() + self.late.len();
        !self.connections.is_empty() && self.toll.allows(self.assignment.plan.policy, lost)
    }

    /// The connection to a host; waits for one that is late. None where the plan needs no connections.
    ///
    /// # Errors
    /// How the command ends there instead.
    pub(super) async fn connection(
        &self,
        host: &Host,
        cancel: CancellationToken,
    ) -> Result<Option<Arc<Connection>>, Ending> {
        match (self.connections.get(host), self.late.get(host)) {
            (Some(connection), _) => Ok(Some(Arc::clone(connection))),
            (None, None) => Ok(None),
            (None, Some(late)) => tokio::select! {
                connected = late.clone() => connected.map(Some).map_err(Ending::Unreachable),
                () = cancel.cancelled() => Err(Ending::Cancelled { left: 0 }),
            },
        }
    }

    /// Counts those who were late and have come among the others.
    pub(super) fn take_in_late(&mut self) {
        let came = |(host, late): (&Host, &Late)| Some((host.clone(), late.peek()?.as_ref().ok()?.clone()));
        let came: Vec<_> = self.late.iter().filter_map(came).collect();
        for (host, connection) in came {
            self.late.remove(&host);
            self.connections.insert(host, connection);
        }
    }

    /// Whether a host was late and has not come: the stage has allowed for that before it began.
    pub(super) fn never_came(&self, (host, outcome): &HostOutcome) -> bool {
        let late = host.as_ref().and_then(|host| self.late.get(host)).and_then(Late::peek);
        outcome.result == HostResult::Unreachable && late.is_some_and(Result::is_err)
    }

    /// Gives up hosts that were late and have not come.
    pub(super) fn give_up_lost(&mut self, lost: Vec<HostOutcome>) {
        for (host, outcome) in lost {
            let Some(host) = host else { continue };
            // Whatever is done about the host from here waits for it no more.
            self.late.remove(&host);
            self.toll.give_up(host.name(), unreachable(outcome.why));
        }
    }

    /// Tells who could not be reached at the first command that would have worked on hosts.
    async fn unreachable(&mut self, commands: &[PlannedCommand]) -> End {
        let total = self.assignment.plan.hosts.len();
        let refused = self.refused.clone();
        let first = numbered(commands).find(|(_, command)| command.per_host() && is_own_work(command));
        if let Some((number, command)) = first {
            self.command_started(number, command, total).await;
            let bad = self.tell_refused(number).await;
            let skipped = self.connections.keys().cloned().collect();
            self.command_ended(number, &Sum { outcomes: bad, skipped }, 0).await;
        }
        let (host, why) = refused.first_key_value().map_or(("a host", ""), |(host, why)| (host.name(), why.as_str()));
        let why = match refused.len() {
            1 => format!("{host} could not be reached, so no host was touched: {why}"),
            n => format!("{n} of {total} hosts could not be reached, so no host was touched; {host}: {why}"),
        };
        End { state: Ended::Failed, why: Some(why) }
    }

    /// Records the hosts that could not be reached, once.
    pub(super) async fn tell_refused(&mut self, number: u32) -> Vec<HostOutcome> {
        let mut told = Vec::new();
        for (host, why) in std::mem::take(&mut self.refused) {
            let outcome = Outcome { result: HostResult::Unreachable, code: None, why: Some(why.clone()), left: 0 };
            let place = Place { command: number, host: Some(host.name().to_owned()) };
            self.recorder.note(&place, why).await;
            self.recorder.soon(host_ended(number, Some(&host), &outcome, 0)).await;
            told.push((Some(host), outcome));
        }
        told
    }
}

/// What the journal was told of the connections.
struct Told {
    began: Instant,
    ticks: Interval,
    hosts: usize,
    missing: Vec<Missing>,
    /// How many were connected or away when it was told last.
    settled: usize,
}

impl Told {
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
    fn news(&mut self, walk: &Walk) -> Option<Connections> {
        let settled = walk.connections.len() + self.missing.len();
        (settled != std::mem::replace(&mut self.settled, settled)).then(|| self.now(walk))
    }

    fn now(&self, walk: &Walk) -> Connections {
        let open = walk.assignment.plan.hosts.iter().filter(|host| walk.late.contains_key(*host));
        Connections {
            hosts: count(self.hosts),
            connected: count(walk.connections.len()),
            missing: self.missing.clone(),
            waits_for: open.take(WAITED_FOR).map(|host| host.name().to_owned()).collect(),
            duration_ms: elapsed_ms(self.began),
        }
    }
}

/// Begins to connect, whoever waits for it.
fn connect(masters: &Masters, host: &Host, stack: &StackName) -> Late {
    let (masters, host, stack) = (masters.clone(), host.clone(), stack.clone());
    let connecting = async move {
        let connected = masters.connect_for(&host, &stack).await.map(Arc::new);
        connected.map_err(|why| of_stack(&why.0, stack.as_str()))
    };
    let late = connecting.boxed().shared();
    tokio::spawn(late.clone());
    late
}

/// The loss of a host before any command worked on it.
fn unreachable(why: Option<String>) -> Loss {
    Loss { command: None, result: HostResult::Unreachable, why }
}
