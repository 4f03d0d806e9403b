//! The versions that a first stage may be given, for its page. It must never start anything.
//! on no branch that the stage may push.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{VersionGroup, Versions};
use crate::ledger::published;
use crate::ledger::pushes::Commit;
use crate::source::origin::Origin;
use crate::stack::{Refs, StackName, StageName};
use std::collections::BTreeMap;

/// Versions of one branch that are listed.
const LISTED: usize = 30;

/// Branches that are looked at for those that the stage may push.
const BRANCHES: usize = 500;

impl Desk {
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
