//! What a press would do, before it is done: every command with its values and hosts, what changes on the hosts, how long
//! it should take, and the hash that the press must carry. It must never change anything, and never wait for a fetch: it
//! shows the very plan that a press would take.

use crate::desk::Desk;
use crate::desk::decide::approval;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::offer::Offer;
use crate::desk::decide::request::Request;
use crate::desk::parts::sources::changes;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::plan::{FileChanges, PlanView, PlannedView, TypicalDuration};
use crate::ledger::{LedgerError, typical_duration};
use crate::plan::shell::{self, ByHand};
use crate::plan::{BuildFrom, Plan, PlannedCommand, PlannedForm};
use crate::source::build::BuildDir;
use crate::stack::{BuildId, Revision, RunsAs, Stack, StackName, StageName, Who};
use std::sync::Arc;

/// A plan, and what was known when it was made.
struct Planned {
    stack: Arc<Stack>,
    place: usize,
    facts: Facts,
    offer: Offer,
    problem: Option<String>,
    typical_ms: Vec<i64>,
}

impl Desk {
    /// Shows what a press of a stage's button would do, or of another version that is chosen there.
    ///
    /// # Errors
    /// When there is no such stage, or nothing could go out.
    pub async fn plan(&self, stack: &StackName, stage: &StageName, version: Option<&Revision>) -> Decision<PlanView> {
        let Planned { stack, place, facts, offer, problem, typical_ms } = self.planned(stack, stage, version).await?;
        self.recent_plans.remember(&offer.plan_hash, &offer.plan);
        let asked = if version.is_some() { Asked::Version } else { Asked::Next };
        let closed = gate::closed(asked, &stack.name, problem.as_deref(), &facts).map(|refusal| refusal.to_string());
        let bad_path = || offer.plan.look_at_paths().err().map(|bad| bad.to_string());
        let unapproved =
            || approval::look(asked, &stack, place, &facts, &offer, (None, None)).err().map(|no| no.to_string());
        let why_not = closed.or_else(bad_path).or_else(unapproved);
        let approval = super::approval::view(asked, &stack, place, &facts, &offer);
        let view = self.view_of(&stack, place, &facts, &offer, typical_ms).await;
        Ok(PlanView { why_not, approval, version: version.map(Revision::to_string), ..view })
    }

    /// All that is shown of what an offer would do, whatever it was asked for.
    pub(crate) async fn view_of(
        &self,
        stack: &Arc<Stack>,
        place: usize,
        facts: &Facts,
        offer: &Offer,
        typical_ms: Vec<i64>,
    ) -> PlanView {
        let stage = &stack.stages[place];
        let old = offer.old.as_ref();
        let log = self.branches.log(stack, old.map(|old| &old.sha), &offer.sha).await;
        let gone = match old.filter(|_| stack.source.keeps_versions()) {
            None => Arc::default(),
            Some(old) => self.branches.log(stack, Some(&offer.sha), &old.sha).await,
        };
        let build = match &offer.plan.build {
            BuildFrom::Made { .. } => None,
            BuildFrom::Existing { id, .. } => Some(id.to_string()),
        };
        PlanView {
            stack: stack.name.to_string(),
            stage: stage.name.to_string(),
            button: stage.button.clone(),
            why_not: None,
            approval: None,
            commands: commands(&offer.plan),
            hosts: offer.plan.hosts.iter().map(ToString::to_string).collect(),
            diff: old.and_then(|old| stack.diff_url(&old.sha, &offer.sha)),
            old: facts.current.clone(),
            seen: offer.seen.clone(),
            plan_hash: offer.plan_hash.clone(),
            sha: offer.sha.to_string(),
            branch: offer.plan.branch.clone(),
            build,
            root: offer.root.as_ref().map(ToString::to_string),
            version: None,
            gone: gone.commits.clone(),
            gone_count: gone.count,
            commits: log.commits.clone(),
            commit_count: log.count,
            changes: self.file_changes(stack, offer).await,
            typical_duration: TypicalDuration::of(typical_ms),
        }
    }

