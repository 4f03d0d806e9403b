//! Another version than the newest: which may be chosen for the first stage, and whether one may. It must never take what is
//! on no branch that the stage may push, nor resolve a name: a version is a whole revision.

use super::facts::Facts;
use super::offer::{self, Offer, branch_words};
use crate::desk::cases::Case;
use crate::desk::parts::hosts::inventories;
use crate::desk::refusal::Refusal;
use crate::plan::Artifact;
use crate::stack::Stack;

/// A version that was chosen, found to be one that the stage may push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChosenVersion {
    pub(crate) artifact: Artifact,
    pub(crate) branch: String,
}

impl ChosenVersion {
    /// What a press would do that puts it on the stage.
    ///
    /// # Errors
    /// When the ledger holds a value that is no build.
    pub fn offer(&self, stack: &Stack, place: usize, facts: &Facts) -> Result<Offer, Refusal> {
        if let Some(refusal) = inventories::unlisted(stack, &stack.stages[place], facts.last) {
            return Err(refusal);
        }
        // The file may have been changed since the version was found.
        if let Some(refs) = stack.refs_of(place).filter(|refs| !refs.allow(&self.branch)) {
            let why = format!(
                "{} accepts only {refs}, and this is from {}",
                stack.stages[place].name,
                branch_words(&self.branch)
            );
            return Err(Refusal::BadRequest { case: Case::OtherBranch, why });
        }
        offer::offer_of(stack, place, facts, self.artifact.clone(), self.branch.clone())
    }
}
