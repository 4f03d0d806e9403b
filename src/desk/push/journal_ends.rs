//! How far a push's journal may be shown, for viewers. It must never hold a journal's bytes.

use crate::desk::{Desk, JournalEnd};
use crate::journal::{JournalFile, PushDir};
use crate::ledger::pushes;
use crate::stack::PushNumber;
use crate::supervise::blocking;
use tokio::sync::{broadcast, watch};

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
        let length = blocking(move || JournalFile::length_of(&journal)).await;
        let len = length.unwrap_or_else(|error| {
            tracing::error!(push = push.get(), %error, "a journal cannot be read");
            0
        });
        Some(watch::channel(JournalEnd { len, ended: true }).1)
    }

    /// Which pushes end from now on; each is told once its end is in the ledger.
    pub fn ends(&self) -> broadcast::Receiver<PushNumber> {
        self.journals.ends.subscribe()
    }

    async fn has_ended(&self, push: PushNumber) -> Option<bool> {
        match self.ledger.read(move |connection| pushes::get(connection, push)).await {
            Ok(row) => row.map(|row| row.ended_at.is_some()),
            Err(error) => {
                tracing::error!(push = push.get(), error = %error, "the ledger does not answer");
                None
            }
        }
    }
}
