//! How often someone may do something: so many times within the last minute. It must never grow without bound, and
//! never count what was refused, so that a patient person is let in again. Called by signing in, pushing, rolling back and
//! publishing, each with a budget of its own: nobody who pushed too often is kept from a rollback.

use crate::web::http::problem::Problem;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
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

    /// Takes one of `key`'s turns for `work`, and gives it back when the work was refused. `what` says what was done too
    /// often: `you pushed`.
    ///
    /// # Errors
    /// When there is no turn left, or why the work was refused.
    pub async fn spend<T>(
        &self,
        key: &str,
        what: &str,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let now = Instant::now();
        self.take(key, now).map_err(|wait| Problem::too_often(what, wait))?;
        let done = work.await;
        if done.is_err() {
            self.give_back(key, now);
        }
        done
    }

    fn give_back(&self, key: &str, taken_at: Instant) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = taken.get_mut(key)
            && let Some(at) = turns.iter().position(|turn| *turn == taken_at)
        {
            turns.remove(at);
        }
    }
}

/// What one person may do in a minute, each thing on its own. Cancel, hold and answers have no limit.
#[derive(Debug)]
pub struct Budgets {
    /// Pushes that were accepted.
    pub pushes: Rate,
    /// Tries to push: what is refused is cheap, but not free.
    pub tries: Rate,
    /// Rollbacks and resumes that were accepted.
    pub rollbacks: Rate,
    /// Builds that were published.
    pub builds: Rate,
    /// Statuses of commits that were told.
    pub statuses: Rate,
    /// What one account of a chat asks the bot.
    pub chat: Rate,
    /// What is asked in one channel of a chat.
    pub chat_rooms: Rate,
    /// Looks at the hosts of a stack; one that is on its way already is joined.
    pub looks: Rate,
    /// Webhooks of one address, good or not.
    pub hooks: Rate,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            pushes: Rate::a_minute(PUSHES),
            tries: Rate::a_minute(TRIES),
            rollbacks: Rate::a_minute(ROLLBACKS),
            builds: Rate::a_minute(BUILDS),
            statuses: Rate::a_minute(STATUSES),
            chat: Rate::a_minute(CHAT),
            chat_rooms: Rate::a_minute(CHAT_ROOMS),
            looks: Rate::a_minute(LOOKS),
            hooks: Rate::a_minute(HOOKS),
        }
    }
}

/// More than a company pushes commits, from one server of its forge.
const HOOKS: usize = 600;
/// More than a build server that tests many branches at once has to tell.
const STATUSES: usize = 600;
/// What a person asks a bot, and no bot.
const CHAT: usize = 20;
/// More would be a channel that nobody can read.
const CHAT_ROOMS: usize = 30;
/// Looks at hosts a minute for one person: `check --hosts` asks once for each stack.
const LOOKS: usize = 120;
/// Accepted pushes a minute for one person (TRUST section 7).
const PUSHES: usize = 10;
/// Two a second: faster than anybody presses, slow enough that a script that loops harms nobody.
const TRIES: usize = 120;
/// As many as there are stacks that one person can save in a minute.
const ROLLBACKS: usize = 60;
/// A build server publishes many stacks at once.
const BUILDS: usize = 60;

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

    #[tokio::test]
    async fn what_was_refused_costs_no_turn() {
        let rate = Rate::a_minute(1);
        let refused = || async { Err::<(), _>(Problem::nobody()) };
        for _ in 0..20 {
            assert_eq!(rate.spend("mary", "you pushed", refused()).await, Err(Problem::nobody()));
        }
        assert_eq!(rate.spend("mary", "you pushed", async { Ok(1) }).await, Ok(1));
        let problem = rate.spend("mary", "you pushed", async { Ok(2) }).await.unwrap_err();
        assert_eq!(problem.code, "too_often");
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
