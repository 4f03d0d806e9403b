//! Ties programs to our life: what runs on a lifeline ends when our process ends, in whatever way, `kill -9` included.
//!
//! A program runs in a process namespace of its own, below a shell that is the namespace's process 1 and reads a pipe
//! whose other end only our process has. When we are gone, the pipe ends, the shell ends, and the kernel kills all that
//! is in the namespace: daemons, children of children, stopped processes. Mounts made inside go with it.
//! It must never signal anything outside of its own namespace.

use super::{DemoError, must_be_there, tried};
use crate::process::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::process::Child;

/// How long the kernel may take to begin or end a namespace, on a machine that is busy.
const KERNEL_LIMIT: Duration = Duration::from_secs(10);
/// How often we look whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Starts the arguments again whenever they end, and holds the lifeline.
const HOLD: &str = r#"while :; do "$@" </dev/null >>"$LIFELINE_LOG" 2>&1; sleep 1; done & cat >/dev/null"#;

/// A namespace that runs; dropping it ends everything in it.
#[derive(Debug)]
pub struct Lifeline {
    /// Its standard input is the lifeline.
    unshare: Child,
    /// Process 1 of the namespace, by the number that it has out here.
    init: Pid,
}

/// `unshare` with the namespaces that every lifeline has; `more` are given to it too. Where we are not root, the kernel
/// must let users have namespaces, in which the user is who `as_user` says.
pub(super) fn unshare(more: &[&str], as_user: &str) -> Program {
    let program = Program::new("unshare").args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    let program = if nix::unistd::geteuid().is_root() { program } else { program.args(["--user", as_user]) };
    program.args(more).arg("--").with_input().own_group()
}

impl Lifeline {
    /// Starts a program made by [`unshare`], whose command must end when its standard input does.
    pub(super) async fn start(program: Program) -> Result<Self, DemoError> {
        let mut unshare = program.start().map_err(tried("starting unshare (of util-linux)"))?;
        let deadline = Instant::now() + KERNEL_LIMIT;
        loop {
            if let Some(init) = unshare.id().and_then(only_child) {
                return Ok(Self { unshare, init });
            }
            if let Ok(Some(_)) = unshare.try_wait() {
                let said = last_words(&mut unshare).await;
                return Err(DemoError::NoNamespace(said));
            }
            if Instant::now() > deadline {
                return Err(DemoError::NoNamespace("nothing happened".to_owned()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Runs a program (by its full path) on a lifeline, and again whenever it ends. What it says goes to `log`.
    ///
    /// # Errors
    /// When namespaces are not allowed, or the log cannot be made.
    pub async fn keep_running(argv: &[&str], log: &std::path::Path) -> Result<Self, DemoError> {
        if let Some(program) = argv.first() {
            must_be_there(program)?;
        }
        std::fs::write(log, "").map_err(tried(format!("writing {}", log.display())))?;
        let program = unshare(&[], "--map-current-user").args(["/bin/sh", "-c", HOLD, "lifeline"]).args(argv);
        Self::start(program.env("LIFELINE_LOG", log)).await
    }

    /// Process 1 of the namespace, by the number that it has out here.
    pub fn init(&self) -> Pid {
        self.init
    }

    /// All processes of the namespace but process 1, by the numbers that they have out here.
    pub fn pids(&self) -> Vec<Pid> {
        let Some(ours) = namespace_of(self.init) else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let all = numbers.map(Pid::from_raw).filter(|pid| *pid != self.init);
        all.filter(|pid| namespace_of(*pid).as_ref() == Some(&ours)).collect()
    }

    /// Sends a signal to a process of the namespace, if it is still there; whether it was. The descriptor is opened before the process
    /// is looked at, so that what is looked at gets the signal: the number may be another program's by now, anywhere on this machine.
    ///
    /// # Errors
    /// When the kernel does not allow it.
    pub fn signal(&self, pid: Pid, signal: rustix::process::Signal) -> std::io::Result<bool> {
        let Some(raw) = rustix::process::Pid::from_raw(pid.as_raw()) else { return Ok(false) };
        let process = match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        let ours = namespace_of(self.init).filter(|ours| namespace_of(pid).as_ref() == Some(ours));
        match ours.map(|_| pidfd_send_signal(process, signal)) {
            Some(Ok(())) => Ok(true),
            None | Some(Err(Errno::SRCH)) => Ok(false),
            Some(Err(errno)) => Err(errno.into()),
        }
    }

    /// Whether a process holds the lifeline: process 1, and who reads the pipe for it.
    pub fn is_held_by(&self, pid: Pid) -> bool {
        let stdin = |pid: Pid| std::fs::read_link(format!("/proc/{pid}/fd/0")).ok();
        stdin(self.init).is_some_and(|pipe| stdin(pid) == Some(pipe))
    }

    /// What went wrong, once everything in the namespace has ended by itself; none while it runs.
    pub(super) async fn ended_with(&mut self) -> Option<String> {
        match self.unshare.try_wait() {
            Ok(Some(_)) => Some(last_words(&mut self.unshare).await),
            Ok(None) | Err(_) => None,
        }
    }

    /// Kills process 1, and with it everything; returns when nothing is left.
    fn end(&mut self) {
        // While `unshare` is not reaped by us, its child's number cannot be another process's.
        if let Ok(None) = self.unshare.try_wait() {
            let _ = kill(self.init, Signal::SIGKILL);
        }
        let deadline = Instant::now() + KERNEL_LIMIT;
        while matches!(self.unshare.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.end();
    }
}

/// The process namespace that a process is in.
fn namespace_of(pid: Pid) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// The one child of `unshare`.
fn only_child(unshare: u32) -> Option<Pid> {
    let children = PathBuf::from(format!("/proc/{unshare}/task/{unshare}/children"));
    std::fs::read_to_string(children).ok()?.split_whitespace().next()?.parse().ok().map(Pid::from_raw)
}

/// What a program that has ended wrote to its standard error.
async fn last_words(child: &mut Child) -> String {
    use tokio::io::AsyncReadExt;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.as_mut() {
        let _ = tokio::time::timeout(KERNEL_LIMIT, stderr.read_to_end(&mut said)).await;
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}
