//! What a rollback would do, before it is done. It must never change anything.

use crate::desk::Desk;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::questions::Questions;
use crate::desk::decide::rollback::{Past, offer};
use crate::desk::decide::{gate, rollback_ready};
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{RollbackTarget, RollbackView};
use crate::ledger::typical_duration;
use crate::stack::{BuildId, StackName, StageName};
use rusqlite::Connection;
use std::sync::Arc;

impl Desk {
    /// What a rollback of a stage would do, before anybody presses.
    ///
    /// # Errors
    /// When there is no such stage, or no rollback to that build.
    pub async fn rollback_view(
        &self,
        name: &StackName,
        stage: &StageName,
        to: Option<BuildId>,
        questions: Questions,
    ) -> Decision<RollbackView> {
        let (stack, problem) = self.loaded(name)?;
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            return Err(Refusal::Unknown { what: format!("stage {stage} of {name}") });
        };
        let (asked, desk) = (Arc::clone(&stack), self.me.clone());
        let read = move |connection: &Connection| {
            let Some(desk) = desk.upgrade() else { return Err(crate::ledger::LedgerError::Closed) };
            let (of, at) = (&asked.name, &asked.stages[place].name);
            let facts = Facts::read(connection, &asked, place, None, &desk.rights())?;
            let past = Past::read(&desk.outside(), connection, &asked, place, &facts)?;
            Ok((
                facts,
                past,
                typical_duration::rollbacks(connection, of, at)?,
                typical_duration::pushes(connection, of, at)?,
            ))
        };
        let (facts, past, rollbacks, pushes) = self.ledger.read(read).await?;
        let closed = gate::closed(Asked::Rollback, &stack.name, None, &facts);
        let offers = |questions| offer(&stack, place, &facts, &past, to.as_ref(), questions);
        let (asking, quiet) = match (offers(Questions::Asked), offers(Questions::LeftOut)) {
            (Ok(asking), Ok(quiet)) => (asking, quiet),
            // While a push runs, that is what everything else waits for.
            (Err(refusal), _) | (_, Err(refusal)) => return Err(closed.unwrap_or(refusal)),
        };
        for shown in [&asking, &quiet] {
            self.recent_plans.remember(&shown.plan_hash, &shown.plan);
        }
        let (plan_hash_quiet, plan_hash_asking) = (quiet.plan_hash.clone(), asking.plan_hash.clone());
        let asks = asking.plan.questions();
        let offer = if questions == Questions::Asked { asking } else { quiet };
        let Some(chosen) = past.good.iter().find(|good| good.build == offer.seen).cloned() else {
            return Err(Refusal::Unknown { what: format!("build {}", offer.seen) });
        };
        let broken = problem.map(|problem| gate::broken(&stack.name, &problem));
        let running = facts.lock.as_ref().map(|push| push.id);
        let bad_path = offer.plan.look_at_paths().err().map(|bad| bad.to_string());
        let why_not = broken.or(closed).map(|refusal| refusal.to_string()).or(bad_path);
        let log = match crate::desk::press::accept::commit_range(&offer) {
            (from, Some(to)) => self.branches.log(&stack, from.as_ref(), &to).await,
            (_, None) => Arc::default(),
        };
        let held = past.desired.as_ref().and_then(|desired| self.drifts.held(name, stage, desired.newest));
        let root = offer.root.as_ref().map_or("", crate::stack::Root::as_str);
        let readiness = rollback_ready::readiness(&offer.plan, root, &offer.seen, held.as_ref());
        let others = past.others(&facts, &chosen);
        let from = offer.old.as_ref();
        let same = from.is_some_and(|old| old.sha.as_str() == chosen.sha && old.id.as_str() != chosen.build);
        let usual = if rollbacks.is_empty() { pushes } else { rollbacks };
        let mut plan = self.view_of(&stack, place, &facts, &offer, usual).await;
        plan.why_not.clone_from(&why_not);
        Ok(RollbackView {
            stack: name.to_string(),
            stage: stage.to_string(),
            from: from.map(|old| RollbackTarget::new(old.id.as_str(), old.sha.as_str(), same)),
            name: RollbackTarget::new(&chosen.build, &chosen.sha, same).name,
            to: chosen,
            hosts: offer.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
            commands: offer.plan.titles(&offer.plan.values()),
            diff: from.and_then(|old| stack.diff_url(&offer.sha, &old.sha)),
            ask: questions == Questions::Asked,
            questions: asks,
            plan_hash: plan_hash_quiet,
            plan_hash_asking,
            plan,
            commits: log.commits.clone(),
            commit_count: log.count,
            others,
            readiness,
            why_not,
            running,
        })
    }
}
