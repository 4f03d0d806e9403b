//! What an announcement tells of, as the outbox keeps it: the push, its commits, links, question and bad hosts. Announcements wait over
//! upgrades, so a field is never renamed nor taken away, and one that was added may be missing in those that were written before. It
//! must never be read from a table.

use crate::journal::{HostResult, PushState};
use crate::ledger::pushes::{Commit, Link, Paused, PushRow};
use crate::ledger::questions::Question;
use crate::plan::PushKind;
use crate::stack::{PushNumber, StackName, StageName};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// Who approved it, where its stage asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Why an admin pushed it without approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_why: Option<String>,
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
    pub paused: Option<AnnouncedPaused>,
    /// What it asks a person, while it waits for the answer.
    #[serde(default)]
    pub question: Option<AnnouncedQuestion>,
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
            approved_by: row.approved_by,
            override_why: row.override_why,
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
            paused: row.paused.map(AnnouncedPaused::from),
            question: row.question.map(AnnouncedQuestion::from),
            waits_since: row.waits_since,
            waited_ms: row.waited_ms,
        }
    }
}

/// A pause of the push, while it is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedPaused {
    /// Who.
    pub who: String,
    /// Since when.
    pub at: String,
    /// Why, when they said so.
    pub reason: Option<String>,
}

impl From<Paused> for AnnouncedPaused {
    fn from(Paused { who, at, reason }: Paused) -> Self {
        Self { who, at, reason }
    }
}

/// A question of the push. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedQuestion {
    /// Which question of the push, from 1.
    pub ask: u32,
    /// The command that asked.
    pub command: u32,
    /// What was asked.
    pub question: String,
    /// When.
    pub asked_at: String,
    /// When nobody can answer any more.
    pub ends_at: String,
    /// Whether someone else must answer than who started the push.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub another: bool,
    /// `yes`, `no` or `nobody`; none while the push waits.
    #[serde(default)]
    pub answer: Option<String>,
    /// Who answered.
    #[serde(default)]
    pub who: Option<String>,
    /// Why, when they said so.
    #[serde(default)]
    pub reason: Option<String>,
}

impl From<Question> for AnnouncedQuestion {
    fn from(row: Question) -> Self {
        let Question { ask, command, question, asked_at, ends_at, another, answer, who, reason } = row;
        let answer = answer.map(|answer| answer.word().to_owned());
        Self { ask, command, question, asked_at, ends_at, another, answer, who, reason }
    }
}

/// A commit that the push brings, cleaned of control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedCommit {
    /// The full revision.
    pub sha: String,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// When it was committed, RFC 3339 in UTC.
    pub at: String,
    /// The first line of its message.
    pub subject: String,
}

impl From<Commit> for AnnouncedCommit {
    fn from(Commit { sha, author, email, at, subject }: Commit) -> Self {
        Self { sha, author, email, at, subject }
    }
}

/// A link that `before` or `finally` gave: a ticket, a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedLink {
    /// What it is called, cleaned.
    pub title: String,
    /// Its address: http or https.
    pub url: String,
    /// The host that said so; none: the push host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl From<Link> for AnnouncedLink {
    fn from(Link { title, url, host }: Link) -> Self {
        Self { title, url, host }
    }
}

/// A host that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadHost {
    /// Its name.
    pub host: String,
    /// How the command ended there: its word for people, as the ledger has it.
    #[serde(serialize_with = "write_result", deserialize_with = "read_result")]
    pub result: HostResult,
    /// Why.
    pub why: Option<String>,
    /// The title of the command.
    pub command: String,
}

fn write_result<S: Serializer>(result: &HostResult, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(result.word())
}

fn read_result<'de, D: Deserializer<'de>>(from: D) -> Result<HostResult, D::Error> {
    HostResult::parse(&String::deserialize(from)?).map_err(D::Error::custom)
}
