//! Sees to it that uploads which nobody ends go by themselves. It must never touch one that is being written.

use crate::desk::Desk;
use crate::supervise::blocking;
use std::time::{Duration, SystemTime};

/// How often it is looked for old ones.
const LOOK_EVERY: Duration = Duration::from_secs(600);

impl Desk {
    /// Removes old uploads, as long as the desk lives.
    pub(crate) async fn keep_removing_uploads(&self) {
        loop {
            let uploads = self.uploads.clone();
            match blocking(move || uploads.sweep(SystemTime::now())).await {
                Ok(0) => {}
                Ok(gone) => tracing::info!(gone, "removed uploads that nobody completed"),
                Err(error) => tracing::warn!(%error, "old uploads were not removed"),
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}
