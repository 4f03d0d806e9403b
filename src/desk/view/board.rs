//! What the page of all stacks shows of each: much less than a stack's own page, since there are hundreds. Plain data.

use super::{ApprovalStanding, ApprovalView, StackView, body};
use crate::ledger::current::Current;
use crate::ledger::holds::Hold;
use crate::ledger::pushes::PushRow;
use crate::ledger::running::StepNow;
use serde::Serialize;

/// All stacks, with what is told of their hosts once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Board {
    /// In the order of their names.
    pub stacks: Vec<BoardStack>,
    /// What is wrong with hosts, one line a host, however many stages it is in.
    pub hosts: Vec<String>,
}

/// A stack, as a row.
#[derive(Clone, Debug, Serialize)]
pub struct BoardStack {
    /// Its name.
    pub stack: String,
    /// What people call it.
    pub title: String,
    /// Whether something is wrong with its file.
    pub problem: bool,
    /// The push that runs now.
    #[serde(serialize_with = "body::optional")]
    pub lock: Option<PushRow>,
    /// The step that it is at.
    #[serde(serialize_with = "body::optional")]
    pub step: Option<StepNow>,
    /// The hold on the whole stack.
    #[serde(serialize_with = "body::optional")]
    pub hold: Option<Hold>,
    /// The stages in order.
    pub stages: Vec<BoardStage>,
}

/// A stage, as a cell.
#[derive(Clone, Debug, Serialize)]
pub struct BoardStage {
    /// Its name.
    pub name: String,
    /// Its place, from 1.
    pub place: usize,
    /// How many hosts it has.
    pub hosts: usize,
    /// What it runs.
    #[serde(serialize_with = "body::optional")]
    pub current: Option<Current>,
    /// What waits for it; none when that is nothing.
    pub next: Option<Waiting>,
    /// The hold on this stage alone.
    #[serde(serialize_with = "body::optional")]
    pub hold: Option<Hold>,
    /// Who asked for the approval of what waits for it, where that still stands.
    pub approval: Option<WaitingApproval>,
    /// The last push to it, whatever its end.
    #[serde(serialize_with = "body::optional")]
    pub last: Option<PushRow>,
    /// How long the last good pushes took, while one runs.
    #[serde(rename = "usual_ms")]
    pub typical_ms: Vec<i64>,
}

/// What a press would put on a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Whether the stage runs this very revision already.
    pub again: bool,
    /// How many commits would go out; none while that is being counted.
    pub commits: Option<usize>,
}

/// What waits for the approval of others, or has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingApproval {
    /// Who asked.
    pub who: String,
    /// Whether enough others have approved.
    pub approved: bool,
}

impl WaitingApproval {
    fn of(view: &ApprovalView) -> Option<Self> {
        let approved = match view.state {
            ApprovalStanding::Waiting => false,
            ApprovalStanding::Approved => true,
            ApprovalStanding::NotAsked
            | ApprovalStanding::Expired
            | ApprovalStanding::Moved
            | ApprovalStanding::Declined => return None,
        };
        let request = view.request.as_ref().filter(|request| request.version.is_none())?;
        Some(Self { who: request.who.clone(), approved })
    }
}

impl From<&StackView> for BoardStack {
    fn from(street: &StackView) -> Self {
        let stages = street.stages.iter().map(|stage| BoardStage {
            name: stage.name.clone(),
            place: stage.place,
            hosts: stage.hosts.len(),
            current: stage.current.clone(),
            next: stage.next.as_ref().map(|next| Waiting { again: next.again, commits: Some(next.commit_count) }),
            hold: stage.hold.clone(),
            approval: stage.approval.as_ref().and_then(WaitingApproval::of),
            last: stage.last.clone(),
            typical_ms: stage.typical_ms.clone(),
        });
        Self {
            stack: street.stack.clone(),
            title: street.title.clone(),
            problem: street.problem.is_some(),
            lock: street.lock.clone(),
            step: street.step.clone(),
            hold: street.hold.clone(),
            stages: stages.collect(),
        }
    }
}
