//! Which branches a repository has, which of them hold a commit, and what is new on one: for choosing another version than
//! the head. It must never take a name for a revision. Called through the mirror by the desk.

use super::run::Git;
use super::{ASK_LIMIT, Mirror, commits, is_damage, words};
use crate::ledger::pushes::Commit;
use crate::source::SourceError;
use crate::stack::Revision;
use crate::time::At;
use std::collections::BTreeMap;

/// Branches that are looked at for one that holds a commit.
const HOLDING: usize = 1000;

impl Mirror {
    /// The branches that a commit is on: its head, or behind it.
    ///
    /// # Errors
    /// What git said.
    pub async fn branches_with(&self, revision: &Revision) -> Result<Vec<String>, SourceError> {
        let what = format!("looking for the branches of {}", revision.short());
        let git = Git::new(&self.dir()).args(["for-each-ref", "--format=%(refname:lstrip=2)"]);
        let git = git.args([&format!("--count={HOLDING}"), &format!("--contains={revision}"), "refs/heads/"]);
        let said = git.run(ASK_LIMIT).await.map_err(|trouble| self.error(what, &trouble))?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// The commits whose hash begins with `beginning`, hexadecimal digits; at most `most`.
    ///
    /// # Errors
    /// What git said.
    pub async fn commits_with(&self, beginning: &str, most: usize) -> Result<Vec<String>, SourceError> {
        let what = format!("looking for {beginning}");
        let git = Git::new(&self.dir()).args(["rev-parse", &format!("--disambiguate={beginning}")]);
        let said = git.run(ASK_LIMIT).await.map_err(|trouble| self.error(what, &trouble))?;
        let mut commits = Vec::new();
        // Trees and files have hashes too. A beginning of four digits fits a handful of objects, not thousands.
        for hash in said.lines().take(10 * most) {
            let kind = Git::new(&self.dir()).args(["cat-file", "-t", hash]).run(ASK_LIMIT).await;
            if kind.is_ok_and(|kind| kind.trim() == "commit") {
                commits.push(hash.to_owned());
            }
            if commits.len() == most {
                break;
            }
        }
        Ok(commits)
    }

    /// The heads of all branches: one question for all stacks of the repository. Empty where nothing was fetched yet, and where
    /// the mirror is damaged: then [`Mirror::head`] says why.
    pub async fn all_heads(&self) -> BTreeMap<String, Revision> {
        if self.noted().is_none() {
            return BTreeMap::new();
        }
        let git = Git::new(&self.dir()).args(["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)"]);
        let said = match git.arg("refs/heads/").collect(ASK_LIMIT).await {
            Ok(said) if !is_damage(&said.err) => said.out,
            Ok(_) | Err(_) => return BTreeMap::new(),
        };
        let head = |line: &str| {
            let (head, branch) = line.split_once(' ')?;
            Some((branch.to_owned(), head.parse().ok()?))
        };
        said.lines().filter_map(head).collect()
    }

    /// The heads of the branches, the one that was committed last first; at most `most`.
    ///
    /// # Errors
    /// What git said.
    pub async fn heads(&self, most: usize) -> Result<Vec<(String, Commit)>, SourceError> {
        let fields = ["objectname", "refname:lstrip=2", "authorname", "committerdate:unix", "contents:subject"];
        let format: Vec<String> = fields.iter().map(|field| format!("%({field})")).collect();
        let git = Git::new(&self.dir()).args(["for-each-ref", "--sort=-committerdate", &format!("--count={most}")]);
        let git = git.arg(format!("--format={}", format.join("%00"))).arg("refs/heads/");
        let said = git.run(ASK_LIMIT).await;
        let said = said.map_err(|trouble| self.error("listing the branches".to_owned(), &trouble))?;
        Ok(said.lines().filter_map(head).collect())
    }

    /// The newest commits up to a revision, newest first; at most `most`.
    ///
    /// # Errors
    /// What git said.
    pub async fn newest(&self, revision: &Revision, most: usize) -> Result<Vec<Commit>, SourceError> {
        let what = format!("reading the commits up to {}", revision.short());
        let said = self.log_text(revision.as_str(), most).await.map_err(|trouble| self.error(what, &trouble))?;
        Ok(commits(&said))
    }
}

/// Reads a line of five fields with NUL between them. A subject holds no line feed.
fn head(line: &str) -> Option<(String, Commit)> {
    let fields: Vec<&str> = line.splitn(5, '\0').collect();
    let [sha, branch, author, at, subject] = fields[..] else { return None };
    sha.parse::<Revision>().ok()?;
    let commit = Commit {
        sha: sha.to_owned(),
        author: words::line(author),
        email: String::new(),
        at: At::from_seconds(at.parse().unwrap_or(0)).to_string(),
        subject: words::line(subject),
    };
    Some((branch.to_owned(), commit))
}
