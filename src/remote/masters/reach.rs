//! Reaching a host: over the master that is there, or a new one, as often as it makes sense. It must never take a full
//! connection for a dead one, let anybody use a master whose host has not answered over it, nor ask a wrong key twice. Called by
//! the masters and their connections.

use super::failure::Failure;
use super::inner::{Inner, PerHost};
use super::notes::{last_contact, missed};
use super::opening::Patience;
use super::probe::{Probe, probe};
use super::refusal::is_refusal;
use super::sockets;
use super::sockets::lane;
use crate::stack::Host;
use openssh::{OwningCommand, Session, Stdio};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// A try that failed after this time was one of a host that is hung or cut off: two of them are enough for a push.
const SLOW: Duration = Duration::from_secs(4);

/// So many tries in a row that failed make a host one that is tried once and shortly.
const MISSED: u32 = 2;

/// After this age a master takes no new channels, so that a revoked key counts (TRUST section 4).
const OLDEST: Duration = Duration::from_secs(8 * 60 * 60);

/// Answers with exactly one word, unless the login shell adds its own. Every login shell has `echo` built in: on a host that is
/// asked before each push no other process need start.
const ROUND_TRIP: &str = "echo ready";

/// Bytes of what a login shell says to that which are read. The right answer has six.
const MOST_SAID: u64 = 64 * 1024;

/// How long a round trip over a master may take: ssh itself gives a dead link up after 15 s.
pub(super) const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(10);

/// Who must answer over a master, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The host; its login shell need not, where it was heard lately.
    Host,
    /// Its login shell.
    Shell,
}

/// What is done to reach a host.
#[derive(Clone, Copy)]
pub(super) struct Effort<'a> {
    pub(super) proof: Proof,
    /// Waits between the tries.
    pub(super) retries: &'a [Duration],
    /// Whether someone waits: then a host that was not heard twice is tried once, and shortly.
    pub(super) in_haste: bool,
}

/// What a master said to a round trip.
enum MasterAnswer {
    Ready,
    /// The host answers, but takes no more sessions on this connection now.
    Full,
    /// There is a master, but nothing came back in time.
    Silent,
    /// There is no master that works.
    Nothing,
    Noise {
        out: String,
        err: String,
    },
}

/// Whether a connection that answers takes one more session now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    Full,
}

