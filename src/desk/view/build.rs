//! Commits and builds as the API writes them, field by field. A name here stays: programs of others read it. It must never be read
//! from anywhere.

use super::body::HasBody;
use crate::ledger::good_builds::GoodBuild;
use crate::ledger::published::Published;
use crate::ledger::pushes::Commit;
use crate::stack::PushNumber;
use schemars::JsonSchema;
use serde::Serialize;

/// A commit, cleaned of control characters.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CommitBody<'a> {
    /// The full revision.
    pub sha: &'a str,
    /// The author's name.
    pub author: &'a str,
    /// The author's address.
    pub email: &'a str,
    /// When it was committed, RFC 3339 in UTC.
    pub at: &'a str,
    /// The first line of its message.
    pub subject: &'a str,
}

impl<'a> From<&'a Commit> for CommitBody<'a> {
    fn from(commit: &'a Commit) -> Self {
        Self {
            sha: &commit.sha,
            author: &commit.author,
            email: &commit.email,
            at: &commit.at,
            subject: &commit.subject,
        }
    }
}

impl HasBody for Commit {
    type Body<'a> = CommitBody<'a>;
}

/// A build that succeeded on a stage.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct GoodBuildBody<'a> {
    /// The build.
    pub build: &'a str,
    /// Its revision.
    pub sha: &'a str,
    /// The root hash of its manifest.
    pub root: &'a str,
    /// The branch that it was built from.
    pub branch: &'a str,
    /// The subject of the revision, when it is known.
    pub subject: &'a str,
    /// How many files it has.
    pub files: i64,
    /// The first push that put it on the stage well.
    pub push: PushNumber,
    /// Who pressed that one.
    pub who: &'a str,
    /// When that one was pressed, RFC 3339 in UTC.
    pub pushed_at: &'a str,
}

impl<'a> From<&'a GoodBuild> for GoodBuildBody<'a> {
    fn from(row: &'a GoodBuild) -> Self {
        Self {
            build: &row.build,
            sha: &row.sha,
            root: &row.root,
            branch: &row.branch,
            subject: &row.subject,
            files: row.files,
            push: row.push,
            who: &row.who,
            pushed_at: &row.pushed_at,
        }
    }
}

impl HasBody for GoodBuild {
    type Body<'a> = GoodBuildBody<'a>;
}

/// A published build.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PublishedBody<'a> {
    /// The revision that it was made of.
    pub sha: &'a str,
    /// The build.
    pub build: &'a str,
    /// The root hash of its manifest.
    pub root: &'a str,
    /// The branch that it was built from; empty when nobody said.
    #[serde(rename = "ref")]
    pub branch: &'a str,
    /// What it is, in its publisher's words.
    pub title: &'a str,
    /// Who published it.
    pub who: &'a str,
    /// When, RFC 3339 in UTC.
    pub at: &'a str,
    /// How many files it has.
    pub files: i64,
    /// How many bytes they have.
    pub bytes: i64,
}

impl<'a> From<&'a Published> for PublishedBody<'a> {
    fn from(row: &'a Published) -> Self {
        Self {
            sha: &row.sha,
            build: &row.build,
            root: &row.root,
            branch: &row.branch,
            title: &row.title,
            who: &row.who,
            at: &row.at,
            files: row.files,
            bytes: row.bytes,
        }
    }
}

impl HasBody for Published {
    type Body<'a> = PublishedBody<'a>;
}
