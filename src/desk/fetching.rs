//! When sources are fetched: each place once, whichever stacks push from it. Often while somebody looks at one of these
//! stacks, ever more seldom when nobody does, at once when somebody begins to; a few at a time, and those that hang in a lane of
//! their own, so that they delay nobody else. It must never make a page wait.

use super::Desk;
use super::branches::{Fetched, Place};
use crate::stack::{Stack, StackName};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// The longest pause between two fetches of a place that nobody looks at.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// Fetches that go on at once: each is a git or two, and what they read from the disk.
const AT_ONCE: usize = 6;
/// A fetch that has taken so long hangs, or is a large first one: it goes on beside the others…
const QUICK: Duration = Duration::from_secs(10);
/// … as long as there are no more of that kind than these.
const SLOW_AT_ONCE: usize = 12;
/// Who looks at all stacks has so many places fetched within one pause; with more places, each waits longer.
const ALL_AT_ONCE: u32 = 20;
/// Somebody who was shown all stacks looks at them for so long; then open pages are told to ask again.
const SHOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// When places are fetched. Std mutexes: never held across an await.
pub(super) struct Fetching {
    every: Duration,
    paces: Mutex<HashMap<Place, Arc<Pace>>>,
    quick: Semaphore,
    slow: Semaphore,
    /// After this long a fetch is not quick.
    hangs_after: Duration,
    /// When all stacks were last shown to somebody.
    all_shown: Mutex<Option<Instant>>,
}

/// How one place is doing.
#[derive(Default)]
struct Pace {
    /// The next fetch is not to wait.
    at_once: Notify,
    /// When the last one began, when one has.
    began: Mutex<Option<Instant>>,
    /// When the last one that came to its end had begun.
    ended: watch::Sender<Option<Instant>>,
}

