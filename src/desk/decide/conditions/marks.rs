//! What a mark as bad stops: the build goes nowhere. A build is the same as a bad one when it has its content, and a revision when a bad
//! build was made of it. Pure over the facts; it must never say which builds are good enough: `approval` does.

use crate::desk::cases::Case;
use crate::desk::decide::facts::Facts;
use crate::desk::refusal::Refusal;
use crate::ledger::marks::Mark;
use crate::plan::{Artifact, OldBuild};

/// Why this may not go out, if someone has marked it as bad.
pub(crate) fn bad(facts: &Facts, artifact: &Artifact) -> Option<Refusal> {
    let same = |mark: &&Mark| match artifact {
        Artifact::Build { id, root, .. } => mark.build == id.as_str() || mark.root == root.as_str(),
        // It would be made anew, of the same commits.
        Artifact::Revision(sha) => mark.sha == sha.as_str(),
    };
    facts.marks.iter().filter(|mark| mark.stage.is_none()).find(same).map(refused)
}

/// The same of a build that exists.
pub(crate) fn bad_build(facts: &Facts, build: &OldBuild) -> Option<Refusal> {
    let OldBuild { id, sha, root } = build.clone();
    bad(facts, &Artifact::Build { id, root, sha })
}

fn refused(mark: &Mark) -> Refusal {
    let why = mark.reason.as_deref().unwrap_or_default();
    Refusal::Nothing {
        case: Case::MarkedBad,
        why: format!("build {} is marked as bad by {}: {why}", mark.build, mark.who),
    }
}
