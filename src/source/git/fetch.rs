//! Brings a mirror up to date: made when there is none, or when it is damaged; fetched with patience, bounded in size and
//! branches, tidied; and fetches what a checkout needs besides. It must never run without the mirror's lock, nor take a
//! mirror away before another is whole. Called by `Mirror::fetch` and the checkout.

use super::advice::{self, is_damage};
use super::run::{self, Git, Trouble};
use super::{ASK_LIMIT, FETCH_LIMIT, Mirror, TIDY_LIMIT, address_hash, words};
use crate::source::login::{self, Login, helper_for, is_for, ssh_command};
use crate::source::tool::{self, SourceError};
use crate::source::tree;
use crate::stack::{Revision, SourceLogin};
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Pauses before the second and the third try of a fetch, each give or take a half (TRUST section 4, retries).
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// Branches of one repository: each is a line that git reads and writes with every fetch.
const MOST_REFS: usize = 20_000;
/// How often a mirror is measured while it grows.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How often a fetch that waits for another looks again: short beside a fetch, long beside the look.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a fetch needs to reach the other side, checked.
struct Remote {
    ssh: String,
    /// Who signs in with a token, and the setting by which git asks for it.
    login: Option<(Login, String)>,
}

impl Remote {
    fn of(mirror: &Mirror) -> Result<Self, String> {
        let url = &mirror.url;
        if url.is_empty() || url.starts_with('-') || url.contains(char::is_control) {
            return Err("the address must not be empty, begin with - or hold control characters".to_owned());
        }
        let (mut login, mut key) = (None, None);
        if let Some((named, address)) = &mirror.login {
            match (named, helper_for(address)) {
                (SourceLogin::Token { .. }, Some(helper)) => login = Some((Login::read(named)?, helper)),
                (SourceLogin::Key { key_file }, _) if is_for(url, address) => {
                    Login::read(named)?;
                    key = Some(key_file.as_str());
                }
                _ => {}
            }
        }
        Ok(Self { ssh: ssh_command(mirror.ssh_config.as_deref(), key)?, login })
    }

    /// What git said, without what signs in.
    fn covered(&self, trouble: Trouble) -> Trouble {
        match &self.login {
            Some((login, _)) => login.covered(trouble),
            None => trouble,
        }
    }
}

impl Mirror {
    /// Brings the mirror up to date; makes it when it is not there. One at a time per mirror, also across processes: who
    /// had to wait returns at once when someone else's fetch began after this call did. Takes at most about three minutes,
    /// waiting for another's included twice that.
    ///
    /// # Errors
    /// What git said.
    pub async fn fetch(&self) -> Result<(), SourceError> {
        let asked = SystemTime::now();
        let remote = Remote::of(self).map_err(|why| self.fetch_error(why))?;
        let mut dir = DirBuilder::new();
        dir.recursive(true).mode(0o700).create(&self.mirrors).map_err(|error| self.fetch_error(error))?;
        let (_lock, waited) = self.lock().await?;
        let began = SystemTime::now();
        if waited && self.noted().is_some_and(|fetched| (asked..=began).contains(&fetched)) {
            return Ok(());
        }
        self.bring_up_to_date(&remote).await?;
        self.note(began).map_err(|error| self.fetch_error(error))?;
        self.tidy().await;
        Ok(())
    }

