//! The plan: what a push will do, fully resolved. Pure data with a hash: what is shown, hashed, approved and run is the
//! very same value. It must never read anything; it is given a stack, a revision or a build, and returns a plan.
//! Called by the desk (before a press) and by the runner (which reads it back from `plan.json`).

mod batches;
mod deferred_finally;
mod form;
mod kind;
mod make;
mod proof;
mod rollback;
pub mod shell;
mod show;

pub use deferred_finally::{DeferredFinally, deferred_finally};
pub use form::{PlannedForm, Property};
pub use kind::{Kind, NoKind, PushKind};
pub use make::{Artifact, PlanError, Target, plan};
pub use proof::{Proof, Sign, Standing};
pub use rollback::values_of;
pub use show::{look_at_paths, values};

use crate::stack::{
    BuildId, Host, Policy, PushNumber, Question, Revision, Root, RunsAs, SecretSource, Source, StackName, StageName,
    Watch, Who,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a press of one button would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this format; 1.
    pub format: u32,
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Why the build goes out.
    #[serde(default)]
    pub kind: Kind,
    /// SHA-256 of the stack file's text.
    pub stack_hash: String,
    /// The revision that goes out.
    pub sha: Revision,
    /// The branch that the revision was seen on.
    pub branch: String,
    /// The build: made by this push, or the one that the stage before runs.
    pub build: BuildFrom,
    /// What the stage runs now, if anything.
    pub old: Option<OldBuild>,
    /// Builds that no host may lose when old releases go: what the stage runs, and where a rollback would go.
    #[serde(rename = "spared", default, skip_serializing_if = "Vec::is_empty")]
    pub keep_on_hosts: Vec<BuildId>,
    /// The frozen host list, in order.
    pub hosts: Vec<Host>,
    /// The stack's own variables as environment (`PUSH_VAR_NAME`).
    pub vars: std::collections::BTreeMap<String, String>,
    /// Where the secrets that its commands take are found, by environment variable (`PUSH_SECRET_NAME`); never a value.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub secrets: std::collections::BTreeMap<String, SecretSource>,
    /// What becomes of the push when some hosts cannot be reached.
    #[serde(default)]
    pub policy: Policy,
    /// Every command in order, those that run only when something goes wrong last; a journal's `command` is the place in
    /// this list, from 1.
    pub commands: Vec<PlannedCommand>,
}

/// Where the build of a push comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildFrom {
    /// The push makes it (first stage).
    Made {
        /// Where the revision comes from.
        source: Source,
        /// The part of the checkout that goes out.
        ship: Option<String>,
        /// By so many percent fewer files than the build before are believed without asking.
        #[serde(default = "half", skip_serializing_if = "is_half")]
        shrink: usize,
        /// Whether its commands have the network.
        #[serde(default, skip_serializing_if = "is_not")]
        network: bool,
        /// Directories of the checkout that the stack's builds keep from one to the next.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cache: Vec<String>,
    },
    /// It exists: exactly this one goes out.
    Existing {
        /// Its id.
        id: BuildId,
        /// The root hash of its manifest.
        root: Root,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_not(flag: &bool) -> bool {
    !*flag
}

/// What a plan means that says nothing of `shrink`.
fn half() -> usize {
    50
}

fn is_half(shrink: &usize) -> bool {
    *shrink == half()
}

/// What a stage runs before the push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldBuild {
    /// The build's id.
    pub id: BuildId,
    /// Its revision.
    pub sha: Revision,
    /// The root hash of its manifest.
    pub root: Root,
}

