//! Whether the ledger's file can be written at this moment, as the last write found it: so that people read on every page
//! what is wrong before they need it. It must never guess: only a write that failed or worked changes it.

use super::{LedgerError, LedgerResult};
use crate::time::At;
use tokio::sync::watch;

/// Why nothing can be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when: the first write that failed.
    pub since: At,
    /// Why, and what to do.
    pub why: String,
}

/// What the last write found. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct LastWrite(watch::Sender<Option<Trouble>>);

impl LastWrite {
    /// Nothing bad is known yet.
    pub fn new() -> Self {
        Self(watch::channel(None).0)
    }

    pub fn subscribe(&self) -> watch::Receiver<Option<Trouble>> {
        self.0.subscribe()
    }

    /// Notes how a write ended. A change that was refused for its content says nothing of the file.
    pub fn note<T>(&self, outcome: &LedgerResult<T>, now: At) {
        match outcome {
            Ok(_) => self.0.send_if_modified(|trouble| trouble.take().is_some()),
            Err(LedgerError::Unusable { why, .. }) => self.0.send_if_modified(|trouble| {
                let is_new = trouble.as_ref().is_none_or(|known| known.why != *why);
                let since = trouble.as_ref().map_or(now, |known| known.since);
                *trouble = Some(Trouble { since, why: why.clone() });
                is_new
            }),
            Err(
                LedgerError::Sqlite(_)
                | LedgerError::Corrupt(_)
                | LedgerError::Record(_)
                | LedgerError::Closed
                | LedgerError::Broken(_),
            ) => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_told_once_with_its_first_moment_until_a_write_works() {
        let (last, at) = (LastWrite::new(), |s: i64| At::from_millis(1_795_255_200_000 + s * 1000));
        let mut seen = last.subscribe();
        let fails = |why: &str| Err::<(), _>(LedgerError::Unusable { path: "l.db".into(), why: why.to_owned() });
        for (outcome, s, told, trouble) in [
            (Ok(()), 0, false, None),
            (Err(LedgerError::Corrupt("a value".to_owned())), 1, false, None),
            (fails("full"), 2, true, Some((2, "full"))),
            (fails("full"), 3, false, Some((2, "full"))),
            (Err(LedgerError::Closed), 4, false, Some((2, "full"))),
            (fails("read-only"), 5, true, Some((2, "read-only"))),
            (Ok(()), 6, true, None),
            (fails("full"), 7, true, Some((7, "full"))),
        ] {
            last.note(&outcome, at(s));
            assert_eq!(seen.has_changed().unwrap(), told, "at {s}");
            let want = trouble.map(|(since, why)| Trouble { since: at(since), why: why.to_owned() });
            assert_eq!(*seen.borrow_and_update(), want, "at {s}");
        }
    }
}
