//! What the last look over the hosts of each stack found, kept with its age. It must never ask a host.

use crate::stack::StackName;
use crate::time::At;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether a push would fail of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FindingWeight")]
pub enum Weight {
    /// A push would fail: it must be fixed.
    Must,
    /// A push would do; it is worth knowing.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Finding {
    /// Whether a push would fail of it.
    pub weight: Weight,
    /// What, as a phrase.
    pub what: String,
    /// What to do; empty where the phrase says it.
    pub cure: String,
}

/// What was found in one place: a host, or the push host.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PlaceReport {
    /// The host; `push host` for this machine.
    pub place: String,
    /// What it is like, in few words; empty when it did not answer.
    pub is: String,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// All that was found for a stack.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Checkup {
    /// The stack.
    pub stack: String,
    /// When the last answer was in.
    pub at: String,
    /// How many findings must be fixed.
    pub must: usize,
    /// How many are worth knowing.
    pub notes: usize,
    /// The push host, then the hosts by name.
    pub places: Vec<PlaceReport>,
}

/// What is known of a stack's hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CheckupView {
    /// The stack.
    pub stack: String,
    /// Since when they are being looked over, if they are.
    pub since: Option<String>,
    /// What the last look found, if there was one since the server began.
    pub last: Option<Checkup>,
    /// Why the caller may not have them looked at, if so.
    pub no_right: Option<String>,
}

/// The last look at each stack, and those on their way. A std mutex: never held across an await.
#[derive(Default)]
pub(crate) struct Checkups(Mutex<HashMap<StackName, StackCheckups>>);

#[derive(Clone, Default)]
pub(crate) struct StackCheckups {
    pub(crate) since: Option<At>,
    pub(crate) last: Option<Arc<Checkup>>,
}

impl Checkups {
    pub(crate) fn kept(&self) -> MutexGuard<'_, HashMap<StackName, StackCheckups>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Finding {
    pub(crate) fn must(what: String, cure: &str) -> Self {
        Self { weight: Weight::Must, what, cure: cure.to_owned() }
    }

    pub(crate) fn note(what: String, cure: impl Into<String>) -> Self {
        Self { weight: Weight::Note, what, cure: cure.into() }
    }
}
