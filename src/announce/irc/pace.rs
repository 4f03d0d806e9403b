//! How fast the bot speaks: a few lines at once, then one each two seconds; servers throw out who floods.

use std::time::Duration;
use tokio::time::Instant;

/// Lines that may be said at once.
const BURST: u32 = 4;
/// The time that each line costs.
const EACH: Duration = Duration::from_secs(2);

/// Counts the cost of lines as a moment in time up to which the bot has spoken.
pub(super) struct Pace {
    spoken_until: Instant,
}

impl Pace {
    /// Begins with a whole burst.
    pub(super) fn new(now: Instant) -> Self {
        Self { spoken_until: now }
    }

    /// From when on the next line may be said.
    pub(super) fn ready_at(&self) -> Instant {
        self.spoken_until.checked_sub(EACH * (BURST - 1)).unwrap_or(self.spoken_until)
    }

    /// Counts a line that is said now.
    pub(super) fn say(&mut self, now: Instant) {
        self.spoken_until = self.spoken_until.max(now) + EACH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_lines_at_once_then_one_each_two_seconds() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut pace = Pace::new(start);
        let mut now = start;
        let mut said = Vec::new();
        for _ in 0..7 {
            now = now.max(pace.ready_at());
            said.push((now - start).as_secs());
            pace.say(now);
        }
        assert_eq!(said, [0, 0, 0, 0, 2, 4, 6]);
        now += Duration::from_secs(60);
        for _ in 0..4 {
            assert!(pace.ready_at() <= now, "silence earns a burst again");
            pace.say(now);
        }
        assert_eq!(pace.ready_at(), now + EACH);
    }
}
