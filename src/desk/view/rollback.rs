//! What pages, API and command line show of a rollback before anybody presses. Plain data.

use super::body;
use super::build::{CommitBody, GoodBuildBody};
use super::plan::PlanView;
use crate::ledger::good_builds::GoodBuild;
use crate::ledger::pushes::Commit;
use crate::stack::PushNumber;
use schemars::JsonSchema;
use serde::Serialize;

/// A build, as it is named on the rollback.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RollbackTarget {
    /// The build.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// What people call it: its short revision, or the build where the other one is of the same revision.
    pub name: String,
}

impl RollbackTarget {
    /// Names a build; `same`: the other one that is named beside it has the same revision.
    pub fn new(build: &str, sha: &str, same: bool) -> Self {
        let name = if same { build } else { crate::stack::name::short(sha) };
        Self { build: build.to_owned(), sha: sha.to_owned(), name: name.to_owned() }
    }
}

/// What a rollback would do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct RollbackView {
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// What would go: what the stage runs, or what a bad push has half put there.
    pub from: Option<RollbackTarget>,
    /// What would come back.
    #[serde(serialize_with = "body::one")]
    #[schemars(with = "GoodBuildBody")]
    pub to: GoodBuild,
    /// What people call it (see [`RollbackTarget`]).
    pub name: String,
    /// The hosts, by name.
    pub hosts: Vec<String>,
    /// The titles of the commands, in order.
    pub commands: Vec<String>,
    /// Whether the stage's questions are asked in the plan that is shown.
    pub ask: bool,
    /// What the stage's commands would ask a person, and do not unless that is wanted.
    pub questions: Vec<String>,
    /// The hash of the plan that the press would run.
    pub plan_hash: String,
    /// The hash of the plan of a press that wants to be asked.
    pub plan_hash_asking: String,
    /// The plan, as whole as that of a push.
    pub plan: PlanView,
    /// The commits that would be taken back, newest first; at most 50.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub commits: Vec<Commit>,
    /// How many there are in all.
    pub commit_count: usize,
    /// The address of the difference.
    pub diff: Option<String>,
    /// Other builds that succeeded there and would change something, the one that came last first.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<GoodBuildBody>")]
    pub others: Vec<GoodBuild>,
    /// Which hosts hold its release, as they last said; `None` when it brings no release.
    #[serde(rename = "undo")]
    pub readiness: Option<RollbackReadiness>,
    /// Why it cannot be done now, if so.
    pub why_not: Option<String>,
    /// The push that runs, which must be cancelled first.
    pub running: Option<PushNumber>,
}

/// How many hosts hold the release that a rollback would put back.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RollbackReadiness {
    /// Hosts where it lies verified.
    pub ready: usize,
    /// All hosts of the rollback.
    pub total: usize,
    /// Those where it does not, or that have not said so.
    pub not_ready: Vec<NotHeld>,
    /// When they were last asked; `None` when they were not since the last push.
    pub asked_at: Option<String>,
}

/// A host on which the rollback is not ready.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NotHeld {
    /// Its name.
    pub host: String,
    /// Why, and what a rollback does about it.
    pub why: String,
}
