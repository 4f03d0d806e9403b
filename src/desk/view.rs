//! What pages and the API show of a stack: plain data, ready to be written as JSON or given to a template.
//! It must never hold anything that is not shown.

mod approval;
mod auto;
pub(crate) mod board;
pub(super) mod body;
mod build;
mod compare;
mod limited;
mod mark;
pub(crate) mod plan;
mod push;
mod rollback;
mod stage;

pub use self::approval::{ApprovalStanding, ApprovalView, GivenView, RequestView};
pub use self::auto::{AutoView, NeedView, NeedsView, StatusView};
pub use self::board::{Board, BoardStack, BoardStage, Waiting, WaitingApproval};
pub use self::build::{CommitBody, GoodBuildBody, PublishedBody};
pub use self::compare::{CommitRange, ComparedCommits, ComparedEnd, Comparison};
pub use self::limited::NoRights;
pub use self::mark::MarkView;
pub use self::plan::{Compared, FileChanges, PlanView, PlannedView, TypicalDuration, Weight};
pub use self::push::{PausedBody, PushBody, QuestionBody};
pub use self::rollback::{NotHeld, RollbackReadiness, RollbackTarget, RollbackView};
pub use self::stage::{CurrentBody, HoldBody, StepBody};
pub use super::parts::hosts::numbers::SeenNewer;
pub use crate::ledger::current::Current;
pub use crate::ledger::good_builds::GoodBuild;
pub use crate::ledger::holds::Hold;
use crate::ledger::pushes::{Commit, PushRow};
pub use crate::ledger::running::StepNow;
pub use crate::stack::Ticket;
use crate::stack::{PushNumber, Stack, StackName, StageName};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All stacks, by name.
#[derive(Clone, Debug, Default)]
pub struct StackFiles {
    /// In the order of their names.
    pub stacks: Vec<LoadedStack>,
}

/// A stack as it was last loaded.
#[derive(Clone, Debug)]
pub struct LoadedStack {
    /// Its name.
    pub name: StackName,
    /// The last good one; `None` when the file was never right.
    pub stack: Option<Arc<Stack>>,
    /// What is wrong with the file now, as `pushbutton check` prints it.
    pub problem: Option<String>,
}

impl LoadedStack {
    /// The names of its stages, in order; none when its file was never right.
    pub fn stages(&self) -> Vec<StageName> {
        self.stack.iter().flat_map(|stack| &stack.stages).map(|stage| stage.name.clone()).collect()
    }
}

/// The whole one-way street of a stack, as it is now.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct StackView {
    /// The stack's name.
    pub stack: String,
    /// What people call it.
    pub title: String,
    /// The branch that the first stage pushes.
    pub branch: String,
    /// Where the revisions come from, for showing; empty where builds are published.
    pub source: String,
    /// What one version of it is called: `commit`, `build`.
    pub unit: &'static str,
    /// Whether another version than the newest can be chosen for the first stage.
    pub choose: bool,
    /// Whether the stack names graphs that are shown beside its pushes.
    pub graphs: bool,
    /// The head of the branch, when it is known.
    pub trunk: Option<Trunk>,
    /// Why the branch could not be fetched, if so.
    pub trunk_problem: Option<String>,
    /// What is wrong with the stack file, if anything: then pushing is closed.
    pub problem: Option<String>,
    /// Hosts that would refuse the next push, since they have seen a newer one.
    pub newer: Option<SeenNewer>,
    /// The push that runs now.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<PushBody>")]
    pub lock: Option<PushRow>,
    /// The step that it is at; `None` before its first command has begun.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<StepBody>")]
    pub step: Option<StepNow>,
    /// The hold on the whole stack.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<HoldBody>")]
    pub hold: Option<Hold>,
    /// The stages in order.
    pub stages: Vec<StageView>,
    /// What the caller has no right to do to the stack as a whole.
    pub no_right: NoRights,
    /// The newest pushes, newest first; at most 8.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<PushBody>")]
    pub recent: Vec<PushRow>,
}

