//! Real git repositories, from the commit to the frozen build. Everything that a committer can name, say or point at
//! is hostile here.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

mod damage;
mod hostile;
mod ssh;
mod token;
mod whole;

use pushbutton::process::Program;
use pushbutton::source::build::{BuildDir, freeze};
use pushbutton::source::gate::Gate;
use pushbutton::source::git::{FileChange, Mirror};
use pushbutton::source::manifest::Manifest;
use pushbutton::stack::Revision;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

const LIMIT: Duration = Duration::from_secs(60);

/// A committer's repository, a place for mirrors, and a place where nothing may appear.
struct World {
    dir: TempDir,
}

impl World {
    async fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.repo()).unwrap();
        world.git(&["init", "--quiet", "--initial-branch=main", "."]).await;
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// git as a committer runs it.
    async fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args).await
    }

    /// The same, with a text as its input.
    async fn git_reading(&self, args: &[&str], input: &str) -> String {
        let mut child = Program::new("git").dir(&self.repo()).args(args).with_input().start().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        String::from_utf8(child.wait_with_output().await.unwrap().stdout).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits all that is there.
    async fn commit(&self, message: &str) -> Revision {
        self.git(&["add", "--all"]).await;
        self.git(&["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--allow-empty-message", "-m", message])
            .await;
        self.git(&["rev-parse", "HEAD"]).await.trim().parse().unwrap()
    }

    fn mirror(&self) -> Mirror {
        self.mirror_of(self.repo().to_str().unwrap())
    }

    fn mirror_of(&self, url: &str) -> Mirror {
        Mirror::new(&self.path("mirrors"), url, None)
    }

    fn build(&self, id: &str) -> BuildDir {
        BuildDir::of(&self.path("data"), &"web".parse().unwrap(), &id.parse().unwrap())
    }

    /// Whether a hostile text was run anywhere near: all of them would make a file of this name.
    fn pwned(&self) -> bool {
        let mut waiting = vec![self.dir.path().to_owned()];
        while let Some(dir) = waiting.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
                if entry.file_name() == "pwned" {
                    return true;
                }
                if entry.file_type().unwrap().is_dir() {
                    waiting.push(entry.path());
                }
            }
        }
        Path::new("pwned").exists()
    }
}

async fn git(dir: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Mary", "-c", "user.email=mary@example.com", "-c", "protocol.file.allow=always"];
    let output = Program::new("git").dir(dir).args(who).args(args).output(LIMIT).await.unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_mirror_follows_its_branches_wherever_they_are_moved() {
    let world = World::new().await;
    let mirror = world.mirror();
    assert!(mirror.fetched_at().await.is_none());
    let error = mirror.head("main").await.unwrap_err().to_string();
    assert!(error.ends_with("nothing was fetched from there yet"), "{error}");

    let first = world.commit("first").await;
    world.git(&["branch", "old/name"]).await;
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.head("main").await.unwrap(), first);
    assert_eq!(mirror.head("old/name").await.unwrap(), first);
    let fetched = mirror.fetched_at().await.unwrap();

    let second = world.commit("second").await;
    assert_eq!(mirror.head("main").await.unwrap(), first, "what was not fetched is not known");
    assert!(!mirror.has(&second).await);
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.head("main").await.unwrap(), second);
    assert!(mirror.fetched_at().await.unwrap() >= fetched);

    world.git(&["reset", "--quiet", "--hard", first.as_str()]).await;
    let other = world.commit("other").await;
    // The directory of the removed branch gives way to a branch of its name.
    world.git(&["branch", "--delete", "--force", "old/name"]).await;
    world.git(&["branch", "old"]).await;
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.head("main").await.unwrap(), other);
    assert_eq!(mirror.head("old").await.unwrap(), other);
    let error = mirror.head("old/name").await.unwrap_err().to_string();
    assert!(error.contains("there is no such branch"), "{error}");

    let (commits, count) = mirror.log(Some(&second), &other, 10).await.unwrap();
    assert_eq!((commits.len(), count, commits[0].subject.as_str()), (1, 1, "other"));
}

#[tokio::test]
async fn the_log_tells_what_is_new_whatever_was_pushed_before() {
    let world = World::new().await;
    let mirror = world.mirror();
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(world.commit(&format!("commit {n}")).await);
    }
    mirror.fetch().await.unwrap();
    let (commits, count) = mirror.log(Some(&all[0]), &all[4], 3).await.unwrap();
    let subjects: Vec<&str> = commits.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!((subjects.as_slice(), count), (["commit 4", "commit 3", "commit 2"].as_slice(), 4));
    assert_eq!((commits[0].author.as_str(), commits[0].email.as_str()), ("Mary", "mary@example.com"));
    assert_eq!(commits[0].sha, all[4].as_str());
    commits[0].at.parse::<pushbutton::time::At>().unwrap();

    let unknown: Revision = "0123456789012345678901234567890123456789".parse().unwrap();
    for from in [None, Some(&unknown)] {
        let (commits, count) = mirror.log(from, &all[4], 3).await.unwrap();
        assert_eq!((commits.len(), count, commits[0].subject.as_str()), (1, 1, "commit 4"));
    }
    assert_eq!(
        mirror.log(Some(&all[4]), &all[1], 3).await.unwrap(),
        (vec![], 0),
        "back to an older one brings nothing"
    );
    assert_eq!(mirror.log(Some(&all[4]), &all[4], 3).await.unwrap(), (vec![], 0));
    assert!(mirror.log(None, &unknown, 3).await.is_err());
    assert!(mirror.changed_files(&unknown, &all[4]).await.is_err());
    world.write("a \"name\"\u{202e}.txt", "x");
    let new = world.commit("a file with a hostile name").await;
    mirror.fetch().await.unwrap();
    let changed = mirror.changed_files(&all[4], &new).await.unwrap();
    assert_eq!(changed.iter().map(|(change, _)| *change).collect::<Vec<_>>(), [FileChange::Added]);
    assert!(changed[0].1.contains("a \"name\"") && !changed[0].1.contains('\u{202e}'), "{changed:?}");
}

