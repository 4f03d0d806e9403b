//! Hosts, reached through the system's own `ssh` and `rsync`: warm masters, commands under the guard, transfers, releases.
//! It must never decide what runs where (the runner does), and never leave a process on a host without saying so.

pub mod checkup;
pub mod fence;
pub mod guard;
pub mod masters;
pub mod output;
pub mod release;
pub mod transfer;

use crate::journal::Stream;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One cleaned line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which stream.
    pub stream: Stream,
    /// The text, without its line end.
    pub text: String,
}

/// Where lines go: bounded, so that output is read no faster than it is written down.
pub type Lines = tokio::sync::mpsc::Sender<Line>;

/// A script to run under the guard.
#[derive(Clone, Debug)]
pub struct Task {
    /// The constant text that a shell reads.
    pub script: String,
    /// Its environment, by name.
    pub values: BTreeMap<String, String>,
    /// After this long it is ended.
    pub timeout: Duration,
    /// Seconds without a heartbeat after which the guard kills.
    pub lease_s: u64,
    /// Seconds between TERM and KILL.
    pub grace_s: u64,
    /// The lock on the host, `STACK@HOST`; none for the push host.
    pub lock: Option<String>,
    /// The fence, `PUSH.RUN`: a host refuses what is older than what it saw.
    pub fence: String,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// What is covered in all that it says.
    pub mask: Arc<output::Mask>,
}

impl Task {
    /// A question of our own, which changes nothing: it takes no lock, so it waits for no push that works there, and there is
    /// nothing to fence.
    fn question(script: impl Into<String>, values: BTreeMap<String, String>, limit: Duration) -> Self {
        Self {
            script: script.into(),
            values,
            timeout: limit,
            lease_s: 2 * limit.as_secs(),
            grace_s: 1,
            lock: None,
            fence: "0.0".to_owned(),
            cancel: CancellationToken::new(),
            mask: Arc::default(),
        }
    }
}

/// How a task ended, as the guard told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code; 128 + N for signal N.
    Exited(i32),
    /// The guard refused to begin: nothing ran.
    Refused(String),
    /// What it found there is in its way, in words that say what fixes it: nothing was changed.
    Stopped(String),
    /// There was no connection: nothing ran.
    Unreachable(String),
    /// It was ended after its time; `left` processes would not die.
    TimedOut {
        /// How many.
        left: u32,
    },
    /// It was cancelled; `left` processes would not die.
    Cancelled {
        /// How many.
        left: u32,
    },
    /// The connection died in the middle: nobody knows.
    Unknown(String),
}

impl Ending {
    /// The code with which it exited.
    ///
    /// # Errors
    /// The ending itself, when nothing exited: it says enough.
    pub fn code(self) -> Result<i32, Self> {
        if let Self::Exited(code) = self { Ok(code) } else { Err(self) }
    }
}
