//! What a stack's page shows: the whole one-way street, cheap enough for every refresh. The ledger is read in one go; what would go out
//! and what hosts said last are asked beside it, of what is known already. What it offers is decided by the functions of the gate that
//! decide a press. It must never change anything, and never wait for a fetch.

use crate::address;
use crate::desk::Desk;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::offer::Offer;
use crate::desk::decide::questions::Questions;
use crate::desk::decide::rollback::Past;
use crate::desk::decide::runs::Runs;
use crate::desk::decide::{approval, gate, offer, rollback, rollback_ready};
use crate::desk::parts::hosts::numbers::SeenNewer;
use crate::desk::refusal::Decision;
use crate::desk::show::auto;
use crate::desk::view::{
    MarkView, NextPush, NoRights, Partly, RollbackReadiness, StackView, StageView, StatusView, Trunk,
};
use crate::ledger::desired::DesiredState;
use crate::ledger::history::{self, Filter};
use crate::ledger::holds::{self, Hold};
use crate::ledger::marks::Mark;
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::running::StepNow;
use crate::ledger::{LedgerError, LedgerResult, running, statuses, typical_duration};
use crate::stack::{Revision, Stack, StackName};
use crate::time::At;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pushes that a stack's page lists.
const RECENT: usize = 8;

/// What the ledger says of a stack.
struct LedgerFacts {
    newer: Option<SeenNewer>,
    lock: Option<PushRow>,
    step: Option<StepNow>,
    hold: Option<Hold>,
    recent: Vec<PushRow>,
    stages: Vec<StageRead>,
}

struct StageRead {
    facts: Facts,
    last: Option<PushRow>,
    typical_ms: Vec<i64>,
    past: Past,
}

impl Desk {
    /// Everything that the page of one stack shows.
    ///
    /// # Errors
    /// When there is no such stack, or its file was never right.
    pub async fn stack_view(&self, name: &StackName) -> Decision<StackView> {
        let (stack, problem) = self.loaded(name)?;
        let known = self.branches.known(name);
        let head = known.head.as_ref().map(|(head, _)| head.clone());
        let (asked, desk) = (Arc::clone(&stack), self.me.clone());
        let read = self.ledger.read(move |connection| {
            let Some(desk) = desk.upgrade() else { return Err(LedgerError::Closed) };
            read(&desk, connection, &asked, head)
        });
        let read = read.await?;
        let mut stages = Vec::with_capacity(stack.stages.len());
        for (place, stage) in read.stages.into_iter().enumerate() {
            let (desired, runs, facts) = (stage.past.desired.clone(), stage.past.runs.clone(), stage.facts.clone());
            let readiness =
                read.lock.is_none().then(|| self.rollback_readiness(&stack, place, &stage, desired.as_ref())).flatten();
            let mut view = self.stage_view(&stack, place, stage, problem.as_deref()).await;
            view.readiness = readiness;
            // While the stage is pushed, its hosts are on their way.
            let is_pushed = read.lock.as_ref().is_some_and(|push| push.stage.as_str() == view.name);
            if let (Some(desired), false) = (&desired, is_pushed) {
                let (drift, at) = self.drifts.of(name, &stack.stages[place].name, desired.newest);
                (view.drift, view.probed_at) = (drift, at.map(|at| at.to_string()));
                view.kept = self.drifts.kept(name, &stack.stages[place].name, desired.newest);
                view.count(desired, &runs);
            } else if let (Some(push), Some(current)) = (read.lock.as_ref().filter(|_| is_pushed), &mut view.current)
                && push.build != current.build
            {
                // Host by host the new build takes the place of what runs.
                current.hosts_ok = current.hosts_ok.min(current.hosts_total - push.hosts_ok).max(0);
            }
            if read.lock.is_none() {
                let behind =
                    self.catch_up_view(&stack, place, &facts, desired.as_ref(), Vec::new(), problem.as_deref());
                view.catch_up = behind.ok();
            }
            stages.push(view);
        }
        Ok(StackView {
            stack: name.to_string(),
            title: stack.title.clone(),
            branch: stack.source.branch().to_owned(),
            source: stack.source.address().map(|url| address::shown(url).into_owned()).unwrap_or_default(),
            unit: stack.source.unit(),
            choose: stack.source.keeps_versions(),
            graphs: !stack.graphs.is_empty(),
            trunk: known.head.map(|(head, subject)| Trunk {
                sha: head.to_string(),
                subject,
                fetched_at: known.fetched_at.map(|at| at.to_string()).unwrap_or_default(),
            }),
            trunk_problem: known.problem,
            problem,
            newer: read.newer,
            lock: read.lock,
            step: read.step,
            hold: read.hold,
            no_right: NoRights::default(),
            stages,
            recent: read.recent,
        })
    }

    /// Which hosts hold the release that a rollback would restore; none when there is no earlier build to roll back to, or nobody knows.
    fn rollback_readiness(
        &self,
        stack: &Stack,
        place: usize,
        read: &StageRead,
        desired: Option<&DesiredState>,
    ) -> Option<RollbackReadiness> {
        let held = self.drifts.held(&stack.name, &stack.stages[place].name, desired?.newest)?;
        let offer = rollback::offer(stack, place, &read.facts, &read.past, None, Questions::LeftOut).ok()?;
        rollback_ready::readiness(&offer.plan, offer.root.as_ref()?.as_str(), &offer.seen, Some(&held))
    }

