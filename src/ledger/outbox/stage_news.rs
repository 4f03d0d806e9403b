//! What is told of a stage or a build while nothing is pushed: that a push waits for approval, what became of that, and which builds were
//! marked. Kept as announcements of pushes are: a field is never renamed nor taken away. It must never be read from a table.

use crate::config::{About, ChannelEvent};
use crate::stack::{StackName, StageName};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageEvent {
    /// Someone asks for the approval of a push.
    ApprovalAsked,
    /// Someone approved it.
    Approved,
    /// Someone declined it.
    Declined,
    /// A build was marked as good for a stage.
    MarkedGood,
    /// A build was marked as bad.
    MarkedBad,
    /// A mark was taken away.
    Unmarked,
    /// Stages are not pushed automatically any more, since something went wrong.
    AutoOff,
}

impl StageEvent {
    /// What filters call it.
    fn event(self) -> ChannelEvent {
        match self {
            Self::ApprovalAsked => ChannelEvent::ApprovalAsked,
            Self::Approved => ChannelEvent::Approved,
            Self::Declined => ChannelEvent::Declined,
            Self::MarkedGood => ChannelEvent::MarkedGood,
            Self::MarkedBad => ChannelEvent::MarkedBad,
            Self::Unmarked => ChannelEvent::Unmarked,
            Self::AutoOff => ChannelEvent::AutoOff,
        }
    }
}

/// What is told of a stage. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageNews {
    /// What happened.
    pub news: StageEvent,
    /// What tells a repeat: `approval-7-asked`.
    pub key: String,
    /// The stack.
    pub stack: StackName,
    /// The stage; none where it is about all of them.
    #[serde(default)]
    pub stage: Option<StageName>,
    /// The stages, where it is about some of them together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageName>,
    /// Who did it.
    pub who: String,
    /// Who had asked for it, where someone answers.
    #[serde(default)]
    pub asker: Option<String>,
    /// The revision that it is about.
    pub sha: String,
    /// The build, where it is about one.
    #[serde(default)]
    pub build: Option<String>,
    /// What the stage runs.
    #[serde(default)]
    pub old_sha: Option<String>,
    /// Why, or a remark.
    #[serde(default)]
    pub reason: Option<String>,
    /// Until when it can be answered.
    #[serde(default)]
    pub until: Option<String>,
    /// When it happened.
    pub at: String,
    /// The address of its page.
    pub url: String,
    /// The first 12 digits of the audit's head.
    pub audit_head: String,
}

impl StageNews {
    /// What it is about, for the filters of channels.
    pub fn about(&self) -> About<'_> {
        About { stack: &self.stack, stage: self.stage.as_ref(), event: self.news.event(), result: None }
    }
}
