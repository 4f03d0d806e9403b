//! How fast passwords may be tried. Who tries one account from one address is slowed down strongly; an account, whatever the
//! addresses, mildly: many addresses cannot guess it, and no stranger can lock its owner out, since a browser that has signed in there
//! before is counted by itself, and an address that has does not count against the account. It must never grow without bound, and never let
//! tries that are made at once all through: a try counts when it begins, and a good one is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys that are kept before those that are over are swept: some hundred kilobytes.
const MOST_KEYS: usize = 10_000;
/// How often they are swept at most.
const SWEPT_EVERY: Duration = Duration::from_secs(1);
/// After so long without a try all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// Slows down what is tried again and again, by key.
#[derive(Debug)]
pub struct Slowdown {
    /// Tries that wait for nothing.
    free: u32,
    /// What the next one waits; each one after it twice as long.
    first: Duration,
    /// The longest wait.
    longest: Duration,
    kept: Mutex<TryTable>,
}

/// What is kept, and when it was last swept.
#[derive(Debug, Default)]
struct TryTable {
    tried: HashMap<String, Tried>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Tried {
    times: u32,
    last: Instant,
}

impl Slowdown {
    /// `free` tries at once; then a wait that doubles, up to the longest.
    pub fn new(free: u32, first: Duration, longest: Duration) -> Self {
        Self { free, first, longest, kept: Mutex::default() }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// How long the next one has to wait; then it does not count.
    pub fn take(&self, key: &str, now: Instant) -> Result<(), Duration> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let TryTable { tried, swept } = &mut *kept;
        if tried.len() >= MOST_KEYS && !tried.contains_key(key) {
            // Whoever floods it must not have all of it looked through for each of their tries.
            if swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEPT_EVERY) {
                *swept = Some(now);
                tried.retain(|_, tried| now.saturating_duration_since(tried.last) < self.wait(*tried).max(self.first));
            }
            // Refusing those whom nobody knows beats forgetting the counted.
            if tried.len() >= MOST_KEYS {
                return Err(self.first);
            }
        }
        let entry = tried.entry(key.to_owned()).or_insert(Tried { times: 0, last: now });
        let since = now.saturating_duration_since(entry.last);
        if since >= FORGOTTEN {
            entry.times = 0;
        }
        match self.wait(*entry).checked_sub(since) {
            Some(left) if !left.is_zero() => Err(left),
            _ => {
                *entry = Tried { times: entry.times.saturating_add(1), last: now };
                Ok(())
            }
        }
    }

    /// Forgets a key: a try was good.
    pub fn forget(&self, key: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).tried.remove(key);
    }

    /// Takes one try back: it was good, and others are still counted.
    pub fn give_back(&self, key: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.tried.get_mut(key) {
            entry.times = entry.times.saturating_sub(1);
        }
    }

    fn wait(&self, tried: Tried) -> Duration {
        match tried.times.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(over) => {
                let factor = 1_u32.checked_shl(over).filter(|factor| *factor > 0).unwrap_or(u32::MAX);
                self.first.saturating_mul(factor).min(self.longest)
            }
        }
    }
}

/// Who tries, as far as can be known before the password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trying {
    /// The account, shortened.
    pub account: String,
    /// What its address is counted as.
    pub address: String,
    /// The browser, if it has signed in to this account before.
    pub browser: Option<String>,
    /// Whether someone has signed in to this account from this address before.
    pub known_address: bool,
}

/// All that slows down signing in.
#[derive(Debug)]
pub struct Tries {
    /// One account from one address.
    pair: Slowdown,
    /// One account from addresses that it does not know.
    account: Slowdown,
    /// One address, whatever the accounts: a whole office may sit behind it.
    address: Slowdown,
    /// A browser that an account knows, on that account.
    browser: Slowdown,
}

impl Default for Tries {
    fn default() -> Self {
        let (seconds, minutes) = (Duration::from_secs, |minutes: u64| Duration::from_secs(60 * minutes));
        Self {
            pair: Slowdown::new(5, minutes(1), minutes(15)),
            account: Slowdown::new(20, seconds(2), seconds(60)),
            address: Slowdown::new(30, seconds(15), minutes(5)),
            browser: Slowdown::new(5, minutes(1), minutes(15)),
        }
    }
}

