//! How commands end: on one place, on all of them, and the push as a whole. Plain values; what they mean is decided in `policy`, and
//! they must never hold anything that changes later. Everything in the runner speaks of ends by them.

use crate::journal::{Ended, Event, HostResult};
use crate::stack::{Host, Root};
use std::num::NonZeroU32;
use std::time::Instant;

/// How a command ended on one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How.
    pub result: HostResult,
    /// The exit code, when it exited by itself.
    pub code: Option<i32>,
    /// Why it did not succeed.
    pub why: Option<String>,
    /// How many processes would not die.
    pub left: u32,
    /// What else is known now.
    pub learned: Vec<Learned>,
}

/// What a command has found out or made, besides how it ended: later commands, or the end of the push, need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The host flipped at this moment.
    Flipped(tokio::time::Instant),
    /// The submodules that the checkout left empty.
    EmptySubmodules(Vec<String>),
    /// The content hash of the build that was frozen.
    Frozen(Root),
    /// What became of the link in a directory that was to be put back.
    LinkPutBack {
        /// The directory.
        dir: String,
        /// Whether it is as it was.
        ok: bool,
        /// What is there now.
        what: String,
    },
}

impl Outcome {
    /// An end with no exit code, and no process left behind.
    pub fn new(result: HostResult, why: Option<String>) -> Self {
        Self { result, code: None, why, left: 0, learned: Vec::new() }
    }

    /// Whether the command did not succeed.
    pub fn is_bad(&self) -> bool {
        self.result != HostResult::Ok
    }

    /// Whether nobody knows what runs there now: the connection died in the middle, or processes would not die.
    pub fn is_unknown(&self) -> bool {
        self.result == HostResult::Unknown || self.left > 0
    }
}

/// How a command ended, and where; on the push host without a host.
pub type HostOutcome = (Option<Host>, Outcome);

/// How a command ended on all its places.
#[derive(Default)]
pub struct Sum {
    /// Where it began.
    pub outcomes: Vec<HostOutcome>,
    /// Hosts that were never begun.
    pub skipped: Vec<Host>,
    /// Why its batches grew no further, where what is watched in between was beyond its limit.
    pub worse: Option<String>,
}

impl Sum {
    /// The places where it did not succeed.
    pub fn bad(&self) -> impl Iterator<Item = &HostOutcome> {
        self.outcomes.iter().filter(|(_, outcome)| outcome.is_bad())
    }
}

/// How the push ends, as far as it is known.
pub struct End {
    /// How.
    pub state: Ended,
    /// Why it is no success.
    pub why: Option<String>,
}

/// The record of a command that ended on a host.
pub fn host_ended(command: u32, host: Option<&Host>, outcome: &Outcome, duration_ms: u64) -> Event {
    Event::HostEnded {
        command,
        host: host.map(|host| host.name().to_owned()),
        result: outcome.result,
        code: outcome.code,
        why: outcome.why.clone(),
        left: NonZeroU32::new(outcome.left),
        duration_ms,
    }
}

/// A number of hosts, as records have it.
pub fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Whole milliseconds since an instant.
pub fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
