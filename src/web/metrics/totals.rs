//! What the pushes that have ended add up to. A push that ended never changes, so each is read once: all of history when the server
//! starts, from one index, and after that what is new. It must never count a push twice, nor keep more of one than its sums.

use crate::journal::{Ended, HostResult};
use crate::ledger::LedgerResult;
use crate::ledger::measures::ended;
use prometheus_client::metrics::histogram::Histogram;
use rusqlite::Connection;
use std::collections::{BTreeSet, HashMap};

/// How long pushes take, in seconds: from one link that is flipped to an hour of batches.
const DURATIONS: [f64; 10] = [5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];

/// Which pushes are added up together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PushGroup<Result> {
    /// Their stack.
    pub stack: String,
    /// Their stage.
    pub stage: String,
    /// How they ended, or how commands of theirs did.
    pub result: Result,
}

/// What they add up to.
#[derive(Debug)]
pub struct EndedPushes {
    /// How many there are.
    pub count: u64,
    /// How long they took, in seconds.
    pub took: Histogram,
}

/// The sums, and up to where they go.
#[derive(Debug, Default)]
pub struct Totals {
    /// Whether history was read.
    begun: bool,
    /// All pushes up to this number have ended and are in the sums …
    mark: i64,
    /// … and of those above it, these.
    above: BTreeSet<i64>,
    /// The pushes.
    pub pushes: HashMap<PushGroup<Ended>, EndedPushes>,
    /// How often commands ended on hosts in each way, of the pushes that ended since the first reading: there may be millions of
    /// those before.
    pub on_hosts: HashMap<PushGroup<HostResult>, u64>,
}

impl Totals {
    /// Takes in what has ended since the last time.
    ///
    /// # Errors
    /// What the ledger said; then nothing is taken in.
    pub fn update(&mut self, connection: &Connection) -> LedgerResult<()> {
        // First: a push that ends behind this question is above the mark.
        let running = ended::first_running(connection)?;
        let mut new = if self.begun { ended::after(connection, self.mark)? } else { ended::all(connection)? };
        new.retain(|push| !self.above.contains(&push.id));
        let mut results = Vec::new();
        for push in new.iter().filter(|_| self.begun) {
            for (result, times) in ended::on_hosts(connection, push.id)? {
                results.push((PushGroup { stack: push.stack.clone(), stage: push.stage.clone(), result }, times));
            }
        }
        // From here on nothing fails.
        for (of, times) in results {
            *self.on_hosts.entry(of).or_default() += u64::from(times);
        }
        for push in new {
            let of = PushGroup { stack: push.stack, stage: push.stage, result: push.result };
            let sum =
                self.pushes.entry(of).or_insert_with(|| EndedPushes { count: 0, took: Histogram::new(DURATIONS) });
            sum.count += 1;
            sum.took.observe(push.duration_ms as f64 / 1000.0);
            self.above.insert(push.id);
        }
        self.begun = true;
        self.mark = match running {
            Some(running) => running - 1,
            None => self.above.last().copied().unwrap_or(self.mark),
        };
        self.above = self.above.split_off(&(self.mark + 1));
        Ok(())
    }
}
