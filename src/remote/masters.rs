//! Multiplexed ssh masters that belong to nobody: server and runners find the same ones by their sockets, none ends one
//! that others may use, and an idle one ends by itself. It must never accept a host key that is not known, and never use
//! a connection that has not answered. Called by the runner and the server for a connection, by the guard for channels.

mod address;
mod connection;
mod doubt;
pub mod enrol;
mod failure;
mod handshakes;
mod keys;
mod lane;
mod last_contact;
mod missed;
mod opening;
mod probe;
mod reach;
pub(in crate::remote) mod settings;
mod sockets;
mod way;

use crate::process::Program;
use crate::stack::{Host, StackName};
pub use address::Address;
pub use connection::Connection;
pub(in crate::remote) use connection::is_refusal_of_a_session;
pub use failure::Failure;
use handshakes::Handshakes;
use nix::fcntl::{Flock, FlockArg};
use probe::Knock;
use reach::{Effort, Proof};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use way::Closed;

/// Channels at once over one master in this process: server and runner share the MaxSessions of sshd, 10 by default.
const CHANNELS: usize = 4;

/// Waits before the second, third and fourth try of a connection, each ± 50 %.
const RETRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// How often a lock that another process holds is tried.
const LOCK_TRY: Duration = Duration::from_millis(20);

/// How long signing in may take, beyond the ConnectTimeout of 10 s.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(20);

/// How long a round trip over a master may take: ssh itself gives a dead link up after 15 s.
const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(10);

/// Opens masters and hands out connections over them. Cheap to clone: all clones share everything.
#[derive(Clone)]
pub struct Masters(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    config: PathBuf,
    retries: Vec<Duration>,
    handshakes: Handshakes,
    /// One entry for each host that was ever asked for; held only to look one up, never across an await.
    hosts: Mutex<HashMap<Host, Arc<PerHost>>>,
    /// Jump hosts that let nobody through.
    closed: Closed,
}

struct PerHost {
    opening: tokio::sync::Mutex<()>,
    /// Taken for a round trip: one at once, beside the channels, so that a busy master can still be asked.
    asking: tokio::sync::Mutex<()>,
    channels: Arc<Semaphore>,
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
    pub fn new(dir: &Path, operator: Option<PathBuf>) -> std::io::Result<Self> {
        Self::with_retries(dir, operator, RETRIES.to_vec())
    }

    /// The same with other waits between the tries of a connection.
    ///
    /// # Errors
    /// As [`Masters::new`].
    pub fn with_retries(dir: &Path, operator: Option<PathBuf>, retries: Vec<Duration>) -> std::io::Result<Self> {
        let (dir, config) = settings::prepare(dir, operator.as_deref())?;
        let handshakes = Handshakes::new(dir.clone());
        Ok(Self(Arc::new(Inner {
            dir,
            config,
            retries,
            handshakes,
            hosts: Mutex::default(),
            closed: Closed::default(),
        })))
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
        let doubted = doubt::is_noted(&socket, stack);
        if doubted {
            self.0.renew(host).await?;
        }
        let connection = self.connect(host).await?;
        if doubted {
            doubt::forget(&socket, stack);
        }
        Ok(connection)
    }

    /// Something failed on the host: the stack's next push is to have a new session there.
    pub fn doubt(&self, host: &Host, stack: &StackName) {
        doubt::note(&self.0.socket(host), stack);
    }

    /// Opens a new session of the host's `sshd`, and lets the old ones take nothing new: what runs over them finishes.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn reconnect(&self, host: &Host) -> Result<Connection, Failure> {
        self.0.renew(host).await?;
        self.try_connect(host).await
    }

    /// Whether somebody, perhaps another process, has heard the host's login shell in the last 15 s, over the master that is
    /// there now.
    pub fn was_heard(&self, host: &Host) -> bool {
        last_contact::lately(&self.0.socket(host))
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

impl From<Failure> for Unreachable {
    fn from(failure: Failure) -> Self {
        Self(failure.words)
    }
}

impl Inner {
    fn host(&self, host: &Host) -> Arc<PerHost> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || PerHost {
            opening: tokio::sync::Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            channels: Arc::new(Semaphore::new(CHANNELS)),
        };
        hosts.entry(host.clone()).or_insert_with(|| Arc::new(fresh())).clone()
    }

    fn socket(&self, host: &Host) -> PathBuf {
        let hash = Sha256::digest(host.to_string());
        let name: String = hash.iter().take(settings::SOCKET_NAME / 2).map(|byte| format!("{byte:02x}")).collect();
        self.dir.join(name)
    }

    /// The lock of one host among all our processes: whoever has it opens the master. It is asked for again and again
    /// rather than waited for in a thread, which nobody could call back.
    async fn lock(&self, socket: &Path) -> Result<Flock<std::fs::File>, Failure> {
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

/// Whether the host, which answers, takes no more sessions on this connection: its `sshd` has a `MaxSessions`.
fn is_refusal(error: &openssh::Error) -> bool {
    // The master's words, deep inside.
    is_refusal_of_a_session(&format!("{error:?}"))
}

/// ssh under our rules, with what it and its agent need to find keys and tickets; nothing else of ours.
fn ssh(config: &Path) -> Program {
    let mut ssh = Program::new("ssh").arg("-F").arg(config);
    for name in ["HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "KRB5CCNAME"] {
        if let Some(value) = std::env::var_os(name) {
            ssh = ssh.env(name, value);
        }
    }
    ssh
}

/// User and port as words of ssh's argument list.
fn words(host: &Host) -> Vec<String> {
    let user = host.user().into_iter().flat_map(|user| ["-l".to_owned(), user.to_owned()]);
    user.chain(host.port().into_iter().flat_map(|port| ["-p".to_owned(), port.to_string()])).collect()
}

/// A wait ± 50 %, so that many hosts do not come back in the same moment.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [128];
    // Without random numbers the wait is just not spread.
    let _ = getrandom::fill(&mut byte);
    wait.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
}
