//! Sources are fetched here, each place once, at the pace that `fetching` says. It must never make a page wait.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::sources::branches::Place;
use crate::desk::parts::sources::fetching::{LONGEST_PAUSE, Looks, Pace, QUICK, SHOWN_FOR, pause};
use crate::desk::refusal::{Decision, Refusal};
use crate::stack::{Source, Stack, StackName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

impl Desk {
    /// Fetches a stack's branch and lists its hosts now, for a desk that does nothing by itself.
    ///
    /// # Errors
    /// When there is no such stack, or its file was never right.
    pub async fn fetch(&self, stack: &StackName) -> Decision<()> {
        self.list_stack(stack).await?;
        let (stack, _) = self.loaded(stack)?;
        if self.branches.fetch(&stack).await {
            self.changed();
        }
        match self.branches.known(&stack.name).problem {
            None => Ok(()),
            Some(why) => Err(Refusal::Unable { case: Case::Source, why }),
        }
    }

    /// Looks at what was fetched before, for a desk that does nothing by itself.
    pub async fn look_at_branches(&self) {
        for stack in self.stack_files().stacks.iter().filter_map(|loaded| loaded.stack.as_ref()) {
            self.branches.look(stack).await;
        }
    }

    /// Says that someone looks at a stack: its source is fetched, its hosts are connected and asked what they run, for the
    /// next minutes.
    pub fn in_use(&self, stack: &StackName) {
        self.warm.in_use(stack);
        if let Ok((stack, _)) = self.loaded(stack) {
            self.fetching.wanted(&Place::of(&stack));
        }
    }

    /// Says that someone looks at all stacks: what is new is found out for all of them, as fast as that costs little.
    pub fn all_in_use(&self) {
        if self.fetching.all_shown().replace(Instant::now()).is_some_and(|at| at.elapsed() < SHOWN_FOR) {
            return;
        }
        let paces: Vec<Place> = self.fetching.paces().keys().cloned().collect();
        paces.iter().for_each(|place| self.fetching.wanted(place));
    }

    /// Has the sources fetched at once of which someone says that there is something new; the stacks that have them.
    pub fn fetch_at_once(&self, is_meant: impl Fn(&Source) -> bool) -> Vec<StackName> {
        let mut found = Vec::new();
        for (place, stacks) in self.stacks_by_place() {
            let meant: Vec<StackName> =
                stacks.iter().filter(|stack| is_meant(&stack.source)).map(|stack| stack.name.clone()).collect();
            if !meant.is_empty() {
                self.fetching.wanted_anyway(&place);
            }
            found.extend(meant);
        }
        found.sort();
        found
    }

    /// The stacks whose source is meant, whatever is known of it.
    pub fn stacks_of(&self, is_meant: impl Fn(&Source) -> bool) -> Vec<StackName> {
        let stack_files = self.stack_files();
        let stacks = stack_files.stacks.iter().filter_map(|loaded| loaded.stack.as_ref());
        stacks.filter(|stack| is_meant(&stack.source)).map(|stack| stack.name.clone()).collect()
    }

    /// Waits until what is known of a stack's source is as fresh as while someone looks; at most `patience`. For programs,
    /// which ask once: a page is told when there is news.
    pub async fn freshly_fetched(&self, stack: &StackName, patience: Duration) {
        let Ok((stack, _)) = self.loaded(stack) else { return };
        let Some(pace) = self.fetching.paces().get(&Place::of(&stack)).cloned() else { return };
        let is_fresh = |began: &Option<Instant>| began.is_some_and(|began| began.elapsed() < self.fetching.every);
        let mut ended = pace.ended.subscribe();
        self.fetching.wanted(&Place::of(&stack));
        let _ = tokio::time::timeout(patience, ended.wait_for(is_fresh)).await;
    }

    /// Keeps one fetching task for each place that stack files name, until `stop`.
    pub(crate) async fn keep_fetching(&self, stop: CancellationToken) {
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
        for stack in self.stack_files().stacks.iter().filter_map(|loaded| loaded.stack.as_ref()) {
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
            // Nobody has to look for what is pushed automatically.
            false if stacks.iter().any(|stack| stack.stages.first().is_some_and(|stage| stage.auto.is_some())) => {
                Looks::AtIt
            }
            false if self.fetching.is_all_shown() => {
                Looks::AtAll(u32::try_from(self.fetching.paces().len()).unwrap_or(u32::MAX))
            }
            false => Looks::Nobody(nobody_for),
        }
    }
}
