//! One bare mirror per repository, whichever stacks push from it, spoken to with a hardened git (TRUST section 6).
//! It must never resolve a branch after the press (revisions only), run a hook, fetch a submodule or a file of Git LFS that
//! the stack file does not ask for, or hand text from outside to git where an option could stand. A mirror is a copy: one
//! that is damaged in any way is made anew beside, and swapped; nobody who reads it meanwhile is disturbed. Called by the desk (what is new?) and the runner (check it out).
//!
//! Layout under `mirrors`, where KEY is `_` and the beginning of the address's SHA-256: `KEY.git` the mirror (its `description`
//! is the address), `KEY.lock` one fetch at a time, `KEY.fetched` when (its mtime) and from where (SHA-256 of the address) it
//! was last brought up to date, `KEY.suspect` that it must be made anew, `KEY.partial` where that is done, `KEY.lfs` files of
//! Git LFS. A submodule is a repository like any other.

pub(super) mod advice;
mod changes;
mod checkout;
mod fetch;
mod refs;
mod run;
mod submodules;
mod takeover;
pub mod version;
pub(super) mod words;

pub use self::changes::FileChange;
pub(super) use self::submodules::allowed_from;
pub use self::takeover::take_over;

use self::advice::is_damage;
use self::run::{Git, Trouble};
use super::tool::SourceError;
use crate::diagnostic::nearest;
use crate::ledger::pushes::Commit;
use crate::reading::NOTE;
use crate::stack::{Revision, SourceLogin};
use crate::time::At;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// All tries of a fetch together.
const FETCH_LIMIT: Duration = Duration::from_secs(120);
/// Putting what was fetched in order; what is not done then is done another time.
const TIDY_LIMIT: Duration = Duration::from_secs(60);
/// Questions that the mirror answers by itself.
const ASK_LIMIT: Duration = Duration::from_secs(30);
/// The size of a mirror, in MiB, when nobody says otherwise.
const MOST_MIB: u64 = 10_240;
/// Branches that are named when the wanted one is not among them.
const SHOWN_BRANCHES: usize = 5;
/// Digits of an address's hash in the name of its mirror.
const DIGITS: usize = 16;

/// A bare mirror of one repository.
#[derive(Clone)]
pub struct Mirror {
    mirrors: PathBuf,
    /// `_` and the beginning of the hash of its address.
    name: String,
    url: String,
    ssh_config: Option<PathBuf>,
    most_mib: u64,
    /// Whether a checkout brings the submodules along.
    submodules: bool,
    /// Whether a checkout brings the files of Git LFS.
    lfs: bool,
    /// Who signs in, and to which address: that of the stack, also where this is the mirror of a submodule.
    login: Option<(SourceLogin, String)>,
}

// By hand: the address may hold a password.
impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mirror").field(&self.name).field(&words::shown_url(&self.url)).finish()
    }
}

impl Mirror {
    /// Names the mirror of a repository under `mirrors`; nothing is touched yet. `ssh_config` is given to git's ssh: it is
    /// the server's, so that one address is always asked with the same keys.
    pub fn new(mirrors: &Path, url: &str, ssh_config: Option<PathBuf>) -> Self {
        let (mirrors, name, url) = (mirrors.to_owned(), key(&address_hash(url)), url.to_owned());
        Self { mirrors, name, url, ssh_config, most_mib: MOST_MIB, submodules: false, lfs: false, login: None }
    }

    /// The same, whose checkouts bring submodules and files of Git LFS along, or not.
    pub fn bringing(self, submodules: bool, lfs: bool) -> Self {
        Self { submodules, lfs, ..self }
    }

    /// The same, which signs in to its server.
    pub fn signing_in(self, login: Option<SourceLogin>) -> Self {
        let login = login.map(|login| (login, self.url.clone()));
        let name = name_of(&self.url, login.as_ref());
        Self { login, name, ..self }
    }

    /// The same, with another limit on its size.
    pub fn at_most(self, mib: u64) -> Self {
        Self { most_mib: mib, ..self }
    }

    /// When the mirror was last brought up to date from this address: the instant at which that fetch began.
    pub async fn fetched_at(&self) -> Option<At> {
        let since = self.noted()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(At::from_millis(i64::try_from(since.as_millis()).ok()?))
    }

