//! Removes the files of builds that nobody needs any more, where the server's file says how many are kept (`builds_kept`). It must never
//! remove anything that the ledger does not say is pruned, nor touch history: pushes, journals and what was known of the build stay.

use crate::desk::Desk;
use crate::desk::decide::facts::OFFERED;
use crate::ledger::LedgerResult;
use crate::ledger::surplus::{self, Surplus};
use crate::source::build::BuildDir;
use crate::stack::BuildId;
use crate::supervise::blocking;
use crate::time::At;
use std::io::ErrorKind;
use std::time::Duration;

/// How often it is looked for builds that can go.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

impl Desk {
    /// Prunes builds, as long as the desk lives; not at all where the file says no number.
    pub(crate) async fn keep_pruning_builds(&self) {
        let kept = self.config.limits.builds_kept;
        if kept == 0 {
            return self.stop.cancelled().await;
        }
        loop {
            if let Err(error) = self.prune_builds(kept).await {
                tracing::warn!(%error, "builds that nobody needs were not removed");
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// The ledger says first that files go: who is killed in between finds them at the next look, and no push takes them meanwhile.
    async fn prune_builds(&self, kept: usize) -> LedgerResult<()> {
        let marked = self.ledger.write(move |tx| {
            let found = surplus::list(tx, kept, OFFERED)?;
            found.iter().try_for_each(|surplus| surplus::prune(tx, surplus, kept, At::now()))?;
            Ok(found)
        });
        let bytes: u64 = marked.await?.iter().map(|Surplus { bytes, .. }| bytes).sum();
        let pruned = self.ledger.read(surplus::pruned).await?;
        let data = self.config.data.clone();
        let removed = blocking(move || {
            let mut removed = 0_usize;
            for (stack, build) in pruned {
                // What is no build's name has no directory of ours.
                let Ok(build) = build.parse::<BuildId>() else { continue };
                match std::fs::remove_dir_all(BuildDir::of(&data, &stack, &build).0) {
                    Ok(()) => removed += 1,
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(removed)
        });
        match removed.await {
            Ok(0) => {}
            Ok(builds) => tracing::info!(builds, bytes, kept, "removed the files of builds that nobody needs"),
            Err(error) => tracing::warn!(%error, "the files of pruned builds were not removed"),
        }
        Ok(())
    }
}
