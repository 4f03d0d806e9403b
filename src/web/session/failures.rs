//! What the audit says of tries to sign in that failed: a bounded number of rows, and how many were left out. It must never let strangers
//! fill the ledger.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::time::Instant;

/// Rows that failed tries add to the audit in [`FAILURES_IN`], at most.
const FAILURES_WRITTEN: usize = 30;

const FAILURES_IN: Duration = Duration::from_secs(60);

/// Bounds what strangers can write into the audit: so many rows a minute, and then how many were left out.
#[derive(Debug, Default)]
pub struct Failures(Mutex<(Option<Instant>, usize, usize)>);

impl Failures {
    /// Whether the audit gets a row now, and how many it did not get before.
    pub fn take(&self, now: Instant) -> Option<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, written, left_out) = &mut *kept;
        if since.is_none_or(|since| now.saturating_duration_since(since) >= FAILURES_IN) {
            (*since, *written) = (Some(now), 0);
        }
        match *written < FAILURES_WRITTEN {
            true => {
                *written += 1;
                Some(std::mem::take(left_out))
            }
            false => {
                *left_out += 1;
                None
            }
        }
    }
}
