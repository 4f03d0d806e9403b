//! What a stage runs, what stops it and how far its push is, as the API writes it, field by field (docs/api.md, "A stack"). A name here
//! stays: programs of others read it. It must never be read from anywhere.

use super::body::HasBody;
use crate::ledger::current::Current;
use crate::ledger::holds::Hold;
use crate::ledger::running::StepNow;
use crate::stack::PushNumber;
use schemars::JsonSchema;
use serde::Serialize;

/// What a stage runs. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CurrentBody<'a> {
    /// The revision.
    pub sha: &'a str,
    /// The build.
    pub build: &'a str,
    /// The root hash of its manifest.
    pub root: &'a str,
    /// How many files it has.
    pub files: i64,
    /// The subject of the revision, when it is known.
    pub subject: &'a str,
    /// Since when.
    pub pushed_at: &'a str,
    /// By whom.
    pub who: &'a str,
    /// By which push.
    pub push: PushNumber,
    /// On how many hosts it is, as far as is known.
    pub hosts_ok: i64,
    /// How many hosts the push had.
    pub hosts_total: i64,
    /// When that was known: when the hosts were asked, or when the push ended.
    pub as_of: Option<&'a str>,
}

impl<'a> From<&'a Current> for CurrentBody<'a> {
    fn from(row: &'a Current) -> Self {
        Self {
            sha: &row.sha,
            build: &row.build,
            root: &row.root,
            files: row.files,
            subject: &row.subject,
            pushed_at: &row.pushed_at,
            who: &row.who,
            push: row.push,
            hosts_ok: row.hosts_ok,
            hosts_total: row.hosts_total,
            as_of: row.as_of.as_deref(),
        }
    }
}

impl HasBody for Current {
    type Body<'a> = CurrentBody<'a>;
}

/// A stop sign. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct HoldBody<'a> {
    /// `web` or `web/prod`.
    pub scope: &'a str,
    /// Who set it.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
    /// When.
    pub at: &'a str,
    /// The push that ended badly, when a push set it.
    pub push: Option<PushNumber>,
    /// When it is over by itself; none stands until someone releases it.
    pub until: Option<&'a str>,
}

impl<'a> From<&'a Hold> for HoldBody<'a> {
    fn from(row: &'a Hold) -> Self {
        Self {
            scope: &row.scope,
            who: &row.who,
            reason: &row.reason,
            at: &row.at,
            push: row.push,
            until: row.until.as_deref(),
        }
    }
}

impl HasBody for Hold {
    type Body<'a> = HoldBody<'a>;
}

/// The step that a running push is at.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct StepBody<'a> {
    /// Its place in the plan, from 1.
    pub number: i64,
    /// How many there are, without those that run only when something goes wrong.
    pub of: i64,
    /// What it is called.
    pub title: &'a str,
}

impl<'a> From<&'a StepNow> for StepBody<'a> {
    fn from(step: &'a StepNow) -> Self {
        Self { number: step.number, of: step.of, title: &step.title }
    }
}

impl HasBody for StepNow {
    type Body<'a> = StepBody<'a>;
}
