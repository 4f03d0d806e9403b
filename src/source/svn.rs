//! A directory of a Subversion repository, spoken to with a hardened `svn` (TRUST section 6): its newest commits, and the
//! files of one of them. It must never say a revision without its peg, fetch externals, run another tunnel than ssh, or
//! keep a password. Called through `Origin` by the desk (what is new?) and the runner (bring it here).
//!
//! Beside the mirrors of git, in `mirrors`: `KEY.svn`, by the address as theirs, holds the newest commits as they were last fetched, as JSON, with
//! the hash of the address that they are from; `.svn` is the configuration that our svn reads, and nothing else is kept.

pub(super) mod advice;
mod fetched;
mod xml;

pub(crate) use xml::commits;

use super::git::{self, words};
use super::login::Login;
use super::tool::{self, SourceError, ToolOutput, Trouble};
use crate::ledger::pushes::Commit;
use crate::process::Program;
use crate::reading;
use crate::stack::{Revision, SourceLogin};
use crate::time::At;
use fetched::{Fetched, FetchedCommit};
use sha2::{Digest, Sha256};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Commits that are fetched; what a page or an announcement tells is among them.
const FETCHED: usize = 200;
/// Asking a repository for its newest commits.
const FETCH_LIMIT: Duration = Duration::from_secs(60);
/// An export writes all files of a revision, over the network.
const EXPORT_LIMIT: Duration = Duration::from_secs(1200);

/// A directory of a repository, whichever stacks push from it.
#[derive(Clone)]
pub struct Svn {
    mirrors: PathBuf,
    url: String,
    ssh_config: Option<PathBuf>,
    login: Option<SourceLogin>,
}

// By hand: the address may hold a name.
impl std::fmt::Debug for Svn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Svn").field(&words::shown_url(&self.url)).finish()
    }
}

impl Svn {
    /// Names the source; nothing is touched yet. `ssh_config` is given to svn's ssh.
    pub fn new(mirrors: &Path, url: &str, ssh_config: Option<PathBuf>) -> Self {
        Self { mirrors: mirrors.to_owned(), url: url.trim_end_matches('/').to_owned(), ssh_config, login: None }
    }

    /// The same, which signs in to its server.
    pub fn signing_in(self, login: Option<SourceLogin>) -> Self {
        Self { login, ..self }
    }

    /// Asks for the newest commits and keeps them.
    ///
    /// # Errors
    /// What svn said.
    pub async fn fetch(&self) -> Result<(), SourceError> {
        let fetching = |why: String| self.error("fetching", why);
        self.make_config_dir().map_err(fetching)?;
        let (at, limit) = (At::now(), format!("--limit={FETCHED}"));
        let login = self.login().map_err(fetching)?;
        let svn = self.svn(login.as_ref()).map_err(fetching)?.args(["log", "--xml", &limit]);
        let said = run(svn.arg("--").arg(self.pegged("HEAD")), login.as_ref(), FETCH_LIMIT).await;
        let said = said.map_err(|trouble| fetching(why(&trouble, &self.url)))?;
        let commits = xml::commits(&said.out).ok_or_else(|| {
            fetching(
                "svn's answer is not a complete log: the connection may have been lost; it is tried again soon"
                    .to_owned(),
            )
        })?;
        if commits.is_empty() {
            return Err(fetching("nothing was ever committed there: the repository is empty, or no commit has this path yet; make a first commit".to_owned()));
        }
        let commits = commits.into_iter().map(FetchedCommit::from).collect();
        let text = serde_json::to_string(&Fetched { from: self.address_hash(), at, commits });
        let text = text.map_err(|error| fetching(error.to_string()))?;
        let new = self.note_path().with_extension("svn.new");
        let kept = tool::remove(&new)
            .and_then(|()| std::fs::write(&new, text))
            .and_then(|()| tool::put_in_place(&new, &self.note_path()));
        kept.map_err(|error| fetching(format!("{}: {error}", new.display())))
    }

    /// When the newest commits were last asked for.
    pub fn fetched_at(&self) -> Option<At> {
        self.noted().map(|fetched| fetched.at)
    }

    /// The newest commit, as it was last fetched.
    ///
    /// # Errors
    /// When nothing was fetched from this address yet.
    pub fn head(&self) -> Result<Revision, SourceError> {
        let newest = self.noted().and_then(|fetched| fetched.commits.first()?.sha.parse().ok());
        newest.ok_or_else(|| self.error("looking for the newest commit of", "nothing was fetched from there yet"))
    }

    /// The newest commits, newest first; at most 200, as they were last fetched.
    pub fn recent(&self) -> Vec<Commit> {
        let commits = self.noted().map(|fetched| fetched.commits).unwrap_or_default();
        commits.into_iter().map(Commit::from).collect()
    }

    /// The commits after `from` up to `to` (that one alone when `from` is none or no number), newest first, at most `most`,
    /// and how many there are; of those that were last fetched.
    pub fn log(&self, from: Option<&Revision>, to: &Revision, most: usize) -> (Vec<Commit>, usize) {
        let number = |commit: &Commit| commit.sha.parse::<Revision>().ok().and_then(|revision| revision.number());
        let Some(to) = to.number() else { return (Vec::new(), 0) };
        let from = from.and_then(Revision::number).unwrap_or(to.saturating_sub(1));
        let between = |commit: &Commit| number(commit).is_some_and(|number| from < number && number <= to);
        let mut commits: Vec<Commit> = self.recent().into_iter().filter(between).collect();
        let count = commits.len();
        commits.truncate(most);
        (commits, count)
    }

