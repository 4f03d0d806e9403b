//! What all clones of the masters share: where the sockets are, whose turn it is to open one, what jump hosts said. It must never
//! hold its table of hosts while anybody is waited for. Used by the masters' parts.

use super::failure::Failure;
use super::handshakes::{Handshakes, LOCK_TRY};
use super::settings;
use crate::stack::Host;
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Channels at once over one master in this process: server and runner share the MaxSessions of sshd, 10 by default.
const CHANNELS: usize = 4;

/// What jump hosts said, and when. Held while one is asked, so that the others wait for its words.
pub(super) type Closed = tokio::sync::Mutex<HashMap<Host, (Instant, String)>>;

/// What all clones share.
pub(super) struct Inner {
    pub(super) dir: PathBuf,
    pub(super) config: PathBuf,
    pub(super) retries: Vec<Duration>,
    pub(super) handshakes: Handshakes,
    /// One entry for each host that was ever asked for; held only to look one up, never across an await.
    pub(super) hosts: Mutex<HashMap<Host, Arc<PerHost>>>,
    /// Jump hosts that let nobody through.
    pub(super) closed: Closed,
}

/// What all connections to one host share.
pub(super) struct PerHost {
    pub(super) opening: tokio::sync::Mutex<()>,
    /// Taken for a round trip: one at once, beside the channels, so that a busy master can still be asked.
    pub(super) asking: tokio::sync::Mutex<()>,
    pub(super) channels: Arc<Semaphore>,
}

impl Inner {
    /// Nothing is opened yet.
    pub(super) fn new(dir: PathBuf, config: PathBuf, retries: Vec<Duration>) -> Self {
        let handshakes = Handshakes::new(dir.clone());
        Self { dir, config, retries, handshakes, hosts: Mutex::default(), closed: Closed::default() }
    }

    /// What the connections to a host share.
    pub(super) fn host(&self, host: &Host) -> Arc<PerHost> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || PerHost {
            opening: tokio::sync::Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            channels: Arc::new(Semaphore::new(CHANNELS)),
        };
        hosts.entry(host.clone()).or_insert_with(|| Arc::new(fresh())).clone()
    }

    /// The first socket of a host.
    pub(super) fn socket(&self, host: &Host) -> PathBuf {
        let hash = Sha256::digest(host.to_string());
        let name: String = hash.iter().take(settings::SOCKET_NAME / 2).map(|byte| format!("{byte:02x}")).collect();
        self.dir.join(name)
    }

    /// The lock of one host among all our processes: whoever has it opens the master. It is asked for again and again
    /// rather than waited for in a thread, which nobody could call back.
    pub(super) async fn lock(&self, socket: &Path) -> Result<Flock<std::fs::File>, Failure> {
        let path = socket.with_extension("lock");
        let failed = |error: std::io::Error| Failure::no_lock(&self.dir, &error);
        let mut file = std::fs::File::options().create(true).append(true).open(&path).map_err(failed)?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err((back, nix::errno::Errno::EWOULDBLOCK)) => file = back,
                Err((_, error)) => return Err(failed(error.into())),
            }
            tokio::time::sleep(LOCK_TRY).await;
        }
    }
}
