//! How far each running push's journal may be shown: one watch a push, woken by its follower.
//! It must never hold a journal's bytes: viewers read the file.

use super::{Desk, JournalEnd};
use crate::journal::PushDir;
use crate::ledger::pushes;
use crate::stack::PushNumber;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// Ends that somebody who listens may lag behind; who misses one only does later what could have been done ahead.
const ENDS: usize = 64;

/// The running pushes' ends. A std mutex: it is never held across an await.
#[derive(Debug)]
pub(super) struct Journals {
    running: Mutex<HashMap<PushNumber, watch::Sender<JournalEnd>>>,
    ends: broadcast::Sender<PushNumber>,
}

impl Default for Journals {
    fn default() -> Self {
        Self { running: Mutex::default(), ends: broadcast::channel(ENDS).0 }
    }
}

impl Journals {
    fn running(&self) -> MutexGuard<'_, HashMap<PushNumber, watch::Sender<JournalEnd>>> {
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

    fn known(&self, push: PushNumber) -> Option<watch::Receiver<JournalEnd>> {
        self.running().get(&push).map(watch::Sender::subscribe)
    }

    fn made(&self, push: PushNumber) -> watch::Receiver<JournalEnd> {
        self.running().entry(push).or_default().subscribe()
    }
}

impl Desk {
    /// How far the journal of a push goes; changes while it runs. `None` for a push that does not exist.
    pub async fn journal_end(&self, push: PushNumber) -> Option<watch::Receiver<JournalEnd>> {
        if let Some(receiver) = self.journals.known(push) {
            return Some(receiver);
        }
        if !self.has_ended(push).await? {
            let receiver = self.journals.made(push);
            // Its follower may have told the end between the two looks; then it will never speak again.
            if !self.has_ended(push).await? {
                return Some(receiver);
            }
            self.journals.running().remove(&push);
        }
        let journal = PushDir::of(&self.config.data, push).journal();
        let len = tokio::fs::metadata(journal).await.map_or(0, |meta| meta.len());
        Some(watch::channel(JournalEnd { len, ended: true }).1)
    }

    /// Which pushes end from now on; each is told once its end is in the ledger.
    pub fn ends(&self) -> broadcast::Receiver<PushNumber> {
        self.journals.ends.subscribe()
    }

    async fn has_ended(&self, push: PushNumber) -> Option<bool> {
        match self.ledger.read(move |connection| pushes::get(connection, push.get())).await {
            Ok(row) => row.map(|row| row.ended_at.is_some()),
            Err(error) => {
                tracing::error!(push = push.get(), error = %error, "the ledger does not answer");
                None
            }
        }
    }
}
