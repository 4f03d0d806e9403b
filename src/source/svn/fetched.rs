//! What was fetched last from a repository, as it lies on the disk. It is read after an upgrade, too, so a field is never renamed nor
//! taken away.

use crate::ledger::pushes::Commit;
use crate::time::At;
use serde::{Deserialize, Serialize};

/// What was fetched last.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// The hash of the address that it is from.
    pub from: String,
    /// When.
    pub at: At,
    /// Newest first.
    pub commits: Vec<FetchedCommit>,
}

/// A commit, cleaned of control characters.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FetchedCommit {
    /// Its number.
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

impl From<Commit> for FetchedCommit {
    fn from(Commit { sha, author, email, at, subject }: Commit) -> Self {
        Self { sha, author, email, at, subject }
    }
}

impl From<FetchedCommit> for Commit {
    fn from(FetchedCommit { sha, author, email, at, subject }: FetchedCommit) -> Self {
        Self { sha, author, email, at, subject }
    }
}
