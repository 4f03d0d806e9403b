//! A stage whose pushes need the approval of others, as pages, API and command line show it (docs/api.md, "An approval"). Plain data; it
//! must never be read from anywhere.

use crate::ledger::approvals::{Approval, ApprovalRequest};
use schemars::JsonSchema;
use serde::Serialize;

/// How the approval of what would go out stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStanding {
    /// Nobody has asked.
    NotAsked,
    /// Someone has asked, and it waits for others.
    Waiting,
    /// Others approved it: it can go out.
    Approved,
    /// What was asked for has expired.
    Expired,
    /// The plan has changed since.
    Moved,
    /// Someone said no.
    Declined,
}

/// The approval that a push needs. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ApprovalView {
    /// How many people must approve, besides who pushes.
    pub needed: usize,
    /// How it stands.
    pub state: ApprovalStanding,
    /// What has changed since it was asked for, or why it was declined.
    pub why: Option<String>,
    /// The request.
    pub request: Option<RequestView>,
    /// Requests for other versions of the stage that stand, too.
    pub others: Vec<RequestView>,
}

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RequestView {
    /// Its number.
    pub id: i64,
    /// Who asked.
    pub who: String,
    /// Why, when they said so.
    pub reason: Option<String>,
    /// When.
    pub at: String,
    /// When it is over.
    pub ends_at: String,
    /// The hash of the plan, which an approval must carry.
    pub plan_hash: String,
    /// What the button offered: the revision or the build.
    pub seen: String,
    /// Its revision.
    pub sha: String,
    /// The version that was chosen instead of what the button offers.
    pub version: Option<String>,
    /// Who approved, in their order.
    pub approved_by: Vec<GivenView>,
    /// Who declined it.
    pub declined_by: Option<String>,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct GivenView {
    /// Who.
    pub who: String,
    /// When.
    pub at: String,
    /// A remark, when they made one.
    pub reason: Option<String>,
}

impl From<&ApprovalRequest> for RequestView {
    fn from(row: &ApprovalRequest) -> Self {
        Self {
            id: row.id,
            who: row.who.to_string(),
            reason: row.reason.clone(),
            at: row.at.clone(),
            ends_at: row.ends_at.clone(),
            plan_hash: row.plan_hash.clone(),
            seen: row.seen.clone(),
            sha: row.sha.clone(),
            version: row.version.clone(),
            approved_by: row.given.iter().map(GivenView::from).collect(),
            declined_by: row.closed_by.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&Approval> for GivenView {
    fn from(row: &Approval) -> Self {
        Self { who: row.who.to_string(), at: row.at.clone(), reason: row.reason.clone() }
    }
}
