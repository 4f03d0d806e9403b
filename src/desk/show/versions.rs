//! The versions that a first stage may be given, for its page. It must never start anything.

use crate::desk::cases::Case;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{NextVersions, VersionGroup, Versions};
use crate::desk::{Desk, MOST_SKIPPED};
use crate::ledger::{marks, published};
use crate::source::ListFrom;
use crate::stack::{Refs, Revision, StackName, StageName};
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
    pub async fn versions(&self, stack: &StackName, stage: &StageName, page: ListFrom) -> Decision<Versions> {
        let (stack, place) = self.stage_of(stack, stage)?;
        let (mut groups, mut withdraw) = (Vec::new(), BTreeMap::new());
        let own = stack.source.branch().to_owned();
        match self.branches.origin(&stack) {
            _ if place > 0 => {}
            None => {
                let name = stack.name.clone();
                let most = BRANCHES + page.skip;
                let found = self.ledger.read(move |connection| published::list(connection, &name, most)).await?;
                let allowed = found.iter().filter(|found| stack.allows(place, &found.branch));
                let commits = page.of(allowed.map(|found| found.as_commit()).collect(), |commit| commit.sha.as_str());
                groups.push(VersionGroup { branch: own, commits: commits.take(LISTED + 1).collect() });
                let all = self.published(&stack.name).await?;
                let unpushed = all.into_iter().filter(|listed| listed.push.is_none());
                withdraw.extend(unpushed.map(|listed| (listed.build.sha, listed.build.build)));
            }
            Some(origin) => {
                let refs = stack.refs_of(place).unwrap_or_else(|| Refs::only(&own));
                let asked = origin.versions(&own, &refs, (&page, LISTED + 1), BRANCHES);
                let asked = branches::within(branches::LOOK_LIMIT, asked).await;
                let found = asked.map_err(|why| Refusal::Unable { case: Case::Source, why })?;
                groups.extend(found.into_iter().map(|(branch, commits)| VersionGroup { branch, commits }));
            }
        }
        let next = groups.first_mut().and_then(|group| next_page(&page, group));
        let name = stack.name.clone();
        let marks = self.ledger.read(move |connection| marks::of_stack(connection, &name)).await?;
        let bad = marks.into_iter().filter(|mark| mark.stage.is_none());
        let bad =
            bad.map(|mark| (mark.sha, format!("marked as bad by {}: {}", mark.who, mark.reason.unwrap_or_default())));
        groups.retain(|group| !group.commits.is_empty());
        Ok(Versions {
            stack: stack.name.to_string(),
            stage: stage.to_string(),
            unit: stack.source.unit(),
            refs: stack.refs_of(place).map(|refs| refs.to_string()),
            groups,
            skipped: page.skip,
            next,
            bad: bad.collect(),
            withdraw,
            no_right: None,
        })
    }
}

/// Where the list of the stack's own branch goes on, and what is too much for this page taken off.
fn next_page(page: &ListFrom, own: &mut VersionGroup) -> Option<NextVersions> {
    let more = own.commits.len() > LISTED;
    own.commits.truncate(LISTED);
    let from = page.from.as_ref().map(Revision::to_string).or_else(|| Some(own.commits.first()?.sha.clone()))?;
    let skip = page.skip + LISTED;
    (more && skip <= MOST_SKIPPED).then_some(NextVersions { from, skip })
}