    /// The same as a shell script, to be run by hand.
    ///
    /// # Errors
    /// As [`Desk::plan`].
    pub async fn plan_as_shell(
        &self,
        stack: &StackName,
        stage: &StageName,
        version: Option<&Revision>,
        who: &Who,
    ) -> Decision<String> {
        let Planned { stack, offer, .. } = self.planned(stack, stage, version).await?;
        let build = match &offer.plan.build {
            BuildFrom::Existing { id, .. } => id.clone(),
            BuildFrom::Made { .. } => by_hand(&offer)?,
        };
        let data = &self.config.data;
        let hand = ByHand {
            who: who.clone(),
            url: self.config.url.clone(),
            tree: BuildDir::of(data, &stack.name, &build).tree(),
            // Where there is none the script has no use for one.
            mirror: self.branches.origin(&stack).and_then(|origin| origin.mirror_dir()).unwrap_or(data.join("mirrors")),
            ssh_config: self.config.ssh.config.clone(),
            build,
        };
        Ok(shell::script(&offer.plan, &hand))
    }

    async fn planned(&self, stack: &StackName, stage: &StageName, version: Option<&Revision>) -> Decision<Planned> {
        if let Some(desk) = self.me.upgrade() {
            // What was edited a moment ago counts; it panics only when the runtime ends.
            let _ = tokio::task::spawn_blocking(move || desk.refresh_stack_files()).await;
        }
        let (stack, problem) = self.loaded(stack)?;
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            return Err(Refusal::Unknown { what: format!("stage {stage} of {}", stack.name) });
        };
        let request = match version {
            Some(version) => Request::Version(self.version(&stack, place, version).await?),
            None => Request::Next,
        };
        let head = match request.takes_head(place) {
            true => Some(self.branches.head(&stack).await?),
            false => None,
        };
        let (asked, stage, desk) = (Arc::clone(&stack), stage.clone(), self.me.clone());
        let read = move |connection: &rusqlite::Connection| {
            let Some(desk) = desk.upgrade() else { return Err(LedgerError::Closed) };
            let facts = request.facts(connection, &asked, place, head, &desk.rights())?;
            let offer = request.offer((&desk.outside(), connection), &asked, place, &facts)?;
            Ok((facts, offer, typical_duration::pushes(connection, &asked.name, &stage)?))
        };
        let (facts, offer, typical_ms) = self.ledger.read(read).await?;
        let offer = offer?;
        Ok(Planned { stack, place, facts, offer, problem, typical_ms })
    }

    /// Which files change: between two builds, or, before one is made, between two revisions.
    async fn file_changes(&self, stack: &Stack, offer: &Offer) -> Option<FileChanges> {
        let dir = |build| BuildDir::of(&self.config.data, &stack.name, build);
        match (&offer.plan.build, &offer.old) {
            (BuildFrom::Existing { id, .. }, old) => {
                changes::between(&offer.plan, old.as_ref().map(|old| dir(&old.id)), dir(id)).await
            }
            (BuildFrom::Made { .. }, Some(old)) => self.branches.changed_files(stack, &old.sha, &offer.sha).await,
            // All of it is new, and nobody knows yet what the build makes of it.
            (BuildFrom::Made { .. }, None) => None,
        }
    }
}

/// The id of a build that is made by hand: no push has this number.
fn by_hand(offer: &Offer) -> Decision<BuildId> {
    let id = format!("{}-by-hand", offer.sha.short());
    id.parse().map_err(|bad: crate::stack::BadName| Refusal::corrupt(bad))
}

fn commands(plan: &Plan) -> Vec<PlannedView> {
    let values = plan.values();
    let total = plan.hosts.len();
    let builds_with_network = matches!(plan.build, BuildFrom::Made { network: true, .. });
    let view = |command: &PlannedCommand| {
        let per_host = command.per_host();
        let sizes = if per_host { command.batches(total) } else { Vec::new() };
        let mut names = plan.hosts.iter().map(|host| host.name().to_owned());
        PlannedView {
            part: command.part,
            title: plan.title_of(command, &values),
            typed: command.typed(&plan.values_of(command.part, values.clone())),
            chunks: sizes.into_iter().map(|size| names.by_ref().take(size).collect()).collect(),
            pace: if per_host { command.batch_words(total) } else { String::new() },
            timeout_s: command.timeout_s,
            tries: command.tries,
            quiet: command.quiet,
            operator: command.runs_as == RunsAs::Operator,
            network: builds_with_network && matches!(command.form, PlannedForm::Build(_)),
        }
    };
    plan.commands.iter().map(view).collect()
}
