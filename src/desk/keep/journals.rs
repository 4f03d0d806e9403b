//! Compresses the journals of pushes that are over for good, some time after their end (`compress_after`), and says how much everything
//! takes. It must never touch the journal of a push that runs or may be resumed, nor one that is not as the ledger says, nor be in
//! anybody's way: one at a time, with pauses, and not while somebody copies.

use super::copying::taking_away;
use super::usage::Usage;
use super::verify::files;
use crate::desk::Desk;
use crate::desk::parts::runner_lock::take_lock;
use crate::journal::PushDir;
use crate::journal::compress::{Compression, compress, is_worth_it};
use crate::ledger::integrity::{SealedPush, sealed_push};
use crate::ledger::{LedgerError, LedgerResult, settled};
use crate::stack::PushNumber;
use crate::supervise::blocking;
use crate::time::At;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often it is looked for journals that can be compressed.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// After each piece of work it rests so many times as long: three quarters of a core are for the pushes.
const REST: u32 = 3;
/// The longest rest, where the disk was slow and not we.
const LONGEST_REST: Duration = Duration::from_millis(500);

/// What became of one journal.
enum Outcome {
    Compressed { from: u64, to: u64 },
    Nothing,
    Later,
    Different(String),
}

impl Desk {
    /// Compresses journals, as long as the desk lives; not at all where the file says never.
    pub(crate) async fn keep_compressing_journals(&self) {
        // Those that are not as the ledger says are named once, and left alone.
        let mut left = BTreeSet::new();
        loop {
            if let Some(after) = self.config.retention.compress_after()
                && let Err(error) = self.compress_journals(after, &mut left).await
            {
                tracing::warn!(%error, "journals were not compressed");
            }
            self.look_at_usage().await;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// What the disk held at the last look, within the last hour; none before the first.
    pub fn usage(&self) -> Option<Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look_at_usage(&self) {
        match Usage::of(&self.config, &self.ledger).await {
            Ok(usage) => *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage),
            Err(error) => tracing::warn!(%error, "what uses the disk is not known"),
        }
    }

    /// The pushes that are over for good, and ended before a moment, whose journals are as they were written.
    async fn written(&self, before: At) -> LedgerResult<Vec<PushNumber>> {
        let over = self.ledger.read(move |connection| settled::list(connection, before)).await?;
        let data = self.config.data.clone();
        // Thousands of looks at the disk.
        let there = blocking(move || {
            let written = |push: &PushNumber| {
                let journal = PushDir::of(&data, *push).journal();
                journal.metadata().is_ok_and(|meta| is_worth_it(meta.len()))
            };
            Ok(over.into_iter().map(|settled| settled.push).filter(written).collect())
        });
        there.await.map_err(|_| LedgerError::Closed)
    }

    async fn compress_journals(&self, after: Duration, left: &mut BTreeSet<PushNumber>) -> LedgerResult<()> {
        let before = before(At::now(), after);
        let (mut journals, mut bytes, mut takes) = (0_usize, 0, 0);
        for push in self.written(before).await? {
            if left.contains(&push) {
                continue;
            }
            let dir = PushDir::of(&self.config.data, push);
            let Some(sealed) = self.ledger.read(move |connection| sealed_push(connection, push)).await? else {
                continue;
            };
            let (data, stop) = (self.config.data.clone(), self.stop.clone());
            match blocking(move || compress_one(&data, &dir, &sealed, &stop)).await {
                Ok(Outcome::Compressed { from, to }) => {
                    journals += 1;
                    bytes += from;
                    takes += to;
                }
                Ok(Outcome::Nothing) => {}
                Ok(Outcome::Later) => break,
                Ok(Outcome::Different(why)) => {
                    left.insert(push);
                    tracing::error!(push = push.get(), why, "a journal is not as the ledger says, and stays as it is");
                }
                Err(_) if self.stop.is_cancelled() => break,
                Err(error) => {
                    left.insert(push);
                    tracing::warn!(push = push.get(), %error, "a journal was not compressed");
                }
            }
        }
        if journals > 0 {
            tracing::info!(journals, bytes, takes, "compressed the journals of pushes that ended long ago");
        }
        Ok(())
    }
}

/// The moment before which a push must have ended.
fn before(now: At, after: Duration) -> At {
    At::from_millis(now.millis().saturating_sub(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
}

/// Compresses one journal, with rests. Blocking.
fn compress_one(data: &Path, dir: &PushDir, sealed: &SealedPush, stop: &CancellationToken) -> io::Result<Outcome> {
    let Some(_alone) = taking_away(data)? else { return Ok(Outcome::Later) };
    let Some(_lock) = take_lock(dir)? else { return Ok(Outcome::Nothing) };
    if let Err(why) = files::journal(data, sealed) {
        return Ok(Outcome::Different(why));
    }
    let mut since = Instant::now();
    let compressed = compress(dir, || {
        if stop.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        std::thread::sleep((since.elapsed() * REST).min(LONGEST_REST));
        since = Instant::now();
        Ok(())
    });
    Ok(match compressed? {
        Compression::Done { from, to } => Outcome::Compressed { from, to },
        Compression::Nothing => Outcome::Nothing,
    })
}
