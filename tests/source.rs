//! Real git repositories, from the commit to the frozen build. Everything that a committer can name, say or point at
//! is hostile here.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

use pushbutton::process::Program;
use pushbutton::source::build::{BuildDir, freeze};
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
        Mirror::new(&self.path("mirrors"), &"web".parse().unwrap(), url, None)
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
async fn hostile_subjects_and_authors_come_as_one_plain_line_each() {
    let world = World::new().await;
    world.commit("\u{1b}]0;title\u{7}\u{1b}[31mred\u{202e}gnp.exe\n\nbody").await;
    world.commit("<script>alert(1)</script>\ttab\rreturn").await;
    world.commit(&"x".repeat(100_000)).await;
    world.commit("").await;
    world
        .git(&[
            "-c",
            "user.name=M\u{202e}a\u{1b}ry",
            "-c",
            "i18n.commitEncoding=ISO-8859-1",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "caf\u{e9}",
        ])
        .await;
    let head: Revision = world.git(&["rev-parse", "HEAD"]).await.trim().parse().unwrap();
    let root: Revision = world.git(&["rev-list", "--max-parents=0", "HEAD"]).await.trim().parse().unwrap();
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    let (commits, count) = mirror.log(Some(&root), &head, 10).await.unwrap();
    assert_eq!((commits.len(), count), (4, 4));
    assert_eq!(commits[1].subject, "");
    assert_eq!(commits[2].subject, format!("{}…", "x".repeat(199)));
    assert_eq!(commits[3].subject, "<script>alert(1)</script> tab return");
    let (newest, _) = mirror.log(None, &root, 1).await.unwrap();
    assert_eq!(newest[0].subject, "]0;title [31mredgnp.exe");
    assert!(!commits.iter().any(|c| c.author.contains(|c: char| c.is_control() || c == '\u{202e}')), "{commits:?}");
}

#[tokio::test]
async fn evil_branch_names_are_names_and_nothing_else() {
    let world = World::new().await;
    let main = world.commit("first").await;
    let evil = [
        "a;touch${IFS}pwned",
        "$(touch${IFS}pwned)",
        "`touch${IFS}pwned`",
        "--upload-pack=touch${IFS}pwned",
        "-x",
        "a'b\"c",
        "|pwned",
        "HEAD",
    ];
    for name in evil {
        world.git(&["update-ref", &format!("refs/heads/{name}"), main.as_str()]).await;
    }
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    for name in evil {
        assert_eq!(mirror.head(name).await.unwrap(), main, "{name}");
    }
    for not_a_name in
        ["", "main~0", "main^{commit}", "@{-1}", "../heads/main", "main..main", "nope", "main\0x", "main\n", "*"]
    {
        assert!(mirror.head(not_a_name).await.is_err(), "{not_a_name:?}");
    }
    assert!(!world.pwned());
}

#[tokio::test]
async fn an_address_is_never_an_option_nor_a_command() {
    let world = World::new().await;
    let pwned = world.path("pwned");
    let pwned = pwned.display();
    for (url, why) in [
        (format!("--upload-pack=touch {pwned}"), "must not be empty, begin with -"),
        ("-v".to_owned(), "must not be empty, begin with -"),
        (String::new(), "must not be empty"),
        ("/a\nb".to_owned(), "control characters"),
        (format!("ext::sh -c touch% {pwned}"), "addresses may be https, http, ssh, git, file"),
        ("fd::17".to_owned(), "addresses may be https, http, ssh, git, file"),
        (format!("ssh://-oProxyCommand=touch\t{pwned}/x"), "control characters"),
        (format!("ssh://-oProxyCommand=touch${{IFS}}{pwned}/x"), "blocked"),
        (format!("/nowhere;touch {pwned}"), "is the stack's address right"),
        (format!("$(touch {pwned})"), "is the stack's address right"),
    ] {
        let error = world.mirror_of(&url).fetch().await.unwrap_err().to_string();
        assert!(error.starts_with("fetching ") && error.contains(why), "{url:?}: {error}");
    }
    assert!(!world.pwned());
}

#[tokio::test]
async fn an_ssh_configuration_whose_path_a_shell_could_read_otherwise_is_refused() {
    let world = World::new().await;
    for path in ["/data/ssh config", "/data/$(touch pwned)", "relative", "/data/'x"] {
        let mirror =
            Mirror::new(&world.path("mirrors"), &"web".parse().unwrap(), "ssh://127.0.0.1/x", Some(path.into()));
        let error = mirror.fetch().await.unwrap_err().to_string();
        assert!(error.contains("the ssh configuration's path"), "{path}: {error}");
    }
}

