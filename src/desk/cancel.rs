//! Cancel: asked of the runner on its control socket; one that does not answer is told by TERM, which means the same, and
//! at last by KILL. It must never signal a process that is not the very runner (start time and boot id are compared).

use super::runner::Process;
use super::{Decision, Desk, Refusal, one_line};
use crate::journal::PushDir;
use crate::ledger::{audit, pushes};
use crate::stack::{PushNumber, Who};
use crate::time::At;
use nix::sys::signal::Signal;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// A runner that lives answers at once; a hung one is told otherwise (TRUST section 2).
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// After TERM a runner has this long to end its commands.
const TERM_LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer; a runner says a word or two, and closes.
const LONGEST_ANSWER: u64 = 256;
/// A runner that was just started has no socket yet.
const KNOCK_AGAIN: Duration = Duration::from_millis(50);

/// What a runner is told on its control socket, as one line of JSON.
#[derive(serde::Serialize)]
struct Order<'a> {
    what: &'static str,
    who: &'a Who,
    reason: Option<&'a str>,
}

impl Desk {
    /// Cancels a running push.
    ///
    /// # Errors
    /// When there is no such push, or it has ended.
    pub async fn cancel(&self, push: PushNumber, who: &Who, reason: Option<String>) -> Decision<()> {
        let reason = reason.map(|reason| one_line("reason", &reason)).transpose()?;
        let Some(desk) = self.me.upgrade() else {
            return Err(Refusal::Unable { why: "the server is stopping".to_owned() });
        };
        let who = who.clone();
        // A task of its own: what is in the audit is done, also when the browser hangs up.
        let cancelled = self.runtime.spawn(async move {
            desk.note_cancel(push, &who, reason.as_deref()).await?;
            desk.order_cancel(push, &who, reason.as_deref()).await
        });
        cancelled.await.unwrap_or_else(|error| Err(Refusal::Unable { why: format!("the cancel broke: {error}") }))
    }

    async fn note_cancel(&self, push: PushNumber, who: &Who, reason: Option<&str>) -> Decision<()> {
        let who = who.to_string();
        let deed = match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("push {push}: {reason}"),
            None => format!("push {push}"),
        };
        let noted = self.ledger.write(move |tx| match pushes::get(tx, push.get())? {
            None => Ok(Err(Refusal::Unknown { what: format!("push {push}") })),
            Some(row) if row.ended_at.is_some() => {
                Ok(Err(Refusal::Nothing { why: format!("push {push} has ended already: {}", row.state) }))
            }
            Some(_) => Ok(Ok(audit::note(tx, At::now(), &who, "cancel", &deed)?)),
        });
        noted.await?
    }

    async fn order_cancel(self: &Arc<Self>, push: PushNumber, who: &Who, reason: Option<&str>) -> Decision<()> {
        let dir = PushDir::of(&self.config.data, push);
        let error = match order(&dir, &Order { what: "cancel", who, reason }).await {
            Ok(answer) if answer == "ok" => return Ok(()),
            Ok(answer) => io::Error::other(format!("it answered {answer:?} instead of ok")),
            Err(error) => error,
        };
        let told = Process::of_journal(&dir).filter(|runner| runner.signal(Signal::SIGTERM));
        tracing::warn!(push = push.get(), error = %error, term = told.is_some(), "a runner did not answer a cancel");
        let Some(runner) = told else {
            let why = format!(
                "the runner of push {push} does not answer ({error}); it is starting or has died: look again in a moment"
            );
            return Err(Refusal::Unable { why });
        };
        let desk = Arc::clone(self);
        self.spawn(async move { desk.kill_if_it_stays(push, &runner).await });
        Ok(())
    }

    async fn kill_if_it_stays(&self, push: PushNumber, runner: &Process) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(TERM_LIMIT) => {
                if runner.signal(Signal::SIGKILL) {
                    tracing::warn!(push = push.get(), "a runner ignored TERM and was killed");
                }
            }
        }
    }
}

/// Tells the runner, and waits for its answer: one line, `ok` when it does what it was told.
///
/// # Errors
/// When it does not answer in time.
pub(super) async fn order(dir: &PushDir, order: &impl serde::Serialize) -> io::Result<String> {
    let deadline = Instant::now() + ANSWER_LIMIT;
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    let mut stream = loop {
        match connect(dir).await {
            Ok(stream) => break stream,
            Err(error) if Instant::now() + KNOCK_AGAIN >= deadline => return Err(error),
            Err(_) => sleep(KNOCK_AGAIN).await,
        }
    };
    let spoken = timeout_at(deadline, async {
        stream.write_all(&line).await?;
        let mut answer = String::new();
        stream.take(LONGEST_ANSWER).read_to_string(&mut answer).await?;
        Ok(answer.trim_end().to_owned())
    });
    spoken.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// By way of the directory's descriptor: a socket's address holds 108 bytes, and data directories may lie deep.
async fn connect(dir: &PushDir) -> io::Result<UnixStream> {
    let opened = File::open(dir.dir())?;
    let socket = dir.control();
    let name = socket.file_name().unwrap_or_default().to_string_lossy();
    let path = format!("/proc/self/fd/{}/{name}", opened.as_raw_fd());
    timeout(ANSWER_LIMIT, UnixStream::connect(path)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
