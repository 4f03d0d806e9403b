//! The versions that a first stage may be given, for its page, and one of them looked at before it is pushed. It must never take what is
//! on no branch that the stage may push.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::decide::offer::{artifact_of, branch_words};
use crate::desk::decide::press::Press;
use crate::desk::decide::request::Request;
use crate::desk::decide::version::ChosenVersion;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{VersionGroup, Versions};
use crate::ledger::published;
use crate::ledger::pushes::Commit;
use crate::plan::Artifact;
use crate::source::origin::Origin;
use crate::stack::{PushNumber, Refs, Revision, Stack, StackName, StageName};
use std::collections::BTreeMap;

/// Versions of one branch that are listed.
const LISTED: usize = 30;

/// Branches that are looked at for those that the stage may push.
const BRANCHES: usize = 500;

impl Desk {
    /// Pushes another version than the newest, by its whole revision.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn press_version(&self, press: Press, version: &Revision) -> Decision<PushNumber> {
        let (stack, place) = self.stage_of(&press.stack, &press.stage)?;
        let picked = self.version(&stack, place, version).await?;
        self.press_for(press, Request::Version(picked)).await
    }

    fn stage_of(&self, stack: &StackName, stage: &StageName) -> Decision<(std::sync::Arc<Stack>, usize)> {
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
            return refused(format!("{stage} takes exactly what {before} runs; choose the version there"));
        }
        let branch = stack.source.branch().to_owned();
        let revision = |branch| Ok(ChosenVersion { goods: Artifact::Revision(version.clone()), branch });
        match self.branches.origin(stack) {
            None => {
                let (name, sha) = (stack.name.clone(), version.clone());
                let found = self.ledger.read(move |connection| published::of_revision(connection, &name, &sha)).await?;
                let Some(found) = found else {
                    return refused(format!("no build of {short} is published for {}", stack.name));
                };
                match stack.refs_of(place).filter(|refs| !refs.allow(&found.branch)) {
                    Some(refs) => refused(elsewhere(short, &[found.branch], stage, &refs)),
                    None => Ok(ChosenVersion { goods: artifact_of(&found)?, branch: found.branch }),
                }
            }
            Some(Origin::Dir(directory, path)) => match directory.seen() {
                Some((seen, _)) if seen.root == *version => revision(branch),
                _ => refused(format!(
                    "{} holds one version at a time, and it is not {short}; to go back, roll the stage back",
                    path.display()
                )),
            },
            Some(Origin::Svn(svn)) => match svn.recent().iter().any(|commit| commit.sha == version.as_str()) {
                true => revision(branch),
                false => refused(format!("r{short} is not among the last commits of {branch}")),
            },
            Some(Origin::Git(mirror, own)) => {
                let unable = |why: String| Refusal::Unable { case: Case::Source, why };
                if !branches::within(branches::LOOK_LIMIT, async { Ok(mirror.has(version).await) })
                    .await
                    .map_err(unable)?
                {
                    return refused(format!(
                        "{short} is no commit that is known here; was it pushed to {}, and fetched since?",
                        stack.source.branch()
                    ));
                }
                let on = branches::within(branches::LOOK_LIMIT, mirror.branches_with(version)).await.map_err(unable)?;
                let refs = stack.refs_of(place).unwrap_or_else(|| Refs::only(&own));
                let first = on.iter().find(|branch| **branch == own).or_else(|| on.iter().find(|it| refs.allow(it)));
                match first.filter(|branch| refs.allow(branch)) {
                    Some(branch) => revision(branch.clone()),
                    None => refused(elsewhere(short, &on, stage, &refs)),
                }
            }
        }
    }

    /// The versions that can be chosen for a stage.
    ///
    /// # Errors
    /// When there is no such stage, or the source does not answer.
    pub async fn versions(&self, stack: &StackName, stage: &StageName) -> Decision<Versions> {
        let (stack, place) = self.stage_of(stack, stage)?;
        let (mut groups, mut withdraw) = (Vec::new(), BTreeMap::new());
        let own = stack.source.branch().to_owned();
        match self.branches.origin(&stack).filter(|_| place == 0) {
            None if place == 0 => {
                let name = stack.name.clone();
                let found = self.ledger.read(move |connection| published::list(connection, &name, BRANCHES)).await?;
                let allowed = found.iter().filter(|found| stack.allows(place, &found.branch)).take(LISTED);
                groups.push(VersionGroup { branch: own, commits: allowed.map(|found| found.as_commit()).collect() });
                let all = self.published(&stack.name).await?;
                let unpushed = all.into_iter().filter(|listed| listed.push.is_none());
                withdraw.extend(unpushed.map(|listed| (listed.build.sha, listed.build.build)));
            }
            None | Some(Origin::Dir(..)) => {}
            Some(Origin::Svn(svn)) => {
                let commits = svn.recent().into_iter().take(LISTED).collect();
                groups.push(VersionGroup { branch: own, commits });
            }
            Some(Origin::Git(mirror, _)) => {
                let refs = stack.refs_of(place).unwrap_or_else(|| Refs::only(&own));
                let asked = async {
                    let commits = match mirror.head(&own).await {
                        Ok(head) => mirror.newest(&head, LISTED).await?,
                        // The branch may be gone, and the others are not.
                        Err(_) => Vec::new(),
                    };
                    Ok((commits, mirror.heads(BRANCHES).await?))
                };
                let asked = branches::within(branches::LOOK_LIMIT, asked).await;
                let (commits, heads) = asked.map_err(|why| Refusal::Unable { case: Case::Source, why })?;
                let others = heads.into_iter().filter(|(branch, _)| *branch != own && refs.allow(branch)).take(LISTED);
                let others: Vec<(String, Commit)> = others.collect();
                groups.push(VersionGroup { branch: own, commits });
                groups.extend(others.into_iter().map(|(branch, head)| VersionGroup { branch, commits: vec![head] }));
            }
        }
        groups.retain(|group| !group.commits.is_empty());
        Ok(Versions {
            stack: stack.name.to_string(),
            stage: stage.to_string(),
            unit: stack.source.unit(),
            refs: stack.refs_of(place).map(|refs| refs.to_string()),
            groups,
            withdraw,
        })
    }
}

/// That a version is on branches that the stage may not push.
fn elsewhere(short: &str, on: &[String], stage: &StageName, refs: &Refs) -> String {
    let branches = match on {
        [] => "on no branch any more".to_owned(),
        [one] => format!("of {}", branch_words(one)),
        [first, rest @ ..] => format!("on {first} and {} more", rest.len()),
    };
    format!("{short} is {branches}, and {stage} pushes {refs} only")
}
