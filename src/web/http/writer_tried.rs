//! Whether the ledger's writer works, tried at most every few seconds, however many ask. It must never write anything that matters.

use crate::ledger::Ledger;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A ledger that is slower than this is not ready.
pub(super) const SLOWEST: Duration = Duration::from_secs(2);
/// The writer is tried at most so often, however many strangers ask.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// When the ledger's writer was tried last, and what is wrong with it.
#[derive(Debug, Default)]
pub struct WriterTried(Mutex<Option<(Instant, Result<(), &'static str>)>>);

impl WriterTried {
    /// What is wrong with the ledger's writer, if anything; as it was a moment ago when it was asked then.
    pub async fn now(&self, ledger: &Ledger) -> Result<(), &'static str> {
        let mut tried = self.0.lock().await;
        if let Some((at, answer)) = *tried
            && at.elapsed() < TRY_EVERY
        {
            return answer;
        }
        let answer = match tokio::time::timeout(SLOWEST, ledger.try_write()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the ledger cannot be written");
                Err("the ledger cannot be written")
            }
            Err(_) => Err("the ledger does not answer"),
        };
        *tried = Some((Instant::now(), answer));
        answer
    }
}
