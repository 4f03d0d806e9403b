//! The hosts that were left behind: those that run something else than their stage, that a push missed, or that are new in the
//! stack file; and the push that brings exactly these to the stage's build. It must never change what the stage runs, so what
//! later stages may take stays what it was, but for the last hosts of a degraded push: then the stage is whole again.

use super::facts::Facts;
use super::marks;
use super::offer::Offer;
use super::questions::Questions;
use crate::desk::cases::Case;
use crate::desk::parts::hosts::inventories;
use crate::desk::refusal::Refusal;
use crate::desk::view::{Drift, LeftBehind};
use crate::ledger::desired::DesiredState;
use crate::plan::{self, Artifact, Kind, Target};
use crate::stack::Stack;
use std::collections::BTreeSet;

/// What bringing these hosts of the stage at `place` to its build would do.
///
/// # Errors
/// Why there is nothing to bring, or not there.
pub(crate) fn offer(
    stack: &Stack,
    place: usize,
    facts: &Facts,
    desired: Option<&DesiredState>,
    hosts: &[String],
    questions: Questions,
) -> Result<Offer, Refusal> {
    let stage = &stack.stages[place];
    if let Some(refusal) = inventories::unlisted(stack, stage, facts.last) {
        return Err(refusal);
    }
    let nothing = |case, why: String| Err(Refusal::Nothing { case, why });
    let name = &stage.name;
    let Some(desired) = desired else {
        let why = format!("no push to {name} has been completed yet, so there is no build for a host to catch up with");
        return nothing(Case::NeverPushed, why);
    };
    let known: BTreeSet<&str> = stage.hosts.iter().map(|host| host.name()).collect();
    if let Some(stranger) = hosts.iter().find(|host| !known.contains(host.as_str())) {
        return Err(Refusal::BadRequest {
            case: Case::StrangeHost,
            why: format!("{} is not a host of {name}", crate::diagnostic::shown(stranger)),
        });
    }
    if hosts.is_empty() {
        return nothing(
            Case::NobodyBehind,
            format!("every host of {name} has {}, as far as is known", desired.build.id),
        );
    }
    if let Some(refusal) = marks::bad_build(facts, &desired.build) {
        return Err(refusal);
    }
    let (sha, root) = (desired.build.sha.clone(), desired.build.root.clone());
    let artifact = Artifact::Build { id: desired.build.id.clone(), root: root.clone(), sha: sha.clone() };
    let old = Some(desired.build.clone());
    let target = Target { artifact, branch: desired.branch.clone(), old: old.clone() };
    let mut plan = plan::plan(stack, name, target).map_err(Refusal::corrupt)?;
    plan.kind = Kind::CatchUp;
    plan.keep_on_hosts = facts.keep_on_hosts(Some(&desired.build.id));
    plan.hosts.retain(|host| hosts.iter().any(|wanted| wanted == host.name()));
    let plan = questions.of(plan);
    let plan_hash = plan.hash();
    Ok(Offer { seen: desired.build.id.to_string(), sha, root: Some(root), old, plan, plan_hash })
}

/// The hosts of a stage that are behind, in the file's order, and why: what the last probe saw, and what the ledger has not
/// seen brought. Where a stage activates nothing, the ledger alone knows.
pub(crate) fn left_behind(hosts: &[String], desired: &DesiredState, drift: &[Drift]) -> Vec<LeftBehind> {
    let why = |host: &String| {
        let missed = || match desired.hosts.contains(host) {
            true => format!("push {} was not completed there", desired.push),
            false => format!("no push has deployed {} to it", desired.build.id),
        };
        match drift.iter().find(|drift| drift.host == *host) {
            Some(drift) => Some(format!("runs {}", drift.runs)),
            None => (!desired.reached.contains(host)).then(missed),
        }
    };
    hosts.iter().filter_map(|host| Some(LeftBehind { why: why(host)?, host: host.clone() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired(hosts: &[&str], reached: &[&str]) -> DesiredState {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let build = crate::plan::OldBuild {
            id: "51d0c3e-14".parse().unwrap(),
            sha: "5".repeat(40).parse().unwrap(),
            root: "9f".repeat(32).parse().unwrap(),
        };
        let (hosts, reached) = (set(hosts), set(reached));
        DesiredState {
            push: crate::desk::push::sample::number(14),
            newest: crate::desk::push::sample::number(14),
            build,
            branch: "main".to_owned(),
            whole: true,
            hosts,
            reached,
        }
    }

    fn drift(host: &str, runs: &str) -> Drift {
        let (dir, since) = ("/srv/web".to_owned(), String::new());
        Drift { host: host.to_owned(), dir, runs: runs.to_owned(), instead: "51d0c3e-14".to_owned(), since }
    }

    #[test]
    fn a_host_is_behind_that_runs_something_else_was_missed_or_is_new() {
        let hosts = ["web4", "web3", "web2", "web1"].map(str::to_owned);
        let desired = desired(&["web1", "web2", "web3"], &["web1", "web2"]);
        let behind = left_behind(&hosts, &desired, &[drift("web1", "8f31c2e-12")]);
        let words: Vec<String> = behind.iter().map(|left| format!("{} {}", left.host, left.why)).collect();
        assert_eq!(
            words,
            [
                "web4 no push has deployed 51d0c3e-14 to it",
                "web3 push 14 was not completed there",
                "web1 runs 8f31c2e-12"
            ]
        );
    }
}
