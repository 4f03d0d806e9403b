//! How far each running push's journal may be shown: one watch a push, woken by its follower.
//! It must never hold a journal's bytes: viewers read the file.

use crate::stack::PushNumber;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// How far a push's journal goes, for viewers: they read the file themselves, up to `len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct JournalEnd {
    /// Bytes of whole records that may be shown.
    pub len: u64,
    /// Whether the ledger knows the end, so that nothing will follow.
    pub ended: bool,
}

/// Ends that someone who listens may lag behind; who misses one only does later what could have been done ahead.
const ENDS: usize = 64;

/// The running pushes' ends. A std mutex: it is never held across an await.
#[derive(Debug)]
pub(crate) struct Journals {
    running: Mutex<HashMap<PushNumber, watch::Sender<JournalEnd>>>,
    pub(crate) ends: broadcast::Sender<PushNumber>,
}

impl Default for Journals {
    fn default() -> Self {
        Self { running: Mutex::default(), ends: broadcast::channel(ENDS).0 }
    }
}

impl Journals {
    pub(crate) fn running(&self) -> MutexGuard<'_, HashMap<PushNumber, watch::Sender<JournalEnd>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells viewers how far they may read; forgets the push when it has ended.
    pub fn publish(&self, push: PushNumber, end: JournalEnd) {
        let mut running = self.running();
        let sender = running.entry(push).or_default();
        sender.send_if_modified(|shown| {
            let changed = *shown != end;
            *shown = end;
            changed
        });
        if end.ended {
            running.remove(&push);
            // Without listeners there is nobody to tell.
            self.ends.send(push).ok();
        }
    }

    pub(crate) fn known(&self, push: PushNumber) -> Option<watch::Receiver<JournalEnd>> {
        self.running().get(&push).map(watch::Sender::subscribe)
    }

    pub(crate) fn made(&self, push: PushNumber) -> watch::Receiver<JournalEnd> {
        self.running().entry(push).or_default().subscribe()
    }
}
