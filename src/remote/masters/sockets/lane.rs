//! Lanes: further connections to a host whose `sshd` takes few sessions on one (`MaxSessions`). A host that never refused a
//! session has one connection, which all share. Of one that did, each connection is used by one session at once, among all our
//! processes; who finds all in use opens another, or waits. A lane must never be taken from who uses it, and a refusal must
//! never be taken for a dead connection. Called by the masters and their connections.

use crate::remote::masters::failure::Failure;
use crate::stack::Host;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Connections to one host at most: two pushes, each with commands and files under way, beside the server's own questions.
pub const LANES: usize = 8;

/// How long room is waited for. What holds it is another push's command; what waits is told so at once.
const ROOM_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How often it is looked whether there is room.
const ROOM_TRY: Duration = Duration::from_millis(200);

/// A connection that one more session may go over.
#[derive(Debug)]
pub struct Lane {
    /// The link to its master's socket.
    pub socket: PathBuf,
    /// Kept as long as the session: nobody else uses it.
    busy: Option<Flock<File>>,
}

impl Lane {
    /// The connection that all share.
    pub fn shared(socket: PathBuf) -> Self {
        Self { socket, busy: None }
    }

    /// Whether nobody else uses it.
    pub fn is_own(&self) -> bool {
        self.busy.is_some()
    }
}

/// The links of a host's lanes; the first is the one that all share while the host refuses nothing.
pub fn links(first: &Path) -> impl Iterator<Item = PathBuf> {
    let name = first.file_name().unwrap_or_default().to_owned();
    (0..LANES).map(move |lane| match lane {
        0 => first.to_owned(),
        _ => {
            let mut name = name.clone();
            name.push(format!("-{lane}"));
            first.with_file_name(name)
        }
    })
}

/// Whether a host has refused a session on a connection that had others.
pub fn is_narrow(first: &Path) -> bool {
    mark(first).exists()
}

/// Remembers that it did, for all our processes.
pub fn note_narrow(first: &Path) {
    // Not remembered, it is found out again.
    let _ = std::fs::write(mark(first), "");
}

/// Forgets it: another connection may have other limits.
pub fn forget_narrow(first: &Path) {
    let _ = std::fs::remove_file(mark(first));
}

fn mark(first: &Path) -> PathBuf {
    first.with_extension("narrow")
}

/// Goes over the lanes of a host for one that nobody uses.
pub struct Search {
    links: Vec<PathBuf>,
    next: usize,
    until: Instant,
    /// Whether all were in use once.
    pub waits: bool,
}

impl Search {
    /// Over the lanes beside this one.
    pub fn new(first: &Path) -> Self {
        Self { links: links(first).collect(), next: 0, until: Instant::now() + ROOM_LIMIT, waits: false }
    }

    /// Whether the next one is the first.
    pub fn is_at_start(&self) -> bool {
        self.next <= 1
    }

    /// Begins anew behind a pause: what could not be opened may be in a while.
    pub fn wait(&mut self) {
        self.next = self.links.len();
    }

    /// The next lane that nobody uses. It may refuse all the same: what ran over it may not be quite over.
    ///
    /// # Errors
    /// When there was no room for too long, or the lanes cannot be locked.
    pub async fn next(&mut self, host: &Host) -> Result<Option<Lane>, Failure> {
        if self.next >= self.links.len() {
            if Instant::now() >= self.until {
                return Err(Failure::no_room(host));
            }
            self.waits = true;
            self.next = 0;
            tokio::time::sleep(ROOM_TRY).await;
        }
        let socket = self.links[self.next].clone();
        self.next += 1;
        let failed = |error: std::io::Error| Failure::no_lock(socket.parent().unwrap_or(Path::new("/")), &error);
        let path = socket.with_extension("busy");
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(busy) => Ok(Some(Lane { socket, busy: Some(busy) })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, error)) => Err(failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lane_is_used_by_one_session_at_once_and_is_free_when_that_is_over() {
        let room = tempfile::tempdir().unwrap();
        let (first, host) = (room.path().join("abc"), "web1".parse().unwrap());
        let names: Vec<_> = links(&first).map(|link| link.file_name().unwrap().to_owned()).collect();
        assert_eq!(names[..3], ["abc", "abc-1", "abc-2"]);
        let (mut one, mut other) = (Search::new(&first), Search::new(&first));
        let used = one.next(&host).await.unwrap().unwrap();
        assert!(used.socket == first && used.is_own() && !Lane::shared(first.clone()).is_own());
        assert!(other.next(&host).await.unwrap().is_none(), "it is in use");
        let second = other.next(&host).await.unwrap().unwrap();
        assert_eq!(second.socket, room.path().join("abc-1"));
        drop(used);
        other.wait();
        let again = other.next(&host).await.unwrap().unwrap();
        assert!(again.socket == first && other.waits);
        other.until = Instant::now();
        other.wait();
        assert!(other.next(&host).await.is_err_and(|failure| failure.words.contains("MaxSessions")));
    }

    #[test]
    fn what_a_host_refused_is_known_until_it_is_connected_anew() {
        let room = tempfile::tempdir().unwrap();
        let first = room.path().join("abc");
        assert!(!is_narrow(&first));
        note_narrow(&first);
        assert!(is_narrow(&first) && !is_narrow(&room.path().join("abd")));
        forget_narrow(&first);
        assert!(!is_narrow(&first));
    }
}