    /// The head of a branch, as it was last fetched.
    ///
    /// # Errors
    /// When there is no such branch, or nothing was fetched from this address yet.
    pub async fn head(&self, branch: &str) -> Result<Revision, SourceError> {
        let what = format!("looking for the branch {} of {}", words::line(branch), words::shown_url(&self.url));
        if self.noted().is_none() {
            // Without this, a stack whose address was changed would show the old repository's head.
            return Err(SourceError { what, why: "nothing was fetched from there yet".to_owned() });
        }
        // `show-ref --verify` takes a ref's exact name: no `~1`, no `@{…}`, and `refs/heads/` is no option.
        let git =
            Git::new(&self.dir()).args(["show-ref", "--verify", "--hash", "--"]).arg(format!("refs/heads/{branch}"));
        match git.run(ASK_LIMIT).await {
            Ok(said) => said.trim().parse().map_err(|_| SourceError { what, why: "git gave no revision".to_owned() }),
            Err(Trouble::Failed(said)) if said.contains("not a valid ref") => {
                Err(SourceError { what, why: self.no_branch(branch).await })
            }
            Err(trouble) => Err(self.error(what, &trouble)),
        }
    }

    /// Why there is no such branch, as far as the mirror knows, and what to do.
    async fn no_branch(&self, branch: &str) -> String {
        let git = Git::new(&self.dir()).args(["for-each-ref", "--sort=-committerdate", "--format=%(refname:lstrip=2)"]);
        let said = match git.arg("refs/heads/").collect(ASK_LIMIT).await {
            Ok(said) if !is_damage(&said.err) => said.out,
            Ok(said) => return self.why(&Trouble::Failed(said.err)),
            Err(trouble) => return self.why(&trouble),
        };
        let names: Vec<String> = said.lines().map(words::line).collect();
        if names.is_empty() {
            return "the server shows no branch: the repository is empty (push a first commit to it), or there is no repository \
                    at this address"
                .to_owned();
        }
        let near = nearest(branch, names.iter().map(String::as_str));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let more = match names.len().saturating_sub(SHOWN_BRANCHES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown = names.into_iter().take(SHOWN_BRANCHES).collect::<Vec<_>>().join(", ");
        format!(
            "there is no such branch{near}; it has {shown}{more}. Was it removed or renamed, or is the stack's branch misspelt?"
        )
    }

    /// Whether the mirror has this revision.
    pub async fn has(&self, revision: &Revision) -> bool {
        let git = Git::new(&self.dir()).args(["rev-parse", "--quiet", "--verify", "--end-of-options"]);
        git.arg(format!("{revision}^{{commit}}")).run(ASK_LIMIT).await.is_ok()
    }

    /// The commits in `to` that are not in `from` (the newest alone when `from` is none or unknown), newest first, at
    /// most `most`, and how many there are in all. None where `to` is older than `from`.
    ///
    /// # Errors
    /// What git said.
    pub async fn log(
        &self,
        from: Option<&Revision>,
        to: &Revision,
        most: usize,
    ) -> Result<(Vec<Commit>, usize), SourceError> {
        let what = || format!("reading the commits up to {}", to.short());
        let from = match from {
            Some(from) if self.has(from).await => Some(from),
            _ => None,
        };
        let (range, most) = match from {
            Some(from) => (format!("{from}..{to}"), most),
            None => (to.to_string(), most.min(1)),
        };
        let said = self.log_text(&range, most).await.map_err(|trouble| self.error(what(), &trouble))?;
        let commits = commits(&said);
        if from.is_none() {
            return Ok((commits, 1));
        }
        Ok((commits, self.count_in(&range, to).await?))
    }

    /// How many commits are in `to` that are not in `from`, as [`Mirror::log`] counts them.
    ///
    /// # Errors
    /// What git said.
    pub async fn count(&self, from: Option<&Revision>, to: &Revision) -> Result<usize, SourceError> {
        match from {
            Some(from) => match self.count_in(&format!("{from}..{to}"), to).await {
                // What was pushed before may be on no branch any more.
                Err(_) if !self.has(from).await => Ok(1),
                counted => counted,
            },
            None => Ok(1),
        }
    }

    async fn count_in(&self, range: &str, to: &Revision) -> Result<usize, SourceError> {
        let what = || format!("counting the commits up to {}", to.short());
        let count = Git::new(&self.dir()).args(["rev-list", "--count", "--end-of-options", range, "--"]);
        let said = count.run(ASK_LIMIT).await.map_err(|trouble| self.error(what(), &trouble))?;
        said.trim().parse().map_err(|_| SourceError { what: what(), why: "git gave no number".to_owned() })
    }

    /// What git says of a range of commits, for [`commits`].
    async fn log_text(&self, range: &str, most: usize) -> Result<String, Trouble> {
        let log = Git::new(&self.dir())
            .args([
                "-c",
                "i18n.logOutputEncoding=UTF-8",
                "log",
                "-z",
                "--no-color",
                "--no-show-signature",
                "--no-notes",
            ])
            .args([
                "--format=%H%x00%an%x00%ae%x00%ct%x00%s",
                &format!("--max-count={most}"),
                "--end-of-options",
                range,
                "--",
            ]);
        log.run(ASK_LIMIT).await
    }

    /// The bare repository.
    pub fn dir(&self) -> PathBuf {
        self.path("git")
    }

    /// What belongs to this mirror, by its ending: `git`, `lfs`.
    pub fn path(&self, ending: &str) -> PathBuf {
        self.mirrors.join(format!("{}.{ending}", self.name))
    }

    /// Where files of Git LFS are kept.
    pub(super) fn lfs_dir(&self) -> PathBuf {
        self.path("lfs")
    }

    /// Where it is a mirror of.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A value of a file in git's form; none when there is none, or the file is not in that form.
    pub(super) async fn config_value(&self, file: &Path, key: &str) -> Option<String> {
        let git = Git::new(&self.dir()).args(["config", "--file"]).arg(file).args(["--get", key]);
        git.run(ASK_LIMIT).await.ok().map(|said| said.trim_end_matches('\n').to_owned())
    }

    fn fetch_error(&self, why: impl ToString) -> SourceError {
        SourceError { what: format!("fetching {}", words::shown_url(&self.url)), why: why.to_string() }
    }

    fn error(&self, what: String, trouble: &Trouble) -> SourceError {
        SourceError { what, why: self.why(trouble) }
    }

    /// Why a question that only our own files answer got no answer. What is damaged is made anew by the next fetch.
    fn why(&self, trouble: &Trouble) -> String {
        match trouble {
            Trouble::Failed(said) if is_damage(said) => {
                self.suspect();
                words::of_the_copy(said, &self.url)
            }
            Trouble::Failed(_) | Trouble::NotRun(_) | Trouble::TimedOut(_) => words::why(trouble, &self.url),
        }
    }

    /// Says that the mirror must be made anew; it is still read as far as it goes.
    fn suspect(&self) {
        if let Err(error) = File::create(self.path("suspect")) {
            tracing::warn!(mirror = self.name, %error, "a damaged mirror cannot be marked");
        }
    }

    fn note_path(&self) -> PathBuf {
        self.path("fetched")
    }

    /// When the last good fetch from this address began.
    fn noted(&self) -> Option<SystemTime> {
        let file = File::open(self.note_path()).ok()?;
        let mut from = String::new();
        (&file).take(NOTE).read_to_string(&mut from).ok()?;
        (from == address_hash(&self.url)).then(|| file.metadata().ok()?.modified().ok()).flatten()
    }
}

/// The name of the mirror of an address: what one login may read another may not, so each has its own.
fn name_of(url: &str, login: Option<&(SourceLogin, String)>) -> String {
    match login {
        None => key(&address_hash(url)),
        Some((login, of)) => key(&address_hash(&format!("{url}\n{of}\n{}", super::login::text_of(login)))),
    }
}

/// The hash of an address; a slash at its end makes no other repository of it.
fn address_hash(url: &str) -> String {
    super::tree::hex(&Sha256::digest(url.trim_end_matches('/')))
}

/// The name of the mirror of an address with this hash. No stack's name begins like that.
pub(super) fn key(hash: &str) -> String {
    format!("_{}", hash.get(..DIGITS).unwrap_or(hash))
}

/// Reads `log -z` of five fields a commit.
fn commits(said: &str) -> Vec<Commit> {
    let fields: Vec<&str> = said.split('\0').collect();
    // What is left over behind the last NUL is no commit.
    let whole = fields.chunks_exact(5).filter(|fields| fields[0].parse::<Revision>().is_ok());
    whole
        .map(|fields| Commit {
            sha: fields[0].to_owned(),
            author: words::line(fields[1]),
            email: words::line(fields[2]),
            at: At::from_seconds(fields[3].parse().unwrap_or(0)).to_string(),
            subject: words::line(fields[4]),
        })
        .collect()
}
