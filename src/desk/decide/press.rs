//! What a person asks for with a button: plain data.

use crate::desk::reason::Reason;
use crate::stack::{StackName, StageName, Who};

/// A press of a button.
#[derive(Clone, Debug)]
pub struct Press {
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Who presses.
    pub who: Who,
    /// What they saw on the button: the revision (first stage) or the build (later stages).
    pub seen: String,
    /// The hash of the plan that they saw; `None` accepts the plan of what was seen.
    pub plan_hash: Option<String>,
    /// Why, if they say so.
    pub reason: Option<Reason>,
    /// Why an admin pushes without the approval that the stage needs.
    pub override_why: Option<Reason>,
    /// Whether a rollback marks the build that it replaces as bad.
    pub marks_bad: bool,
    /// The press's idempotency key: a repeat answers with the same push.
    pub nonce: Option<String>,
}
