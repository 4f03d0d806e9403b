//! The sessions that are not over, for streams: many ask, the ledger is asked once. It must never be used where a request is let in.

use crate::desk::Desk;
use crate::ledger::LedgerResult;
use crate::ledger::sessions::{self, Which};
use crate::time::At;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the list of sessions is believed that all streams share.
const ALIVE_FOR: Duration = Duration::from_secs(1);

/// The groups of each session's person, by its hash.
type Groups = HashMap<String, Vec<String>>;

/// The sessions that are not over, looked at for all streams together: each asks every few seconds, and the ledger is asked once.
#[derive(Debug, Default)]
pub struct Alive(tokio::sync::Mutex<Option<(Instant, Arc<Groups>)>>);

impl Alive {
    /// The sessions that are not over, a second old at most.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn now(&self, desk: &Desk, which: Which) -> LedgerResult<Arc<Groups>> {
        let mut known = self.0.lock().await;
        if let Some((at, alive)) = &*known
            && at.elapsed() < ALIVE_FOR
        {
            return Ok(Arc::clone(alive));
        }
        let asked = Instant::now();
        let alive = desk.ledger().read(move |connection| sessions::alive(connection, which, At::now()));
        let alive = Arc::new(alive.await?);
        *known = Some((asked, Arc::clone(&alive)));
        Ok(alive)
    }
}
