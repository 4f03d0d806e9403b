//! When sources are fetched: each place once, whichever stacks push from it. Often while someone looks at one of these
//! stacks, ever more seldom when nobody does, at once when someone begins to; a few at a time, and those that hang in a lane of
//! their own, so that they delay nobody else. It must never make a page wait.

use super::branches::{Fetched, Place};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

/// Who looks at all stacks has so many places fetched within one pause; with more places, each waits longer.
const ALL_AT_ONCE: u32 = 20;
/// Fetches that go on at once: each is a git or two, and what they read from the disk.
const AT_ONCE: usize = 6;
/// A fetch that has taken so long hangs, or is a large first one: it goes on beside the others…
pub(crate) const QUICK: Duration = Duration::from_secs(10);
/// … as long as there are no more of that kind than these.
const SLOW_AT_ONCE: usize = 12;

/// Someone who was shown all stacks looks at them for so long; then open pages are told to ask again.
pub(crate) const SHOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// When places are fetched. Std mutexes: never held across an await.
pub(crate) struct Fetching {
    pub(crate) every: Duration,
    paces: Mutex<HashMap<Place, Arc<Pace>>>,
    quick: Semaphore,
    slow: Semaphore,
    /// After this long a fetch is not quick.
    hangs_after: Duration,
    /// When all stacks were last shown to someone.
    all_shown: Mutex<Option<Instant>>,
}

/// How one place is doing.
#[derive(Default)]
pub(crate) struct Pace {
    /// The next fetch is not to wait.
    pub(crate) at_once: Notify,
    /// When the last one began, when one has.
    began: Mutex<Option<Instant>>,
    /// When the last one that came to its end had begun.
    pub(crate) ended: watch::Sender<Option<Instant>>,
}

impl Pace {
    fn age(&self) -> Option<Duration> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner).map(|began| began.elapsed())
    }

    pub(crate) fn begins(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn ends(&self) {
        self.ended.send_replace(*self.began.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Fetching {
    /// Nothing is fetched yet; `every` is the pause while someone looks.
    pub fn new(every: Duration) -> Self {
        let (quick, slow) = (Semaphore::new(AT_ONCE), Semaphore::new(SLOW_AT_ONCE));
        Self { every, paces: Mutex::default(), quick, slow, hangs_after: QUICK, all_shown: Mutex::default() }
    }

    pub(crate) fn paces(&self) -> MutexGuard<'_, HashMap<Place, Arc<Pace>>> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn all_shown(&self) -> MutexGuard<'_, Option<Instant>> {
        self.all_shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether someone looks at all stacks.
    pub(crate) fn is_all_shown(&self) -> bool {
        self.all_shown().is_some_and(|at| at.elapsed() < SHOWN_FOR)
    }

    /// Has a place fetched at once, unless what is known of it is as fresh as it ever is.
    pub(crate) fn wanted(&self, place: &Place) {
        let Some(pace) = self.paces().get(place).cloned() else { return };
        if pace.age().is_none_or(|age| age >= self.every) {
            pace.at_once.notify_one();
        }
    }

    /// Has a place fetched at once: a stack of it is new.
    pub(crate) fn wanted_anyway(&self, place: &Place) {
        if let Some(pace) = self.paces().get(place) {
            pace.at_once.notify_one();
        }
    }

    /// Fetches, when there is room. One that hangs gives its room to others.
    pub(crate) async fn in_turn(&self, hangs: bool, fetch: impl Future<Output = Fetched>) -> Fetched {
        let lane = if hangs { &self.slow } else { &self.quick };
        // They are never closed; without a turn it would be fetched all the same.
        let turn = lane.acquire().await.ok();
        tokio::pin!(fetch);
        if let Ok(fetched) = tokio::time::timeout(self.hangs_after, &mut fetch).await {
            return fetched;
        }
        let beside: Option<SemaphorePermit<'_>> = if hangs { None } else { self.slow.try_acquire().ok() };
        let _turn = match beside {
            Some(beside) => {
                drop(turn);
                Some(beside)
            }
            // Where that lane is full too, this fetch keeps the room that it has.
            None => turn,
        };
        fetch.await
    }
}

/// Who looks at what comes from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Someone, at one of its stacks.
    AtIt,
    /// Someone, at all stacks, which come from so many places.
    AtAll(u32),
    /// Nobody, for so many fetches now.
    Nobody(u32),
}

/// How long to wait until a place is fetched again.
pub(crate) fn pause(every: Duration, looks: Looks) -> Duration {
    let idle = |fetches: u32| every.saturating_mul(1 << fetches.min(20)).min(LONGEST_PAUSE).max(every);
    match looks {
        Looks::AtIt => every,
        Looks::AtAll(places) => every.max(every.saturating_mul(places) / ALL_AT_ONCE).min(LONGEST_PAUSE.max(every)),
        Looks::Nobody(fetches) => idle(fetches),
    }
}

/// The longest pause between two fetches of a place that nobody looks at.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_place_is_fetched_often_while_somebody_looks_and_ever_more_seldom_when_nobody_does() {
        let seconds = |every: u64, looks| pause(Duration::from_secs(every), looks).as_secs();
        assert_eq!(seconds(15, Looks::AtIt), 15);
        let idle: Vec<u64> = (0..8).map(|fetches| seconds(15, Looks::Nobody(fetches))).collect();
        assert_eq!(idle, [15, 30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(seconds(15, Looks::Nobody(u32::MAX)), 600);
        assert_eq!(seconds(3600, Looks::Nobody(3)), 3600, "whoever wants it more seldom gets it so");
        for (places, expected) in [(1, 15), (20, 15), (40, 30), (300, 225), (100_000, 600)] {
            assert_eq!(seconds(15, Looks::AtAll(places)), expected, "{places} places on one page");
        }
        assert_eq!(seconds(3600, Looks::AtAll(300)), 3600);
    }

    #[tokio::test]
    async fn fetches_are_bounded_in_number_and_those_that_hang_delay_nobody() {
        let mut fetching = Fetching::new(Duration::from_secs(15));
        fetching.hangs_after = Duration::from_millis(20);
        let (most, now, hung) = (AtomicUsize::new(0), AtomicUsize::new(0), Semaphore::new(0));
        let fetch = |hangs: bool| {
            let (now, most, hung) = (&now, &most, &hung);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                match hangs {
                    true => drop(hung.acquire().await),
                    false => tokio::task::yield_now().await,
                }
                now.fetch_sub(1, Ordering::SeqCst);
                Fetched { news: false, went_well: true }
            }
        };
        futures::future::join_all((0..300).map(|_| fetching.in_turn(false, fetch(false)))).await;
        assert_eq!(most.swap(0, Ordering::SeqCst), AT_ONCE);

        // As many hang as the slow lane holds; who comes after them gets a turn all the same.
        let hanging = futures::future::join_all((0..SLOW_AT_ONCE).map(|_| fetching.in_turn(false, fetch(true))));
        let others = async {
            futures::future::join_all((0..60).map(|_| fetching.in_turn(false, fetch(false)))).await;
            hung.add_permits(SLOW_AT_ONCE);
        };
        let both = async { tokio::join!(hanging, others) };
        assert!(
            tokio::time::timeout(Duration::from_secs(60), both).await.is_ok(),
            "the others wait for those that hang"
        );
        assert!(most.load(Ordering::SeqCst) <= AT_ONCE + SLOW_AT_ONCE);
    }
}
