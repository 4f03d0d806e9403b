//! Passing a release on from host to host: every host that has it, verified, feeds the next one at once; a host that fails
//! at it is replaced by another, and at last by the push host. It must never make a result depend on who fed: every host
//! verifies what it got by itself. Called by a step for each host, and by the walk, which begins no host that none can feed.

mod tree;

use crate::journal::Stream;
use crate::plan::{Kind, Part, PlannedCommand};
use crate::remote::masters::{Address, Connection};
use crate::remote::release::{self, BuildOnDisk, Fed, Peer, Source};
use crate::remote::{Ending, Line, Lines, Task};
use crate::run::walk::Walk;
use crate::stack::{FanOut, Host, Relay, Release};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tree::{Feeder, Tree, Went};

/// rsync's codes that blame the other end or the way to it: protocol, sockets, a broken stream, time-outs, and what ssh (255)
/// or the other end's shell (126, 127) say. All else may be this host's own trouble.
const FEEDERS_FAULT: [i32; 10] = [2, 5, 10, 12, 14, 30, 35, 126, 127, 255];

/// One release on its way from host to host.
pub(in crate::run) struct Passing {
    relay: Relay,
    tree: Mutex<Tree>,
    freed: Notify,
    addresses: Mutex<BTreeMap<Host, Address>>,
}

impl Passing {
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a host is; found out once.
    async fn address(&self, of: &Connection) -> Result<Address, String> {
        let known = || self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = known().get(&of.host) {
            return Ok(address.clone());
        }
        let address = of.address().await?;
        known().insert(of.host.clone(), address.clone());
        Ok(address)
    }
}

/// What one host takes from others; dropping it frees who feeds it.
struct Turn<'a> {
    passing: &'a Passing,
    feeder: Option<Feeder>,
    tried: Vec<Host>,
}

impl Turn<'_> {
    /// Waits for somebody to feed the host; none when the push is cancelled.
    async fn take(&mut self, cancel: &CancellationToken) -> Option<Feeder> {
        loop {
            let freed = self.passing.freed.notified();
            tokio::pin!(freed);
            // From here on no one who comes free is missed.
            freed.as_mut().enable();
            if let Some(feeder) = self.passing.tree().take(&self.tried) {
                self.feeder = Some(feeder.clone());
                return Some(feeder);
            }
            tokio::select! {
                () = freed => {}
                () = cancel.cancelled() => return None,
            }
        }
    }

    /// The one that fed is done.
    fn give_back(&mut self, went: Went) {
        let Some(feeder) = self.feeder.take() else { return };
        self.passing.tree().give_back(&feeder, went);
        self.passing.freed.notify_waiters();
        if let Feeder::Host(host) = feeder {
            self.tried.push(host);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.give_back(Went::Unclear);
    }
}

impl Walk {
    /// Whether a command may begin on one more host while `running` are on their way: where hosts pass a release on, somebody
    /// must be free to feed it.
    pub(in crate::run) fn has_source(&self, number: u32, command: &PlannedCommand, running: usize) -> bool {
        match command.form.relay() {
            Some(relay) => self.passing(number, command, relay).tree().has_room(running),
            None => true,
        }
    }

    /// Brings a release to one host.
    pub(in crate::run) async fn bring(
        &self,
        (number, command): (u32, &PlannedCommand),
        what: &Release,
        on: &Connection,
        build: &BuildOnDisk<'_>,
        task: Task,
        lines: &Lines,
    ) -> Ending {
        let FanOut::Relay(relay) = &what.fan_out else {
            return self
                .bring_from(async |_| Some(Source::PushHost), (command.part, what), on, build, task, lines)
                .await;
        };
        let passing = self.passing(number, command, relay);
        let mut turn = Turn { passing: &passing, feeder: None, tried: Vec::new() };
        let cancel = task.cancel.clone();
        let next = async |fed: Option<Fed>| {
            turn.give_back(match fed {
                Some(Fed::Lied) => Went::Hopeless,
                Some(Fed::Failed(code)) if FEEDERS_FAULT.contains(&code) => Went::Badly,
                Some(Fed::Failed(_)) | None => Went::Unclear,
            });
            self.next_source(&mut turn, &cancel, lines).await
        };
        let ending = self.bring_from(next, (command.part, what), on, build, task, lines).await;
        turn.give_back(if ending == Ending::Exited(0) { Went::Well } else { Went::Unclear });
        if ending == Ending::Exited(0) {
            passing.tree().add(on.host.clone());
        }
        ending
    }

    async fn bring_from(
        &self,
        next: impl AsyncFnMut(Option<Fed>) -> Option<Source>,
        (part, what): (Part, &Release),
        on: &Connection,
        build: &BuildOnDisk<'_>,
        task: Task,
        lines: &Lines,
    ) -> Ending {
        match (self.assignment.plan.kind, part) {
            // The way back, and a host that somebody changed: no mark of an earlier day is trusted.
            (Kind::Rollback | Kind::CatchUp, _) | (_, Part::Undo) => {
                release::bring_back(on, build, what, next, task, lines).await
            }
            (Kind::Push | Kind::Resume { .. }, _) => release::bring_from(on, build, what, next, task, lines).await,
        }
    }

    /// Who feeds a host next, told in its log; none when the push is cancelled.
    async fn next_source(&self, turn: &mut Turn<'_>, cancel: &CancellationToken, lines: &Lines) -> Option<Source> {
        loop {
            let Feeder::Host(host) = turn.take(cancel).await? else {
                say(lines, "from the push host".to_owned()).await;
                return Some(Source::PushHost);
            };
            let address = match self.connections.get(&host) {
                Some(connection) => turn.passing.address(connection).await,
                None => Err("it is not connected".to_owned()),
            };
            match address {
                Ok(address) => {
                    say(lines, format!("from {}", host.name())).await;
                    let relay = turn.passing.relay.clone();
                    return Some(Source::Peer(Box::new(Peer { name: host.name().to_owned(), address, relay })));
                }
                Err(why) => {
                    say(lines, format!("{} cannot feed it: {why}", host.name())).await;
                    turn.give_back(Went::Hopeless);
                }
            }
        }
    }

    /// A command's release on its way; hosts on which an earlier push brought it feed from the start.
    fn passing(&self, number: u32, command: &PlannedCommand, relay: &Relay) -> Arc<Passing> {
        let mut all = self.passings.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || {
            let mut tree = Tree::new(relay.clone());
            let done = |host: &&Host| command.is_done_on(Some(host)) && self.connections.contains_key(*host);
            self.assignment.plan.hosts.iter().filter(done).for_each(|host| tree.add(host.clone()));
            let (tree, freed, addresses) = (Mutex::new(tree), Notify::new(), Mutex::default());
            Arc::new(Passing { relay: relay.clone(), tree, freed, addresses })
        };
        all.entry(number).or_insert_with(begin).clone()
    }
}

async fn say(lines: &Lines, text: String) {
    // Nobody receives lines any more: then nobody misses this one.
    let _ = lines.send(Line { stream: Stream::Note, text }).await;
}