#[tokio::test]
async fn from_commit_to_commit_only_what_changed_gets_a_new_mtime() {
    let world = World::new().await;
    let mirror = world.mirror();
    world.write("assets/same.css", "same");
    world.write("bin/run", "#!/bin/sh\n");
    world.write("index.html", "one");
    std::fs::set_permissions(world.repo().join("bin/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut previous: Option<BuildDir> = None;
    for (n, text) in ["one", "two", "three"].into_iter().enumerate() {
        world.write("index.html", text);
        let head = world.commit(text).await;
        mirror.fetch().await.unwrap();
        let checkout = world.path(text);
        mirror.checkout(&head, &checkout).await.unwrap();
        assert!(!checkout.join(".git").exists());
        let build = world.build(&format!("{}-{}", head.short(), n + 1));
        let frozen = freeze(&checkout, None, &build, previous.as_ref(), &Gate::default()).unwrap();
        assert_eq!((frozen.files, frozen.unchanged), (3, if n == 0 { 0 } else { 2 }));
        assert_eq!(Manifest::of_tree(&build.tree()).unwrap().root(), frozen.root);
        if let Some(previous) = &previous {
            let manifest =
                |build: &BuildDir| Manifest::parse(&std::fs::read_to_string(build.manifest()).unwrap()).unwrap();
            assert_eq!(manifest(previous).differences(&manifest(&build)), ["changed index.html"]);
            let time = |build: &BuildDir, path: &str| build.tree().join(path).metadata().unwrap().modified().unwrap();
            assert_eq!(time(previous, "assets/same.css"), time(&build, "assets/same.css"));
            assert!(time(previous, "index.html") < time(&build, "index.html"));
        }
        previous = Some(build);
    }
}

#[tokio::test]
async fn a_checkout_needs_a_fresh_place_and_a_known_revision_and_leaves_nothing_otherwise() {
    let world = World::new().await;
    let empty = world.commit("nothing in it").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    std::fs::create_dir(world.path("there")).unwrap();
    assert!(mirror.checkout(&empty, &world.path("there")).await.unwrap_err().why.contains("File exists"));
    let unknown: Revision = "0123456789012345678901234567890123456789".parse().unwrap();
    for (revision, why) in [(&unknown, "0123456"), (&empty, "the revision has no files")] {
        let error = mirror.checkout(revision, &world.path("checkout")).await.unwrap_err().to_string();
        assert!(error.starts_with("checking out ") && error.contains(why), "{error}");
        assert!(!world.path("checkout").exists());
    }
}

#[tokio::test]
async fn a_repository_that_names_its_objects_by_sha256_is_mirrored_too() {
    let world = World::new().await;
    let other = world.path("sha256");
    std::fs::create_dir(&other).unwrap();
    git(&other, &["init", "--quiet", "--initial-branch=main", "--object-format=sha256", "."]).await;
    git(&other, &["commit", "--quiet", "--allow-empty", "-m", "first"]).await;
    let first = world.commit("first").await;
    world.mirror().fetch().await.unwrap();
    let mirror = world.mirror_of(other.to_str().unwrap());
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.head("main").await.unwrap().as_str().len(), 64);
    world.mirror().fetch().await.unwrap();
    assert_eq!(world.mirror().head("main").await.unwrap(), first, "and back again");
}

#[tokio::test]
async fn a_stack_whose_address_was_changed_never_shows_the_old_repositorys_head() {
    let world = World::new().await;
    world.commit("first").await;
    world.mirror().fetch().await.unwrap();
    let elsewhere = world.mirror_of("/nowhere/else.git");
    elsewhere.fetch().await.unwrap_err();
    assert!(elsewhere.head("main").await.is_err() && elsewhere.fetched_at().await.is_none());
    assert!(world.mirror().head("main").await.is_ok());
}

#[tokio::test]
async fn who_waited_for_a_younger_fetch_does_not_fetch_again_and_who_waited_for_an_older_one_does() {
    let world = World::new().await;
    world.commit("first").await;
    world.mirror().fetch().await.unwrap();
    for (younger, outcome) in [(true, true), (false, false)] {
        let lock = std::fs::File::options().append(true).open(world.mirror().path("lock")).unwrap();
        let lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive).unwrap();
        std::fs::rename(world.repo(), world.path("gone")).unwrap();
        let began_before = SystemTime::now();
        let mirror = world.mirror();
        let mut waiting = Box::pin(mirror.fetch());
        assert!(futures::poll!(&mut waiting).is_pending(), "someone else fetches");
        // The other fetch ends well; what it saw is as old as its beginning.
        let note = std::fs::File::options().append(true).open(world.mirror().path("fetched")).unwrap();
        note.set_modified(if younger { SystemTime::now() } else { began_before }).unwrap();
        drop(lock);
        assert_eq!(waiting.await.is_ok(), outcome, "the repository is gone, so who fetches fails");
        std::fs::rename(world.path("gone"), world.repo()).unwrap();
    }
}

#[tokio::test]
async fn many_fetches_at_once_all_end_well() {
    let world = World::new().await;
    let head = world.commit("first").await;
    let fetches = (0..8).map(|_| async {
        let mirror = world.mirror();
        mirror.fetch().await.unwrap();
        mirror.head("main").await.unwrap()
    });
    assert_eq!(futures::future::join_all(fetches).await, vec![head; 8]);
}