impl Tries {
    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take(&self, who: &Trying, now: Instant) -> Result<(), Duration> {
        if let Some(browser) = &who.browser {
            return self.browser.take(&format!("{browser} {}", who.account), now);
        }
        self.pair.take(&who.pair(), now)?;
        self.address.take(&who.address, now)?;
        match who.known_address {
            true => Ok(()),
            false => self.account.take(&who.account, now),
        }
    }

    /// A try was good: its own count begins anew; what others tried stays counted.
    pub fn was_good(&self, who: &Trying) {
        if let Some(browser) = &who.browser {
            return self.browser.forget(&format!("{browser} {}", who.account));
        }
        self.pair.forget(&who.pair());
        self.address.give_back(&who.address);
        if !who.known_address {
            self.account.give_back(&who.account);
        }
    }
}

impl Trying {
    fn pair(&self) -> String {
        format!("{} {}", self.address, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(address: usize) -> Trying {
        Trying {
            account: "mary".to_owned(),
            address: format!("192.0.2.{address}"),
            browser: None,
            known_address: false,
        }
    }

    #[test]
    fn one_address_is_slowed_down_strongly_on_one_account_and_waits_longer_each_time() {
        let (tries, mut now) = (Tries::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..12 {
            match tries.take(&stranger(1), now) {
                Ok(()) => waits.push(0),
                Err(wait) => {
                    waits.push(wait.as_secs());
                    now += wait;
                    assert_eq!(tries.take(&stranger(1), now), Ok(()));
                }
            }
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(tries.take(&stranger(2), now), Ok(()), "nobody else pays for it");
        assert_eq!(tries.take(&stranger(1), now + FORGOTTEN), Ok(()));
    }

    #[test]
    fn many_addresses_guess_one_account_at_most_once_a_minute_and_its_owner_gets_in_meanwhile() {
        let (tries, start) = (Tries::default(), Instant::now());
        let mut guessed = 0;
        // A botnet of 10,000, each trying once a second for an hour.
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            for one in 0..3 {
                guessed += usize::from(tries.take(&stranger((second as usize * 3 + one) % 10_000), now).is_ok());
            }
        }
        assert!((60..120).contains(&guessed), "{guessed} guesses in an hour");
        let now = start + Duration::from_secs(3600);
        let known = Trying { known_address: true, ..stranger(20_000) };
        assert_eq!(tries.take(&known, now), Ok(()), "from where they sign in every day");
        let travelling = Trying { browser: Some("b".to_owned()), ..stranger(1) };
        for _ in 0..5 {
            assert_eq!(tries.take(&travelling, now), Ok(()), "with their own browser, wherever it is");
        }
        assert!(tries.take(&travelling, now).is_err(), "which guesses no faster than others");
    }

    #[test]
    fn a_good_try_is_not_held_against_anybody() {
        let (tries, now) = (Tries::default(), Instant::now());
        for person in 0..200 {
            let who = Trying { account: format!("p{person}"), ..stranger(1) };
            assert_eq!(tries.take(&who, now), Ok(()), "an office in the morning");
            tries.was_good(&who);
        }
    }

    #[test]
    fn what_is_kept_stays_small_and_a_flood_of_addresses_keeps_no_known_browser_out() {
        let (tries, now) = (Tries::default(), Instant::now());
        for one in 0..3 * MOST_KEYS {
            let _ = tries.take(&Trying { account: format!("a{one}"), ..stranger(one) }, now);
        }
        assert!(tries.pair.kept.lock().unwrap().tried.len() <= MOST_KEYS);
        let own = Trying { browser: Some("b".to_owned()), ..stranger(1) };
        assert_eq!(tries.take(&own, now), Ok(()));
        let later = now + Duration::from_secs(61);
        assert_eq!(tries.take(&stranger(1), later), Ok(()), "and strangers get in a minute later");
    }
}
