//! What a catch-up would do, before it is done. It must never decide which hosts are behind, nor start anything.

use crate::desk::Desk;
use crate::desk::decide::catch_up::offer;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::questions::Questions;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{CatchUp, LeftBehind};
use crate::ledger::desired::{self, DesiredState};
use crate::stack::{Stack, StackName, StageName};
use std::sync::Arc;

impl Desk {
    /// What would bring the hosts of a stage that are behind to its build, or the hosts that are named.
    ///
    /// # Errors
    /// When there is no such stage or host, or nobody is behind.
    pub async fn left_behind(&self, name: &StackName, stage: &StageName, hosts: Vec<String>) -> Decision<CatchUp> {
        let (stack, problem) = self.loaded(name)?;
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            return Err(Refusal::Unknown { what: format!("stage {stage} of {name}") });
        };
        let (asked, rights) = (Arc::clone(&stack), self.rights());
        let read = self.ledger.read(move |connection| {
            let stage = &asked.stages[place].name;
            let facts = Facts::read(connection, &asked, place, None, &rights)?;
            Ok((facts, desired::get(connection, &asked.name, stage)?))
        });
        let (facts, desired) = read.await?;
        self.catch_up_view(&stack, place, &facts, desired.as_ref(), hosts, problem.as_deref())
    }

    /// The same for what was read already; no hosts named: those that are behind.
    pub(crate) fn catch_up_view(
        &self,
        stack: &Stack,
        place: usize,
        facts: &Facts,
        desired: Option<&DesiredState>,
        named: Vec<String>,
        problem: Option<&str>,
    ) -> Decision<CatchUp> {
        let stage = &stack.stages[place];
        let behind = self.behind(stack, place, desired);
        let hosts = match named.is_empty() {
            true => behind.iter().map(|left| left.host.clone()).collect(),
            false => named,
        };
        let offer = |questions| offer(stack, place, facts, desired, &hosts, questions);
        let (asking, offer) = (offer(Questions::Asked)?, offer(Questions::LeftOut)?);
        for shown in [&asking, &offer] {
            self.recent_plans.remember(&shown.plan_hash, &shown.plan);
        }
        let why_not = gate::closed(Asked::CatchUp, &stack.name, problem, facts).map(|refusal| refusal.to_string());
        let chosen = offer.plan.hosts.iter().map(|host| {
            let known = behind.iter().find(|left| left.host == host.name()).cloned();
            known.unwrap_or_else(|| LeftBehind { host: host.name().to_owned(), why: "named".to_owned() })
        });
        Ok(CatchUp {
            stack: stack.name.to_string(),
            stage: stage.name.to_string(),
            build: offer.seen.clone(),
            sha: offer.sha.to_string(),
            hosts: chosen.collect(),
            commands: offer.plan.titles(&offer.plan.values()),
            plan_hash: offer.plan_hash,
            questions: asking.plan.questions(),
            plan_hash_asking: asking.plan_hash,
            why_not,
        })
    }
}
