//! Which sessions are used, and whose turn it is to ask the provider about one. It must never grow with sessions that are not used any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A session without a request or a look of its stream for so long is not in use.
const IN_USE: Duration = Duration::from_secs(60);
/// After a failure the same session is left alone for a while.
const AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Sessions by their hash.
type ByHash<T> = Mutex<HashMap<String, T>>;

/// What is known of sessions beside the ledger.
#[derive(Debug, Default)]
pub struct Rechecks {
    /// When each was last used.
    used: ByHash<Instant>,
    /// When the provider last could not be asked about it.
    failed: ByHash<Instant>,
    /// Turns to ask about it.
    turns: ByHash<Arc<tokio::sync::Mutex<()>>>,
}

fn of<T>(map: &ByHash<T>) -> MutexGuard<'_, HashMap<String, T>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rechecks {
    /// Notes that a session is used.
    pub fn in_use(&self, hash: &str) {
        of(&self.used).insert(hash.to_owned(), Instant::now());
    }

    /// Notes that the provider could not be asked about a session.
    pub fn note_failure(&self, hash: &str) {
        of(&self.failed).insert(hash.to_owned(), Instant::now());
    }

    /// The sessions that are used; what is said of others is forgotten.
    pub fn used(&self) -> Vec<String> {
        let mut used = of(&self.used);
        used.retain(|_, at| at.elapsed() < IN_USE);
        of(&self.failed).retain(|_, at| at.elapsed() < AGAIN_AFTER);
        of(&self.turns).retain(|_, turn| Arc::strong_count(turn) > 1);
        used.keys().cloned().collect()
    }

    /// The turn to ask about a session: whoever holds it is alone.
    pub fn turn(&self, hash: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(of(&self.turns).entry(hash.to_owned()).or_default())
    }

    /// Whether the provider could not be asked about a session a moment ago.
    pub fn has_failed(&self, hash: &str) -> bool {
        of(&self.failed).get(hash).is_some_and(|at| at.elapsed() < AGAIN_AFTER)
    }
}
