//! The connections of a push: those that are there, those that are still being made, and the hosts that could not be reached. It
//! must never make a second try by itself. Filled by the preflight, read by whoever works on a host.

use super::outcome::HostOutcome;
use crate::advice::of_stack;
use crate::journal::HostResult;
use crate::remote::Ending;
use crate::remote::masters::{Connection, Masters};
use crate::stack::{Host, StackName};
use futures::future::{BoxFuture, FutureExt, Shared};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A connection that is still being made, or why it was not. Many may wait for it.
pub type Late = Shared<BoxFuture<'static, Result<Arc<Connection>, String>>>;

/// Who is connected, who is late, and who could not be reached.
#[derive(Default)]
pub struct HostConnections {
    /// Hosts that answer.
    pub open: BTreeMap<Host, Arc<Connection>>,
    /// Hosts that were not connected yet when the push began, as their stage allows.
    pub late: BTreeMap<Host, Late>,
    /// Hosts that could not be reached, and why, until the first command that works on hosts has recorded it.
    pub refused: BTreeMap<Host, String>,
}

impl HostConnections {
    /// The connection to a host that is there already.
    pub fn get(&self, host: &Host) -> Option<&Arc<Connection>> {
        self.open.get(host)
    }

    /// The connection to a host; waits for one that is late. None where the plan needs no connections.
    ///
    /// # Errors
    /// How the command ends there instead.
    pub async fn to(&self, host: &Host, cancel: CancellationToken) -> Result<Option<Arc<Connection>>, Ending> {
        match (self.open.get(host), self.late.get(host)) {
            (Some(connection), _) => Ok(Some(Arc::clone(connection))),
            (None, None) => Ok(None),
            (None, Some(late)) => tokio::select! {
                connected = late.clone() => connected.map(Some).map_err(Ending::Unreachable),
                () = cancel.cancelled() => Err(Ending::Cancelled { left: 0 }),
            },
        }
    }

    /// Counts those who were late and have come among the others.
    pub fn take_in_late(&mut self) {
        let came = |(host, late): (&Host, &Late)| Some((host.clone(), late.peek()?.as_ref().ok()?.clone()));
        let came: Vec<_> = self.late.iter().filter_map(came).collect();
        for (host, connection) in came {
            self.late.remove(&host);
            self.open.insert(host, connection);
        }
    }

    /// Whether a host was late and has not come: the stage has allowed for that before it began.
    pub fn never_came(&self, (host, outcome): &HostOutcome) -> bool {
        let late = host.as_ref().and_then(|host| self.late.get(host)).and_then(Late::peek);
        outcome.result == HostResult::Unreachable && late.is_some_and(Result::is_err)
    }
}

/// Begins to connect, whoever waits for it.
pub fn connect(masters: &Masters, host: &Host, stack: &StackName) -> Late {
    let (masters, host, stack) = (masters.clone(), host.clone(), stack.clone());
    let connecting = async move {
        let connected = masters.connect_for(&host, &stack).await.map(Arc::new);
        connected.map_err(|why| of_stack(&why.0, stack.as_str()))
    };
    let late = connecting.boxed().shared();
    tokio::spawn(late.clone());
    late
}
