//! git as Pushbutton runs it (TRUST section 6): nothing of the user's, the system's or a hook's; a limit on time and on
//! what is read. It must never be given text from outside before `--end-of-options` or `--`. Called by `git` alone.

use crate::process::Program;
use crate::source::tool;
use crate::source::tool::ToolOutput;
pub(super) use crate::source::tool::Trouble;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

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
/// this machine that belongs to someone else is refused by git with words that say so.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.fsync=all",
    "transfer.fsckObjects=true",
    "fetch.recurseSubmodules=no",
    "submodule.recurse=false",
];
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

    /// Runs it to its end and answers what it wrote.
    pub async fn run(self, limit: Duration) -> Result<String, Trouble> {
        Ok(self.collect(limit).await?.out)
    }

    /// The same with its warnings.
    pub async fn collect(self, limit: Duration) -> Result<ToolOutput, Trouble> {
        tool::run(self.0, limit).await
    }
}

/// The other side's way to name objects, when that is why a fetch failed.
pub(super) fn other_format(trouble: &Trouble) -> Option<&'static str> {
    match trouble {
        Trouble::Failed(said) if said.contains("mismatched algorithms") => {
            ["sha256", "sha1"].into_iter().find(|format| said.contains(&format!("server {format}")))
        }
        Trouble::Failed(_) | Trouble::NotRun(_) | Trouble::TimedOut(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tool::LONGEST_COMPLAINT;
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
