//! Runners: started, found again, declared dead. A runner is whoever holds its push's lock; calling one dead means
//! getting that lock, so that no late runner can start (TRUST section 2). It must never do a runner's work.

use crate::desk::parts::durable::{sync_dir, write_whole};
use crate::journal::{Cursor, Event, PushDir, Reader};
use crate::plan::Assignment;
use crate::process::Program;
use crate::reading;
use crate::stack::SecretSource;
pub(super) use rustix::process::Signal;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use tokio::sync::watch;

/// What a runner needs of the operator's environment: ssh's agent and home, and where temporary files go.
const INHERITED: [&str; 6] = ["HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TMPDIR", "RUST_LOG"];

/// Where systemd puts a service's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What is known of a push's runner.
#[derive(Clone, Debug)]
pub(crate) enum Runner {
    /// This server started it; the watch turns true when its process has ended.
    Ours(watch::Receiver<bool>),
    /// An earlier server started it; its lock tells whether it lives.
    Found,
    /// It could not be started, and this is why.
    NeverStarted(String),
}

/// Writes the assignment and what its commands may read of its commits, and starts the runner, which makes a session of its own, has no streams, and outlives us.
///
/// # Errors
/// Why it could not be started; then nothing ran.
pub(crate) fn start(program: &Path, dir: &PushDir, plan: &str, commits: &str) -> io::Result<watch::Receiver<bool>> {
    make_dir(dir)?;
    write_whole(&dir.commits(), commits)?;
    // A build's own user reads it, where it is shown to that; nobody else comes into the directory.
    std::fs::set_permissions(dir.commits(), Permissions::from_mode(0o644))?;
    write_plan(dir, plan)?;
    let mut start = Program::new(program).arg("runner").arg(dir.dir()).outlives_us();
    let named = secrets_in_environment(plan);
    for name in INHERITED.into_iter().chain([CREDENTIALS]).chain(named.iter().map(String::as_str)) {
        if let Some(value) = std::env::var_os(name) {
            start = start.env(name, value);
        }
    }
    let mut child = start.start()?;
    let (ended, watch) = watch::channel(false);
    tokio::spawn(async move {
        // Waiting is what reaps it; how it ended is in the journal.
        let _ = child.wait().await;
        ended.send_replace(true);
    });
    Ok(watch)
}

/// The variables of the environment that a plan's secrets are found in.
fn secrets_in_environment(plan: &str) -> Vec<String> {
    let Ok(assignment) = serde_json::from_str::<Assignment>(plan) else { return Vec::new() };
    let sources = assignment.plan.secrets.into_values();
    sources.filter_map(|source| if let SecretSource::Env(name) = source { Some(name) } else { None }).collect()
}

/// Makes the directory of a push, readable by the server alone.
///
/// # Errors
/// What the system said.
pub(crate) fn make_dir(dir: &PushDir) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(dir.dir())
}

fn write_plan(dir: &PushDir, plan: &str) -> io::Result<()> {
    make_dir(dir)?;
    write_whole(&dir.plan(), plan)?;
    dir.dir().parent().map_or(Ok(()), sync_dir)
}

/// A process, so that another one with the same number is not taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    start: u64,
    boot: String,
}

impl Process {
    /// The runner that the first record of a journal names.
    pub fn of_journal(dir: &PushDir) -> Option<Self> {
        let batch = Reader::open(&dir.journal()).ok()?.read_from(Cursor::default(), 1).ok()?;
        let Event::PushStarted { pid, pid_start, boot, .. } = &batch.records.first()?.record.event else { return None };
        Some(Self { pid: i32::try_from(*pid).ok()?, start: *pid_start, boot: boot.clone() })
    }

    /// Sends a signal, if this very process still runs; whether it did. The descriptor is opened before the process is
    /// compared, so that what is compared is what gets the signal, also when the number was given away in between.
    pub fn signal(&self, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 1) else { return false };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        self.runs() && pidfd_send_signal(process, signal).is_ok()
    }

    /// Whether this very process still runs.
    pub fn runs(&self) -> bool {
        let boot = reading::text("/proc/sys/kernel/random/boot_id", reading::NOTE).unwrap_or_default();
        boot.trim() == self.boot.trim() && start_time(self.pid) == Some(self.start)
    }
}

/// Field 22 of `/proc/PID/stat`; the name, field 2, may hold blanks and brackets.
fn start_time(pid: i32) -> Option<u64> {
    let stat = reading::text(format!("/proc/{pid}/stat"), reading::NOTE).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_process_runs_and_another_start_time_is_another_process() {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = Process { pid, start: start_time(pid).unwrap(), boot };
        assert!(me.runs());
        assert!(!Process { start: me.start + 1, ..me.clone() }.runs());
        assert!(!Process { boot: "another".to_owned(), ..me }.runs());
    }

    #[test]
    fn a_signal_reaches_the_very_process_and_no_other_of_its_number() {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut child = Program::new("sleep").arg("60").start().unwrap();
            let pid = i32::try_from(child.id().unwrap()).unwrap();
            let very = Process { pid, start: start_time(pid).unwrap(), boot };
            let earlier = Process { start: very.start - 1, ..very.clone() };
            assert!(!earlier.signal(Signal::KILL) && child.try_wait().unwrap().is_none());
            assert!(very.signal(Signal::KILL));
            assert!(!child.wait().await.unwrap().success());
            assert!(!very.signal(Signal::KILL), "it is gone");
        });
    }
}