    /// Puts the files of a revision into `dir`, which must not exist. Nothing is left there after an error.
    ///
    /// # Errors
    /// What svn said.
    pub async fn checkout(&self, revision: &Revision, dir: &Path) -> Result<(), SourceError> {
        let what = |why: String| SourceError { what: format!("exporting r{revision}"), why };
        let dir = std::path::absolute(dir).map_err(|error| what(error.to_string()))?;
        // By its name alone: svn would take an @ in a path for a peg.
        let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
            return Err(what(format!("{} is no place for a checkout", dir.display())));
        };
        if revision.number().is_none() {
            return Err(what("it is not a revision of Subversion".to_owned()));
        }
        self.make_config_dir().map_err(what)?;
        let login = self.login().map_err(what)?;
        let svn = self.svn(login.as_ref()).map_err(what)?.dir(parent);
        let svn = svn.args(["export", "--quiet", "--ignore-externals", "-r", revision.as_str(), "--"]);
        let svn = svn.arg(self.pegged(revision.as_str())).arg(name);
        let outcome = run(svn, login.as_ref(), EXPORT_LIMIT).await;
        outcome.map(|_| ()).map_err(|trouble| {
            // The first error is the one to tell.
            let _ = std::fs::remove_dir_all(&dir);
            what(why(&trouble, &self.url))
        })
    }

    /// The address with its peg: without one, an `@` in it would be read as one.
    fn pegged(&self, revision: &str) -> String {
        format!("{}@{revision}", self.url)
    }

    /// svn as Pushbutton runs it: nothing of the user's or of earlier days, and nobody is asked.
    fn svn(&self, login: Option<&Login>) -> Result<Program, String> {
        let key = match login {
            Some(Login::Key(key)) => Some(key.as_str()),
            Some(Login::Token(_)) | None => None,
        };
        let svn = Program::new("svn")
            // Names of files are UTF-8 in the repository; in the C locale svn refuses to write those that are not ASCII.
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/nonexistent")
            .env("SVN_SSH", super::login::ssh_command(self.ssh_config.as_deref(), key)?)
            .own_group()
            .args(["--non-interactive", "--no-auth-cache", "--config-dir"])
            .arg(self.config_dir());
        let svn = match login {
            // The password comes over its input.
            Some(Login::Token(token)) => {
                svn.arg("--username").arg(&token.user).arg("--password-from-stdin").with_input()
            }
            Some(Login::Key(_)) | None => svn,
        };
        Ok(match std::env::var_os("SSH_AUTH_SOCK") {
            // The operator's keys, for svn's ssh alone: a fetch runs nobody's code.
            Some(agent) => svn.env("SSH_AUTH_SOCK", agent),
            None => svn,
        })
    }

    fn login(&self) -> Result<Option<Login>, String> {
        self.login.as_ref().map(Login::read).transpose()
    }

    fn config_dir(&self) -> PathBuf {
        // No stack is named so.
        self.mirrors.join(".svn")
    }

    fn make_config_dir(&self) -> Result<(), String> {
        let dir = self.config_dir();
        if !dir.is_dir() {
            tool::remove(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|error| format!("{}: {error}", self.config_dir().display()))
    }

    fn note_path(&self) -> PathBuf {
        let hash = match &self.login {
            None => self.address_hash(),
            // What one login may read another may not.
            Some(login) => {
                let all = format!("{}\n{}", self.url, super::login::text_of(login));
                super::tree::hex(&Sha256::digest(all))
            }
        };
        self.mirrors.join(format!("{}.svn", git::key(&hash)))
    }

    fn noted(&self) -> Option<Fetched> {
        let fetched: Fetched = serde_json::from_str(&reading::text(self.note_path(), reading::LIST).ok()?).ok()?;
        // Of another address, when the stack's was changed since.
        (fetched.from == self.address_hash()).then_some(fetched)
    }

    fn address_hash(&self) -> String {
        super::tree::hex(&Sha256::digest(&self.url))
    }

    fn error(&self, what: &str, why: impl Into<String>) -> SourceError {
        SourceError { what: format!("{what} {}", words::shown_url(&self.url)), why: why.into() }
    }
}

/// Runs svn, which may read its password, and says nothing of that.
async fn run(svn: Program, login: Option<&Login>, limit: Duration) -> Result<ToolOutput, Trouble> {
    match login {
        Some(login @ Login::Token(token)) => {
            let said = tool::run_reading(svn, &format!("{}\n", token.reveal()), limit).await;
            said.map_err(|trouble| login.covered(trouble))
        }
        Some(Login::Key(_)) | None => tool::run(svn, limit).await,
    }
}

/// Why svn did not do as asked, and what to do.
fn why(trouble: &Trouble, url: &str) -> String {
    match trouble {
        Trouble::NotRun(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "svn is not installed on the push host, or not in the server's PATH: install the package `subversion`"
                .to_owned()
        }
        Trouble::NotRun(error) => format!("svn could not be run: {error}"),
        Trouble::TimedOut(limit) => {
            format!("svn did not finish within {} s and was ended; is the server, or the disk, slow?", limit.as_secs())
        }
        Trouble::Failed(said) => advice::of(&words::complaint(said, url, &["svn: ", "fatal: ", "error: "])).words(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_svn_says_comes_with_advice() {
        let said = "svn: E170013: Unable to connect to a repository at URL 'svn://h/x'\nsvn: E000111: Can't connect to host 'h': \
                    Connection refused\n";
        let words = why(&Trouble::Failed(said.to_owned()), "svn://h/x");
        assert!(words.ends_with("is the svn server up, and the port right?"), "{words}");
        let missing = why(&Trouble::NotRun(std::io::ErrorKind::NotFound.into()), "svn://h/x");
        assert!(missing.contains("install the package `subversion`"), "{missing}");
    }
}
