//! What the hosts of the stacks in use said last of what they run, and which run another build than their stage. It must never ask a
//! host (`watch/probe.rs` does), and never call one divergent while a push changes it.
//! It must never change anything on a host, never make a page wait, and never call a host divergent while a push changes it.
//! Called by the warm fleet, whose connections it uses.

use crate::desk::view::{Drift, ExtraReleases};
use crate::diagnostic::shown;
use crate::plan::OldBuild;
use crate::remote::release::{self, ReleaseFolder, UnremovedRelease};
use crate::stack::{Host, PushNumber, StackName, Stage, StageName};
use crate::time::At;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Reasons that are told of one host.
const WHYS: usize = 3;

/// What was found, by stack. A std mutex: never held across an await.
pub(crate) struct Drifts {
    every: Duration,
    stacks: Mutex<HashMap<StackName, Probed>>,
}

/// What is known of a stack.
#[derive(Default)]
pub(crate) struct Probed {
    /// A probe is on its way.
    asking: bool,
    /// When the last one began.
    began: Option<Instant>,
    /// A push has ended since.
    again: bool,
    pub(crate) stages: BTreeMap<StageName, StageDrift>,
}

/// What was found on a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StageDrift {
    /// The last push that came to its end: what was seen before says nothing about what is there since.
    push: PushNumber,
    at: At,
    pub(crate) divergent: Vec<Drift>,
    /// The hosts that said now that they run just what they are to run.
    right: BTreeSet<String>,
    pub(crate) kept: Vec<ExtraReleases>,
    pub(crate) held: BTreeMap<(String, String), BTreeMap<String, String>>,
}

/// The verified releases that hosts hold, as they last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldReleases {
    /// When they said so.
    pub at: At,
    /// By host and directory: builds and their root hashes.
    pub releases: BTreeMap<(String, String), BTreeMap<String, String>>,
}

/// What hosts said of themselves when they were last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// When they were asked.
    pub at: At,
    /// Those that run just what they are to run.
    pub right: BTreeSet<String>,
    /// Those that run something else.
    pub divergent: Vec<Drift>,
}

/// What one host said of one directory; nothing when it could not be asked.
#[derive(Clone)]
pub(crate) struct HostAnswer {
    pub(crate) host: String,
    pub(crate) dir: String,
    pub(crate) seen: Option<ReleaseFolder>,
}

impl Drifts {
    /// Nothing is known at first.
    pub fn new(every: Duration) -> Self {
        Self { every, stacks: Mutex::default() }
    }

    pub(crate) fn stacks(&self) -> MutexGuard<'_, HashMap<StackName, Probed>> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What hosts of a stage hold, behind this push.
    pub fn held(&self, stack: &StackName, stage: &StageName, push: PushNumber) -> Option<HeldReleases> {
        let stacks = self.stacks();
        let found = stacks.get(stack)?.stages.get(stage).filter(|found| found.push == push)?;
        Some(HeldReleases { at: found.at, releases: found.held.clone() })
    }

    /// What was found on a stage behind this push, the last one that came to its end, and when its hosts were last asked.
    pub fn of(&self, stack: &StackName, stage: &StageName, push: PushNumber) -> (Vec<Drift>, Option<At>) {
        let stacks = self.stacks();
        let found = stacks.get(stack).and_then(|probed| probed.stages.get(stage)).filter(|found| found.push == push);
        found.map_or((Vec::new(), None), |found| (found.divergent.clone(), Some(found.at)))
    }

    /// The hosts of a stage that run something else than they are to, and behind which push that was seen.
    pub fn divergent(&self, stack: &StackName, stage: &StageName) -> Option<(PushNumber, BTreeSet<String>)> {
        let stacks = self.stacks();
        let found = stacks.get(stack)?.stages.get(stage)?;
        Some((found.push, found.divergent.iter().map(|drift| drift.host.clone()).collect()))
    }

    /// What hosts of a stage said behind this push, the last one that came to its end.
    pub fn answers(&self, stack: &StackName, stage: &StageName, push: PushNumber) -> Option<Answers> {
        let stacks = self.stacks();
        let found = stacks.get(stack)?.stages.get(stage).filter(|found| found.push == push)?;
        Some(Answers { at: found.at, right: found.right.clone(), divergent: found.divergent.clone() })
    }

    /// Which hosts of a stage keep more releases than they are to, behind this push.
    pub fn kept(&self, stack: &StackName, stage: &StageName, push: PushNumber) -> Vec<ExtraReleases> {
        let stacks = self.stacks();
        let found = stacks.get(stack).and_then(|probed| probed.stages.get(stage)).filter(|found| found.push == push);
        found.map_or(Vec::new(), |found| found.kept.clone())
    }

    /// Has a stack asked again at once: a push of it has ended.
    pub fn ask_again(&self, stack: &StackName) {
        self.stacks().entry(stack.clone()).or_default().again = true;
    }

    /// Forgets what these hosts of a stage said to run: a push has changed them since, whatever came of it.
    pub fn forget(&self, stack: &StackName, stage: &StageName, hosts: &BTreeSet<String>) {
        let mut stacks = self.stacks();
        let Some(found) = stacks.get_mut(stack).and_then(|probed| probed.stages.get_mut(stage)) else { return };
        found.divergent.retain(|drift| !hosts.contains(&drift.host));
        found.right.retain(|host| !hosts.contains(host));
    }

