//! Multiplexed ssh masters that belong to nobody: server and runners find the same ones by their sockets, none ends one
//! that others may use, and an idle one ends by itself. It must never accept a host key that is not known, and never use
//! a connection that has not answered. Called by the runner and the server for a connection, by the guard for channels.

mod address;
pub mod enrol;
mod failure;
mod handshakes;
mod heard;
mod keys;
mod knock;
pub(in crate::remote) mod settings;
mod way;

use crate::process::Program;
use crate::stack::Host;
pub use address::Address;
pub use failure::Failure;
use handshakes::Handshakes;
use knock::Knock;
use nix::fcntl::{Flock, FlockArg};
use openssh::{ChildStderr, ChildStdin, ChildStdout, Session, Stdio};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use way::{Closed, way};

/// Channels at once over one master in this process: server and runner share the MaxSessions of sshd, 10 by default.
const CHANNELS: usize = 4;

/// Waits before the second, third and fourth try of a connection, each ± 50 %.
const RETRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// How often a lock that another process holds is tried.
const LOCK_TRY: Duration = Duration::from_millis(20);

/// How long signing in may take, beyond the ConnectTimeout of 10 s.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(30);

/// How long ssh's last words may take after it has gone.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(200);

/// How long a round trip over a master may take: ssh itself gives a dead link up after 15 s.
const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(10);

/// After this age a master takes no new channels, so that a revoked key counts (TRUST section 4).
const OLDEST: Duration = Duration::from_secs(8 * 60 * 60);

/// Answers with exactly one word, unless the login shell adds its own. Every login shell has `echo` built in: on a host that is
/// asked before each push no other process need start.
const ROUND_TRIP: &str = "echo ready";

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

/// A host that can be spoken to.
pub struct Connection {
    /// The host.
    pub host: Host,
    masters: Arc<Inner>,
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
    /// login shell has done so within the last 15 s, or does now.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn connect(&self, host: &Host) -> Result<Connection, Unreachable> {
        self.0.ensure(host, Proof::Host, &self.0.retries).await?;
        Ok(self.connection(host))
    }

    /// The same with one try only, and the login shell answers now: for who comes back by itself, and must know whether that
    /// may help.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn try_connect(&self, host: &Host) -> Result<Connection, Failure> {
        self.0.ensure(host, Proof::Shell, &[]).await?;
        Ok(self.connection(host))
    }

    fn connection(&self, host: &Host) -> Connection {
        let channels = self.0.host(host).channels.clone();
        Connection { host: host.clone(), masters: self.0.clone(), channels }
    }
}

impl From<Failure> for Unreachable {
    fn from(failure: Failure) -> Self {
        Self(failure.words)
    }
}

/// Who must answer over a master, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The host; its login shell need not, where it was heard lately.
    Host,
    /// Its login shell.
    Shell,
}

/// What a master said to a round trip.
enum Answer {
    Ready,
    Nothing,
    Noise { out: String, err: String },
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

    /// Sees to it that the host's master answers; opens it when it does not, once more after each of `retries`.
    async fn ensure(&self, host: &Host, proof: Proof, retries: &[Duration]) -> Result<(), Failure> {
        let socket = self.socket(host);
        let per_host = self.host(host);
        if let Answer::Ready = self.ask(&socket, proof, &per_host).await {
            return Ok(());
        }
        let _first_here = per_host.opening.lock().await;
        let _first_anywhere = self.lock(&socket).await?;
        let mut waits = retries.iter();
        loop {
            let failure = match self.ask(&socket, Proof::Shell, &per_host).await {
                Answer::Ready => return Ok(()),
                Answer::Noise { out, err } => Failure::noise(host, &out, &err),
                Answer::Nothing => {
                    // A socket without a living master would make ssh open a second connection beside it, in silence.
                    retire(&socket).await;
                    match self.open_master(host, &socket).await {
                        Err(failure) => failure,
                        Ok(()) => match self.ask(&socket, Proof::Shell, &per_host).await {
                            Answer::Ready => return Ok(()),
                            Answer::Noise { out, err } => Failure::noise(host, &out, &err),
                            Answer::Nothing => Failure::silent(host),
                        },
                    }
                }
            };
            let Some(wait) = waits.next().filter(|_| failure.again) else { return Err(failure) };
            tokio::time::sleep(jittered(*wait)).await;
        }
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

    /// Whether a master answers from the host itself: its own word alone proves nothing about the network.
    async fn ask(&self, socket: &Path, proof: Proof, per_host: &PerHost) -> Answer {
        let young = std::fs::metadata(socket).and_then(|it| it.modified()).ok().and_then(|at| at.elapsed().ok());
        // A clock that was set back makes the age unknown: then it counts as young.
        if !socket.exists() || young.is_some_and(|age| age > OLDEST) {
            return Answer::Nothing;
        }
        let _alone = per_host.asking.lock().await;
        if proof == Proof::Host && heard::lately(socket) {
            match knock::knock(socket).await {
                Knock::Answered => return Answer::Ready,
                Knock::Silent => return Answer::Nothing,
                Knock::Refused => {}
            }
        }
        let session = Session::resume_mux(socket.into(), None);
        let mut command = session.raw_command(ROUND_TRIP);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match timeout(ROUND_TRIP_LIMIT, command.output()).await {
            Ok(Ok(output)) if output.stdout == b"ready\n" => {
                heard::note(socket);
                Answer::Ready
            }
            Ok(Ok(output)) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                Answer::Noise { out: text(&output.stdout), err: text(&output.stderr) }
            }
            Ok(Err(_)) | Err(_) => Answer::Nothing,
        }
    }