/// One resolved command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedCommand {
    /// When it runs.
    #[serde(default)]
    pub part: Part,
    /// What it does.
    pub form: PlannedForm,
    /// What people call it, when the stack file says so.
    pub name: Option<String>,
    /// The sizes of the first batches, each of which waits for the one before.
    #[serde(default)]
    pub grow: Vec<usize>,
    /// At most so many hosts at once.
    pub chunk: usize,
    /// After so many seconds it is ended, on the far side too; each try anew.
    pub timeout_s: u64,
    /// How often it is tried in all.
    #[serde(default = "once")]
    pub tries: u32,
    /// Seconds between two tries.
    #[serde(default)]
    pub every_s: u64,
    /// What becomes of the push when it fails.
    #[serde(default)]
    pub policy: Policy,
    /// Its output is kept out of the journal unless it fails.
    pub quiet: bool,
    /// What is asked before each batch that is larger than the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Question>,
    /// What is watched before each batch that is larger than the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Box<Watch>>,
    /// As whom it runs, where it runs on the push host.
    #[serde(rename = "as", default, skip_serializing_if = "RunsAs::is_committer")]
    pub runs_as: RunsAs,
    /// The roll that it is part of, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll: Option<Roll>,
    /// Where it was done by an earlier push that this one resumes: hosts by name, empty for the push host. It is not run
    /// there again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done_on: Vec<String>,
    /// The earlier push whose `finally` it is (see [`Part::Owed`]).
    #[serde(rename = "owed", default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Box<DeferredFinally>>,
}

/// A list that each host walks through as a whole, in whole batches. Its commands stand in the plan one after the other,
/// each with its own number; they share batches, policy and question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// Which roll of the plan, from 1.
    pub number: u32,
    /// What people call it, when the stack file says so.
    pub name: Option<String>,
}

impl PlannedCommand {
    /// Whether it works on each host of the stage, rather than once on the push host: inside a roll every command does.
    pub fn per_host(&self) -> bool {
        self.roll.is_some() || self.form.per_host()
    }

    /// Whether it makes the build live.
    pub fn is_flip(&self) -> bool {
        self.part == Part::Main && self.form.flips().is_some()
    }

    /// Whether both are part of the same roll.
    pub fn rolls_with(&self, other: &Self) -> bool {
        self.roll.is_some() && self.roll == other.roll && self.part == other.part
    }

    /// Whether an earlier push did it on this host (none: the push host).
    pub fn is_done_on(&self, host: Option<&Host>) -> bool {
        let name = host.map_or("", Host::name);
        self.done_on.iter().any(|done| done == name)
    }

    /// Whether it is a step on the way to a build, rather than with one.
    pub fn makes_the_build(&self) -> bool {
        self.form.has(Property::MakesTheBuild)
    }
}

/// One try is what a plan means that says nothing of tries.
fn once() -> u32 {
    1
}

/// The part of a push that a command belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It is the `finally` of an earlier push whose runner died: it runs before anything else.
    #[serde(rename = "owed")]
    DeferredFinally,
    /// It may veto: it runs before any host is touched.
    Before,
    /// It does the work.
    #[default]
    Main,
    /// It runs at the end, whatever the end is.
    Finally,
    /// It takes a host out that has failed; it runs only then, and each time that hosts leave.
    Drop,
    /// It puts back what was live before; it runs only when the policy is a rollback, and it comes to that.
    #[serde(rename = "undo")]
    Rollback,
}

impl Part {
    /// Whether it runs only when something goes wrong.
    pub fn is_conditional(self) -> bool {
        matches!(self, Self::Drop | Self::Rollback)
    }
}

/// `plan.json`: a plan, and the press that asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The push's number.
    pub push: PushNumber,
    /// Who pressed.
    pub who: Who,
    /// Why, when they said so.
    pub reason: Option<String>,
    /// Who approved it, where its stage asks for that: `joe, kate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Why an admin pushed it without approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_why: Option<String>,
    /// The address of the push's page.
    pub url: String,
    /// The id of the build that is made or used.
    pub build: BuildId,
    /// The hash of the plan, as it was shown.
    pub plan_hash: String,
    /// The plan.
    pub plan: Plan,
    /// The hosts that hold the build already, by name, as far as the ledger knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
    /// The operator's own ssh configuration, included after ours.
    pub ssh_config: Option<PathBuf>,
    /// Seconds without a heartbeat after which a guard kills what it holds.
    pub lease_s: u64,
    /// Seconds between TERM and KILL.
    pub grace_s: u64,
    /// How much the source may hold.
    #[serde(default)]
    pub source_most: crate::size::Most,
    /// How committers' code is kept apart from the server, and its limits.
    #[serde(default)]
    pub isolation: crate::isolation::Settings,
}