/// The head of a branch.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Trunk {
    /// The revision.
    pub sha: String,
    /// Its subject.
    pub subject: String,
    /// When the branch was last fetched.
    pub fetched_at: String,
}

/// One stage, as it is now.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct StageView {
    /// Its name.
    pub name: String,
    /// What its button says.
    pub button: String,
    /// Its place, from 1.
    pub place: usize,
    /// Its hosts, by name.
    pub hosts: Vec<String>,
    /// What it runs.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<CurrentBody>")]
    pub current: Option<Current>,
    /// What people say of the build that it runs: good for this stage, or bad.
    pub marks: Vec<MarkView>,
    /// Whether the next stage takes only builds that are marked as good here.
    pub marks_wanted: bool,
    /// What a press would put there; `None` when there is nothing (see `why_not`).
    pub next: Option<NextPush>,
    /// Why it cannot be pressed now, if so.
    pub why_not: Option<String>,
    /// The statuses that a push to it needs, as they are of what would go out; `None` where it needs none, or nothing could go out.
    pub needs: Option<NeedsView>,
    /// Whether it is pushed automatically, and why it waits; `None` where only people push it.
    pub auto: Option<AutoView>,
    /// The approval that a push to it needs; `None` where it needs none, or nothing could go out.
    pub approval: Option<ApprovalView>,
    /// What the caller has no right to do here.
    pub no_right: NoRights,
    /// Where a rollback would go; `None` when there is no earlier build to roll back to.
    pub back: Option<RollbackTarget>,
    /// Which hosts hold the release of it, as they last said; `None` when nobody knows, and while the stack is pushed.
    #[serde(rename = "undo")]
    pub readiness: Option<RollbackReadiness>,
    /// The hold on this stage alone.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<HoldBody>")]
    pub hold: Option<Hold>,
    /// The last push to it, whatever its end.
    #[serde(serialize_with = "body::optional")]
    #[schemars(with = "Option<PushBody>")]
    pub last: Option<PushRow>,
    /// How long the last good pushes took, oldest first; at most 20.
    #[serde(rename = "usual_ms")]
    pub typical_ms: Vec<i64>,
    /// How many of its hosts are connected and answer; `None` when nobody has asked for the stack lately.
    pub ready: Option<Readiness>,
    /// The hosts that run something else than the stage, as they last said; none while it is pushed.
    pub drift: Vec<Drift>,
    /// The hosts that keep more releases than they are to, since some could not be removed; none while it is pushed.
    pub kept: Vec<ExtraReleases>,
    /// When its hosts last said what they run; `None` when they were not asked since the last push.
    pub probed_at: Option<String>,
    /// What some of its hosts have, behind a degraded push.
    pub partly: Option<Partly>,
    /// What would bring the hosts that are behind to the stage's build; `None` when none is, as far as is known, and while
    /// the stack is pushed.
    pub catch_up: Option<CatchUp>,
}

/// How many hosts of a stage are ready for a press.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Readiness {
    /// Hosts that answered over their connection within the last 15 s.
    pub ready: usize,
    /// All hosts of the stage. Those that are neither ready nor in `not_ready` are being connected for the first time.
    pub total: usize,
    /// Those that cannot be reached.
    pub not_ready: Vec<NotReady>,
    /// When one of them was last checked.
    pub checked_at: Option<String>,
}

/// A host that is not ready.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NotReady {
    /// Its name.
    pub host: String,
    /// Why, in words for the person who presses.
    pub why: String,
    /// Since when.
    pub since: String,
}

/// A host that runs another build than its stage.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Drift {
    /// Its name.
    pub host: String,
    /// The directory of the release.
    pub dir: String,
    /// What it runs: a build, `nothing`, or where `current` points.
    pub runs: String,
    /// The build that it is to run.
    pub instead: String,
    /// Since when that is known.
    pub since: String,
}

/// A host that keeps more releases than it is to.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ExtraReleases {
    /// Its name.
    pub host: String,
    /// The directory of the releases.
    pub dir: String,
    /// How many releases of ours lie there.
    pub releases: usize,
    /// How many are to.
    pub keep: usize,
    /// What could not be removed, and whose it is.
    pub why: String,
}

