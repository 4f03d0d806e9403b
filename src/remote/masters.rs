//! Multiplexed ssh masters that belong to nobody: server and runners find the same ones by their sockets, none ends one
//! that others may use, and an idle one ends by itself. It must never accept a host key that is not known, and never use
//! a connection that has not answered. Called by the runner and the server for a connection, by the guard for channels.

mod address;
mod connection;
pub mod enrol;
mod failure;
mod handshakes;
mod inner;
mod keys;
mod notes;
mod opening;
mod probe;
mod reach;
mod refusal;
pub(in crate::remote) mod settings;
mod sockets;
mod ssh;
mod way;

use crate::stack::{Host, StackName};
pub use address::Address;
pub use connection::Connection;
pub use failure::{Failure, Unreachable};
use inner::Inner;
pub use keys::OwnKeys;
use reach::{Effort, Proof};
pub(in crate::remote) use refusal::is_refusal_of_a_session;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Waits before the second, third and fourth try of a connection, each ± 50 %.
const RETRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// Opens masters and hands out connections over them. Cheap to clone: all clones share everything.
#[derive(Clone)]
pub struct Masters(Arc<Inner>);

impl Masters {
    /// Prepares `dir` (control sockets and our ssh configuration; 0700) for masters that also read the operator's file.
    ///
    /// # Errors
    /// When the directory cannot be used, or its path is too long for a socket.
    pub fn new(dir: &Path, operator: Option<PathBuf>) -> std::io::Result<Self> {
        Self::with_retries(dir, operator, RETRIES.to_vec())
    }

    /// The same with other waits between the tries of a connection.
    ///
    /// # Errors
    /// As [`Masters::new`].
    pub fn with_retries(dir: &Path, operator: Option<PathBuf>, retries: Vec<Duration>) -> std::io::Result<Self> {
        let (dir, config) = settings::prepare(dir, operator.as_deref())?;
        Ok(Self(Arc::new(Inner::new(dir, config, retries))))
    }

    /// A connection to a host, over its master; opens the master when there is none that answers. The host answers now; its
    /// login shell has done so within the last 15 s, or does now. Who was not heard in the last two tries gets one short try.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn connect(&self, host: &Host) -> Result<Connection, Unreachable> {
        self.0.ensure(host, &self.0.socket(host), self.0.effort()).await?;
        Ok(self.connection(host))
    }

    /// The same for a push of this stack: over a new session of the host's `sshd`, where something failed in the last one.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn connect_for(&self, host: &Host, stack: &StackName) -> Result<Connection, Unreachable> {
        let socket = self.0.socket(host);
        let doubted = notes::doubt::is_noted(&socket, stack);
        if doubted {
            self.0.renew(host).await?;
        }
        let connection = self.connect(host).await?;
        if doubted {
            notes::doubt::forget(&socket, stack);
        }
        Ok(connection)
    }

    /// Something failed on the host: the stack's next push is to have a new session there.
    pub fn doubt(&self, host: &Host, stack: &StackName) {
        notes::doubt::note(&self.0.socket(host), stack);
    }

    /// Opens a new session of the host's `sshd`, and lets the old ones take nothing new: what runs over them finishes.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn reconnect(&self, host: &Host) -> Result<Connection, Failure> {
        self.0.renew(host).await?;
        self.try_connect(host).await
    }

    /// Whether someone, perhaps another process, has heard the host's login shell in the last 15 s, over the master that is
    /// there now.
    pub fn answered_lately(&self, host: &Host) -> bool {
        notes::last_contact::lately(&self.0.socket(host))
    }

    /// The same with one try only, and the login shell answers now: for who comes back by itself, and must know whether that
    /// may help.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn try_connect(&self, host: &Host) -> Result<Connection, Failure> {
        self.0
            .ensure(host, &self.0.socket(host), Effort { proof: Proof::Shell, retries: &[], in_haste: false })
            .await?;
        Ok(self.connection(host))
    }

    fn connection(&self, host: &Host) -> Connection {
        Connection::new(host.clone(), self.0.clone(), self.0.host(host).channels.clone())
    }
}
