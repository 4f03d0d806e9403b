//! Which moment of a push is told. Its names are in the ledger and in keys: they stay.

use crate::config::ChannelEvent;
use serde::{Deserialize, Serialize};

/// A pause, or the end of one, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The journal record that says so.
    pub n: u64,
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// How long the pause was, in milliseconds; none at its beginning.
    pub lasted_ms: Option<i64>,
}

/// Which moment of a push is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It began.
    Started,
    /// It asks, and waits for an answer.
    Asked,
    /// Someone paused it.
    Paused,
    /// Someone let it go on.
    Resumed,
    /// It ended.
    Ended,
}

impl Moment {
    /// What filters call it.
    pub(super) fn event(self) -> ChannelEvent {
        match self {
            Self::Started => ChannelEvent::Started,
            Self::Asked => ChannelEvent::Asked,
            Self::Paused => ChannelEvent::Paused,
            Self::Resumed => ChannelEvent::Resumed,
            Self::Ended => ChannelEvent::Ended,
        }
    }

    /// The name in the ledger and in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Asked => "asked",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Ended => "ended",
        }
    }
}
