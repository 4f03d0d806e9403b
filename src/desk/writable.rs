//! Whether a push could be written down at this moment: the ledger takes a write, its disk has room. Pages say so before
//! anybody needs it. It must never write anything that matters, and never stop anything. Runs as a task of the desk.

use super::{Decision, Desk};
use crate::ledger::Trouble;
use crate::time::At;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the ledger is tried while all is well and nobody writes…
const TRY: Duration = Duration::from_secs(60);
/// … and while it is not.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Since when the disk has had no room for a push, and how much it has.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<Option<Trouble>>);

impl Room {
    /// Notes how much room there is; whether pages look otherwise now.
    fn note(&self, room: &Decision<()>, now: At) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.is_some();
        *known = match room {
            Ok(()) => None,
            Err(refusal) => {
                let since = known.as_ref().map_or(now, |known| known.since);
                Some(Trouble { since, why: refusal.to_string() })
            }
        };
        known.is_some() != before
    }
}

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
    pub(super) async fn keep_trying_to_write(self: &Arc<Self>) {
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

#[cfg(test)]
mod tests {
    use super::super::{Case, Refusal};
    use super::*;

    #[test]
    fn pages_change_when_the_room_is_gone_and_when_it_is_back() {
        let (room, at) = (Room::default(), |s: i64| At::from_millis(1_795_255_200_000 + s * 1000));
        let full = |mib: u32| Err(Refusal::Unable { case: Case::DiskFull, why: format!("{mib} MiB free") });
        assert!(!room.note(&Ok(()), at(0)));
        assert!(room.note(&full(7), at(1)) && !room.note(&full(6), at(2)));
        assert_eq!(*room.0.lock().unwrap(), Some(Trouble { since: at(1), why: "6 MiB free".to_owned() }));
        assert!(room.note(&Ok(()), at(3)));
        assert_eq!(*room.0.lock().unwrap(), None);
    }
}
