//! Starts a program with a session keyring of its own, empty, instead of the server's, where a login may have left keys: the kernel itself uses
//! those for file systems, whatever the program may call. It must never change the server's own. Called by the guard.
//!
//! A keyring is joined by a thread, and what that thread starts inherits it. The thread stays: what it starts ends with it.

use crate::process::Program;
use keyutils::Keyring;
use std::io;
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A program to start, and where to.
struct Request {
    program: Program,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

/// The thread that starts them, one at a time. What waits is bounded by the commands that a push runs at once.
static STARTER: LazyLock<io::Result<Sender<Request>>> = LazyLock::new(|| {
    let (requests, waiting) = channel::<Request>();
    let work = move || {
        for Request { program, runtime, started } in waiting {
            // A kernel without keys, or a container that may not ask for them, has none to keep from anybody; the calls are refused anyway.
            if let Err(error) = Keyring::join_anonymous_session() {
                tracing::debug!(%error, "a command has no session keyring of its own");
            }
            let _inside = runtime.enter();
            // Who asked may be gone; then the program ends with its handle.
            let _ = started.send(program.start());
        }
    };
    std::thread::Builder::new().name("isolated".to_owned()).spawn(work).map(|_| requests)
});

/// Starts it.
///
/// # Errors
/// When the system cannot start it.
pub async fn start(program: Program) -> io::Result<Child> {
    let gone = || io::Error::other("the thread that starts isolated commands has ended");
    let starter = STARTER.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (started, answer) = oneshot::channel();
    starter.send(Request { program, runtime: Handle::current(), started }).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Says which session keyring it has.
    fn asks() -> Program {
        let ask = format!("import ctypes; print(ctypes.CDLL(None).syscall({}, 0, -3, 0))", libc::SYS_keyctl);
        Program::new("python3").args(["-c", &ask])
    }

    fn id(said: &std::process::Output) -> i64 {
        String::from_utf8_lossy(&said.stdout).trim().parse().unwrap()
    }

    #[tokio::test]
    async fn what_is_started_has_another_session_keyring_than_we_each_time() {
        // A machine without keys has nothing to try.
        let ours = id(&asks().output(LIMIT).await.unwrap());
        if ours <= 0 {
            return;
        }
        let mut seen = vec![ours];
        for _ in 0..2 {
            let child = start(asks()).await.unwrap();
            seen.push(id(&tokio::time::timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap()));
        }
        assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2], "{seen:?}");
        assert_eq!(id(&asks().output(LIMIT).await.unwrap()), ours, "ours is as it was");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let error = start(Program::new("/nowhere")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