#[tokio::test]
async fn no_hook_runs_and_no_filter_neither_in_a_fetch_nor_in_a_checkout() {
    let world = World::new().await;
    world.write(".gitattributes", "* filter=evil diff=evil export-subst\n");
    world.write("a", "a $Format:%H$");
    let head = world.commit("first").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    for hooks in [world.repo().join(".git/hooks"), world.path("mirrors/web.git/hooks")] {
        std::fs::create_dir_all(&hooks).unwrap();
        for name in ["post-checkout", "reference-transaction", "post-update", "pre-receive", "post-receive", "update"] {
            let hook = hooks.join(name);
            std::fs::write(&hook, format!("#!/bin/sh\ntouch '{}'\n", world.path("pwned").display())).unwrap();
            std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    world.git(&["config", "filter.evil.smudge", "touch pwned"]).await;
    mirror.fetch().await.unwrap();
    mirror.checkout(&head, &world.path("checkout")).await.unwrap();
    assert_eq!(std::fs::read_to_string(world.path("checkout/a")).unwrap(), "a $Format:%H$");
    assert!(!world.pwned());
}

#[tokio::test]
async fn a_tree_that_would_write_into_a_checkouts_git_directory_is_not_even_fetched() {
    let world = World::new().await;
    let good = world.commit("first").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    world.write("x", "[core]\n");
    let blob = world.git(&["hash-object", "-w", "x"]).await;
    let entry = format!("100644 blob {}\tconfig\n", blob.trim());
    let inner = world.git_reading(&["mktree"], &entry).await;
    let tree = world.git_reading(&["mktree"], &format!("040000 tree {}\t.git\n", inner.trim())).await;
    let evil = world.git(&["commit-tree", "-m", "evil", tree.trim()]).await;
    world.git(&["update-ref", "refs/heads/main", evil.trim()]).await;
    let error = mirror.fetch().await.unwrap_err().to_string();
    assert!(error.contains("hasDotgit") && error.contains("git's own check refuses"), "{error}");
    assert_eq!(mirror.head("main").await.unwrap(), good);
    assert!(!mirror.has(&evil.trim().parse().unwrap()).await);
}

#[tokio::test]
async fn submodules_are_left_out() {
    let world = World::new().await;
    let inner = world.path("inner");
    std::fs::create_dir(&inner).unwrap();
    git(&inner, &["init", "--quiet", "."]).await;
    std::fs::write(inner.join("secret"), "x").unwrap();
    git(&inner, &["add", "."]).await;
    git(&inner, &["commit", "--quiet", "-m", "inner"]).await;
    world.git(&["submodule", "--quiet", "add", inner.to_str().unwrap(), "vendor"]).await;
    let head = world.commit("with a submodule").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    let checkout = world.path("checkout");
    mirror.checkout(&head, &checkout).await.unwrap();
    assert!(checkout.join(".gitmodules").is_file());
    assert_eq!(std::fs::read_dir(checkout.join("vendor")).unwrap().count(), 0);
}

#[tokio::test]
async fn evil_file_names_are_checked_out_as_they_are_and_only_the_unshowable_are_refused() {
    let world = World::new().await;
    let names = ["--help", "-rf", "a b", "$(touch pwned)", "a;b", "quote'\"", "back\\slash", "émoji 🚀", "*"];
    for name in names {
        world.write(name, name);
    }
    let fine = world.commit("odd names").await;
    world.write("new\nline", "x");
    let unshowable = world.commit("a name with a line end").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();

    mirror.checkout(&fine, &world.path("fine")).await.unwrap();
    freeze(&world.path("fine"), None, &world.build("aaaaaaa-1"), None).unwrap();
    for name in names {
        assert_eq!(std::fs::read_to_string(world.build("aaaaaaa-1").tree().join(name)).unwrap(), name);
    }
    mirror.checkout(&unshowable, &world.path("unshowable")).await.unwrap();
    let error = freeze(&world.path("unshowable"), None, &world.build("bbbbbbb-2"), None).unwrap_err().to_string();
    assert_eq!(error, "cannot be part of a build: new\\nline (its name has control characters)");
    assert!(!world.pwned());
}

#[tokio::test]
async fn a_commit_with_a_link_that_leaves_the_tree_cannot_become_a_build() {
    let world = World::new().await;
    world.write("dir/page", "x");
    symlink("../../../../etc/passwd", world.repo().join("dir/evil")).unwrap();
    symlink("../dir/page", world.repo().join("dir/fine")).unwrap();
    let head = world.commit("links").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    mirror.checkout(&head, &world.path("checkout")).await.unwrap();
    let error = freeze(&world.path("checkout"), None, &world.build("aaaaaaa-1"), None).unwrap_err().to_string();
    assert_eq!(error, "cannot be part of a build: dir/evil (the link leaves the tree)");
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
        let frozen = freeze(&checkout, None, &build, previous.as_ref()).unwrap();
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
        let lock = std::fs::File::options().append(true).open(world.path("mirrors/web.lock")).unwrap();
        let lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive).unwrap();
        std::fs::rename(world.repo(), world.path("gone")).unwrap();
        let began_before = SystemTime::now();
        let mirror = world.mirror();
        let mut waiting = Box::pin(mirror.fetch());
        assert!(futures::poll!(&mut waiting).is_pending(), "somebody else fetches");
        // The other fetch ends well; what it saw is as old as its beginning.
        let note = std::fs::File::options().append(true).open(world.path("mirrors/web.fetched")).unwrap();
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

/// A git server behind a real sshd without a port: ssh starts it by itself, as `ProxyCommand`. Answers the configuration
/// for ssh, and the file that says which host keys are known.
async fn ssh_server(world: &World) -> (PathBuf, PathBuf) {
    let home = world.path("ssh");
    std::fs::create_dir(&home).unwrap();
    if nix::unistd::geteuid().is_root() {
        // sshd wants its empty directory there; as anybody else it does without.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    for key in ["host", "person"] {
        let args = ["-q", "-t", "ed25519", "-N", "", "-f", home.join(key).to_str().unwrap()].map(str::to_owned);
        assert!(Program::new("ssh-keygen").args(args).output(LIMIT).await.unwrap().status.success());
    }
    let at = home.display();
    let server = format!(
        "HostKey {at}/host\nAuthorizedKeysFile {at}/person.pub\nStrictModes no\nUsePAM no\nPidFile none\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
    );
    std::fs::write(home.join("sshd_config"), server).unwrap();
    let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    let client = format!(
        "Host git-server\n  ProxyCommand {sshd} -i -f {at}/sshd_config\n  IdentityFile {at}/person\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile {at}/known\n  GlobalKnownHostsFile none\n"
    );
    std::fs::write(home.join("ssh_config"), client).unwrap();
    let public = std::fs::read_to_string(home.join("host.pub")).unwrap();
    std::fs::write(home.join("known"), format!("git-server {public}")).unwrap();
    (home.join("ssh_config"), home.join("known"))
}

#[tokio::test]
async fn over_ssh_our_configuration_is_used_and_an_unknown_host_key_is_refused() {
    let world = World::new().await;
    let head = world.commit("first").await;
    let (config, known) = ssh_server(&world).await;
    let who = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let url = format!("ssh://{who}@git-server{}", world.repo().display());
    let mirror = Mirror::new(&world.path("mirrors"), &"web".parse().unwrap(), &url, Some(config.clone()));
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.head("main").await.unwrap(), head);

    let good = std::fs::read_to_string(&known).unwrap();
    std::fs::write(&known, "").unwrap();
    let error = mirror.fetch().await.unwrap_err().to_string();
    assert!(error.contains("put the git server's host key into known_hosts"), "{error}");
    assert_eq!(std::fs::read_to_string(&known).unwrap(), "", "no key is learnt by itself");

    std::fs::write(&known, good).unwrap();
    std::fs::write(config.with_file_name("person.pub"), "").unwrap();
    let error = mirror.fetch().await.unwrap_err().to_string();
    assert!(error.contains("give the push host's ssh key the right"), "{error}");
    assert_eq!(mirror.head("main").await.unwrap(), head, "what was fetched before is still there");
}

#[tokio::test]
async fn the_tools_of_a_host_write_the_very_same_manifest() {
    let world = World::new().await;
    let tree = world.path("tree");
    for path in ["a/b", "a.b", "a b", "z/back\\slash", "z/'quote\"", "z/-x", "é/deep/er", "REVISION"] {
        std::fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
        std::fs::write(tree.join(path), path).unwrap();
    }
    std::fs::set_permissions(tree.join("a b"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(tree.join("empty")).unwrap();
    symlink("../a b", tree.join("z/link")).unwrap();
    let script = r#"cd "$TREE" && f=$(mktemp -d) && {
        find . -mindepth 1 -type d -printf 'd\t%m\t-\t%P\n'
        find . -type l -printf 'l\t777\t%l\t%P\n'
        find . -type f ! -path ./REVISION -print0 | sort -z >"$f/names"
        xargs -0 -r stat -c %a <"$f/names" >"$f/modes"
        xargs -0 -r sha256sum <"$f/names" | sed 's/^\\//' | cut -c 1-64 >"$f/hashes"
        tr '\0' '\n' <"$f/names" | cut -c 3- | paste "$f/modes" "$f/hashes" - | sed 's/^/f\t/'
    } | sort -t "$(printf '\t')" -k 4; rm -r "$f""#;
    let output = Program::new("sh").args(["-c", script]).env("TREE", &tree).output(LIMIT).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, Manifest::of_tree(&tree).unwrap().to_text());
    assert_eq!(said.lines().count(), 13);
}
