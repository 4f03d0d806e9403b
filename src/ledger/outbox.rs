//! The outbox: announcements, written in the same transaction as the change that they tell of, then delivered.
//! It must never be written by whoever delivers, but for how a delivery went.

use super::pushes::{Commit, PushRow};
use serde::{Deserialize, Serialize};

/// Everything that a channel needs to tell of a push; frozen when the change was folded in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// `started` or `ended`.
    pub event: Moment,
    /// The push as it then was.
    pub push: PushRow,
    /// What the stage's button says.
    pub button: String,
    /// The commits that it brings, newest first; at most 50.
    pub commits: Vec<Commit>,
    /// How many commits there are in all.
    pub commit_count: usize,
    /// The hosts that did not end well: name, result, why; at most 20.
    pub bad_hosts: Vec<BadHost>,
    /// The address of the push's page.
    pub url: String,
    /// The first 12 digits of the audit's head, so that history cannot be changed unnoticed.
    pub audit_head: String,
}

/// Which moment of a push is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It began.
    Started,
    /// It ended.
    Ended,
}

/// A host that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadHost {
    /// Its name.
    pub host: String,
    /// How the command ended there.
    pub result: String,
    /// Why.
    pub why: Option<String>,
    /// The title of the command.
    pub command: String,
}

/// One announcement for one channel, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Its number.
    pub id: i64,
    /// The push.
    pub push: i64,
    /// `started` or `ended`.
    pub event: String,
    /// `irc` or `email`.
    pub channel: String,
    /// `waiting`, `told` or `given up`.
    pub state: String,
    /// How many tries there were.
    pub tries: i64,
    /// When the next try is due.
    pub next_at: String,
    /// When it was told.
    pub told_at: Option<String>,
    /// The very words that were told.
    pub told: Option<String>,
    /// Why the last try failed.
    pub problem: Option<String>,
}
