//! Marks of builds as pages, API and command line show them (docs/api.md, "Marks"). Plain data; it must never be read from anywhere.

use crate::ledger::marks::Mark;
use schemars::JsonSchema;
use serde::Serialize;

/// What someone says of a build.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct MarkView {
    /// The build.
    pub build: String,
    /// Its revision.
    pub sha: String,
    /// `good` or `bad`.
    pub mark: &'static str,
    /// The stage that it is good for; none of a bad one: it is bad everywhere.
    pub stage: Option<String>,
    /// Who marked it.
    pub who: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why, when they said so.
    pub reason: Option<String>,
}

impl From<&Mark> for MarkView {
    fn from(row: &Mark) -> Self {
        Self {
            build: row.build.clone(),
            sha: row.sha.clone(),
            mark: if row.stage.is_some() { "good" } else { "bad" },
            stage: row.stage.as_ref().map(ToString::to_string),
            who: row.who.to_string(),
            at: row.at.clone(),
            reason: row.reason.clone(),
        }
    }
}
