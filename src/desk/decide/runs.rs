//! What the hosts of a stage run now, as far as is known: what the ledger says of each, and over it what they said
//! themselves since. It must never take silence for an answer: a host that is in doubt counts for no build. Called by the
//! views of a stage and by rollback.

use super::facts::Facts;
use crate::desk::parts::hosts::drift::{Answers, Drifts};
use crate::ledger::LedgerResult;
use crate::ledger::desired::{self, DesiredState};
use crate::ledger::holding::{self, OnHost};
use crate::stack::{Stack, Stage};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What each host of a stage runs, of those that a push has come to or that have said so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    hosts: BTreeMap<String, HostBuild>,
    /// When that was last known: when the hosts were asked, or when the last push ended.
    pub as_of: Option<String>,
}

/// What is known of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostBuild {
    Build(OnHost),
    /// Something that is no build of ours, or nobody knows.
    Other,
}

impl Runs {
    /// Puts together what the ledger knows of the hosts and what they said since; `roots` are those of builds by name.
    pub fn new(
        hosts: &[String],
        ledger: BTreeMap<String, Option<OnHost>>,
        answers: Option<&Answers>,
        desired: Option<&DesiredState>,
        root: impl Fn(&str) -> Option<String>,
        as_of: Option<String>,
    ) -> Self {
        let mut known: BTreeMap<String, HostBuild> = ledger
            .into_iter()
            .filter(|(host, _)| hosts.contains(host))
            .map(|(host, build)| (host, build.map_or(HostBuild::Other, HostBuild::Build)))
            .collect();
        let Some((answers, desired)) = answers.zip(desired) else { return Self { hosts: known, as_of } };
        for host in answers.right.iter().filter(|host| hosts.contains(host)) {
            let build = OnHost { id: desired.build.id.to_string(), root: desired.build.root.to_string() };
            known.insert(host.clone(), HostBuild::Build(build));
        }
        for drift in answers.divergent.iter().filter(|drift| hosts.contains(&drift.host)) {
            let build = root(&drift.runs).map(|root| HostBuild::Build(OnHost { id: drift.runs.clone(), root }));
            known.insert(drift.host.clone(), build.unwrap_or(HostBuild::Other));
        }
        Self { hosts: known, as_of: Some(answers.at.to_string()) }
    }

    /// On how many hosts a build is.
    pub fn count(&self, build: &str) -> usize {
        self.hosts.values().filter(|known| matches!(known, HostBuild::Build(on) if on.id == build)).count()
    }

    /// Whether some host is known at all.
    pub fn are_known(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// Whether every host that is known runs this very content.
    pub fn all_run(&self, root: &str) -> bool {
        let runs = |known: &HostBuild| matches!(known, HostBuild::Build(on) if on.root == root);
        self.are_known() && self.hosts.values().all(runs)
    }

    /// Whether some host runs this build, or is in doubt.
    pub fn some_run_or_doubt(&self, build: &str) -> bool {
        let does = |known: &HostBuild| match known {
            HostBuild::Build(on) => on.id == build,
            HostBuild::Other => true,
        };
        self.hosts.values().any(does)
    }

    /// The one build that every host that is known runs, if it is one.
    pub fn one(&self) -> Option<&OnHost> {
        let mut all = self.hosts.values();
        let HostBuild::Build(first) = all.next()? else { return None };
        all.all(|known| matches!(known, HostBuild::Build(on) if on.root == first.root)).then_some(first)
    }
}

impl Runs {
    /// What the hosts of a stage run now, as far as is known.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(
        drifts: &Drifts,
        connection: &Connection,
        stack: &Stack,
        stage: &Stage,
        facts: &Facts,
    ) -> LedgerResult<(Runs, Option<DesiredState>)> {
        let desired = desired::get(connection, &stack.name, &stage.name)?;
        let answers = desired.as_ref().and_then(|desired| drifts.answers(&stack.name, &stage.name, desired.newest));
        // What they said before the last push ended says nothing about what it left.
        let since = facts.newest.as_ref().and_then(|newest| newest.ended_at.clone());
        let answers = answers.filter(|answers| since.as_ref().is_some_and(|since| answers.at.to_string() > *since));
        let hosts: Vec<String> = stage.hosts.iter().map(|host| host.name().to_owned()).collect();
        let ledger = holding::of_stage(connection, &stack.name, &stage.name)?;
        let root = |build: &str| {
            let good = facts.good.iter().find(|good| good.build == build).map(|good| good.root.clone());
            good.or_else(|| ledger.values().flatten().find(|on| on.id == build).map(|on| on.root.clone()))
        };
        let runs = Runs::new(&hosts, ledger.clone(), answers.as_ref(), desired.as_ref(), root, since);
        Ok((runs, desired))
    }
}

#[cfg(test)]
mod tests;
