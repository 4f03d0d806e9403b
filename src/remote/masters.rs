//! Multiplexed ssh masters that belong to nobody.

use crate::stack::Host;
use std::path::{Path, PathBuf};

/// Opens masters and hands out connections over them.
pub struct Masters {}

/// A host that can be spoken to.
pub struct Connection {
    /// The host.
    pub host: Host,
}

/// Why a host could not be reached, in words for the person who presses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

impl Masters {
    /// Prepares `dir` (control sockets and our ssh configuration; 0700) for masters that also read the operator's file.
    ///
    /// # Errors
    /// When the directory cannot be used, or its path is too long for a socket.
    pub fn new(_dir: &Path, _operator: Option<PathBuf>) -> std::io::Result<Self> {
        todo!()
    }

    /// A connection to a host, over its master; opens the master when there is none that answers.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn connect(&self, _host: &Host) -> Result<Connection, Unreachable> {
        todo!()
    }
}
