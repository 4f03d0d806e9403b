//! Commands on the push host: a committer's, isolated, and an operator's own. It must never run what a committer wrote outside of its
//! namespaces where the server's file does not say so, nor an operator's program where anything committed lies. Called by the work.

use crate::isolation::{self, Cache, Isolation, Sandbox};
use crate::plan::{BuildFrom, PlannedCommand, PlannedForm};
use crate::remote::guard::{self, isolated::isolated};
use crate::remote::{Ending, Lines, Task};
use crate::run::job::Job;
use crate::stack::RunsAs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The environment variable with the build's place, for an operator's program, which does not start there.
const TREE: &str = "PUSH_TREE";

/// The environment variable with the file that says which commits the push brings or takes away …
const COMMITS: &str = "PUSH_COMMITS";

/// … and its name, beside the checkout.
const COMMITS_FILE: &str = "commits.json";

/// Runs a command of the push host in `dir`, or, where it is an operator's, in an empty directory.
pub async fn run(job: &Job, command: &PlannedCommand, dir: &Path, task: Task, lines: &Lines) -> Ending {
    match (command.runs_as, job.assignment.isolation.isolation) {
        (RunsAs::Operator, Isolation::Namespaces | Isolation::None) => as_operator(job, dir, task, lines).await,
        (RunsAs::Committer, Isolation::None) => guard::near(dir, with_commits(job, task), lines).await,
        (RunsAs::Committer, Isolation::Namespaces) => {
            if let Err(why) = job.can_isolate().await {
                return Ending::Refused(format!("this machine cannot isolate a command: {why}"));
            }
            match sandbox(job, command, dir).await {
                Ok(sandbox) => {
                    let mut task = task;
                    if sandbox.commits.is_some() {
                        task.values.insert(COMMITS.to_owned(), isolation::COMMITS.to_owned());
                    }
                    isolated(&sandbox, task, lines).await
                }
                Err(error) => Ending::Refused(error.to_string()),
            }
        }
    }
}

/// Removes what commands had beside the build.
pub async fn clean_up(job: &Job) {
    let (scratch, empty, commits) = (job.beside("scratch"), job.beside("operator"), job.beside(COMMITS_FILE));
    // What stays helps nobody, and harms nobody: it is part of no build.
    let removed = move || ([scratch, empty].map(|dir| isolation::remove(&dir)), std::fs::remove_file(commits));
    let _ = tokio::task::spawn_blocking(removed).await;
}

/// Takes out of the checkout what caches were mounted on: they are no part of a build.
pub fn without_caches(checkout: &Path, made: &BuildFrom) {
    let BuildFrom::Made { cache, .. } = made else { return };
    cache.iter().for_each(|path| isolation::remove_mount_point(checkout, path));
}

/// Names the file with the commits, where there is one: what an older server has started has none.
fn with_commits(job: &Job, mut task: Task) -> Task {
    let file = job.beside(COMMITS_FILE);
    if file.exists() {
        task.values.insert(COMMITS.to_owned(), file.display().to_string());
    }
    task
}

async fn as_operator(job: &Job, dir: &Path, mut task: Task, lines: &Lines) -> Ending {
    let empty = job.beside("operator");
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&empty);
    if let Err(error) = made {
        return Ending::Refused(format!("no empty directory can be made for it: {error}"));
    }
    task.values.insert(TREE.to_owned(), dir.display().to_string());
    guard::near(&empty, with_commits(job, task), lines).await
}

/// What a committer's command sees. A build that is frozen is only read.
async fn sandbox(job: &Job, command: &PlannedCommand, dir: &Path) -> io::Result<Sandbox> {
    let (stack, data) = (job.plan().stack.clone(), job.data.clone());
    let makes_the_build = matches!(command.form, PlannedForm::Build(_));
    let (with_network, caches) = match &job.plan().build {
        BuildFrom::Made { network, cache, .. } if makes_the_build => (*network, cache.clone()),
        BuildFrom::Made { .. } | BuildFrom::Existing { .. } => (true, Vec::new()),
    };
    let commits = Some(job.beside(COMMITS_FILE)).filter(|file| file.exists());
    let (dir, tmp, settings) = (dir.to_owned(), job.beside("scratch"), job.assignment.isolation.clone());
    let made = tokio::task::spawn_blocking(move || {
        let user = isolation::build_user(stack.as_str());
        let writable = !dir.starts_with(data.join("builds"));
        if writable {
            isolation::give(&dir, user)?;
        }
        isolation::scratch(&tmp, user)?;
        let cache = |path: String| {
            isolation::mount_point(&dir, &path, user)?;
            Ok(Cache { kept: isolation::cache(&data, stack.as_str(), &path, user)?, path })
        };
        let caches = caches.into_iter().map(cache).collect::<io::Result<Vec<Cache>>>()?;
        let etc = isolation::etc(&data)?;
        Ok(Sandbox { dir, writable, tmp, caches, network: with_network, commits, etc, user, settings })
    });
    made.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