    /// Takes the mirror's lock, and says whether someone else had it.
    async fn lock(&self) -> Result<(Flock<File>, bool), SourceError> {
        let path = self.path("lock");
        if path.is_dir() {
            tool::remove(&path).map_err(|error| self.fetch_error(error))?;
        }
        let open = File::options().create(true).append(true).open(&path);
        let mut file = open.map_err(|error| self.fetch_error(format!("{}: {error}", path.display())))?;
        let patience = Instant::now() + FETCH_LIMIT + TIDY_LIMIT + Duration::from_secs(30);
        let mut waited = false;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok((lock, waited)),
                Err((file, nix::errno::Errno::EWOULDBLOCK)) if Instant::now() < patience => file,
                Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                    return Err(
                        self.fetch_error(format!("another fetch hangs; which process has locked {}?", path.display()))
                    );
                }
                Err((_, error)) => return Err(self.fetch_error(format!("{}: {error}", path.display()))),
            };
            waited = true;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Remembers that a fetch from this address began then, and ended well.
    fn note(&self, began: SystemTime) -> std::io::Result<()> {
        let path = self.note_path();
        let new = self.path("fetched.new");
        tool::remove(&new)?;
        std::fs::write(&new, address_hash(&self.url))?;
        File::options().write(true).open(&new)?.set_modified(began)?;
        tool::put_in_place(&new, &path)
    }

    /// Fetches into the mirror; makes it anew when it is not there, or cannot be fetched into any more.
    async fn bring_up_to_date(&self, remote: &Remote) -> Result<(), SourceError> {
        let (dir, suspect) = (self.dir(), self.path("suspect"));
        if !dir.is_dir() || suspect.exists() {
            self.make_anew(remote, "sha1").await?;
        } else if let Err(trouble) = self.fetch_patiently(&dir, remote).await {
            let Some(format) = self.made_anew_as(&trouble) else {
                return Err(self.fetch_error(words::why(&trouble, &self.url)));
            };
            let why = words::why(&trouble, &self.url);
            tracing::warn!(mirror = self.name, why, "a mirror cannot be fetched into, and is made anew");
            self.make_anew(remote, format).await?;
        }
        // It would only be made anew once more.
        let _ = tool::remove(&suspect);
        Ok(())
    }

    /// In which format the mirror is to be made anew, when that may fix the trouble: where git's words fit none that the
    /// other side or the disk is known to cause. Making it anew asks the repository itself, so nothing is guessed.
    fn made_anew_as(&self, trouble: &Trouble) -> Option<&'static str> {
        let ours = |said: &str| said.contains(&*self.dir().to_string_lossy()) && said.contains("dubious ownership");
        match trouble {
            Trouble::Failed(said) if advice::of(said).case.is_none() || is_damage(said) || ours(said) => {
                Some(run::other_format(trouble).unwrap_or("sha1"))
            }
            Trouble::Failed(_) | Trouble::NotRun(_) | Trouble::TimedOut(_) => None,
        }
    }

    /// Makes the mirror beside its place, fetches all of it, and swaps the two in one step: who reads the old one finds the
    /// same objects in the new one. `format` is what names objects: `sha1` or `sha256`.
    async fn make_anew(&self, remote: &Remote, format: &str) -> Result<(), SourceError> {
        let (dir, beside) = (self.dir(), self.path("partial"));
        let mut format = format;
        loop {
            self.make(&beside, format).await?;
            let Err(trouble) = self.fetch_patiently(&beside, remote).await else { break };
            match run::other_format(&trouble) {
                Some(theirs) if theirs != format => format = theirs,
                _ => {
                    let _ = tool::remove(&beside);
                    return Err(self.fetch_error(words::why(&trouble, &self.url)));
                }
            }
        }
        // For who looks around there: the names say nothing to people.
        let _ = std::fs::write(beside.join("description"), format!("{}\n", words::shown_url(&self.url)));
        swap(&beside, &dir).map_err(|error| self.fetch_error(format!("{}: {error}", dir.display())))?;
        // What was there before; the next time it goes, if it does not go now.
        if let Err(error) = tool::remove(&beside) {
            tracing::warn!(mirror = self.name, %error, "the mirror that was replaced cannot be removed");
        }
        Ok(())
    }

    /// Makes an empty repository.
    async fn make(&self, dir: &Path, format: &str) -> Result<(), SourceError> {
        tool::remove(dir).map_err(|error| self.fetch_error(error))?;
        // No template: git's holds hooks.
        let git = Git::new(dir).args(["init", "--quiet", "--bare", "--template=", "--initial-branch=main"]);
        let made = git.arg(format!("--object-format={format}")).run(ASK_LIMIT).await;
        made.map(|_| ()).map_err(|trouble| self.error("making the mirror".to_owned(), &trouble))
    }

    /// Fetches; once more, and again, where the network may have been to blame. Then looks whether it is whole.
    async fn fetch_patiently(&self, dir: &Path, remote: &Remote) -> Result<(), Trouble> {
        let end = Instant::now() + FETCH_LIMIT;
        let mut pauses = PAUSES.into_iter();
        loop {
            let what = ["--prune", "+refs/heads/*:refs/heads/*"];
            let trouble = match self.fetch_once(dir, remote, &what, end.duration_since(Instant::now())).await {
                Ok(()) => return self.looked_over(dir).await,
                Err(trouble) => trouble,
            };
            match pauses.next() {
                Some(pause) if words::may_pass(&trouble) && Instant::now() + pause * 2 < end => {
                    tokio::time::sleep(give_or_take_a_half(pause)).await;
                }
                _ => return Err(trouble),
            }
        }
    }

    /// Fetches `what`: an option, and the refs.
    async fn fetch_once(&self, dir: &Path, remote: &Remote, what: &[&str; 2], limit: Duration) -> Result<(), Trouble> {
        let git = self
            .reaching_out(Git::new(dir), remote)
            .args(["fetch", "--quiet", "--no-tags", what[0], "--no-recurse-submodules", "--no-write-fetch-head"])
            // Tidying comes afterwards, with a limit of its own and not behind our back.
            .args(["--no-auto-maintenance", "--end-of-options", &self.url])
            // All branches, and wherever they are moved to.
            .arg(what[1]);
        let said = tokio::select! {
            fetched = git.collect(limit) => fetched.map_err(|trouble| remote.covered(trouble))?,
            // What it was writing is removed by the next fetch's tidying.
            size = self.grown(dir) => return Err(Trouble::Failed(size)),
        };
        // git takes nothing from a shallow repository, says so in a warning, and ends well.
        match said.err.contains("shallow roots are not allowed") {
            true => Err(Trouble::Failed(said.err)),
            false => Ok(()),
        }
    }

    /// git with what it needs for the network.
    fn reaching_out(&self, git: Git, remote: &Remote) -> Git {
        let git = git.env("GIT_SSH_COMMAND", &remote.ssh).env("GIT_SSH_VARIANT", "ssh");
        let git = match &remote.login {
            Some((Login::Token(token), helper)) => {
                git.args(["-c", helper]).env(login::USER, &token.user).env(login::TOKEN, token.reveal())
            }
            Some((Login::Key(_), _)) | None => git,
        };
        match std::env::var_os("SSH_AUTH_SOCK") {
            // The operator's keys, for git's ssh alone: a fetch runs nobody's code.
            Some(agent) => git.env("SSH_AUTH_SOCK", agent),
            None => git,
        }
    }

    /// Makes sure that a commit is here, also one that is on no branch: a submodule's.
    pub(super) async fn fetch_commit(&self, commit: &Revision) -> Result<(), SourceError> {
        if self.dir().is_dir() && self.has(commit).await {
            return Ok(());
        }
        self.fetch().await?;
        let remote = Remote::of(self).map_err(|why| self.fetch_error(why))?;
        for refs in ["+refs/tags/*:refs/tags/*", commit.as_str()] {
            if self.has(commit).await {
                return Ok(());
            }
            let (_lock, _) = self.lock().await?;
            // That it does not give it out is no trouble yet: the next way may.
            if let Err(trouble) = self.fetch_once(&self.dir(), &remote, &["--no-prune", refs], FETCH_LIMIT).await {
                tracing::debug!(mirror = self.name, why = words::why(&trouble, &self.url), "a commit is not given out");
            }
        }
        match self.has(commit).await {
            true => Ok(()),
            false => Err(self.fetch_error(format!(
                "it does not have the commit {} that is named: was it pushed there?",
                commit.short()
            ))),
        }
    }

    /// Fetches the files of Git LFS that a revision points to, with git-lfs, in a repository that is made for it: it reads
    /// the objects of the mirror and has no configuration but ours.
    pub(in crate::source) async fn fetch_lfs(
        &self,
        revision: &Revision,
        server: Option<String>,
        limit: Duration,
    ) -> Result<(), String> {
        let remote = Remote::of(self)?;
        let on_disk = |error: std::io::Error| error.to_string();
        let scratch = tempfile::tempdir_in(&self.mirrors).map_err(on_disk)?;
        let (dir, storage) = (scratch.path().join("git"), self.lfs_dir());
        let format = if revision.as_str().len() == 64 { "sha256" } else { "sha1" };
        self.make(&dir, format).await.map_err(|error| error.why)?;
        let alternates = dir.join("objects/info");
        let objects = std::path::absolute(self.dir().join("objects")).map_err(on_disk)?;
        std::fs::create_dir_all(&alternates)
            .and_then(|()| std::fs::write(alternates.join("alternates"), format!("{}\n", objects.display())))
            .and_then(|()| std::fs::write(dir.join("HEAD"), format!("{revision}\n")))
            .and_then(|()| std::fs::create_dir_all(&storage))
            // Not by `lfs.storage`: where the source is a path, git-lfs would read from there by the same setting.
            .and_then(|()| std::os::unix::fs::symlink(std::path::absolute(&storage)?, dir.join("lfs")))
            .map_err(on_disk)?;
        let setting = |name: &str, value: &str| ["-c".to_owned(), format!("{name}={value}")];
        let git = self
            .reaching_out(Git::new(&dir), &remote)
            .args(setting("remote.origin.url", &self.url))
            .args(setting("lfs.activitytimeout", "30"))
            .args(server.iter().flat_map(|url| setting("lfs.url", url)))
            .args(["lfs", "fetch", "origin", revision.as_str()]);
        tokio::select! {
            fetched = git.run(limit) => {
                fetched.map(|_| ()).map_err(|trouble| words::why(&remote.covered(trouble), &self.url))
            }
            size = self.grown(&storage) => Err(words::why(&Trouble::Failed(size), &self.url)),
        }
    }

    /// Waits until the mirror is larger than it may be, and says so.
    async fn grown(&self, dir: &Path) -> String {
        loop {
            tokio::time::sleep(MEASURE_EVERY).await;
            let dir = dir.to_owned();
            let measured = tokio::task::spawn_blocking(move || tree::bytes_below(&dir)).await;
            if measured.is_ok_and(|bytes| bytes >> 20 >= self.most_mib) {
                return format!("the mirror is larger than {} MiB", self.most_mib);
            }
        }
    }

    /// Refuses a repository with too many branches, and finds heads that are not here: git fetches around a hole.
    async fn looked_over(&self, dir: &Path) -> Result<(), Trouble> {
        let count = format!("--count={}", MOST_REFS + 1);
        let git = Git::new(dir).args(["for-each-ref", &count, "--format=%(objecttype)", "refs/heads/"]);
        let said = git.collect(ASK_LIMIT).await?;
        match () {
            () if is_damage(&said.err) => Err(Trouble::Failed(said.err)),
            () if said.out.lines().count() > MOST_REFS => {
                Err(Trouble::Failed(format!("it has more than {MOST_REFS} branches; delete merged ones")))
            }
            () => Ok(()),
        }
    }

    /// Lets git pack what many fetches brought. The mirror is whole without it, so a failure is only logged.
    async fn tidy(&self) {
        let git = Git::new(&self.dir()).args(["-c", "gc.autoDetach=false", "gc", "--quiet", "--auto"]);
        if let Err(trouble) = git.run(TIDY_LIMIT).await {
            tracing::warn!(mirror = self.name, why = words::why(&trouble, &self.url), "the mirror was not tidied");
        }
    }
}

/// Puts `new` in the place of `old`, and what was there in the place of `new`, in one step where the file system can.
fn swap(new: &Path, old: &Path) -> std::io::Result<()> {
    let missing = std::fs::symlink_metadata(old).is_err();
    if missing {
        return std::fs::rename(new, old);
    }
    if nix::fcntl::renameat2(AT_FDCWD, new, AT_FDCWD, old, RenameFlags::RENAME_EXCHANGE).is_ok() {
        return Ok(());
    }
    // Some file systems cannot exchange: for a moment there is none, and who asks then asks again.
    tool::remove(old)?;
    std::fs::rename(new, old)
}

fn give_or_take_a_half(pause: Duration) -> Duration {
    // Without a random number all stacks would ask at one moment, which is no harm worth an error.
    let part = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause / 2 + pause.mul_f64(f64::from(part) / f64::from(u32::MAX))
}