/// What a press would put on a stage.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct NextPush {
    /// What the press must carry as `seen`: the revision or the build.
    pub seen: String,
    /// The hash of the plan that the press would run.
    pub plan_hash: String,
    /// The revision.
    pub sha: String,
    /// Whether the stage runs this very revision already: a press would push it again.
    pub again: bool,
    /// The commits that would go out, newest first; at most 50.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub commits: Vec<Commit>,
    /// How many there are in all.
    pub commit_count: usize,
    /// What was told of these commits by who tests them, by revision.
    pub statuses: BTreeMap<String, Vec<StatusView>>,
    /// The tickets that these commits name, each once.
    pub tickets: Vec<Ticket>,
    /// The files that git says differ; `None` while that is being found out, and where there is no git.
    pub files: Option<FileChanges>,
    /// The address of the difference.
    pub diff: Option<String>,
}

/// The versions that can be chosen for a first stage.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Versions {
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// What one of them is called.
    pub unit: &'static str,
    /// The branches that the stage may push; none where there are no branches.
    pub refs: Option<String>,
    /// The stack's own branch first, then the heads of the others.
    pub groups: Vec<VersionGroup>,
    /// How many of the stack's own branch come before these.
    pub skipped: usize,
    /// Where the list of the stack's own branch goes on; none on its last page.
    pub next: Option<NextVersions>,
    /// The versions of which a build is marked as bad: by revision, why.
    pub bad: BTreeMap<String, String>,
    /// The published builds that may be withdrawn, since nobody has pushed them: by revision.
    pub withdraw: BTreeMap<String, String>,
    /// Why the caller may not withdraw any, if so.
    pub no_right: Option<String>,
}

/// Where a list of versions goes on: `?from=FROM&skip=SKIP`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NextVersions {
    /// The version that was the newest when the first page was read.
    pub from: String,
    /// How many come before the next page.
    pub skip: usize,
}

/// The versions of one branch.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct VersionGroup {
    /// The branch.
    pub branch: String,
    /// Its newest commits, newest first; of another branch than the stack's own its head alone.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub commits: Vec<Commit>,
}

/// What would bring hosts to the build of their stage.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CatchUp {
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// The build, which the press carries as `seen`.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// Exactly the hosts that it would be brought to.
    pub hosts: Vec<LeftBehind>,
    /// The titles of the commands, in order.
    pub commands: Vec<String>,
    /// The hash of the plan that the press would run.
    pub plan_hash: String,
    /// What the stage's commands would ask a person, and do not unless that is wanted.
    pub questions: Vec<String>,
    /// The hash of the plan of a press that wants to be asked.
    pub plan_hash_asking: String,
    /// Why it cannot be done now, if so.
    pub why_not: Option<String>,
}

/// A host that does not have the build of its stage.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LeftBehind {
    /// Its name.
    pub host: String,
    /// Why it is behind.
    pub why: String,
}

/// A build that some hosts of a stage have: its last push was degraded.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Partly {
    /// The push.
    pub push: PushNumber,
    /// The build.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// On how many hosts it is, as far as is known.
    pub hosts_ok: usize,
    /// How many hosts the stage has.
    pub hosts_total: usize,
    /// When that was known.
    pub as_of: Option<String>,
}

/// What is left of a push that did not end well.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Remaining {
    /// The hash of the plan that a resume would run.
    pub plan_hash: String,
    /// The commands that are not done, in order.
    pub commands: Vec<RemainingCommand>,
    /// Why it cannot be resumed now, if so.
    pub why_not: Option<String>,
}

/// A command that is not done everywhere.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RemainingCommand {
    /// Its place in the plan, from 1.
    pub command: usize,
    /// Its title.
    pub title: String,
    /// How many hosts it works on; 0 for the push host alone.
    pub hosts: usize,
    /// On how many it is still to be done; 1 for the push host.
    pub left: usize,
    /// The push whose `finally` it is: its runner died before it could run that, so that it comes first now.
    #[serde(rename = "owed_by")]
    pub deferred_from: Option<i64>,
}

#[cfg(test)]
mod tests;
