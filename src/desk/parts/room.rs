//! Whether a push could be written down at this moment, as it was tried last (`watch/writable.rs` tries). Pages say so before anybody
//! needs it; it must never stop anything.
//! anybody needs it. It must never write anything that matters, and never stop anything. Runs as a task of the desk.

use crate::desk::refusal::Decision;
use crate::ledger::Trouble;
use crate::time::At;
use std::sync::{Mutex, PoisonError};

/// Since when the disk has had no room for a push, and how much it has.
#[derive(Debug, Default)]
pub(crate) struct Room(pub(crate) Mutex<Option<Trouble>>);

impl Room {
    /// Notes how much room there is; whether pages look otherwise now.
    pub(crate) fn note(&self, room: &Decision<()>, now: At) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::cases::Case;
    use crate::desk::refusal::Refusal;

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
