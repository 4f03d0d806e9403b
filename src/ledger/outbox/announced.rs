//! The push that an announcement tells of, as the outbox keeps it. Announcements wait over upgrades, so a field is never renamed nor
//! taken away, and one that was added may be missing in those that were written before. It must never be read from a table.

use crate::journal::PushState;
use crate::ledger::pushes::{Paused, PushRow};
use crate::ledger::questions::Question;
use crate::plan::PushKind;
use crate::stack::{PushNumber, StackName, StageName};
use serde::{Deserialize, Serialize};

/// A push as an announcement keeps it: as it was when that happened which is told. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnouncedPush {
    /// The number.
    pub id: PushNumber,
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// Why the build went out.
    #[serde(default)]
    pub kind: PushKind,
    /// The push that a resume goes on with.
    #[serde(default)]
    pub resumes: Option<PushNumber>,
    /// The build made or used.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// The root hash of its manifest, once it is frozen.
    pub root: Option<String>,
    /// The build that the stage ran before.
    pub old_build: Option<String>,
    /// Its revision.
    pub old_sha: Option<String>,
    /// The branch.
    pub branch: String,
    /// Who pressed.
    pub who: String,
    /// Why, when they said so.
    pub reason: Option<String>,
    /// Whether it runs, or how it ended.
    pub state: PushState,
    /// Why it did not end well, one sentence.
    pub why: Option<String>,
    /// Who cancelled it.
    pub ended_by: Option<String>,
    /// The plan's hash.
    pub plan_hash: String,
    /// The address of the difference.
    pub diff: Option<String>,
    /// When the button was pressed.
    pub pressed_at: String,
    /// When the runner took it up.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// How many hosts the frozen list has.
    pub hosts_total: i64,
    /// How many hold its build, as far as is known; while it runs, by now ([`crate::plan::Proof`]).
    pub hosts_ok: i64,
    /// How many lines of output are folded in.
    pub lines: i64,
    /// How many commits it brings in all.
    #[serde(default)]
    pub commit_count: i64,
    /// Who paused it, while it is paused.
    #[serde(default)]
    pub paused: Option<Paused>,
    /// What it asks a person, while it waits for the answer.
    #[serde(default)]
    pub question: Option<Question>,
    /// Since when it waits for a person, paused or for an answer.
    #[serde(default)]
    pub waits_since: Option<String>,
    /// How long it has waited for persons before, in milliseconds.
    #[serde(default)]
    pub waited_ms: i64,
}

impl From<PushRow> for AnnouncedPush {
    fn from(row: PushRow) -> Self {
        Self {
            id: row.id,
            stack: row.stack,
            stage: row.stage,
            kind: row.kind,
            resumes: row.resumes,
            build: row.build,
            sha: row.sha,
            root: row.root,
            old_build: row.old_build,
            old_sha: row.old_sha,
            branch: row.branch,
            who: row.who,
            reason: row.reason,
            state: row.state,
            why: row.why,
            ended_by: row.ended_by,
            plan_hash: row.plan_hash,
            diff: row.diff,
            pressed_at: row.pressed_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            duration_ms: row.duration_ms,
            hosts_total: row.hosts_total,
            hosts_ok: row.hosts_ok,
            lines: row.lines,
            commit_count: row.commit_count,
            paused: row.paused,
            question: row.question,
            waits_since: row.waits_since,
            waited_ms: row.waited_ms,
        }
    }
}
