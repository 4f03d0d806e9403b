//! The push of another version than the newest, and that version looked at before it is pushed or shown. It must never take what is
//! on no branch that the stage may push.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::decide::offer::{artifact_of, branch_words};
use crate::desk::decide::press::Press;
use crate::desk::decide::request::Request;
use crate::desk::decide::version::ChosenVersion;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::published;
use crate::plan::Artifact;
use crate::source::Known;
use crate::stack::{PushNumber, Refs, Revision, Stack, StackName, StageName};

impl Desk {
    /// Pushes another version than the newest, by its whole revision.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn press_version(&self, press: Press, version: &Revision) -> Decision<PushNumber> {
        let version = version.clone();
        self.to_the_end("the push", |desk| async move {
            let (stack, place) = desk.stage_of(&press.stack, &press.stage)?;
            let chosen = desk.version(&stack, place, &version).await?;
            desk.press_for(press, Request::Version(chosen)).await
        })
        .await
    }

    pub(crate) fn stage_of(&self, stack: &StackName, stage: &StageName) -> Decision<(std::sync::Arc<Stack>, usize)> {
        let (stack, _) = self.loaded(stack)?;
        match stack.stages.iter().position(|known| known.name == *stage) {
            Some(place) => Ok((stack, place)),
            None => Err(Refusal::Unknown { what: format!("stage {stage} of {}", stack.name) }),
        }
    }

    /// Finds a version that the stage may push.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) async fn version(&self, stack: &Stack, place: usize, version: &Revision) -> Decision<ChosenVersion> {
        let stage = &stack.stages[place].name;
        let refused = |why: String| Err(Refusal::BadRequest { case: Case::Version, why });
        let short = version.short();
        if place > 0 {
            let before = &stack.stages[place - 1].name;
            return refused(format!("{stage} gets exactly what {before} runs; choose the version there"));
        }
        let Some(origin) = self.branches.origin(stack) else {
            let (name, sha) = (stack.name.clone(), version.clone());
            let found = self.ledger.read(move |connection| published::of_revision(connection, &name, &sha)).await?;
            let Some(found) = found else {
                return refused(format!("no build of {short} is published for {}", stack.name));
            };
            return match stack.refs_of(place).filter(|refs| !refs.allow(&found.branch)) {
                Some(refs) => refused(elsewhere(short, &[found.branch], stage, &refs)),
                None => Ok(ChosenVersion { artifact: artifact_of(&found)?, branch: found.branch }),
            };
        };
        let own = stack.source.branch();
        let known = branches::within(branches::LOOK_LIMIT, origin.knows(version, own)).await;
        let on = match known.map_err(|why| Refusal::Unable { case: Case::Source, why })? {
            Known::On(branches) => branches,
            Known::No(why) => return refused(why),
        };
        let refs = stack.refs_of(place).unwrap_or_else(|| Refs::only(own));
        let first = on.iter().find(|branch| *branch == own).or_else(|| on.iter().find(|it| refs.allow(it)));
        match first.filter(|branch| refs.allow(branch)) {
            Some(branch) => Ok(ChosenVersion { artifact: Artifact::Revision(version.clone()), branch: branch.clone() }),
            None => refused(elsewhere(short, &on, stage, &refs)),
        }
    }
}

/// That a version is on branches that the stage may not push.
fn elsewhere(short: &str, on: &[String], stage: &StageName, refs: &Refs) -> String {
    let branches = match on {
        [] => "on no branch any more".to_owned(),
        [one] => format!("of {}", branch_words(one)),
        [first, rest @ ..] => format!("on {first} and {} more", rest.len()),
    };
    format!("{short} is {branches}, and {stage} accepts only {refs}")
}
