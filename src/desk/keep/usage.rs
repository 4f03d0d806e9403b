//! What uses the disk of the data directory, and how long the rest lasts at the pace of the last month: so that it is known before a push is
//! refused; and what is compressed or removed next. It must never remove anything itself.

use crate::config::Config;
use crate::desk::decide::facts::OFFERED;
use crate::journal::compress::is_worth_it;
use crate::journal::{JournalFile, PushDir};
use crate::ledger::kept::{self, KeptBuilds};
use crate::ledger::settled::{self, Settled};
use crate::ledger::surplus::{self, Surplus};
use crate::ledger::{Ledger, LedgerError, LedgerResult};
use crate::supervise::blocking;
use crate::time::At;
use nix::sys::statvfs::statvfs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long the time is by whose growth the rest is judged.
const PACE_DAYS: u64 = 30;
const PACE: Duration = Duration::from_secs(PACE_DAYS * 24 * 60 * 60);

/// What the disk holds, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The builds, by stack.
    pub builds: Vec<KeptBuilds>,
    /// How many published builds each stack has that nobody has pushed …
    pub unpushed: Vec<(String, u64)>,
    /// … and how many of these are kept: the oldest go when another comes.
    pub unpushed_kept: u64,
    /// How many pushes have a journal.
    pub pushes: u64,
    /// How many bytes their directories hold.
    pub journal_bytes: u64,
    /// How many bytes of these came in the last 30 days.
    pub new_journal_bytes: u64,
    /// The journals that are compressed.
    pub compressed: Compressed,
    /// What is made smaller or removed next.
    pub next: Next,
    /// How many bytes are free.
    pub free: u64,
    /// How many must be free for a push.
    pub needed: u64,
}

/// The journals that are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compressed {
    /// How many.
    pub count: u64,
    /// How many bytes they were.
    pub from: u64,
    /// How many they take.
    pub to: u64,
}

/// What is made smaller or removed next, by which setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// `compress_after`, as it is written.
    pub compress_after: String,
    /// How many journals wait to be compressed …
    pub journals: u64,
    /// … how many bytes they are …
    pub journal_bytes: u64,
    /// … and when the first of them is due.
    pub first_at: Option<At>,
    /// `builds_kept`; 0: all of them are.
    pub builds_kept: u64,
    /// The builds whose files the next build of their stack takes the place of.
    pub builds: Vec<Surplus>,
}

impl Usage {
    /// Adds it all up: a question to the ledger, and a look at each push's directory.
    ///
    /// # Errors
    /// What the ledger said.
    pub async fn of(config: &Config, ledger: &Ledger) -> LedgerResult<Self> {
        let now = At::now();
        let since = At::from_millis(now.millis() - i64::try_from(PACE.as_millis()).unwrap_or(i64::MAX));
        let kept = config.limits.builds_kept;
        let read = ledger.read(move |connection| {
            // As if there was one more of each.
            let next = if kept == 0 { Vec::new() } else { surplus::list(connection, kept - 1, OFFERED)? };
            let settled = settled::list(connection, now)?;
            Ok((kept::all(connection, since)?, kept::unpushed(connection)?, next, settled))
        });
        let (builds, unpushed, next, settled) = read.await?;
        let mut usage = Self { builds, unpushed, needed: config.limits.free_mib << 20, ..Self::default() };
        usage.unpushed_kept = config.limits.published_kept as u64;
        usage.next.builds_kept = kept as u64;
        usage.next.builds = next;
        usage.next.compress_after = config.retention.compress_after.clone();
        let (data, after) = (config.data.clone(), config.retention.compress_after());
        let walked = blocking(move || {
            usage.free = free_bytes(&data);
            usage.add_pushes(&data.join("pushes"), SystemTime::now().checked_sub(PACE));
            usage.add_waiting(&data, &settled, after);
            Ok(usage)
        });
        walked.await.map_err(|_| LedgerError::Closed)
    }

    fn add_pushes(&mut self, pushes: &Path, since: Option<SystemTime>) {
        for push in std::fs::read_dir(pushes).into_iter().flatten().flatten() {
            self.pushes += 1;
            for file in std::fs::read_dir(push.path()).into_iter().flatten().flatten() {
                let Ok(meta) = file.metadata() else { continue };
                self.journal_bytes += meta.len();
                let is_new = meta.modified().ok().zip(since).is_some_and(|(at, since)| at >= since);
                self.new_journal_bytes += if is_new { meta.len() } else { 0 };
            }
            self.add_compressed(&PushDir::at(&push.path()));
        }
    }

    fn add_compressed(&mut self, push: &PushDir) {
        if !push.compressed().exists() {
            return;
        }
        // What cannot be read is for `verify`.
        let Ok(journal) = JournalFile::open(&push.journal()) else { return };
        if let (Ok(Some(to)), Ok(from)) = (journal.compressed_to(), journal.end()) {
            self.compressed.count += 1;
            self.compressed.from += from;
            self.compressed.to += to;
        }
    }

    /// The journals that are still as they were written, of pushes that are over.
    fn add_waiting(&mut self, data: &Path, settled: &[Settled], after: Option<Duration>) {
        let Some(after) = after else { return };
        for Settled { push, ended_at } in settled {
            let Ok(meta) = PushDir::of(data, *push).journal().metadata() else { continue };
            if !is_worth_it(meta.len()) {
                continue;
            }
            let due = At::from_millis(ended_at.millis().saturating_add(i64::try_from(after.as_millis()).unwrap_or(0)));
            self.next.journals += 1;
            self.next.journal_bytes += meta.len();
            self.next.first_at = Some(self.next.first_at.map_or(due, |first| first.min(due)));
        }
    }

    /// How many bytes all kept builds hold.
    pub fn build_bytes(&self) -> u64 {
        self.builds.iter().map(|of| of.bytes).sum()
    }

    /// How many bytes were added in the last 30 days.
    pub fn new_bytes(&self) -> u64 {
        self.builds.iter().map(|of| of.new_bytes).sum::<u64>().saturating_add(self.new_journal_bytes)
    }

    /// After how many days a push will be refused, if it goes on as in the last 30; none when nothing was added.
    pub fn days_left(&self) -> Option<u64> {
        let left = self.free.saturating_sub(self.needed);
        left.saturating_mul(PACE_DAYS).checked_div(self.new_bytes())
    }
}

/// How many bytes are free under a directory; 0 where nobody says.
pub fn free_bytes(data: &Path) -> u64 {
    statvfs(data).map_or(0, |space| space.blocks_available().saturating_mul(space.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_that_are_left_go_by_the_growth_of_the_last_month() {
        let builds = |new_bytes| vec![KeptBuilds { stack: "web".to_owned(), count: 9, bytes: 900, new_bytes }];
        let usage = |free, new_bytes, new_journal_bytes| Usage {
            builds: builds(new_bytes),
            free,
            needed: 100,
            new_journal_bytes,
            ..Usage::default()
        };
        assert_eq!(usage(400, 200, 100).days_left(), Some(30));
        assert_eq!(usage(130, 200, 100).days_left(), Some(3));
        assert_eq!(usage(50, 200, 100).days_left(), Some(0));
        assert_eq!(usage(400, 0, 0).days_left(), None, "nothing grows");
    }
}
