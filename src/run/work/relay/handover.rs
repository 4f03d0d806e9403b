//! One release on its way from host to host, shared by the steps that bring it: who holds it, who sends at this moment, where holders
//! are. A std mutex guards each part, never held across an await. It must never let a host wait after someone has come free. Called
//! by the relay.

use super::tree::{CopyResult, Sender, Tree};
use crate::remote::masters::{Address, Connection};
use crate::stack::{Host, Relay};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Releases on their way from host to host, by the number of their command.
#[derive(Default)]
pub struct Handovers(Mutex<BTreeMap<u32, Arc<Handover>>>);

impl Handovers {
    /// That of a command; begins with `holders` when it is asked for first.
    pub(super) fn of<'a>(&self, number: u32, relay: &Relay, holders: impl Iterator<Item = &'a Host>) -> Arc<Handover> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || {
            let mut tree = Tree::new(relay.clone());
            holders.for_each(|host| tree.add(host.clone()));
            let (tree, freed, addresses) = (Mutex::new(tree), Notify::new(), Mutex::default());
            Arc::new(Handover { relay: relay.clone(), tree, freed, addresses })
        };
        all.entry(number).or_insert_with(begin).clone()
    }
}

/// One release on its way from host to host.
pub(super) struct Handover {
    /// How it goes.
    pub relay: Relay,
    tree: Mutex<Tree>,
    freed: Notify,
    addresses: Mutex<BTreeMap<Host, Address>>,
}

impl Handover {
    /// Who holds it and who sends.
    pub fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a host is; found out once.
    pub async fn address(&self, of: &Connection) -> Result<Address, String> {
        let known = || self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = known().get(&of.host) {
            return Ok(address.clone());
        }
        let address = of.address().await?;
        known().insert(of.host.clone(), address.clone());
        Ok(address)
    }
}

/// What one host takes from others; dropping it frees who sends to it.
pub(super) struct Turn<'a> {
    handover: &'a Handover,
    sender: Option<Sender>,
    tried: Vec<Host>,
}

impl<'a> Turn<'a> {
    /// Of a host that nobody has sent to yet.
    pub fn new(handover: &'a Handover) -> Self {
        Self { handover, sender: None, tried: Vec::new() }
    }

    /// Waits for someone to copy from; none when the push is cancelled.
    pub async fn take(&mut self, cancel: &CancellationToken) -> Option<Sender> {
        loop {
            let freed = self.handover.freed.notified();
            tokio::pin!(freed);
            // From here on no one who comes free is missed.
            freed.as_mut().enable();
            if let Some(sender) = self.handover.tree().take(&self.tried) {
                self.sender = Some(sender.clone());
                return Some(sender);
            }
            tokio::select! {
                () = freed => {}
                () = cancel.cancelled() => return None,
            }
        }
    }

    /// The one that sent is done.
    pub fn give_back(&mut self, result: CopyResult) {
        let Some(sender) = self.sender.take() else { return };
        self.handover.tree().give_back(&sender, result);
        self.handover.freed.notify_waiters();
        if let Sender::Host(host) = sender {
            self.tried.push(host);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.give_back(CopyResult::Unclear);
    }
}
