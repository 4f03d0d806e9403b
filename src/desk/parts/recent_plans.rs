//! The plans that pages have shown lately, by hash: a press whose plan is out of date is told what changed, not only that
//! something did. It must never be needed for a decision: after a restart nothing is remembered, and words get shorter.

use crate::plan::Plan;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A plan changes when someone pushes, commits or edits; pages that are older than so many changes get the short words.
const REMEMBERED: usize = 64;
/// Hosts that are named; more are counted.
const NAMED: usize = 5;

/// The plans, newest last. A std mutex: held for a look, never across an await.
#[derive(Debug, Default)]
pub(crate) struct RecentPlans {
    plans: Mutex<VecDeque<(String, Arc<Plan>)>>,
}

impl RecentPlans {
    /// Remembers a plan that a page shows.
    pub fn remember(&self, hash: &str, plan: &Plan) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.iter().any(|(known, _)| known == hash) {
            return;
        }
        if plans.len() == REMEMBERED {
            plans.pop_front();
        }
        plans.push_back((hash.to_owned(), Arc::new(plan.clone())));
    }

    /// The plan of this hash, if a page showed it lately.
    pub fn find(&self, hash: &str) -> Option<Arc<Plan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.iter().find(|(known, _)| known == hash).map(|(_, plan)| Arc::clone(plan))
    }
}

/// What is different now from the plan that someone saw; none known is said in general words.
pub(crate) fn what_changed(seen: Option<&Plan>, now: &Plan) -> String {
    let mut changes = Vec::new();
    if let Some(seen) = seen.filter(|seen| seen.stack == now.stack && seen.stage == now.stage) {
        if seen.old != now.old {
            let name = |plan: &Plan| plan.old.as_ref().map_or("nothing".to_owned(), |old| old.id.to_string());
            changes.push(format!("{} now runs {} instead of {}", now.stage, name(now), name(seen)));
        }
        let names = |plan: &Plan| plan.hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (before, after) = (names(seen), names(now));
        let (gone, new) = (without(&before, &after), without(&after, &before));
        if !new.is_empty() {
            changes.push(format!("{} was added to the hosts of {}", listed(&new), now.stage));
        }
        if !gone.is_empty() {
            changes.push(format!("{} was taken from the hosts of {}", listed(&gone), now.stage));
        }
        if changes.is_empty() && seen.stack_hash != now.stack_hash {
            changes.push(format!("stacks/{}.toml was changed", now.stack));
        }
    }
    match changes.is_empty() {
        true => {
            format!("the plan is not the one you saw: the stack file, the hosts or what {} runs has changed", now.stage)
        }
        false => changes.join(", and "),
    }
}

fn without(all: &[String], others: &[String]) -> Vec<String> {
    all.iter().filter(|name| !others.contains(name)).cloned().collect()
}

/// The first few names, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::push::sample;
    use crate::plan::OldBuild;

    #[test]
    fn what_changed_is_named() {
        let now = sample::assignment(1).plan;
        let old =
            OldBuild { id: "51d0c3e-1".parse().unwrap(), sha: sample::sha(), root: "ab".repeat(32).parse().unwrap() };
        let edited = Plan { stack_hash: "1".repeat(64), ..now.clone() };
        let ran_another = Plan { old: Some(old), ..now.clone() };
        let other_hosts = Plan { hosts: vec!["web1".parse().unwrap(), "web9:22".parse().unwrap()], ..now.clone() };
        let another_stage = Plan { stage: "prod".parse().unwrap(), ..now.clone() };
        let in_general = "the plan is not the one you saw: the stack file, the hosts or what qa runs has changed";
        for (seen, words) in [
            (Some(&edited), "stacks/web.toml was changed"),
            (Some(&ran_another), "qa now runs nothing instead of 51d0c3e-1"),
            (Some(&other_hosts), "web2 was added to the hosts of qa, and web9:22 was taken from the hosts of qa"),
            (Some(&another_stage), in_general),
            (None, in_general),
        ] {
            assert_eq!(what_changed(seen, &now), words);
        }
    }

    #[test]
    fn a_long_list_of_hosts_is_cut_with_how_many_more_there_are() {
        let hosts: Vec<String> = (1..=7).map(|n| format!("web{n}")).collect();
        assert_eq!(listed(&hosts), "web1, web2, web3, web4, web5 and 2 more");
        assert_eq!(listed(&hosts[..2]), "web1, web2");
    }

    #[test]
    fn only_the_newest_plans_are_remembered() {
        let (shown, plan) = (RecentPlans::default(), sample::assignment(1).plan);
        for number in 0..=REMEMBERED {
            shown.remember(&number.to_string(), &plan);
        }
        assert!(shown.find("0").is_none());
        assert!(shown.find("1").is_some() && shown.find(&REMEMBERED.to_string()).is_some());
    }
}
