//! Tools of others as this room runs them: a limit on time and on what is read, ended with all that they started. It
//! must never wait for one without a limit. Called by `git` and `svn`, which say what the tool may see.

use crate::process::Program;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;

/// Answers are this long at most; a log of 200 commits is far below, subjects are cut anyway.
const LONGEST_ANSWER: u64 = 16 << 20;
/// Of complaints only some lines are shown.
pub(super) const LONGEST_COMPLAINT: u64 = 64 << 10;
/// Time between TERM (git removes its lock files, svn its working copy's) and KILL.
const GRACE: Duration = Duration::from_secs(5);

/// Why a source did not do as asked, in words for the person who presses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct SourceError {
    /// What was tried: `fetching https://…`.
    pub what: String,
    /// What the tool said, cleaned, and what to do.
    pub why: String,
}

/// Why a tool did not do as asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It could not be started, or not be read from.
    NotRun(std::io::Error),
    /// It was ended after its time.
    TimedOut(Duration),
    /// It said no; this is what it said.
    Failed(String),
}

/// Removes whatever lies at a path; nothing there is well.
pub(super) fn remove(path: &std::path::Path) -> std::io::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Gives a new file its name, whatever had the name before: what is kept here can be had again.
pub(super) fn put_in_place(new: &std::path::Path, path: &std::path::Path) -> std::io::Result<()> {
    match std::fs::rename(new, path) {
        Err(_) if path.is_dir() => remove(path).and_then(|()| std::fs::rename(new, path)),
        renamed => renamed,
    }
}

/// What a tool wrote that ended well.
#[derive(Debug)]
pub(super) struct ToolOutput {
    pub out: String,
    /// Its warnings.
    pub err: String,
}

/// Runs a tool to its end and answers what it wrote, bad UTF-8 replaced. After `limit`, or when the caller is gone, it is
/// ended with all that it started (ssh, index-pack …). The program must lead a group of its own.
pub(super) async fn run(program: Program, limit: Duration) -> Result<ToolOutput, Trouble> {
    run_reading(program, "", limit).await
}

/// The same, with a text as its input, if it was given a pipe for it.
pub(super) async fn run_reading(program: Program, input: &str, limit: Duration) -> Result<ToolOutput, Trouble> {
    let mut child = program.start().map_err(Trouble::NotRun)?;
    let pipe = child.stdin.take();
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let given = give(pipe, input);
        let (out, err, ()) = tokio::try_join!(keep(out, LONGEST_ANSWER), keep(err, LONGEST_COMPLAINT), given)?;
        // Only now: what it started may hold its streams longer than it lives, and once it is reaped its number may be another's,
        // which the group below is named by.
        Ok((out, err, child.wait().await?))
    };
    tokio::pin!(work);
    // Declared behind the child and so dropped before it: its number is not free for others yet. By number, since the kernels of
    // today signal no group by a descriptor.
    let mut group = Group(pid);
    let outcome = match tokio::time::timeout(limit, &mut work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            group.signal(Signal::SIGTERM);
            if tokio::time::timeout(GRACE, &mut work).await.is_ok() {
                group.0 = None;
            }
            return Err(Trouble::TimedOut(limit));
        }
    };
    let (out, err, status) = outcome.map_err(Trouble::NotRun)?;
    group.0 = None;
    match status.success() {
        // The end of what is kept is not the end of the answer.
        true if out.len() as u64 >= LONGEST_ANSWER => {
            Err(Trouble::Failed(format!("it answered with more than {} MiB", LONGEST_ANSWER >> 20)))
        }
        true => Ok(ToolOutput {
            out: String::from_utf8_lossy(&out).into_owned(),
            err: String::from_utf8_lossy(&err).into_owned(),
        }),
        false => Err(Trouble::Failed(String::from_utf8_lossy(&err).into_owned())),
    }
}

/// The process group of a tool that has not ended; killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // It may have ended in this moment, and then there is nothing to end.
            let _ = killpg(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Writes the input and ends it. A tool that ends before it has read all of it says by its end what was wrong.
async fn give(pipe: Option<ChildStdin>, input: &str) -> std::io::Result<()> {
    if let Some(mut pipe) = pipe {
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    Ok(())
}

/// Reads a stream to its end and keeps its beginning, so that a chatty tool neither fills the memory nor waits for us.
async fn keep(stream: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(most).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}
