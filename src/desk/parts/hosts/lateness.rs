//! How much time this server has lost: a clock that ticks knows how late it was woken. A machine that is starved, or a process
//! that was stopped, does not notice answers that came; without this it would call healthy hosts silent. Pure but for the
//! clock. Called by the warm fleet.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the clock ticks.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// A busy machine wakes tasks a little late at all times; that is no loss.
const SLACK: Duration = Duration::from_millis(250);

/// The clock. A std mutex: held for a sum.
pub(crate) struct Lateness(Mutex<Ticked>);

#[derive(Clone, Copy, Debug)]
struct Ticked {
    at: Instant,
    /// All that was lost before.
    lost: Duration,
}

impl Ticked {
    /// All that is lost by now; what the clock has not noticed yet included.
    fn lost(&self, now: Instant) -> Duration {
        let late = now.saturating_duration_since(self.at).saturating_sub(TICK + SLACK);
        self.lost + late
    }
}

impl Lateness {
    /// Nothing is lost yet.
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Ticked { at: now, lost: Duration::ZERO }))
    }

    /// The clock was woken.
    pub fn tick(&self, now: Instant) {
        let mut ticked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ticked = Ticked { at: now, lost: ticked.lost(now) };
    }

    /// How much time was lost in all, up to now: what lies between two readings was lost between them.
    pub fn lost(&self, now: Instant) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).lost(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_woken_in_time_loses_nothing_and_one_that_is_not_says_how_much() {
        let mut now = Instant::now();
        let clock = Lateness::new(now);
        for late in [0, 100, 250, 30] {
            now += TICK + Duration::from_millis(late);
            assert_eq!(clock.lost(now), Duration::ZERO, "{late} ms late");
            clock.tick(now);
        }
        now += TICK + SLACK + Duration::from_secs(20);
        assert_eq!(clock.lost(now), Duration::from_secs(20), "also before the clock itself has noticed");
        clock.tick(now);
        now += TICK;
        clock.tick(now);
        assert_eq!(clock.lost(now), Duration::from_secs(20), "and once only");
    }
}
