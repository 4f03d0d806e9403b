//! What a button offers: build, plan and hash, by the facts. Pure; the same function says what a page shows and what a push gets.

use super::facts::Facts;
use super::marks;
use crate::desk::cases::Case;
use crate::desk::parts::hosts::inventories;
use crate::desk::refusal::Refusal;
use crate::ledger::current::Current;
use crate::ledger::published::Published;
use crate::plan::{self, Artifact, OldBuild, Plan, Target};
use crate::stack::{BuildId, Revision, Root, Stack, Stage};

/// What a press of a stage would do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    /// What the press must carry as `seen`.
    pub seen: String,
    /// The revision that would go out.
    pub sha: Revision,
    /// The root of the build, when it exists already.
    pub root: Option<Root>,
    /// What the stage runs now.
    pub old: Option<OldBuild>,
    /// The plan.
    pub plan: Plan,
    /// Its hash.
    pub plan_hash: String,
}

/// What a press of the stage at `place` would do, were it allowed.
///
/// # Errors
/// [`Refusal::Nothing`] when there is nothing to deploy, [`Refusal::NoHosts`] when it is not known where to.
pub(crate) fn offer(stack: &Stack, place: usize, facts: &Facts) -> Result<Offer, Refusal> {
    let (artifact, branch) = goes(stack, place, facts)?;
    offer_of(stack, place, facts, artifact, branch)
}

/// What a press of the stage at `place` would put there, were it allowed, and the branch of it.
///
/// # Errors
/// As [`offer`].
pub(crate) fn goes(stack: &Stack, place: usize, facts: &Facts) -> Result<(Artifact, String), Refusal> {
    let stage = &stack.stages[place];
    if let Some(refusal) = inventories::unlisted(stack, stage, facts.last) {
        return Err(refusal);
    }
    let branch = stack.source.branch();
    let (artifact, branch) = match (place.checked_sub(1), stack.source.is_published()) {
        (None, true) => match &facts.published {
            Some(newest) => (artifact_of(newest)?, newest.branch.clone()),
            None => return Err(Refusal::Nothing { case: Case::NothingPublished, why: nothing_published(stack) }),
        },
        (None, false) => match facts.head.clone() {
            Some(head) => (Artifact::Revision(head), branch.to_owned()),
            None => {
                let why = format!("{branch} of {} has not been fetched yet, so there is nothing to push", stack.name);
                return Err(Refusal::Nothing { case: Case::NotFetched, why });
            }
        },
        (Some(before), _) => {
            let Some(source) = &facts.before else {
                let why = nothing_before(&stack.stages[before], stage);
                return Err(Refusal::Nothing { case: Case::StageBefore, why });
            };
            let OldBuild { id, sha, root } = as_build(source)?;
            (Artifact::Build { id, root, sha }, facts.before_branch.clone().unwrap_or_else(|| branch.to_owned()))
        }
    };
    if let Some(refs) = stack.refs_of(place).filter(|refs| !refs.allow(&branch)) {
        let why = format!("{} accepts only {refs}, and the next version is from {}", stage.name, branch_words(&branch));
        return Err(Refusal::Nothing { case: Case::OtherBranch, why });
    }
    Ok((artifact, branch))
}

/// What a press would do that puts this artifact on the stage at `place`.
///
/// # Errors
/// When the ledger holds a value that is no build.
pub(crate) fn offer_of(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    artifact: Artifact,
    branch: String,
) -> Result<Offer, Refusal> {
    if let Some(refusal) = marks::bad(facts, &artifact) {
        return Err(refusal);
    }
    let old = facts.current.as_ref().map(as_build).transpose()?;
    let (seen, root) = match &artifact {
        Artifact::Revision(sha) => (sha.to_string(), None),
        Artifact::Build { id, root, .. } => (id.to_string(), Some(root.clone())),
    };
    let target = Target { artifact, branch, old: old.clone() };
    let stage = &stack.stages[place].name;
    let mut plan = plan::plan(stack, stage, target).map_err(Refusal::corrupt)?;
    plan.keep_on_hosts = facts.keep_on_hosts(None);
    plan.commands.splice(0..0, facts.deferred_finally.iter().cloned());
    let sha = plan.sha.clone();
    let plan_hash = plan.hash();
    Ok(Offer { seen, sha, root, old, plan, plan_hash })
}

/// A published build as an artifact.
///
/// # Errors
/// When the ledger holds a value that is no build.
pub(crate) fn artifact_of(published: &Published) -> Result<Artifact, Refusal> {
    let OldBuild { id, sha, root } = published.as_build().map_err(Refusal::corrupt)?;
    Ok(Artifact::Build { id, root, sha })
}

/// A branch as a person says it; nobody may have said one.
pub(crate) fn branch_words(branch: &str) -> &str {
    if branch.is_empty() { "no named branch" } else { branch }
}

fn nothing_published(stack: &Stack) -> String {
    match stack.refs_of(0) {
        Some(refs) => format!("no build of {refs} has been published yet, so there is nothing to push"),
        None => "no build has been published yet, so there is nothing to push".to_owned(),
    }
}

/// What a stage runs, as plans say it.
///
/// # Errors
/// When the ledger holds a value that is no build.
pub(crate) fn as_build(current: &Current) -> Result<OldBuild, Refusal> {
    current.as_build().map_err(Refusal::corrupt)
}

fn nothing_before(before: &Stage, stage: &Stage) -> String {
    format!("{before} has never been pushed, so {stage} has nothing to take", before = before.name, stage = stage.name)
}

impl Facts {
    /// The builds that no host may lose by a push that puts `goes` on the stage: what the stage runs, since a rollback goes there
    /// when the push goes wrong; and what a rollback would go to behind either of them.
    pub fn keep_on_hosts(&self, goes: Option<&BuildId>) -> Vec<BuildId> {
        let runs = self.current.as_ref().map(|current| current.build.as_str());
        let behind = |build: &str| {
            let place = self.good.iter().position(|good| good.build == build)?;
            self.good.get(place + 1).map(|good| good.build.as_str())
        };
        let goes = goes.map(BuildId::as_str);
        let names = [runs, runs.and_then(behind), goes.and_then(behind)];
        let mut keep: Vec<BuildId> = names.into_iter().flatten().filter_map(|name| name.parse().ok()).collect();
        keep.sort();
        keep.dedup();
        keep
    }
}