    async fn stage_view(&self, stack: &Arc<Stack>, place: usize, read: StageRead, problem: Option<&str>) -> StageView {
        let stage = &stack.stages[place];
        let offer = offer::offer(stack, place, &read.facts);
        let unapproved = |offer: &Offer| {
            approval::look(Asked::Next, stack, place, &read.facts, offer, (None, None))
                .err()
                .map(|refusal| refusal.to_string())
        };
        let why_not = gate::closed(Asked::Next, &stack.name, problem, &read.facts)
            .map(|refusal| refusal.to_string())
            .or_else(|| offer.as_ref().map_or_else(|refusal| Some(refusal.to_string()), unapproved));
        let approval =
            offer.as_ref().ok().and_then(|offer| super::approval::view(Asked::Next, stack, place, &read.facts, offer));
        let needs = offer.as_ref().ok().and_then(|offer| auto::needs(Asked::Next, stack, place, &read.facts, offer));
        let auto = self.auto_view((stack, place), problem, &read.facts, offer.as_ref());
        let next = match offer {
            Ok(offer) => Some(self.next(stack, &read.facts, offer).await),
            Err(_) => None,
        };
        let current = read.facts.current.as_ref().map_or("", |current| current.build.as_str());
        let own =
            |mark: &&Mark| mark.build == current && mark.stage.as_ref().is_none_or(|marked| *marked == stage.name);
        let marks = read.facts.marks.iter().filter(own).map(MarkView::from).collect();
        StageView {
            marks,
            marks_wanted: stack.stages.get(place + 1).is_some_and(|next| next.needs.approved),
            name: stage.name.to_string(),
            button: stage.button.clone(),
            place: place + 1,
            hosts: stage.hosts.iter().map(|host| host.name().to_owned()).collect(),
            back: read.past.back_to(&read.facts),
            current: read.facts.current,
            next,
            why_not,
            needs,
            auto,
            approval,
            no_right: NoRights::default(),
            hold: read.facts.stage_hold,
            last: read.last,
            typical_ms: read.typical_ms,
            ready: self.warm.readiness(&stack.name, &stage.hosts),
            drift: Vec::new(),
            kept: Vec::new(),
            probed_at: None,
            partly: None,
            catch_up: None,
            readiness: None,
        }
    }

    async fn next(&self, stack: &Arc<Stack>, facts: &Facts, offer: Offer) -> NextPush {
        self.recent_plans.remember(&offer.plan_hash, &offer.plan);
        let old = offer.old.as_ref().map(|old| &old.sha);
        let log = self.branches.log(stack, old, &offer.sha).await;
        let shas: Vec<String> = log.commits.iter().map(|commit| commit.sha.clone()).collect();
        NextPush {
            statuses: self.statuses_of(&stack.name, shas).await,
            again: facts.current.as_ref().is_some_and(|current| current.sha == offer.sha.as_str()),
            tickets: stack.tickets.named_in(log.commits.iter().map(|commit| commit.subject.as_str())),
            files: old.filter(|old| **old != offer.sha).and_then(|old| self.files_changed(stack, old, &offer.sha)),
            diff: old.and_then(|old| stack.diff_url(old, &offer.sha)),
            seen: offer.seen,
            plan_hash: offer.plan_hash,
            sha: offer.sha.to_string(),
            commits: log.commits.clone(),
            commit_count: log.count,
        }
    }
}

impl Desk {
    /// What was told of some commits, by revision. A page without them is better than none.
    async fn statuses_of(&self, stack: &StackName, shas: Vec<String>) -> BTreeMap<String, Vec<StatusView>> {
        let name = stack.clone();
        let read = self.ledger.read(move |connection| {
            let shas: Vec<&str> = shas.iter().map(String::as_str).collect();
            statuses::of_commits(connection, &name, &shas)
        });
        let mut by_sha: BTreeMap<String, Vec<StatusView>> = BTreeMap::new();
        for status in read.await.unwrap_or_default() {
            by_sha.entry(status.sha.clone()).or_default().push(StatusView::from(&status));
        }
        by_sha
    }
}

impl StageView {
    /// Counts the hosts that have what they are to run, as far as is known, and says when that was.
    fn count(&mut self, desired: &DesiredState, runs: &Runs) {
        if let Some(current) = &mut self.current {
            current.hosts_total = i64::try_from(self.hosts.len()).unwrap_or(i64::MAX);
            current.hosts_ok = i64::try_from(runs.count(&current.build)).unwrap_or(i64::MAX);
            current.as_of.clone_from(&runs.as_of);
        }
        self.partly = (!desired.whole).then(|| Partly {
            push: desired.push,
            build: desired.build.id.to_string(),
            sha: desired.build.sha.to_string(),
            hosts_ok: runs.count(desired.build.id.as_str()),
            hosts_total: self.hosts.len(),
            as_of: runs.as_of.clone(),
        });
    }
}

fn read(desk: &Desk, connection: &Connection, stack: &Stack, head: Option<Revision>) -> LedgerResult<LedgerFacts> {
    let name = &stack.name;
    let of_stack = Filter { stack: Some(name.clone()), ..Filter::default() };
    let mut stages = Vec::with_capacity(stack.stages.len());
    for (place, stage) in stack.stages.iter().enumerate() {
        let facts = Facts::read(connection, stack, place, head.clone(), &desk.rights())?;
        stages.push(StageRead {
            last: facts.newest.clone(),
            typical_ms: typical_duration::pushes(connection, name, &stage.name)?,
            past: Past::read(&desk.outside(), connection, stack, place, &facts)?,
            facts,
        });
    }
    let lock = pushes::lock_holder(connection, name)?;
    Ok(LedgerFacts {
        newer: desk.seen_newer(connection, &stack.name)?,
        step: lock.as_ref().map(|push| running::step(connection, push.id)).transpose()?.flatten(),
        lock,
        hold: holds::get(connection, &holds::scope(&stack.name, None), At::now())?,
        recent: history::list(connection, &of_stack, RECENT)?,
        stages,
    })
}
