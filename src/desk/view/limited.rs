//! What of a stack one caller may see, and what they may not do there, with who could. The views are read once for all; this makes one
//! caller's of them. It must never leave anything in them that the caller may not see.

use super::board::{Board, BoardStack};
use super::{PlanView, RollbackView, StackView, StageView};
use crate::ledger::pushes::PushRow;
use crate::stack::{Access, StackName, StageName, Verb};
use schemars::JsonSchema;
use serde::Serialize;

/// Why the caller may not do something, for each thing that there is a button for; what they may do is `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NoRights {
    /// Push, resume, catch up, answer, pause, cancel.
    pub push: Option<String>,
    /// Roll back.
    pub rollback: Option<String>,
    /// Approve pushes and mark builds.
    pub approve: Option<String>,
    /// Hold, and release holds.
    pub hold: Option<String>,
    /// Publish builds, and withdraw them; of a whole stack alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<String>,
}

impl NoRights {
    /// On a stage.
    pub fn on_stage(access: &Access, stack: &StackName, stage: &StageName) -> Self {
        let no = |verb| access.must(verb, stack, stage).err().map(|no| no.to_string());
        Self {
            push: no(Verb::Push),
            rollback: no(Verb::Rollback),
            approve: no(Verb::Approve),
            hold: no(Verb::Hold),
            publish: None,
        }
    }

    /// On a whole stack with these stages.
    pub fn on_stack(access: &Access, stack: &StackName, stages: &[StageName]) -> Self {
        let no = |verb| access.must_on_stack(verb, stack, stages).err().map(|no| no.to_string());
        Self {
            push: no(Verb::Push),
            rollback: no(Verb::Rollback),
            approve: no(Verb::Approve),
            hold: no(Verb::Hold),
            publish: no(Verb::Publish),
        }
    }
}

/// Why nothing can be pushed while another stage is, which the caller may not see.
fn hidden_push(stack: &StackName) -> String {
    format!("{stack} is being pushed, and it has one push at a time")
}

impl StackView {
    /// The same for one caller.
    pub fn limited_to(mut self, access: &Access) -> Self {
        let Ok(name) = self.stack.parse::<StackName>() else { return self };
        let names: Vec<StageName> = self.stages.iter().filter_map(|stage| stage.name.parse().ok()).collect();
        self.no_right = NoRights::on_stack(access, &name, &names);
        self.stages.retain(|stage| sees(access, &name, &stage.name));
        self.recent.retain(|row| access.sees(&name, &row.stage));
        let hidden = self.lock.take_if(|push| !access.sees(&name, &push.stage)).is_some();
        for stage in &mut self.stages {
            stage.limit(access, &name);
            if hidden {
                stage.why_not = Some(hidden_push(&name));
                stage.back = None;
            }
        }
        if hidden {
            self.step = None;
        }
        self
    }
}

fn sees(access: &Access, stack: &StackName, stage: &str) -> bool {
    stage.parse().is_ok_and(|stage| access.sees(stack, &stage))
}

impl PlanView {
    /// The same for one caller.
    pub fn limited_to(self, access: &Access, stack: &StackName, stage: &StageName) -> Self {
        let no = access.must(Verb::Push, stack, stage).err().map(|no| no.to_string());
        Self { why_not: no.or(self.why_not), ..self }
    }
}

impl RollbackView {
    /// The same for one caller.
    pub fn limited_to(self, access: &Access, stack: &StackName, stage: &StageName) -> Self {
        let no = access.must(Verb::Rollback, stack, stage).err().map(|no| no.to_string());
        Self { why_not: no.or(self.why_not), ..self }
    }
}

impl StageView {
    fn limit(&mut self, access: &Access, stack: &StackName) {
        let Ok(stage) = self.name.parse::<StageName>() else { return };
        self.no_right = NoRights::on_stage(access, stack, &stage);
        if let Some(why) = &self.no_right.push {
            self.why_not = Some(why.clone());
            if let Some(catch_up) = &mut self.catch_up {
                catch_up.why_not = Some(why.clone());
            }
        }
    }
}

impl Board {
    /// The same for one caller. What is wrong with hosts is told of all stacks at once: a caller from whom some are hidden finds it
    /// on the pages of those that they see.
    pub fn limited_to(&self, access: &Access) -> Self {
        let mut board = self.clone();
        if !access.sees_all() {
            board.hosts.clear();
            board.stacks.retain_mut(|stack| stack.limit(access));
        }
        board
    }
}

impl BoardStack {
    /// Whether anything of it is left.
    fn limit(&mut self, access: &Access) -> bool {
        let Ok(name) = self.stack.parse::<StackName>() else { return false };
        self.stages.retain(|stage| sees(access, &name, &stage.name));
        let hidden = |push: &mut PushRow| !access.sees(&name, &push.stage);
        if self.lock.take_if(hidden).is_some() {
            self.step = None;
        }
        !self.stages.is_empty()
    }
}
