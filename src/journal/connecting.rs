//! The connections of a push as its journal tells them: being made, or done. Pure. It must never say more than the records do: a
//! journal of an older runner says nothing of it.

use super::{Connections, Event};
use schemars::JsonSchema;
use serde::Serialize;

/// The connections of a push as its records tell it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Connecting {
    /// They are being made.
    UnderWay(Connections),
    /// The push has gone on.
    Done(Connections),
}

impl Connecting {
    /// What a record says of it, if it does.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Connecting(connections) => Some(Self::UnderWay(connections.clone())),
            Event::Connected(connections) => Some(Self::Done(connections.clone())),
            Event::PushStarted { .. }
            | Event::CommandStarted { .. }
            | Event::HostStarted { .. }
            | Event::Line { .. }
            | Event::HostEnded { .. }
            | Event::BuildMade { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::Link { .. }
            | Event::Measured { .. }
            | Event::CommandEnded { .. }
            | Event::HostDropped { .. }
            | Event::UndoStarted { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::PushEnded { .. } => None,
        }
    }

    /// The numbers.
    pub fn connections(&self) -> &Connections {
        match self {
            Self::UnderWay(connections) | Self::Done(connections) => connections,
        }
    }
}