    /// Forgets the stacks that are out of use; says which of the others are to be asked now, and counts them as asked.
    pub(crate) fn due(&self, kept: &BTreeSet<StackName>, is_settled: impl Fn(&StackName) -> bool) -> Vec<StackName> {
        let mut stacks = self.stacks();
        // One that was just pushed may not be kept yet.
        stacks.retain(|name, probed| kept.contains(name) || probed.asking || probed.again);
        let mut due = Vec::new();
        for name in kept {
            let probed = stacks.entry(name.clone()).or_default();
            let waited = probed.began.is_none_or(|began| began.elapsed() >= self.every);
            if !probed.asking && (probed.again || waited) && is_settled(name) {
                probed.asking = true;
                probed.again = false;
                probed.began = Some(Instant::now());
                due.push(name.clone());
            }
        }
        due
    }

    /// Takes in what a probe found; whether a page would show anything new.
    pub(crate) fn take(&self, stack: &StackName, found: Option<BTreeMap<StageName, StageDrift>>) -> bool {
        let mut stacks = self.stacks();
        let Some(probed) = stacks.get_mut(stack) else { return false };
        probed.asking = false;
        let Some(found) = found else { return false };
        let before = std::mem::replace(&mut probed.stages, found);
        let shown = |stages: &BTreeMap<StageName, StageDrift>| -> Vec<(Vec<Drift>, Vec<ExtraReleases>)> {
            stages.values().map(|found| (found.divergent.clone(), found.kept.clone())).collect()
        };
        shown(&before) != shown(&probed.stages)
    }
}

/// How many releases a stage leaves below each of its directories.
pub(crate) fn keep(stage: &Stage) -> BTreeMap<String, usize> {
    let mut keep = BTreeMap::new();
    for command in &stage.commands {
        let releases = command.each().iter().filter_map(|command| command.form.release());
        keep.extend(releases.map(|release| (release.dir.clone(), release.keep)));
    }
    keep
}

/// Why a host keeps more releases than it is to; none when it does not, or nothing stands in the way of the next push.
pub(crate) fn kept(said: &HostAnswer, seen: &ReleaseFolder, keep: Option<usize>) -> Option<ExtraReleases> {
    let keep = keep?;
    let names: BTreeSet<&str> =
        seen.verified.keys().map(String::as_str).chain(seen.left.iter().map(|left| left.build.as_str())).collect();
    if seen.left.is_empty() || names.len() <= keep {
        return None;
    }
    let (host, dir) = (said.host.clone(), said.dir.clone());
    Some(ExtraReleases { host, dir, releases: names.len(), keep, why: whose(&seen.left) })
}

/// What could not be removed: `cache/ in 3 of them belongs to www-data`.
fn whose(left: &[UnremovedRelease]) -> String {
    let mut by_owner: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for left in left {
        *by_owner.entry((&left.path, &left.owner)).or_default() += 1;
    }
    let mut all: Vec<_> = by_owner.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words = all.into_iter().take(WHYS).map(|((path, owner), count)| match (path, count) {
        ("", 1) => format!("one of them: {}", shown(owner)),
        ("", _) => format!("{count} of them: {}", shown(owner)),
        (".", 1) => format!("one of them belongs to {}", shown(owner)),
        (".", _) => format!("{count} of them belong to {}", shown(owner)),
        (path, 1) => format!("{} in one of them belongs to {}", shown(path), shown(owner)),
        (path, _) => format!("{} in {count} of them belongs to {}", shown(path), shown(owner)),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// What a stage's hosts are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) stage: StageName,
    /// The last push that came to its end.
    pub(crate) push: PushNumber,
    pub(crate) build: OldBuild,
    /// Where it is activated.
    pub(crate) dirs: Vec<String>,
    /// How many releases are to stay, where the stage brings some.
    pub(crate) keep: BTreeMap<String, usize>,
    pub(crate) hosts: Vec<Host>,
}

/// What differs on a stage now: as the hosts said; of one that could not be asked, what was known before. Who differed in
/// the same way before, is so since then.
pub(crate) fn compare(expected: &Expected, said: &[HostAnswer], before: Option<&StageDrift>, now: At) -> StageDrift {
    let known = |said: &HostAnswer| {
        let divergent = before.into_iter().flat_map(|found| &found.divergent);
        divergent
            .filter(|drift| drift.instead == expected.build.id.as_str())
            .find(|drift| drift.host == said.host && drift.dir == said.dir)
    };
    let divergent = said.iter().filter_map(|said| {
        let known = known(said);
        let Some(seen) = &said.seen else { return known.cloned() };
        let OldBuild { id, root, sha } = &expected.build;
        let runs = release::instead(&seen.live, id.as_str(), root.as_str(), sha.as_str())?;
        let since =
            known.filter(|drift| drift.runs == runs).map_or_else(|| now.to_string(), |drift| drift.since.clone());
        let (host, dir) = (said.host.clone(), said.dir.clone());
        Some(Drift { host, dir, runs, instead: expected.build.id.to_string(), since })
    });
    let held = said.iter().filter_map(|said| {
        let place = (said.host.clone(), said.dir.clone());
        let old = || before.and_then(|found| found.held.get(&place)).cloned();
        let releases = said.seen.as_ref().map(|seen| seen.verified.clone()).or_else(old)?;
        Some((place, releases))
    });
    let divergent: Vec<Drift> = divergent.collect();
    let answered = |host: &str| said.iter().filter(|said| said.host == host).all(|said| said.seen.is_some());
    let right = said.iter().map(|said| said.host.clone());
    let right = right.filter(|host| answered(host) && !divergent.iter().any(|drift| drift.host == *host)).collect();
    let kept = said.iter().filter_map(|said| match &said.seen {
        Some(seen) => kept(said, seen, expected.keep.get(&said.dir).copied()),
        None => {
            let mut known = before.into_iter().flat_map(|found| &found.kept);
            known.find(|kept| kept.host == said.host && kept.dir == said.dir).cloned()
        }
    });
    StageDrift { push: expected.push, at: now, divergent, right, kept: kept.collect(), held: held.collect() }
}

#[cfg(test)]
mod tests;
