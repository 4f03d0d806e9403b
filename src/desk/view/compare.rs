//! What is different between two versions of a stack, as pages and programs get it. Plain data.

use super::body;
use super::build::CommitBody;
use super::push::PushBody;
use crate::ledger::pushes::{Commit, PushRow};
use schemars::JsonSchema;
use serde::Serialize;

/// Two versions of a stack, and what is between them.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Comparison {
    /// The stack.
    pub stack: String,
    /// From where.
    pub from: ComparedEnd,
    /// To where.
    pub to: ComparedEnd,
    /// The commits in `to` that are not in `from`.
    pub added: ComparedCommits,
    /// The commits in `from` that are not in `to`.
    pub removed: ComparedCommits,
    /// The pushes that came after the one end and up to the other, newest first, of those that the reader may see; at most 100. To the stage, where both
    /// ends are of one.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<PushBody>")]
    pub pushes: Vec<PushRow>,
    /// Whether there are more of them.
    pub more_pushes: bool,
    /// Where the difference can be read, if the stack file says so.
    pub diff: Option<String>,
}

/// One of the two versions.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ComparedEnd {
    /// What was asked for, as it was written.
    pub asked: String,
    /// The revision.
    pub sha: String,
    /// The build, if it is one.
    pub build: Option<String>,
    /// The stage, if it is what one runs, or what a push brought there.
    pub stage: Option<String>,
    /// The push that brought it, if one did.
    pub push: Option<i64>,
    /// When that push ended.
    pub at: Option<String>,
    /// Who pushed it.
    pub who: Option<String>,
}

/// Commits of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ComparedCommits {
    /// How many there are.
    pub count: usize,
    /// Newest first; at most 200.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub commits: Vec<Commit>,
}

/// The commits between two revisions, a page of them.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CommitRange {
    /// The stack.
    pub stack: String,
    /// The stage.
    pub stage: String,
    /// From where: the revision that was meant, whole.
    pub since: String,
    /// To where.
    pub to: String,
    /// Those in `to` that are not in `since`, newest first; at most 100.
    #[serde(serialize_with = "body::all")]
    #[schemars(with = "Vec<CommitBody>")]
    pub commits: Vec<Commit>,
    /// How many there are in all.
    pub count: usize,
    /// What to skip for the next page; none on the last one.
    pub next_skip: Option<usize>,
}
