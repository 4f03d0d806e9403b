//! What uses the disk of the data directory, and how long the rest lasts at the pace of the last month: so that it is known before a push is
//! refused. History is kept for ever, and so are the builds that were pushed; this says what that takes. It must never remove anything.

use crate::config::Config;
use crate::ledger::kept::{self, KeptBuilds};
use crate::ledger::{Ledger, LedgerResult};
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
    /// How many bytes are free.
    pub free: u64,
    /// How many must be free for a push.
    pub needed: u64,
}

impl Usage {
    /// Adds it all up: a question to the ledger, and a look at each push's directory.
    ///
    /// # Errors
    /// What the ledger said.
    pub async fn of(config: &Config, ledger: &Ledger) -> LedgerResult<Self> {
        let since = At::from_millis(At::now().millis() - i64::try_from(PACE.as_millis()).unwrap_or(i64::MAX));
        let read = ledger.read(move |connection| Ok((kept::all(connection, since)?, kept::unpushed(connection)?)));
        let (builds, unpushed) = read.await?;
        let mut usage = Self { builds, unpushed, needed: config.limits.free_mib << 20, ..Self::default() };
        usage.unpushed_kept = config.limits.published_kept as u64;
        usage.free = free_bytes(&config.data);
        usage.add_pushes(&config.data.join("pushes"), SystemTime::now().checked_sub(PACE));
        Ok(usage)
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
        }
    }

    /// How many bytes all kept builds hold.
    pub fn build_bytes(&self) -> u64 {
        self.builds.iter().map(|of| of.bytes).sum()
    }

    /// After how many days a push will be refused, if it goes on as in the last 30; none when nothing was added.
    pub fn days_left(&self) -> Option<u64> {
        let new = self.builds.iter().map(|of| of.new_bytes).sum::<u64>().saturating_add(self.new_journal_bytes);
        let left = self.free.saturating_sub(self.needed);
        left.saturating_mul(PACE_DAYS).checked_div(new)
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
