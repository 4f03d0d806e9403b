//! What pages, API and command line show of a plan before anybody presses. Plain data.

use super::approval::ApprovalView;
use super::body;
use super::build::CommitBody;
use super::stage::CurrentBody;
use crate::ledger::current::Current;
use crate::ledger::pushes::Commit;
use crate::plan::Part;
use schemars::JsonSchema;
use serde::Serialize;

/// What a press of a button would do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PlanView {
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// What its button says.
    pub button: String,
    /// What the press must carry as `seen`: the revision or the build.
    pub seen: String,
    /// The plan's hash, which the press must carry.
    pub plan_hash: String,
    /// Why it cannot be pressed now, if so.
    pub why_not: Option<String>,
    /// The approval that the push needs; `None` where it needs none.
    pub approval: Option<ApprovalView>,
    /// What the stage runs now.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<CurrentBody>")]
    pub old: Option<Current>,
    /// The revision that goes out.
    pub sha: String,
    /// The branch that it was seen on.
    pub branch: String,
    /// The build that goes out; `None` when the push makes it.
    pub build: Option<String>,
    /// The root hash of its manifest.
    pub root: Option<String>,
    /// The version that was chosen, which the press must carry as `sha`; none for what the button offers.
    pub version: Option<String>,
    /// The commits that the stage has and that would be gone, newest first; at most 50.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub gone: Vec<Commit>,
    /// How many there are in all.
    pub gone_count: usize,
    /// The commits that go out, newest first; at most 50.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub commits: Vec<Commit>,
    /// How many there are in all.
    pub commit_count: usize,
    /// The address of the difference.
    pub diff: Option<String>,
    /// Which files change; `None` when that is not known.
    pub changes: Option<FileChanges>,
    /// The frozen host list, as the stack file names them.
    pub hosts: Vec<String>,
    /// Every command in order.
    pub commands: Vec<PlannedView>,
    /// How long pushes to the stage took; `None` when none has succeeded yet.
    #[serde(rename = "usual")]
    pub typical_duration: Option<TypicalDuration>,
}

/// How long the last good pushes to a stage took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct TypicalDuration {
    /// The one in the middle.
    pub median_ms: i64,
    /// The quickest.
    pub fastest_ms: i64,
    /// The slowest.
    pub slowest_ms: i64,
    /// How many they were: at most 20.
    pub pushes: usize,
}

impl TypicalDuration {
    /// From durations in any order; none of no push.
    pub fn of(mut durations: Vec<i64>) -> Option<Self> {
        durations.sort_unstable();
        Some(Self {
            median_ms: *durations.get(durations.len() / 2)?,
            fastest_ms: *durations.first()?,
            slowest_ms: *durations.last()?,
            pushes: durations.len(),
        })
    }
}

/// One command of a plan.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PlannedView {
    /// When it runs.
    pub part: Part,
    /// What it is called, in one line.
    pub title: String,
    /// The very command with its values, as a terminal would show it: `$ ` before its first line, `> ` before the others.
    pub typed: Vec<String>,
    /// The hosts in their chunks; none for the push host. Growing ones wait for the one before; in the others, as one host
    /// ends, the next begins.
    pub chunks: Vec<Vec<String>>,
    /// How it goes over the hosts, in words; empty for the push host.
    pub pace: String,
    /// After so many seconds it is ended, each try anew.
    pub timeout_s: u64,
    /// How often it is tried in all.
    pub tries: u32,
    /// Its output is kept out of the journal unless it fails.
    pub quiet: bool,
    /// It is an operator's own: it runs as the server's user, outside of the build.
    pub operator: bool,
    /// It makes the build, and has the network.
    pub network: bool,
}

/// What was compared to find out which files change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// The manifests of the two builds: this is what changes on the hosts.
    Builds,
    /// The two revisions, as git has them: the build of the new one is not made yet.
    Commits,
}

/// Which files are different in what goes out.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct FileChanges {
    /// What was compared.
    pub of: Compared,
    /// Paths that are new; at most 200 of each kind are named.
    pub added: Vec<String>,
    /// Paths with other bytes, another mode or another target.
    pub changed: Vec<String>,
    /// Paths that are gone.
    pub deleted: Vec<String>,
    /// How many were added, changed and deleted in all.
    pub counts: [usize; 3],
    /// Bytes of the new and changed files that the commands bring; `None` before the build is made.
    pub bytes: Option<Weight>,
}

impl FileChanges {
    /// Nothing yet.
    pub fn new(of: Compared) -> Self {
        Self { of, added: Vec::new(), changed: Vec::new(), deleted: Vec::new(), counts: [0; 3], bytes: None }
    }
}

/// What is to be sent: at most, since rsync sends only what is different in a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Weight {
    /// Bytes to each host.
    pub each_host: u64,
    /// Bytes to all hosts together.
    pub in_all: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_time_is_the_one_in_the_middle_of_those_that_were() {
        assert_eq!(TypicalDuration::of(vec![]), None);
        let usual = TypicalDuration { median_ms: 20, fastest_ms: 1, slowest_ms: 30, pushes: 3 };
        assert_eq!(TypicalDuration::of(vec![30, 1, 20]), Some(usual));
    }
}
