//! The rollback of a push by itself: where a stage says `on_failure = "rollback"`, its plan holds the commands that put back
//! what was live, the very ones of a rollback, for the build that was live; where no other build was, the links alone. Pure; it
//! must never give a rollback one of its own. Called by `make`, the desk (for rollbacks) and the runner.

use super::form::Property;
use super::{Assignment, BuildFrom, Kind, OldBuild, Part, Plan, PlannedCommand, show};
use crate::stack::{Host, OnFailure, Policy};
use std::collections::BTreeMap;

impl Plan {
    /// Where the push goes back to by itself; none where it would not, or where nothing else was live before.
    pub fn rollback_view(&self) -> Option<&OldBuild> {
        let same = |old: &&OldBuild| matches!(&self.build, BuildFrom::Existing { id, .. } if *id == old.id);
        self.old.as_ref().filter(|old| self.rolls_back() && !same(old))
    }

    /// Whether some failure is to bring back what was live.
    pub fn rolls_back(&self) -> bool {
        let policies = self.commands.iter().map(|command| command.policy).chain([self.policy]);
        self.kind != Kind::Rollback && policies.into_iter().any(|policy| policy.on_failure == OnFailure::Rollback)
    }

    /// Whether a failure puts back the links alone, each as it was on its host: no other build was live before.
    pub fn puts_links_back(&self) -> bool {
        self.rolls_back() && self.rollback_view().is_none()
    }

    /// The plan with the commands of its rollback, if it has one: all of the work again, behind everything else. Nobody is
    /// asked on the way: who waits for an answer leaves hosts between two builds.
    pub(super) fn with_rollback(mut self) -> Self {
        if self.rolls_back() {
            let links_only = self.puts_links_back();
            let is_work = |command: &&PlannedCommand| {
                let is_part = !links_only || command.form.flips().is_some();
                command.part == Part::Main && command.form.has(Property::RepeatedByRollback) && is_part
            };
            let rollback_command = |command: &PlannedCommand| PlannedCommand {
                part: Part::Rollback,
                policy: Policy::default(),
                confirm: None,
                watch: None,
                ..command.clone()
            };
            let rollbacks: Vec<PlannedCommand> = self.commands.iter().filter(is_work).map(rollback_command).collect();
            self.commands.extend(rollbacks);
        }
        self
    }

    /// Makes a rollback of the plan: it never triggers another, so what fails in it stops it.
    pub fn into_rollback(mut self) -> Self {
        self.kind = Kind::Rollback;
        self.commands.retain(|command| command.part != Part::Rollback);
        let policies = self.commands.iter_mut().map(|command| &mut command.policy).chain([&mut self.policy]);
        for policy in policies.filter(|policy| policy.on_failure == OnFailure::Rollback) {
            policy.on_failure = OnFailure::Stop;
        }
        self
    }

    /// The plan without a question to anybody: who rolls back in anger, or brings a host to what its stage runs, has
    /// answered by pressing.
    pub fn without_questions(mut self) -> Self {
        self.commands.retain(|command| command.form.question().is_none() && command.form.watch().is_none());
        self.commands.iter_mut().for_each(|command| (command.confirm, command.watch) = (None, None));
        self
    }

    /// What its commands ask a person, in order, each question once.
    pub fn questions(&self) -> Vec<String> {
        let mut asked: Vec<String> = Vec::new();
        for command in &self.commands {
            let between = command.confirm.as_ref().map(|question| &question.text);
            let own = command.form.question().or(between);
            if let Some(question) = own.filter(|question| !asked.contains(question)) {
                asked.push(question.clone());
            }
        }
        asked
    }

    /// The values of a command: on the rollback the build that was live goes out, and this push's is the old one.
    pub fn values_of(&self, part: Part, mut values: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let (Part::Rollback, Some(old)) = (part, &self.old) else { return values };
        let build = values.get("PUSH_BUILD").cloned().unwrap_or_default();
        let turned = [
            ("PUSH_SHA", old.sha.to_string()),
            ("PUSH_BUILD", old.id.to_string()),
            ("PUSH_OLD_SHA", self.sha.to_string()),
            ("PUSH_OLD_BUILD", build),
        ];
        values.extend(turned.map(|(name, value)| (name.to_owned(), value)));
        values
    }
}

/// The environment of one command of a push (see [`show::values`]); on the rollback with the builds exchanged.
pub fn values_of(assignment: &Assignment, part: Part, host: Option<&Host>) -> BTreeMap<String, String> {
    assignment.plan.values_of(part, show::values(assignment, host))
}
