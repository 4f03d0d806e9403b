//! The hosts that were left behind: those that run something else than their stage, that a push missed, or that are new in the
//! stack file; and the push that brings exactly these to the stage's build. It must never change what the stage runs, so what
//! later stages may take stays what it was, but for the last hosts of a degraded push: then the stage is whole again.

use super::gate::{self, Facts, Offer};
use super::view::{CatchUp, Drift, LeftBehind};
use super::wish::{Questions, Wish};
use super::{Case, Decision, Desk, Press, Refusal, first_line, inventory};
use crate::ledger::aim::{self, Aim};
use crate::plan::{self, Goods, Kind, Target};
use crate::stack::{PushNumber, Stack, StackName, StageName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What bringing these hosts of the stage at `place` to its build would do.
///
/// # Errors
/// Why there is nothing to bring, or not there.
pub(super) fn offer(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    aim: Option<&Aim>,
    hosts: &[String],
    questions: Questions,
) -> Result<Offer, Refusal> {
    let stage = &stack.stages[place];
    if let Some(refusal) = inventory::unlisted(stack, stage, facts.last) {
        return Err(refusal);
    }
    let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
    let name = &stage.name;
    let Some(aim) = aim else {
        let why = format!("no push to {name} has come to its end yet, so there is nothing to bring a host to");
        return nothing(Case::NeverPushed, why);
    };
    let known: BTreeSet<&str> = stage.hosts.iter().map(|host| host.name()).collect();
    if let Some(stranger) = hosts.iter().find(|host| !known.contains(host.as_str())) {
        return Err(Refusal::BadRequest {
            case: Case::StrangeHost,
            why: format!("{} is no host of {name}", crate::diagnostic::shown(stranger)),
        });
    }
    if hosts.is_empty() {
        return nothing(Case::NobodyBehind, format!("every host of {name} has {}, as far as is known", aim.build.id));
    }
    let (sha, root) = (aim.build.sha.clone(), aim.build.root.clone());
    let goods = Goods::Build { id: aim.build.id.clone(), root: root.clone(), sha: sha.clone() };
    let old = Some(aim.build.clone());
    let target = Target { goods, branch: aim.branch.clone(), old: old.clone() };
    let mut plan = plan::plan(stack, name, target).map_err(Refusal::corrupt)?;
    plan.kind = Kind::CatchUp;
    plan.spared = facts.spared(Some(&aim.build.id));
    plan.hosts.retain(|host| hosts.iter().any(|wanted| wanted == host.name()));
    let plan = questions.of(plan);
    let plan_hash = plan.hash();
    Ok(Offer { seen: aim.build.id.to_string(), sha, root: Some(root), old, plan, plan_hash })
}

/// The hosts of a stage that are behind, in the file's order, and why: what the last probe saw, and what the ledger has not
/// seen brought. Where a stage activates nothing, the ledger alone knows.
pub(super) fn left_behind(hosts: &[String], aim: &Aim, drift: &[Drift]) -> Vec<LeftBehind> {
    let why = |host: &String| {
        let missed = || match aim.hosts.contains(host) {
            true => format!("push {} did not come to its end there", aim.push),
            false => format!("no push has brought it to {}", aim.build.id),
        };
        match drift.iter().find(|drift| drift.host == *host) {
            Some(drift) => Some(format!("runs {}", drift.runs)),
            None => (!aim.reached.contains(host)).then(missed),
        }
    };
    hosts.iter().filter_map(|host| Some(LeftBehind { why: why(host)?, host: host.clone() })).collect()
}

impl Desk {
    /// What would bring the hosts of a stage that are behind to its build, or the hosts that are named.
    ///
    /// # Errors
    /// When there is no such stage or host, or nobody is behind.
    pub async fn left_behind(&self, name: &StackName, stage: &StageName, hosts: Vec<String>) -> Decision<CatchUp> {
        let (stack, problem) = self.shelved(name)?;
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
    pub(super) fn catch_up_view(
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
            self.shown_plans.remember(&shown.plan_hash, &shown.plan);
        }
        let broken =
            problem.map(|problem| Refusal::BadStack { stack: stack.name.to_string(), why: first_line(problem) });
        let why_not = broken.or_else(|| gate::closed(facts)).map(|refusal| refusal.to_string());
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
        self.press_for(press, Wish::CatchUp { hosts, questions }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aim(hosts: &[&str], reached: &[&str]) -> Aim {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let build = crate::plan::OldBuild {
            id: "51d0c3e-14".parse().unwrap(),
            sha: "5".repeat(40).parse().unwrap(),
            root: "9f".repeat(32).parse().unwrap(),
        };
        let (hosts, reached) = (set(hosts), set(reached));
        Aim { push: 14, newest: 14, build, branch: "main".to_owned(), whole: true, hosts, reached }
    }

    fn drift(host: &str, runs: &str) -> Drift {
        let (dir, since) = ("/srv/web".to_owned(), String::new());
        Drift { host: host.to_owned(), dir, runs: runs.to_owned(), instead: "51d0c3e-14".to_owned(), since }
    }

    #[test]
    fn a_host_is_behind_that_runs_something_else_was_missed_or_is_new() {
        let hosts = ["web4", "web3", "web2", "web1"].map(str::to_owned);
        let aim = aim(&["web1", "web2", "web3"], &["web1", "web2"]);
        let behind = left_behind(&hosts, &aim, &[drift("web1", "8f31c2e-12")]);
        let words: Vec<String> = behind.iter().map(|left| format!("{} {}", left.host, left.why)).collect();
        assert_eq!(
            words,
            [
                "web4 no push has brought it to 51d0c3e-14",
                "web3 push 14 did not come to its end there",
                "web1 runs 8f31c2e-12"
            ]
        );
    }
}
