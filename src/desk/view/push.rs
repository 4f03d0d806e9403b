//! A push as the API writes it, field by field (docs/api.md, "A push"), with what it waits for. A name here stays: programs of others
//! read it. It must never be read from anywhere.

use super::body::HasBody;
use crate::journal::{Answer, PushState};
use crate::ledger::pushes::{Paused, PushRow};
use crate::ledger::questions::Question;
use crate::plan::PushKind;
use crate::stack::{PushNumber, StackName, StageName};
use schemars::JsonSchema;
use serde::Serialize;

/// A push as the API writes it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct PushBody<'a> {
    /// The number.
    pub id: PushNumber,
    /// The stack.
    pub stack: &'a StackName,
    /// The stage.
    pub stage: &'a StageName,
    /// `push`, `rollback`, `resume` or `catch-up`.
    pub kind: PushKind,
    /// The push that a resume goes on with.
    pub resumes: Option<PushNumber>,
    /// The build made or used.
    pub build: &'a str,
    /// Its revision.
    pub sha: &'a str,
    /// The root hash of its manifest, once it is frozen.
    pub root: Option<&'a str>,
    /// The build that the stage ran before.
    pub old_build: Option<&'a str>,
    /// Its revision.
    pub old_sha: Option<&'a str>,
    /// The branch.
    pub branch: &'a str,
    /// Who pressed.
    pub who: &'a str,
    /// Why, when they said so.
    pub reason: Option<&'a str>,
    /// Who approved it, where its stage asks for that: `joe, kate`.
    pub approved_by: Option<&'a str>,
    /// Why an admin pushed it without approval.
    pub override_why: Option<&'a str>,
    /// `running`, or how it ended: `succeeded`, `degraded`, `failed`, `cancelled`, `rolled back`, `interrupted`.
    pub state: PushState,
    /// Why it did not end well, one sentence.
    pub why: Option<&'a str>,
    /// Who cancelled it.
    pub ended_by: Option<&'a str>,
    /// The plan's hash.
    pub plan_hash: &'a str,
    /// The address of the difference.
    pub diff: Option<&'a str>,
    /// When the button was pressed.
    pub pressed_at: &'a str,
    /// When the runner took it up.
    pub started_at: Option<&'a str>,
    /// When it ended.
    pub ended_at: Option<&'a str>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// How many hosts the frozen list has.
    pub hosts_total: i64,
    /// How many hold its build, as far as is known; while it runs, by now ([`crate::plan::Proof`]).
    pub hosts_ok: i64,
    /// How many lines of output are folded in.
    pub lines: i64,
    /// How many commits it brings in all.
    pub commit_count: i64,
    /// Who paused it, while it is paused.
    pub paused: Option<PausedBody<'a>>,
    /// What it asks a person, while it waits for the answer.
    pub question: Option<QuestionBody<'a>>,
    /// Since when it waits for a person, paused or for an answer.
    pub waits_since: Option<&'a str>,
    /// How long it has waited for persons before, in milliseconds.
    pub waited_ms: i64,
}

impl<'a> From<&'a PushRow> for PushBody<'a> {
    fn from(row: &'a PushRow) -> Self {
        Self {
            id: row.id,
            stack: &row.stack,
            stage: &row.stage,
            kind: row.kind,
            resumes: row.resumes,
            build: &row.build,
            sha: &row.sha,
            root: row.root.as_deref(),
            old_build: row.old_build.as_deref(),
            old_sha: row.old_sha.as_deref(),
            branch: &row.branch,
            who: &row.who,
            reason: row.reason.as_deref(),
            approved_by: row.approved_by.as_deref(),
            override_why: row.override_why.as_deref(),
            state: row.state,
            why: row.why.as_deref(),
            ended_by: row.ended_by.as_deref(),
            plan_hash: &row.plan_hash,
            diff: row.diff.as_deref(),
            pressed_at: &row.pressed_at,
            started_at: row.started_at.as_deref(),
            ended_at: row.ended_at.as_deref(),
            duration_ms: row.duration_ms,
            hosts_total: row.hosts_total,
            hosts_ok: row.hosts_ok,
            lines: row.lines,
            commit_count: row.commit_count,
            paused: row.paused.as_ref().map(PausedBody::from),
            question: row.question.as_ref().map(QuestionBody::from),
            waits_since: row.waits_since.as_deref(),
            waited_ms: row.waited_ms,
        }
    }
}

impl HasBody for PushRow {
    type Body<'a> = PushBody<'a>;
}

/// A pause of a running push.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PausedBody<'a> {
    /// Who.
    pub who: &'a str,
    /// Since when.
    pub at: &'a str,
    /// Why, when they said so.
    pub reason: Option<&'a str>,
}

impl<'a> From<&'a Paused> for PausedBody<'a> {
    fn from(paused: &'a Paused) -> Self {
        Self { who: &paused.who, at: &paused.at, reason: paused.reason.as_deref() }
    }
}

/// One question of a push.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct QuestionBody<'a> {
    /// Which question of the push, from 1.
    pub ask: u32,
    /// The command that asked.
    pub command: u32,
    /// What was asked.
    pub question: &'a str,
    /// When.
    pub asked_at: &'a str,
    /// When nobody can answer any more.
    pub ends_at: &'a str,
    /// Whether someone else must answer than who started the push.
    pub another: bool,
    /// `yes`, `no` or `nobody`; none while the push waits.
    pub answer: Option<&'a str>,
    /// Who answered.
    pub who: Option<&'a str>,
    /// Why, when they said so.
    pub reason: Option<&'a str>,
}

impl<'a> From<&'a Question> for QuestionBody<'a> {
    fn from(row: &'a Question) -> Self {
        Self {
            ask: row.ask,
            command: row.command,
            question: &row.question,
            asked_at: &row.asked_at,
            ends_at: &row.ends_at,
            another: row.another,
            answer: row.answer.map(Answer::word),
            who: row.who.as_deref(),
            reason: row.reason.as_deref(),
        }
    }
}
