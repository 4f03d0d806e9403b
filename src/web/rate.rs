//! How often somebody may do something: so many times within the last minute. It must never grow without bound, and
//! never count what was refused, so that a patient person is let in again. Called by signing in and pressing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Keys kept before those that are over are swept: some hundred kilobytes.
const MOST_KEYS: usize = 10_000;

/// A limit for each of many keys: people, addresses.
#[derive(Debug)]
pub struct Rate {
    most: usize,
    taken: Mutex<HashMap<String, VecDeque<Instant>>>,
}

impl Rate {
    /// Allows `most` times a minute for each key.
    pub fn a_minute(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// Takes one of `key`'s turns.
    ///
    /// # Errors
    /// After how long the next turn comes, when there is none left.
    pub fn take(&self, key: &str, now: Instant) -> Result<(), Duration> {
        let over = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= MOST_KEYS && !taken.contains_key(key) {
            taken.retain(|_, turns| turns.back().is_some_and(|last| !over(last)));
            // Still full: more people than we have in one minute. Refusing strangers beats forgetting the counted.
            if taken.len() >= MOST_KEYS {
                return Err(WINDOW);
            }
        }
        let turns = taken.entry(key.to_owned()).or_default();
        while turns.front().is_some_and(over) {
            turns.pop_front();
        }
        match turns.front() {
            Some(first) if turns.len() >= self.most => Err(WINDOW - now.saturating_duration_since(*first)),
            _ => {
                turns.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_turns_each_minute_and_costs_the_others_nothing() {
        let rate = Rate::a_minute(2);
        let start = Instant::now();
        let after = |s: u64| start + Duration::from_secs(s);
        assert_eq!(rate.take("mary", start), Ok(()));
        assert_eq!(rate.take("mary", after(10)), Ok(()));
        assert_eq!(rate.take("mary", after(20)), Err(Duration::from_secs(40)));
        assert_eq!(rate.take("bob", after(20)), Ok(()));
        assert_eq!(rate.take("mary", after(60)), Ok(()), "the refused try did not count");
        assert_eq!(rate.take("mary", after(61)), Err(Duration::from_secs(9)));
    }

    #[test]
    fn keys_that_are_over_are_forgotten_before_room_runs_out() {
        let rate = Rate::a_minute(1);
        let start = Instant::now();
        for key in 0..MOST_KEYS {
            assert!(rate.take(&key.to_string(), start).is_ok());
        }
        assert!(rate.take("one more", start).is_err());
        assert!(rate.take("one more", start + WINDOW).is_ok());
        assert_eq!(rate.taken.lock().unwrap().len(), 1);
    }
}
