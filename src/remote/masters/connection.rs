//! A connection to a host, and the channels that go over it: at most four at once of this process. A host that takes few
//! sessions on one connection is spoken to over several (`lane.rs`). It must never go around a dead master in silence, nor
//! give a connection up because it is full. Called by the guard and by transfers.

use super::failure::Unreachable;
use super::inner::Inner;
use super::reach::{ROUND_TRIP_LIMIT, Room};
use super::refusal::is_refusal;
use super::sockets::lane;
use super::sockets::lane::{Lane, Search};
use super::ssh::words;
use crate::journal::Stream;
use crate::remote::{Line, Lines};
use crate::stack::Host;
use openssh::{ChildStderr, ChildStdin, ChildStdout, Session, Stdio};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How often a lane that is ours is asked again before another is taken, and how long between: the host needs a moment to see
/// that what ran over it is over.
const AGAIN: (u32, Duration) = (5, Duration::from_millis(40));

/// A host that can be spoken to.
pub struct Connection {
    /// The host.
    pub host: Host,
    pub(super) masters: Arc<Inner>,
    channels: Arc<Semaphore>,
}

/// Room for one more session with a host, kept until it is dropped.
pub(in crate::remote) struct Place {
    lane: Lane,
    _permit: OwnedSemaphorePermit,
}

/// One channel over a master; dropping it closes it.
pub(in crate::remote) struct Channel {
    child: Child,
    _place: Place,
}

impl Channel {
    /// The streams, once.
    pub(in crate::remote) fn streams(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        Some((self.child.stdin().take()?, self.child.stdout().take()?, self.child.stderr().take()?))
    }
}

type Child = openssh::Child<Arc<Session>>;

/// Who opens a session.
#[derive(Clone, Copy)]
enum Opener {
    /// We do, for this command.
    Us(&'static str),
    /// A program does, as rsync; it is only seen that there is room.
    AProgram,
}

/// What came of opening a channel.
enum Opened<T> {
    Yes(T),
    /// No more sessions on this connection now.
    Full,
}

impl Connection {
    pub(super) fn new(host: Host, masters: Arc<Inner>, channels: Arc<Semaphore>) -> Self {
        Self { host, masters, channels }
    }

    /// The words of ssh's argument list, without the host, that speak over the master and over nothing else.
    pub(in crate::remote) fn ssh_words(&self, place: &Place) -> Vec<String> {
        let mut all = vec!["ssh".to_owned(), "-F".to_owned(), self.masters.config.display().to_string()];
        all.extend(["-S".to_owned(), place.lane.socket.display().to_string()]);
        // A dead master must fail instead of being gone around.
        all.extend(["-o", "ControlMaster=no", "-o", "ProxyCommand=false"].map(str::to_owned));
        all.extend(words(&self.host));
        all
    }

    /// Remembers that the host refused a session which had room by our count.
    pub(in crate::remote) async fn was_refused(&self, lines: &Lines) {
        let first = self.masters.socket(&self.host);
        if !lane::is_narrow(&first) {
            lane::note_narrow(&first);
            let host = self.host.name();
            let words = format!(
                "{host} allows no more sessions on this connection (MaxSessions in its sshd_config): more connections are \
                 opened"
            );
            note(lines, words).await;
        }
    }

    /// Opens a channel that runs `command`, constant text; over a new master when the old one is gone.
    pub(in crate::remote) async fn open(&self, command: &'static str, lines: &Lines) -> Result<Channel, Unreachable> {
        match self.over_some_lane(lines, Opener::Us(command)).await? {
            (Some(child), place) => Ok(Channel { child, _place: place }),
            (None, _) => Err(Unreachable(format!("{} opens no channel", self.host))),
        }
    }

    /// Room for a program that opens its session itself, over a master that answers.
    pub(in crate::remote) async fn place(&self, lines: &Lines) -> Result<Place, Unreachable> {
        Ok(self.over_some_lane(lines, Opener::AProgram).await?.1)
    }

    /// Tries the connection that all share, and, where the host refuses a session on it, its lanes, until one lets it through.
    async fn over_some_lane(&self, lines: &Lines, what: Opener) -> Result<(Option<Child>, Place), Unreachable> {
        let closed = |_| Unreachable(format!("no more channels to {}", self.host));
        let permit = self.channels.clone().acquire_owned().await.map_err(closed)?;
        let first = self.masters.socket(&self.host);
        if !lane::is_narrow(&first) {
            let lane = Lane::shared(first.clone());
            if let Opened::Yes(opened) = self.through(&lane, what).await? {
                return Ok((opened, Place { lane, _permit: permit }));
            }
            self.was_refused(lines).await;
        }
        let (mut search, mut told) = (Search::new(&first), false);
        loop {
            if search.waits && !std::mem::replace(&mut told, true) {
                let host = self.host.name();
                note(
                    lines,
                    format!(
                        "{host} allows few sessions at once (MaxSessions in its sshd_config): waiting for a free one"
                    ),
                )
                .await;
            }
            let Some(lane) = search.next(&self.host).await? else { continue };
            let is_first = search.is_at_start();
            match self.through(&lane, what).await {
                Ok(Opened::Yes(opened)) => return Ok((opened, Place { lane, _permit: permit })),
                Ok(Opened::Full) => {}
                Err(why) if is_first => return Err(why),
                // It takes no more connections either: one that it has becomes free.
                Err(_) => search.wait(),
            }
        }
    }

    async fn through(&self, lane: &Lane, what: Opener) -> Result<Opened<Option<Child>>, Unreachable> {
        let command = match what {
            Opener::Us(command) => command,
            Opener::AProgram => {
                return Ok(match self.answers(&lane.socket).await? {
                    Room::Free => Opened::Yes(None),
                    Room::Full => Opened::Full,
                });
            }
        };
        let (mut ensured, mut refused) = (false, 0);
        loop {
            match self.try_open(&lane.socket, command).await {
                Ok(Opened::Yes(child)) => return Ok(Opened::Yes(Some(child))),
                Ok(Opened::Full) if lane.is_own() && refused < AGAIN.0 => {
                    refused += 1;
                    tokio::time::sleep(AGAIN.1).await;
                }
                Ok(Opened::Full) => return Ok(Opened::Full),
                Err(why) if ensured => return Err(Unreachable(format!("{} opens no channel: {why}", self.host))),
                Err(_) => {
                    ensured = true;
                    if let Room::Full = self.answers(&lane.socket).await? {
                        return Ok(Opened::Full);
                    }
                }
            }
        }
    }

    /// Sees to it that a lane's master answers.
    async fn answers(&self, socket: &Path) -> Result<Room, Unreachable> {
        Ok(self.masters.ensure(&self.host, socket, self.masters.effort()).await?)
    }

    async fn try_open(&self, socket: &Path, command: &'static str) -> Result<Opened<Child>, String> {
        let session = Arc::new(Session::resume_mux(socket.into(), None));
        let mut opening = Session::to_raw_command(session, command);
        opening.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match timeout(ROUND_TRIP_LIMIT, opening.spawn()).await {
            Ok(Ok(child)) => Ok(Opened::Yes(child)),
            Ok(Err(error)) if is_refusal(&error) => Ok(Opened::Full),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", ROUND_TRIP_LIMIT.as_secs())),
        }
    }
}

/// Says something of our own.
async fn note(lines: &Lines, text: String) {
    // Nobody receives lines any more: then nobody misses this one.
    let _ = lines.send(Line { stream: Stream::Note, text }).await;
}
