//! Room for a handshake: at most ten at once of the server and all runners together, since sshd, and a bastion in front of
//! many, refuses at random above its MaxStartups, 10 by default (TRUST section 4). It must never be held for longer than a
//! handshake takes. Called by the masters.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How often a lock that another process holds is tried.
pub(super) const LOCK_TRY: Duration = Duration::from_millis(20);

/// Handshakes at once.
const AT_ONCE: usize = 10;

/// Who may begin a handshake: a turn in this process, then one of the files that all our processes lock.
pub(super) struct Handshakes {
    dir: PathBuf,
    here: Semaphore,
}

/// A handshake that may be made; dropping it makes room for the next.
#[derive(Debug)]
pub(super) struct Handshake<'a> {
    _here: SemaphorePermit<'a>,
    _anywhere: Flock<File>,
}

impl Handshakes {
    /// Counts handshakes by files under `dir`.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, here: Semaphore::new(AT_ONCE) }
    }

    /// Waits for room.
    ///
    /// # Errors
    /// When the files cannot be locked.
    pub(super) async fn begin(&self) -> io::Result<Handshake<'_>> {
        let here = self.here.acquire().await.map_err(io::Error::other)?;
        loop {
            if let Some(slot) = self.free_slot()? {
                return Ok(Handshake { _here: here, _anywhere: slot });
            }
            tokio::time::sleep(LOCK_TRY).await;
        }
    }

    fn free_slot(&self) -> io::Result<Option<Flock<File>>> {
        for slot in 0..AT_ONCE {
            let path = self.dir.join(format!("handshake.{slot}"));
            let file = File::options().create(true).append(true).open(path)?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Some(lock)),
                Err((_, Errno::EWOULDBLOCK)) => {}
                Err((_, error)) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn server_and_runner_together_make_ten_handshakes_at_once() {
        let room = tempfile::tempdir().unwrap();
        let [server, runner] = [(); 2].map(|()| Handshakes::new(room.path().to_owned()));
        let mut going = Vec::new();
        for _ in 0..AT_ONCE / 2 {
            going.push(server.begin().await.unwrap());
            going.push(runner.begin().await.unwrap());
        }
        for side in [&server, &runner] {
            assert!(tokio::time::timeout(Duration::from_millis(100), side.begin()).await.is_err(), "an eleventh");
        }
        going.pop();
        let next = tokio::time::timeout(Duration::from_secs(30), server.begin()).await;
        assert!(next.is_ok_and(|next| next.is_ok()), "one has ended, the next begins");
    }
}
