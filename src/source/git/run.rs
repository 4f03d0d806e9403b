//! git as Pushbutton runs it (TRUST section 6): nothing of the user's, the system's or a hook's; a limit on time and on
//! what is read. It must never be given text from outside before `--end-of-options` or `--`. Called by `git` alone.

use crate::process::Program;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What git is asked to keep to itself.
const HARDENING: [(&str, &str); 9] = [
    ("HOME", "/nonexistent"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    // `ext` would be a command line in an address.
    ("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file"),
];
/// Settings that no repository may change. `safe.directory` is not among them: the mirror is ours, and a repository of
/// this machine that belongs to somebody else is refused by git with words that say so.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.fsync=all",
    "transfer.fsckObjects=true",
    "fetch.recurseSubmodules=no",
    "submodule.recurse=false",
];
/// Answers are this long at most; a log of 200 commits is far below, subjects are cut anyway.
const LONGEST_ANSWER: u64 = 16 << 20;
/// Of complaints only some lines are shown.
const LONGEST_COMPLAINT: u64 = 64 << 10;
/// Time between TERM (git removes its lock files) and KILL.
const GRACE: Duration = Duration::from_secs(5);

/// Why git did not do as asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It could not be started, or not be read from.
    NotRun(std::io::Error),
    /// It was ended after its time.
    TimedOut(Duration),
    /// It said no; this is what it said.
    Failed(String),
}

impl Trouble {
    /// Whether trying again may help: the network's failures, never a refusal.
    pub fn may_pass(&self) -> bool {
        const PASSING: [&str; 12] = [
            "Could not resolve host",
            "Temporary failure in name resolution",
            "Connection refused",
            "Connection reset",
            "Connection timed out",
            "Operation timed out",
            "Connection closed by",
            "Failed to connect",
            "early EOF",
            "unexpected disconnect",
            "hung up unexpectedly",
            "returned error: 5",
        ];
        match self {
            Self::Failed(said) => PASSING.iter().any(|phrase| said.contains(phrase)),
            _ => false,
        }
    }

    /// The other side's way to name objects, when that is why it failed.
    pub fn other_format(&self) -> Option<&'static str> {
        match self {
            Self::Failed(said) if said.contains("mismatched algorithms") => {
                ["sha256", "sha1"].into_iter().find(|format| said.contains(&format!("server {format}")))
            }
            _ => None,
        }
    }
}

/// A git command that is being put together.
pub(super) struct Git(Program);

impl Git {
    /// git on this bare repository.
    pub fn new(bare: &Path) -> Self {
        let hardened = HARDENING.iter().fold(Program::new("git"), |git, (name, value)| git.env(name, value));
        let settled = SETTINGS.iter().fold(hardened, |git, setting| git.args(["-c", setting]));
        Self(settled.arg("--git-dir").arg(bare).own_group())
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(self, args: I) -> Self {
        Self(self.0.args(args))
    }

    /// Adds one argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        Self(self.0.arg(arg))
    }

    /// Sets a variable.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        Self(self.0.env(name, value))
    }

    /// Sets the directory that it starts in.
    pub fn dir(self, dir: &Path) -> Self {
        Self(self.0.dir(dir))
    }

    /// Runs it to its end and answers what it wrote, bad UTF-8 replaced. After `limit`, or when the caller is gone, it is
    /// ended with all that it started (ssh, index-pack …).
    pub async fn run(self, limit: Duration) -> Result<String, Trouble> {
        let mut child = self.0.start().map_err(Trouble::NotRun)?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let work = async { tokio::try_join!(keep(out, LONGEST_ANSWER), keep(err, LONGEST_COMPLAINT), child.wait()) };
        tokio::pin!(work);
        // Declared behind the child and so dropped before it: its pid is not free for others yet.
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
            true => Ok(String::from_utf8_lossy(&out).into_owned()),
            false => Err(Trouble::Failed(String::from_utf8_lossy(&err).into_owned())),
        }
    }
}

/// The process group of a git that has not ended; killed when dropped.
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

/// Reads a stream to its end and keeps its beginning, so that a chatty git neither fills the memory nor waits for us.
async fn keep(stream: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(most).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A git that starts a shell, which writes its pid and then never ends.
    fn endless(dir: &Path) -> (Git, PathBuf) {
        let pid = dir.join("pid");
        let script = format!("alias.hang=!echo $$ >{0}.new; mv {0}.new {0}; sleep 600 & wait", pid.display());
        (Git::new(dir).args(["-c", &script, "hang"]), pid)
    }

    async fn within_ten_seconds(what: &str, mut happened: impl FnMut() -> bool) {
        let wait = async {
            while !happened() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), wait).await.is_ok(), "{what}");
    }

    async fn is_gone(pid_file: &Path) {
        // On a very busy machine it was ended before it began, and that is as well.
        let Ok(pid) = std::fs::read_to_string(pid_file) else { return };
        let pid = pid.trim();
        within_ten_seconds("the shell ends", || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        })
        .await;
    }

    #[tokio::test]
    async fn a_git_that_does_not_end_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let (git, pid) = endless(dir.path());
        let trouble = git.run(Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(trouble, Trouble::TimedOut(_)), "{trouble:?}");
        is_gone(&pid).await;
    }

    #[tokio::test]
    async fn a_git_that_nobody_waits_for_any_more_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let (git, pid) = endless(dir.path());
        let running = tokio::spawn(git.run(Duration::from_secs(600)));
        within_ten_seconds("the shell starts", || pid.exists()).await;
        running.abort();
        is_gone(&pid).await;
    }

    #[tokio::test]
    async fn a_git_that_talks_without_end_is_read_to_its_end_but_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let git = Git::new(dir.path()).args([
            "-c",
            "alias.talk=!head -c 40000000 /dev/zero; head -c 900000 /dev/zero >&2; exit 3",
            "talk",
        ]);
        let Err(Trouble::Failed(said)) = git.run(Duration::from_secs(60)).await else { panic!("it exits 3") };
        assert_eq!(said.len() as u64, LONGEST_COMPLAINT);
    }
}
