//! Starting again: every push whose end the ledger does not know, and every push directory that it does not know at all
//! (a ledger from a backup). Lock held: followed. Lock free: folded, and ended as *interrupted* where the end is missing.
//! It must never number a push below one that is on the disk.

use super::follow::{FollowError, Follower};
use super::runner::Runner;
use crate::desk::Desk;
use crate::desk::open::DeskError;
use crate::journal::PushDir;
use crate::ledger::press::{self, NewPush};
use crate::ledger::{fold as places, pushes};
use crate::plan::{Assignment, BuildFrom};
use crate::reading;
use crate::stack::PushNumber;
use crate::time::At;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Desk {
    /// Takes up what an earlier server left.
    ///
    /// # Errors
    /// When a push can be neither followed nor ended.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<(), DeskError> {
        for push in self.pushes_on_disk()? {
            self.floor.fetch_max(push.get(), Ordering::SeqCst);
            let known = self.ledger.read(move |connection| pushes::get(connection, push)).await?;
            if known.is_none() {
                self.adopt(push).await?;
            }
        }
        for push in self.ledger.read(places::unfinished).await? {
            let failed = |error| DeskError::push(push, &error);
            let mut follower = Follower::new(Arc::clone(self), push, Runner::Found).await.map_err(failed)?;
            match follower.catch_up().await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!(push = push.get(), "the runner of a push was found again");
                    follower.keep();
                }
                // One push that cannot be ended keeps nobody from starting the server.
                Err(FollowError::Ledger(error)) if error.is_lasting() => {
                    tracing::error!(push = push.get(), %error, "a push cannot be ended, and is tried again");
                    follower.keep();
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn pushes_on_disk(&self) -> Result<Vec<PushNumber>, DeskError> {
        let dir = self.config.data.join("pushes");
        let bad = |source| DeskError::Data { path: dir.clone(), source };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&dir).map_err(bad)? {
            let name = entry.map_err(bad)?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse::<PushNumber>().ok()));
        }
        found.sort();
        Ok(found)
    }

    /// Takes a push into the ledger that knows nothing of it; its journal is folded like any other then.
    async fn adopt(&self, push: PushNumber) -> Result<(), DeskError> {
        let dir = PushDir::of(&self.config.data, push);
        let text = reading::text(dir.plan(), reading::PLAN).unwrap_or_default();
        let assignment = match serde_json::from_str::<Assignment>(&text) {
            Ok(assignment) if assignment.push == push => assignment,
            _ => {
                tracing::warn!(push = push.get(), "a push directory has no plan and is left alone");
                return Ok(());
            }
        };
        tracing::warn!(push = push.get(), "a push that the ledger did not know is taken in from its directory");
        let pressed = std::fs::metadata(dir.plan()).and_then(|meta| meta.modified());
        let seconds = pressed.ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let at =
            seconds.map_or_else(At::now, |since| At::from_seconds(i64::try_from(since.as_secs()).unwrap_or_default()));
        let adopted = self.ledger.write(move |tx| {
            let root = match &assignment.plan.build {
                BuildFrom::Existing { root, .. } => Some(root.as_str()),
                BuildFrom::Made { .. } => None,
            };
            let new = NewPush {
                assignment: &assignment,
                text: &text,
                root,
                nonce: None,
                diff: None,
                button: &format!("Push to {}", assignment.plan.stage),
                commits: &[],
                commit_count: 0,
                at: &at.to_string(),
            };
            press::insert(tx, &new)?;
            // When another push has the lock, this one is over: at most one runs at a time.
            press::lock(tx, &assignment.plan.stack, push)?;
            Ok(())
        });
        Ok(adopted.await?)
    }
}
