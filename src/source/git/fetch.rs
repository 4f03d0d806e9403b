//! Brings a mirror up to date: made when there is none, fetched with patience, bounded in size and branches, tidied. It must never
//! run without the mirror's lock. Called by `Mirror::fetch`.

use super::run::{self, Git, Trouble};
use super::{ASK_LIMIT, FETCH_LIMIT, Mirror, TIDY_LIMIT, remove_dir, ssh_command, words};
use crate::source::tool::SourceError;
use crate::source::tree;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Pauses before the second and the third try of a fetch, each give or take a half (TRUST section 4, retries).
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// Branches of one repository: each is a line that git reads and writes with every fetch.
const MOST_REFS: usize = 20_000;
/// How often a mirror is measured while it grows.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// What a fetch needs to reach the other side, checked.
pub(super) struct Remote {
    ssh: String,
}

impl Remote {
    pub(super) fn check(url: &str, ssh_config: Option<&Path>) -> Result<Self, &'static str> {
        if url.is_empty() || url.starts_with('-') || url.contains(char::is_control) {
            return Err("the address must not be empty, begin with - or hold control characters");
        }
        Ok(Self { ssh: ssh_command(ssh_config)? })
    }
}

impl Mirror {
    /// Makes the empty mirror, beside its place first. `format` is what names objects: `sha1` or `sha256`.
    pub(super) async fn make(&self, format: &str) -> Result<(), SourceError> {
        let partial = self.mirrors.join(format!("{}.partial", self.stack));
        remove_dir(&partial).map_err(|error| self.fetch_error(error))?;
        // No template: git's holds hooks.
        let git = Git::new(&partial).args(["init", "--quiet", "--bare", "--template=", "--initial-branch=main"]);
        let git = git.arg(format!("--object-format={format}"));
        git.run(ASK_LIMIT).await.map_err(|trouble| self.error("making the mirror".to_owned(), &trouble))?;
        let dir = self.dir();
        remove_dir(&dir).and_then(|()| std::fs::rename(&partial, &dir)).map_err(|error| self.fetch_error(error))
    }

    /// Fetches; once more, and again, where the network may have been to blame.
    pub(super) async fn fetch_patiently(&self, remote: &Remote) -> Result<(), SourceError> {
        let end = Instant::now() + FETCH_LIMIT;
        let mut pauses = PAUSES.into_iter();
        let mut remade = false;
        loop {
            let trouble = match self.fetch_once(remote, end.duration_since(Instant::now())).await {
                Ok(()) => return Ok(()),
                Err(trouble) => trouble,
            };
            match (run::other_format(&trouble), pauses.next()) {
                (Some(theirs), _) if !remade => {
                    remade = true;
                    self.make(theirs).await?;
                }
                (_, Some(pause)) if trouble.may_pass() && Instant::now() + pause * 2 < end => {
                    tokio::time::sleep(give_or_take_a_half(pause)).await;
                }
                _ => return Err(self.fetch_error(words::why(&trouble, &self.url))),
            }
        }
    }

    async fn fetch_once(&self, remote: &Remote, limit: Duration) -> Result<(), Trouble> {
        let mut git = Git::new(&self.dir()).env("GIT_SSH_COMMAND", &remote.ssh).env("GIT_SSH_VARIANT", "ssh");
        if let Some(agent) = std::env::var_os("SSH_AUTH_SOCK") {
            // The operator's keys, for git's ssh alone: a fetch runs nobody's code.
            git = git.env("SSH_AUTH_SOCK", agent);
        }
        let git = git
            .args(["fetch", "--quiet", "--no-tags", "--prune", "--no-recurse-submodules", "--no-write-fetch-head"])
            // Tidying comes afterwards, with a limit of its own and not behind our back.
            .args(["--no-auto-maintenance", "--end-of-options", &self.url])
            // All branches, and wherever they are moved to.
            .arg("+refs/heads/*:refs/heads/*");
        tokio::select! {
            fetched = git.run(limit) => fetched.map(|_| ()),
            // What it was writing is removed by the next fetch's tidying.
            size = self.grown() => Err(Trouble::Failed(size)),
        }
    }

    /// Waits until the mirror is larger than it may be, and says so.
    async fn grown(&self) -> String {
        loop {
            tokio::time::sleep(MEASURE_EVERY).await;
            let dir = self.dir();
            let measured = tokio::task::spawn_blocking(move || tree::bytes_below(&dir)).await;
            if measured.is_ok_and(|bytes| bytes >> 20 >= self.most_mib) {
                return format!("the mirror is larger than {} MiB", self.most_mib);
            }
        }
    }

    /// Refuses a repository with too many branches.
    pub(super) async fn count_refs(&self) -> Result<(), SourceError> {
        let count = format!("--count={}", MOST_REFS + 1);
        let git = Git::new(&self.dir()).args(["for-each-ref", &count, "--format=.", "refs/heads/"]);
        let said = git.run(ASK_LIMIT).await.map_err(|trouble| self.fetch_error(words::why(&trouble, &self.url)))?;
        match said.lines().count() > MOST_REFS {
            true => Err(self.fetch_error(format!("it has more than {MOST_REFS} branches; remove those that are done"))),
            false => Ok(()),
        }
    }

    /// Lets git pack what many fetches brought. The mirror is whole without it, so a failure is only logged.
    pub(super) async fn tidy(&self) {
        let git = Git::new(&self.dir()).args(["-c", "gc.autoDetach=false", "gc", "--quiet", "--auto"]);
        if let Err(trouble) = git.run(TIDY_LIMIT).await {
            tracing::warn!(stack = %self.stack, why = words::why(&trouble, &self.url), "the mirror was not tidied");
        }
    }
}

fn give_or_take_a_half(pause: Duration) -> Duration {
    // Without a random number all stacks would knock at one moment, which is no harm worth an error.
    let part = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause / 2 + pause.mul_f64(f64::from(part) / f64::from(u32::MAX))
}
