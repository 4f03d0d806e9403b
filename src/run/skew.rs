//! How far apart the hosts of a push flipped, by the runner's own clock that nobody sets. Pure but for its lock; it must never
//! take a host's clock for ours. Called by the step and the walk.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The moments of all flips, by command. A std mutex: never held across an await.
#[derive(Debug, Default)]
pub(super) struct Flips(Mutex<BTreeMap<u32, Vec<Instant>>>);

impl Flips {
    /// Notes that a host flipped; nothing where that is not known.
    pub fn note(&self, command: u32, at: Option<Instant>) {
        let Some(at) = at else { return };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(command).or_default().push(at);
    }

    /// Milliseconds from the first flip of a command to its last; none with fewer than two.
    pub fn skew_ms(&self, command: u32) -> Option<u64> {
        let flips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flips = flips.get(&command).filter(|flips| flips.len() > 1)?;
        let skew: Duration = flips.iter().max()?.saturating_duration_since(*flips.iter().min()?);
        u64::try_from(skew.as_millis()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skew_lies_between_the_first_and_the_last_flip_of_a_command() {
        let (flips, now) = (Flips::default(), Instant::now());
        assert_eq!(flips.skew_ms(5), None);
        for (command, ms) in [(5, 300), (6, 9000), (5, 120), (5, 384)] {
            flips.note(command, Some(now + Duration::from_millis(ms)));
        }
        flips.note(5, None);
        assert_eq!((flips.skew_ms(5), flips.skew_ms(6)), (Some(264), None), "one alone is no skew");
    }
}
