//! Tries, now and then, whether a push could be written down. It must never write anything that matters.

use crate::desk::Desk;
use crate::ledger::Trouble;
use crate::time::At;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How often the ledger is tried while all is well and nobody writes…
const TRY: Duration = Duration::from_secs(60);

/// … and while it is not.
const TRY_AGAIN: Duration = Duration::from_secs(2);

impl Desk {
    /// Why the history cannot be written now, if so.
    pub fn ledger_trouble(&self) -> Option<Trouble> {
        self.ledger.trouble().borrow().clone()
    }

    /// Why the disk has no room for a push, if so, as it was found within the last minute.
    pub fn disk_trouble(&self) -> Option<Trouble> {
        self.room.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tries the ledger and looks at its disk until the desk stops, often while something is wrong.
    pub(crate) async fn keep_trying_to_write(self: &Arc<Self>) {
        let mut trouble = self.ledger.trouble();
        loop {
            if self.room.note(&self.has_space(), At::now()) {
                self.changed();
            }
            let wrong = trouble.borrow_and_update().is_some() || self.disk_trouble().is_some();
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(if wrong { TRY_AGAIN } else { TRY }) => {
                    // How it went is in `trouble`.
                    let _ = self.ledger.try_write().await;
                }
                changed = trouble.changed() => match changed {
                    Ok(()) => self.changed(),
                    Err(_) => return,
                },
            }
        }
    }
}