    async fn open_master(&self, host: &Host, socket: &Path) -> Result<(), Failure> {
        let _room = self.handshakes.begin().await.map_err(|error| Failure::no_lock(&self.dir, &error))?;
        let ssh = ssh(&self.config).args(["-M", "-N", "-f", "-S"]).arg(socket).args(way(host));
        let mut child = match ssh.args(words(host)).arg("--").arg(host.address()).start() {
            Ok(child) => child,
            Err(error) => return Err(Failure::no_ssh(&error)),
        };
        let mut said = Vec::new();
        let stderr = child.stderr.take();
        let signing_in = async {
            let reading = async {
                if let Some(stderr) = stderr {
                    // Enough for any complaint of ssh.
                    let _ = stderr.take(64 * 1024).read_to_end(&mut said).await;
                }
            };
            tokio::pin!(reading);
            tokio::select! {
                () = &mut reading => child.wait().await,
                status = child.wait() => {
                    // A master of an old ssh keeps the stream open in the background: what is there already is enough.
                    let _ = timeout(LAST_WORDS_LIMIT, reading).await;
                    status
                }
            }
        };
        let status = timeout(SIGN_IN_LIMIT, signing_in).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => {
                let said = self.with_the_way(host, String::from_utf8_lossy(&said).into_owned()).await;
                let failure = Failure::from_ssh(host, &said);
                match failure::is_of_keys(&said) {
                    true => Err(failure.because(keys::wrong(&self.config, host).await)),
                    false => Err(failure),
                }
            }
            Err(_) => Err(Failure::silent(host)),
        }
    }
}

/// Lets a master take no new channels; those that run over it finish. Removes its socket when it has not done so itself.
async fn retire(socket: &Path) {
    if socket.exists() {
        let _ = timeout(ROUND_TRIP_LIMIT, Session::resume_mux(socket.into(), None).close()).await;
        let _ = std::fs::remove_file(socket);
    }
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

/// One channel over a master; dropping it closes it.
pub(super) struct Channel {
    child: openssh::Child<Arc<Session>>,
    _permit: OwnedSemaphorePermit,
}

impl Channel {
    /// The streams, once.
    pub(super) fn streams(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        Some((self.child.stdin().take()?, self.child.stdout().take()?, self.child.stderr().take()?))
    }
}

impl Connection {
    /// The words of ssh's argument list, without the host, that speak over the master and over nothing else.
    pub(super) fn ssh_words(&self) -> Vec<String> {
        let socket = self.masters.socket(&self.host);
        let mut all = vec!["ssh".to_owned(), "-F".to_owned(), self.masters.config.display().to_string()];
        all.extend(["-S".to_owned(), socket.display().to_string()]);
        // A dead master must fail instead of being gone around.
        all.extend(["-o", "ControlMaster=no", "-o", "ProxyCommand=false"].map(str::to_owned));
        all.extend(words(&self.host));
        all
    }

    /// Room for one more channel over the master; kept as long as the channel is.
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit, Unreachable> {
        let closed = |_| Unreachable(format!("no more channels to {}", self.host));
        self.channels.clone().acquire_owned().await.map_err(closed)
    }

    /// Sees to it that the master still answers; opens a new one when it does not.
    pub(super) async fn ensure(&self) -> Result<(), Unreachable> {
        Ok(self.masters.ensure(&self.host, Proof::Host, &self.masters.retries).await?)
    }

    /// Opens a channel that runs `command`, constant text; over a new master when the old one is gone.
    pub(super) async fn open(&self, command: &'static str) -> Result<Channel, Unreachable> {
        let permit = self.room().await?;
        match self.try_open(command).await {
            Ok(child) => return Ok(Channel { child, _permit: permit }),
            // Given back: opening a new master takes its time.
            Err(_) => drop(permit),
        }
        self.ensure().await?;
        let permit = self.room().await?;
        match self.try_open(command).await {
            Ok(child) => Ok(Channel { child, _permit: permit }),
            Err(why) => Err(Unreachable(format!("{} opens no channel: {why}", self.host))),
        }
    }

    async fn try_open(&self, command: &'static str) -> Result<openssh::Child<Arc<Session>>, String> {
        let socket = self.masters.socket(&self.host);
        let session = Arc::new(Session::resume_mux(socket.into(), None));
        let mut opening = Session::to_raw_command(session, command);
        opening.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match timeout(ROUND_TRIP_LIMIT, opening.spawn()).await {
            Ok(Ok(child)) => Ok(child),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", ROUND_TRIP_LIMIT.as_secs())),
        }
    }
}