impl Inner {
    /// As a push goes about it.
    pub(super) fn effort(&self) -> Effort<'_> {
        Effort { proof: Proof::Host, retries: &self.retries, in_haste: true }
    }

    /// Sees to it that the master behind `socket` answers; opens one when it does not, once more after each of the retries.
    pub(super) async fn ensure(&self, host: &Host, socket: &Path, effort: Effort<'_>) -> Result<Room, Failure> {
        let (per_host, first) = (self.host(host), self.socket(host));
        let (asked, asked_at) = (sockets::behind(socket), last_contact::uptime());
        let silent = match self.ask(socket, effort.proof, &per_host).await {
            MasterAnswer::Ready => return Ok(Room::Free),
            MasterAnswer::Full => return Ok(Room::Full),
            MasterAnswer::Silent => true,
            MasterAnswer::Nothing | MasterAnswer::Noise { .. } => false,
        };
        let _first_here = per_host.opening.lock().await;
        let _first_anywhere = self.lock(socket).await?;
        let missed = missed::of(&first).filter(|missed| effort.in_haste && missed.times >= MISSED);
        let known = missed.is_some();
        if let Some(missed) = missed.filter(|missed| asked_at.is_some_and(|asked_at| missed.at > asked_at)) {
            // Someone else tried while we waited for the lock: their answer is ours.
            return Err(Failure { words: missed.words, again: true });
        }
        // What has just not answered is not asked again.
        let mut hung = silent && sockets::behind(socket) == asked;
        let mut slow = u32::from(hung);
        let mut waits = if known { [].iter() } else { effort.retries.iter() };
        let mut patience = if known { Patience::Short } else { Patience::Long };
        loop {
            let began = Instant::now();
            let failure = match self.attempt(host, socket, &per_host, std::mem::take(&mut hung), patience).await {
                Ok(room) => {
                    missed::forget(&first);
                    return Ok(room);
                }
                Err(failure) => failure,
            };
            if failure.again && first == socket {
                missed::note(&first, &failure.words);
            }
            slow += u32::from(began.elapsed() >= SLOW);
            if slow > 0 && effort.in_haste {
                patience = Patience::Short;
            }
            let goes_on = failure.again && (slow < MISSED || !effort.in_haste);
            let Some(wait) = waits.next().filter(|_| goes_on) else { return Err(failure) };
            tokio::time::sleep(jittered(*wait)).await;
        }
    }

    /// One try: the master that is there, or a new one.
    async fn attempt(
        &self,
        host: &Host,
        socket: &Path,
        per_host: &PerHost,
        hung: bool,
        patience: Patience,
    ) -> Result<Room, Failure> {
        let answer = if hung { MasterAnswer::Silent } else { self.ask(socket, Proof::Shell, per_host).await };
        match answer {
            MasterAnswer::Ready => Ok(Room::Free),
            MasterAnswer::Full => Ok(Room::Full),
            MasterAnswer::Noise { out, err } => Err(Failure::noise(host, &out, &err)),
            MasterAnswer::Silent | MasterAnswer::Nothing => {
                // A socket without a living master would make ssh open a second connection beside it, in silence.
                sockets::retire(socket).await;
                self.open_behind(host, socket, patience).await
            }
        }
    }

    /// Opens a master, and lets others use it once the login shell has answered over it.
    async fn open_behind(&self, host: &Host, link: &Path, patience: Patience) -> Result<Room, Failure> {
        let failed = |error: std::io::Error| Failure::no_lock(&self.dir, &error);
        let socket = sockets::fresh(&self.dir).map_err(failed)?;
        let answer = match self.open_master(host, &socket, patience).await {
            Ok(()) => round_trip(&socket).await,
            Err(failure) => {
                sockets::retire(&socket).await;
                return Err(failure);
            }
        };
        let failure = match answer {
            MasterAnswer::Ready => None,
            // Kept, so that the next one who asks need not sign in again.
            MasterAnswer::Noise { out, err } => Some(Failure::noise(host, &out, &err)),
            MasterAnswer::Full => {
                sockets::retire(&socket).await;
                return Err(Failure::no_sessions(host));
            }
            MasterAnswer::Silent | MasterAnswer::Nothing => {
                sockets::retire(&socket).await;
                return Err(Failure::silent(host));
            }
        };
        sockets::publish(&socket, link).map_err(failed)?;
        match failure {
            Some(failure) => Err(failure),
            None => {
                last_contact::note(link);
                Ok(Room::Free)
            }
        }
    }

    /// Lets all masters of a host take nothing new: what runs over them finishes.
    pub(super) async fn renew(&self, host: &Host) -> Result<(), Failure> {
        let first = self.socket(host);
        for link in lane::links(&first) {
            if link == first || link.symlink_metadata().is_ok() {
                let _alone = self.lock(&link).await?;
                sockets::retire(&link).await;
            }
        }
        lane::forget_narrow(&first);
        Ok(())
    }

    /// Whether a master answers from the host itself: its own word alone proves nothing about the network.
    async fn ask(&self, socket: &Path, proof: Proof, per_host: &PerHost) -> MasterAnswer {
        let young = std::fs::metadata(socket).and_then(|it| it.modified()).ok().and_then(|at| at.elapsed().ok());
        // A clock that was set back makes the age unknown: then it counts as young.
        if !socket.exists() || young.is_some_and(|age| age > OLDEST) {
            return MasterAnswer::Nothing;
        }
        let _alone = per_host.asking.lock().await;
        if proof == Proof::Host && last_contact::lately(socket) {
            match probe(socket).await {
                Probe::Answered => return MasterAnswer::Ready,
                Probe::Full => return MasterAnswer::Full,
                Probe::Silent => return MasterAnswer::Silent,
                Probe::Refused => {}
            }
        }
        let answer = round_trip(socket).await;
        if let MasterAnswer::Ready = answer {
            last_contact::note(socket);
        }
        answer
    }
}

/// What a command says on both of its streams, to its end; who says more than is of use is hung up on, and that much is told.
async fn output_of(command: &mut OwningCommand<&Session>) -> Result<(Vec<u8>, Vec<u8>), openssh::Error> {
    let mut child = command.spawn().await?;
    let (out, err) = (child.stdout().take(), child.stderr().take());
    match tokio::try_join!(all_of(out), all_of(err)) {
        Ok(said) => {
            child.wait().await?;
            Ok(said)
        }
        Err(beginning) => Ok((beginning, Vec::new())),
    }
}

/// All of a stream, or the beginning of one that has more than is of use.
async fn all_of(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(stream) = stream {
        // What came before an error counts.
        let _ = stream.take(MOST_SAID).read_to_end(&mut kept).await;
    }
    if kept.len() as u64 >= MOST_SAID { Err(kept) } else { Ok(kept) }
}

/// Asks the login shell over a master.
async fn round_trip(socket: &Path) -> MasterAnswer {
    let session = Session::resume_mux(socket.into(), None);
    let mut command = session.raw_command(ROUND_TRIP);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match timeout(ROUND_TRIP_LIMIT, output_of(&mut command)).await {
        Ok(Ok((out, _))) if out == b"ready\n" => MasterAnswer::Ready,
        Ok(Ok((out, err))) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            MasterAnswer::Noise { out: text(&out), err: text(&err) }
        }
        Ok(Err(error)) if is_refusal(&error) => MasterAnswer::Full,
        Ok(Err(_)) => MasterAnswer::Nothing,
        Err(_) => MasterAnswer::Silent,
    }
}

/// A wait ± 50 %, so that many hosts do not come back in the same moment.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [128];
    // Without random numbers the wait is just not spread.
    let _ = getrandom::fill(&mut byte);
    wait.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
}
