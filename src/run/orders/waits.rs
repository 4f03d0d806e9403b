//! When a person was waited for: a question between two batches, a pause. It must never count a moment in which nobody was. Called
//! by whoever waits; what lies between two flips leaves it out.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// From when to when a person was waited for. A std mutex: never held across an await. Cheap to clone: all clones share it.
#[derive(Clone, Debug, Default)]
pub struct Waits(Arc<Mutex<Vec<(Instant, Instant)>>>);

/// A person is waited for until this is dropped.
#[derive(Debug)]
pub struct Wait<'a> {
    waits: &'a Waits,
    since: Instant,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waits.0.lock().unwrap_or_else(PoisonError::into_inner).push((self.since, Instant::now()));
    }
}

impl Waits {
    /// Says that a person is waited for from now on.
    pub fn begin(&self) -> Wait<'_> {
        Wait { waits: self, since: Instant::now() }
    }

    /// Those that are over.
    pub fn over(&self) -> Vec<(Instant, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stops_waiting_has_waited() {
        let waits = Waits::default();
        let wait = waits.begin();
        assert!(waits.over().is_empty());
        drop(wait);
        assert_eq!(waits.over().len(), 1);
    }
}