impl Pace {
    fn age(&self) -> Option<Duration> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner).map(|began| began.elapsed())
    }

    fn begins(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn ends(&self) {
        self.ended.send_replace(*self.began.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Who looks at what comes from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    /// Somebody, at one of its stacks.
    AtIt,
    /// Somebody, at all stacks, which come from so many places.
    AtAll(u32),
    /// Nobody, for so many fetches now.
    Nobody(u32),
}

/// How long to wait until a place is fetched again.
fn pause(every: Duration, looks: Looks) -> Duration {
    let idle = |fetches: u32| every.saturating_mul(1 << fetches.min(20)).min(LONGEST_PAUSE).max(every);
    match looks {
        Looks::AtIt => every,
        Looks::AtAll(places) => every.max(every.saturating_mul(places) / ALL_AT_ONCE).min(LONGEST_PAUSE.max(every)),
        Looks::Nobody(fetches) => idle(fetches),
    }
}

impl Fetching {
    /// Nothing is fetched yet; `every` is the pause while somebody looks.
    pub fn new(every: Duration) -> Self {
        let (quick, slow) = (Semaphore::new(AT_ONCE), Semaphore::new(SLOW_AT_ONCE));
        Self { every, paces: Mutex::default(), quick, slow, hangs_after: QUICK, all_shown: Mutex::default() }
    }

    fn paces(&self) -> MutexGuard<'_, HashMap<Place, Arc<Pace>>> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_shown(&self) -> MutexGuard<'_, Option<Instant>> {
        self.all_shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody looks at all stacks.
    fn is_all_shown(&self) -> bool {
        self.all_shown().is_some_and(|at| at.elapsed() < SHOWN_FOR)
    }

    /// Has a place fetched at once, unless what is known of it is as fresh as it ever is.
    fn wanted(&self, place: &Place) {
        let Some(pace) = self.paces().get(place).cloned() else { return };
        if pace.age().is_none_or(|age| age >= self.every) {
            pace.at_once.notify_one();
        }
    }

    /// Has a place fetched at once: a stack of it is new.
    fn wanted_anyway(&self, place: &Place) {
        if let Some(pace) = self.paces().get(place) {
            pace.at_once.notify_one();
        }
    }

    /// Fetches, when there is room. One that hangs gives its room to others.
    async fn in_turn(&self, hangs: bool, fetch: impl Future<Output = Fetched>) -> Fetched {
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

impl Desk {
    /// Says that somebody looks at a stack: its source is fetched, its hosts are connected and asked what they run, for the
    /// next minutes.
    pub fn in_use(&self, stack: &StackName) {
        self.warm.in_use(stack);
        if let Ok((stack, _)) = self.shelved(stack) {
            self.fetching.wanted(&Place::of(&stack));
        }
    }

    /// Says that somebody looks at all stacks: what is new is found out for all of them, as fast as that costs little.
    pub fn all_in_use(&self) {
        if self.fetching.all_shown().replace(Instant::now()).is_some_and(|at| at.elapsed() < SHOWN_FOR) {
            return;
        }
        let paces: Vec<Place> = self.fetching.paces().keys().cloned().collect();
        paces.iter().for_each(|place| self.fetching.wanted(place));
    }

    /// Waits until what is known of a stack's source is as fresh as while somebody looks; at most `patience`. For programs,
    /// which ask once: a page is told when there is news.
    pub async fn freshly_fetched(&self, stack: &StackName, patience: Duration) {
        let Ok((stack, _)) = self.shelved(stack) else { return };
        let Some(pace) = self.fetching.paces().get(&Place::of(&stack)).cloned() else { return };
        let is_fresh = |began: &Option<Instant>| began.is_some_and(|began| began.elapsed() < self.fetching.every);
        let mut ended = pace.ended.subscribe();
        self.fetching.wanted(&Place::of(&stack));
        let _ = tokio::time::timeout(patience, ended.wait_for(is_fresh)).await;
    }

    /// Keeps one fetching task for each place on the shelf, until `stop`.
    pub(super) async fn keep_fetching(&self, stop: CancellationToken) {
        let mut tasks: BTreeMap<Place, CancellationToken> = BTreeMap::new();
        // Should this task break and be made anew, those that it had begun end with it.
        let all = stop.child_token();
        let _end_with_us = all.clone().drop_guard();
        let (mut changes, mut known) = (self.changes(), BTreeMap::new());
        loop {
            let stacks = self.stacks_by_place();
            let all_now: BTreeMap<StackName, Arc<Stack>> =
                stacks.values().flatten().map(|stack| (stack.name.clone(), Arc::clone(stack))).collect();
            // What was known of another source says nothing about this one.
            let same = |(name, now): &(&StackName, &Arc<Stack>)| {
                known.get(*name).is_none_or(|before: &Arc<Stack>| before.source == now.source)
            };
            self.branches.keep_only(&all_now.iter().filter(same).map(|(name, _)| name.clone()).collect());
            tasks.retain(|place, token| {
                let keep = stacks.contains_key(place);
                if !keep {
                    token.cancel();
                    self.fetching.paces().remove(place);
                }
                keep
            });
            for (place, of_place) in stacks {
                let is_new = of_place
                    .iter()
                    .any(|stack| known.get(&stack.name).is_none_or(|before: &Arc<Stack>| !Arc::ptr_eq(before, stack)));
                match tasks.get(&place) {
                    // Another stack of it, or another branch: what is here already is known to it at once.
                    Some(_) if is_new => self.fetching.wanted_anyway(&place),
                    Some(_) => {}
                    None => _ = tasks.insert(place.clone(), self.begin_fetching(&all, place)),
                }
            }
            known = all_now;
            let fades = self.fetching.all_shown().map(|at| SHOWN_FOR.saturating_sub(at.elapsed()));
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(fades.unwrap_or(SHOWN_FOR)), if fades.is_some() => {
                    // A page that is open still asks again.
                    *self.fetching.all_shown() = None;
                    self.changed();
                }
            }
        }
    }

    /// The stacks that can be pushed, by where they come from.
    fn stacks_by_place(&self) -> BTreeMap<Place, Vec<Arc<Stack>>> {
        let mut places: BTreeMap<Place, Vec<Arc<Stack>>> = BTreeMap::new();
        for stack in self.shelf().stacks.iter().filter_map(|shelved| shelved.stack.as_ref()) {
            places.entry(Place::of(stack)).or_default().push(Arc::clone(stack));
        }
        places
    }

    fn begin_fetching(&self, all: &CancellationToken, place: Place) -> CancellationToken {
        let token = all.child_token();
        let pace = Arc::clone(self.fetching.paces().entry(place.clone()).or_default());
        if let Some(desk) = self.me.upgrade() {
            let stop = token.clone();
            let fetch = move || {
                let (desk, place, pace, stop) = (Arc::clone(&desk), place.clone(), Arc::clone(&pace), stop.clone());
                async move {
                    tokio::select! { () = stop.cancelled() => {}, () = desk.fetch_again_and_again(&place, &pace) => {} }
                }
            };
            self.spawn(self.health.clone().keep("fetch branches", token.clone(), fetch));
        }
        token
    }

    async fn fetch_again_and_again(&self, place: &Place, pace: &Pace) {
        let stacks = || self.stacks_by_place().remove(place).unwrap_or_default();
        // What an earlier server fetched can be pushed at once, also while the repository does not answer.
        if self.branches.look_for(&stacks(), None).await {
            self.changed();
        }
        let (mut nobody_for, mut hangs) = (0_u32, false);
        loop {
            let began = Instant::now();
            let fetch = async {
                pace.begins();
                self.branches.fetch_for(&stacks()).await
            };
            let fetched = self.fetching.in_turn(hangs, fetch).await;
            hangs = !fetched.went_well && began.elapsed() >= QUICK;
            pace.ends();
            if fetched.news {
                self.changed();
            }
            let looks = self.who_looks(&stacks(), nobody_for);
            nobody_for = if let Looks::Nobody(fetches) = looks { fetches + 1 } else { 0 };
            let next = pause(self.fetching.every, looks);
            // What is published makes itself known; there is nothing to look for.
            let next = if matches!(place, Place::Published(_)) { LONGEST_PAUSE } else { next };
            tokio::select! { () = tokio::time::sleep(next) => {}, () = pace.at_once.notified() => {} }
        }
    }

    fn who_looks(&self, stacks: &[Arc<Stack>], nobody_for: u32) -> Looks {
        match stacks.iter().any(|stack| self.warm.is_in_use(&stack.name)) {
            true => Looks::AtIt,
            false if self.fetching.is_all_shown() => {
                Looks::AtAll(u32::try_from(self.fetching.paces().len()).unwrap_or(u32::MAX))
            }
            false => Looks::Nobody(nobody_for),
        }
    }
}

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
