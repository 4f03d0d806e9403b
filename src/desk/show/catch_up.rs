//! What a catch-up would do, before it is done, and its push. It must never decide which hosts are behind.

use crate::desk::Desk;
use crate::desk::decide::catch_up::{left_behind, offer};
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::press::Press;
use crate::desk::decide::questions::Questions;
use crate::desk::decide::request::Request;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{CatchUp, LeftBehind};
use crate::ledger::aim::{self, Aim};
use crate::stack::{PushNumber, Stack, StackName, StageName};
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
        let asked = Arc::clone(&stack);
        let read = self.ledger.read(move |connection| {
            let stage = &asked.stages[place].name;
            Ok((Facts::read(connection, &asked, place, None)?, aim::get(connection, &asked.name, stage)?))
        });
        let (facts, aim) = read.await?;
        self.catch_up_view(&stack, place, &facts, aim.as_ref(), hosts, problem.as_deref())
    }

    /// The same for what was read already; no hosts named: those that are behind.
    pub(crate) fn catch_up_view(
        &self,
        stack: &Stack,
        place: usize,
        facts: &Facts,
        aim: Option<&Aim>,
        named: Vec<String>,
        problem: Option<&str>,
    ) -> Decision<CatchUp> {
        let stage = &stack.stages[place];
        let names: Vec<String> = stage.hosts.iter().map(|host| host.name().to_owned()).collect();
        let behind = aim.map_or_else(Vec::new, |aim| {
            left_behind(&names, aim, &self.drifts.of(&stack.name, &stage.name, aim.newest).0)
        });
        let hosts = match named.is_empty() {
            true => behind.iter().map(|left| left.host.clone()).collect(),
            false => named,
        };
        let offer = |questions| offer(stack, place, facts, aim, &hosts, questions);
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

    /// Brings hosts of a stage to its build: those that are named, or those that are behind now.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn catch_up(&self, press: Press, hosts: Vec<String>, questions: Questions) -> Decision<PushNumber> {
        let hosts = match hosts.is_empty() {
            true => match self.left_behind(&press.stack, &press.stage, Vec::new()).await {
                Ok(behind) => behind.hosts.into_iter().map(|left| left.host).collect(),
                // A repeat of a press that has caught up already gets its answer all the same.
                Err(Refusal::Nothing { .. }) => Vec::new(),
                Err(refusal) => return Err(refusal),
            },
            false => hosts,
        };
        self.press_for(press, Request::CatchUp { hosts, questions }).await
    }
}
