//! Releases on real hosts: brought, verified, flipped; and nothing that was not verified ever goes live (promise 5).

use crate::site::{Site, listen, task, texts};
use pushbutton::journal::Stream;
use pushbutton::remote::masters::Connection;
use pushbutton::remote::release::{BuildOnDisk, activate, bring, prune, verify};
use pushbutton::remote::transfer::rsync;
use pushbutton::remote::{Ending, Line, Task};
use pushbutton::source::manifest::Manifest;
use pushbutton::stack::{BuildId, FanOut, Release, Root, Rsync};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A frozen build.
pub struct Build {
    pub id: BuildId,
    pub root: Root,
    tree: PathBuf,
    manifest: PathBuf,
}

pub const SHA: &str = "3f2c1ab3f2c1ab3f2c1ab3f2c1ab3f2c1ab3f2c1";

impl Build {
    /// A build of these files; `run` is executable, `link` points to it.
    pub fn of(site: &Site, id: &str, files: &[(&str, &str)]) -> Self {
        let dir = site.room.path().join("builds").join(id);
        let tree = dir.join("tree");
        fs::create_dir_all(tree.join("sub/deep")).unwrap();
        for (path, text) in files.iter().chain(&[("run", "#!/bin/sh\n"), ("sub/deep/back\\slash é", "x")]) {
            fs::write(tree.join(path), text).unwrap();
            let mode = if *path == "run" { 0o755 } else { 0o644 };
            fs::set_permissions(tree.join(path), fs::Permissions::from_mode(mode)).unwrap();
            // What did not change keeps its time from build to build; a build is some seconds old.
            let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + text.len() as u64);
            fs::File::options().append(true).open(tree.join(path)).unwrap().set_modified(long_ago).unwrap();
        }
        symlink("run", tree.join("link")).unwrap();
        let manifest = Manifest::of_tree(&tree).unwrap();
        fs::write(dir.join("manifest"), manifest.to_text()).unwrap();
        Self { id: id.parse().unwrap(), root: manifest.root(), manifest: dir.join("manifest"), tree }
    }

    pub fn on_disk(&self) -> BuildOnDisk<'_> {
        BuildOnDisk { id: &self.id, root: &self.root, tree: &self.tree, manifest: &self.manifest, sha: SHA }
    }
}

fn web(keep: usize) -> Release {
    Release {
        dir: "/srv/web".to_owned(),
        keep,
        shared: vec!["log/".to_owned()],
        fan_out: FanOut::Direct,
        compress: false,
    }
}

fn locked() -> Task {
    Task { lock: Some("web@web1".to_owned()), ..task("") }
}

async fn bring_to(on: &Connection, build: &Build, release: &Release) -> (Ending, Vec<Line>) {
    listen(async |lines| bring(on, &build.on_disk(), release, locked(), &lines).await).await
}

async fn activate_on(on: &Connection, build: &Build) -> (Ending, Vec<Line>) {
    listen(async |lines| activate(on, &build.on_disk(), "/srv/web", locked(), &lines).await.0).await
}

async fn verify_on(on: &Connection, build: &Build) -> (Ending, Vec<Line>) {
    listen(async |lines| verify(on, &build.on_disk(), &web(5), locked(), &lines).await).await
}

fn current(srv: &Path) -> String {
    fs::read_link(srv.join("web/current")).unwrap().display().to_string()
}

#[tokio::test]
async fn a_release_is_brought_verified_and_flipped_and_what_did_not_change_is_the_same_file() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let first = Build::of(&site, "aaaaaaa-1", &[("index.html", "one"), ("same.css", "same")]);
    let second = Build::of(&site, "bbbbbbb-2", &[("index.html", "two!"), ("same.css", "same")]);

    let (ending, lines) = bring_to(&on, &first, &web(5)).await;
    assert_eq!(ending, Ending::Exited(0), "{lines:?}");
    assert!(!srv.join("web/current").exists(), "bringing does not flip");
    let release = srv.join("web/releases/aaaaaaa-1");
    assert_eq!(fs::read_to_string(release.join("REVISION")).unwrap().trim(), SHA);
    assert_eq!(fs::read_to_string(srv.join("web/.verified/aaaaaaa-1")).unwrap().trim(), first.root.as_str());
    assert_eq!(fs::read_link(release.join("log")).unwrap(), Path::new("../../shared/log"));
    assert!(release.join("log").is_dir());
    assert_eq!(activate_on(&on, &first).await.0, Ending::Exited(0));
    assert_eq!(current(&srv), "releases/aaaaaaa-1");

    let (ending, lines) = bring_to(&on, &second, &web(5)).await;
    assert_eq!(ending, Ending::Exited(0), "{lines:?}");
    let out = texts(&lines, Stream::Out);
    assert!(out.contains(&"index.html") && !out.contains(&"same.css"), "{out:?}");
    let inode = |build: &str| fs::metadata(srv.join("web/releases").join(build).join("same.css")).unwrap().ino();
    assert_eq!(inode("aaaaaaa-1"), inode("bbbbbbb-2"));
    assert_eq!(current(&srv), "releases/aaaaaaa-1");
    assert_eq!(activate_on(&on, &second).await.0, Ending::Exited(0));
    assert_eq!(fs::read_to_string(srv.join("web/current/index.html")).unwrap(), "two!");
    assert_eq!(fs::read_to_string(srv.join("web/.previous")).unwrap().trim(), "releases/aaaaaaa-1");

    let (ending, lines) = bring_to(&on, &second, &web(5)).await;
    assert_eq!(
        (ending, texts(&lines, Stream::Note)),
        (Ending::Exited(0), vec!["bbbbbbb-2 is already there, verified"])
    );
    assert_eq!(lines.len(), 1, "nothing else was done");
}

#[tokio::test]
async fn a_release_that_differs_from_its_build_in_anything_is_not_verified_and_never_flips() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let build = Build::of(&site, "aaaaaaa-1", &[("index.html", "one"), ("big", "0123456789")]);
    let release = srv.join("web/releases/aaaaaaa-1");
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 8] = [
        ("changed big", |at| {
            let old = fs::metadata(at.join("big")).unwrap().modified().unwrap();
            fs::write(at.join("big"), "0123406789").unwrap();
            fs::File::options().append(true).open(at.join("big")).unwrap().set_modified(old).unwrap();
        }),
        ("changed index.html", |at| fs::write(at.join("index.html"), "o").unwrap()),
        ("mode of index.html is 600 instead of 644", |at| {
            fs::set_permissions(at.join("index.html"), fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("extra sub/evil.php", |at| fs::write(at.join("sub/evil.php"), "").unwrap()),
        ("missing run", |at| fs::remove_file(at.join("run")).unwrap()),
        ("link link points to /etc/passwd instead of run", |at| {
            fs::remove_file(at.join("link")).unwrap();
            symlink("/etc/passwd", at.join("link")).unwrap();
        }),
        ("log is not the link to what releases share", |at| fs::remove_file(at.join("log")).unwrap()),
        ("REVISION does not say", |at| fs::write(at.join("REVISION"), "other\n").unwrap()),
    ];
    for (words, harm) in harms {
        assert_eq!(bring_to(&on, &build, &web(5)).await.0, Ending::Exited(0), "{words}");
        assert_eq!(verify_on(&on, &build).await.0, Ending::Exited(0), "{words}");
        harm(&release);
        let (ending, lines) = verify_on(&on, &build).await;
        assert_eq!(ending, Ending::Exited(1), "{words}: {lines:?}");
        assert!(lines.iter().any(|line| line.text.starts_with(words)), "{words}: {lines:?}");
        let (ending, lines) = activate_on(&on, &build).await;
        assert_eq!(ending, Ending::Exited(1), "{words}: {lines:?}");
        assert!(!srv.join("web/current").exists(), "{words}");
        // The next round brings it again, and heals it: also what has the same size and time.
    }
}

#[tokio::test]
async fn a_live_release_that_is_not_verified_is_looked_at_but_never_changed() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let build = Build::of(&site, "aaaaaaa-1", &[("index.html", "one")]);
    bring_to(&on, &build, &web(5)).await;
    assert_eq!(activate_on(&on, &build).await.0, Ending::Exited(0));
    let verified = srv.join("web/.verified/aaaaaaa-1");
    fs::remove_file(&verified).unwrap();
    assert_eq!(bring_to(&on, &build, &web(5)).await.0, Ending::Exited(0));
    assert!(verified.exists());
    fs::remove_file(&verified).unwrap();
    fs::write(srv.join("web/releases/aaaaaaa-1/index.html"), "edited").unwrap();
    let (ending, lines) = bring_to(&on, &build, &web(5)).await;
    assert_eq!(ending, Ending::Exited(1));
    assert!(texts(&lines, Stream::Note).contains(&"changed index.html"), "{lines:?}");
    assert_eq!(fs::read_to_string(srv.join("web/current/index.html")).unwrap(), "edited");
}

#[tokio::test]
async fn old_releases_go_but_never_the_live_one_nor_the_one_before_it() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let builds: Vec<Build> =
        (1..=5).map(|n| Build::of(&site, &format!("aaaaaaa-{n}"), &[("n", &"x".repeat(n))])).collect();
    let there = || {
        let entries = fs::read_dir(srv.join("web/releases")).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let prune_to = async |build: &Build, keep, task: Task| {
        listen(async |lines| prune(&on, &build.on_disk(), &web(keep), task, &lines).await).await
    };
    for build in &builds[..2] {
        assert_eq!(bring_to(&on, build, &web(2)).await.0, Ending::Exited(0));
        assert_eq!(activate_on(&on, build).await.0, Ending::Exited(0));
    }
    for build in &builds[2..] {
        assert_eq!(bring_to(&on, build, &web(2)).await.0, Ending::Exited(0));
    }
    assert_eq!(there().len(), 5, "bringing removes nothing");
    prune_to(&builds[4], 2, locked()).await;
    // Live is 2, before it was 1: both stay, although 3 and 4 are newer.
    assert_eq!(there(), ["aaaaaaa-1", "aaaaaaa-2", "aaaaaaa-5"]);
    assert_eq!(activate_on(&on, &builds[4]).await.0, Ending::Exited(0));
    assert_eq!(bring_to(&on, &builds[3], &web(3)).await.0, Ending::Exited(0));
    prune_to(&builds[3], 3, locked()).await;
    assert_eq!(there(), ["aaaaaaa-2", "aaaaaaa-4", "aaaaaaa-5"]);
    assert!(!srv.join("web/.verified/aaaaaaa-1").exists() && !srv.join("web/.made/aaaaaaa-1").exists());
    // Nor one that undo may need, as the plan says, however old it is.
    let mut task = locked();
    task.values.insert("PUSH_SPARED".to_owned(), "aaaaaaa-1 aaaaaaa-2".to_owned());
    let build = Build::of(&site, "bbbbbbb-6", &[("n", "six")]);
    assert_eq!(bring_to(&on, &build, &web(1)).await.0, Ending::Exited(0));
    prune_to(&build, 1, task).await;
    assert_eq!(there(), ["aaaaaaa-2", "aaaaaaa-5", "bbbbbbb-6"]);
}

#[tokio::test]
async fn what_we_make_has_the_modes_that_we_say_whatever_the_hosts_umask_and_what_exists_keeps_its_own() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let builds = [1, 2].map(|n| Build::of(&site, &format!("aaaaaaa-{n}"), &[("index.html", &"x".repeat(n))]));
    let mode = |path: &Path| format!("{:o}", fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777);
    for umask in ["027", "077", "000"] {
        fs::write(site.machine("web1").home_dir().join(".bashrc"), format!("umask {umask}\n")).unwrap();
        let here = srv.join(umask);
        // What the host has already: a directory that a group writes into, and one that is nobody else's.
        for (dir, mode) in [("", 0o2775), ("shared", 0o2770), ("shared/cache", 0o700)] {
            fs::create_dir(here.join(dir)).unwrap();
            fs::set_permissions(here.join(dir), fs::Permissions::from_mode(mode)).unwrap();
        }
        let dir = format!("/srv/{umask}");
        let shared = ["log/", "cache/", "var/run/"].map(str::to_owned).to_vec();
        let release = Release { dir: dir.clone(), shared, ..web(5) };
        for build in &builds {
            let (ending, lines) =
                listen(async |lines| bring(&on, &build.on_disk(), &release, locked(), &lines).await).await;
            assert_eq!(ending, Ending::Exited(0), "{umask}: {lines:?}");
            let (ending, lines) =
                listen(async |lines| activate(&on, &build.on_disk(), &dir, locked(), &lines).await.0).await;
            assert_eq!(ending, Ending::Exited(0), "{umask}: {lines:?}");
        }
        assert_eq!(["", "shared", "shared/cache"].map(|dir| mode(&here.join(dir))), ["2775", "2770", "700"], "{umask}");
        let mut open = vec![here.clone()];
        let mut seen = 0;
        while let Some(at) = open.pop() {
            for entry in fs::read_dir(at).unwrap().flatten() {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                let name = path.strip_prefix(&here).unwrap().display().to_string();
                if kind.is_dir() {
                    open.push(path.clone());
                }
                // A directory within one whose group counts takes that bit over from it.
                let bits = mode(&path);
                let bits = if kind.is_dir() { bits.trim_start_matches('2').to_owned() } else { bits };
                let wanted = match name.as_str() {
                    "shared" => "770",
                    "shared/cache" => "700",
                    _ if kind.is_symlink() => "777",
                    // The build's own program.
                    _ if kind.is_dir() || name.ends_with("/run") => "755",
                    _ => "644",
                };
                assert_eq!(bits, wanted, "umask {umask}: {name}");
                seen += 1;
            }
        }
        assert!(seen > 25, "{seen}");
    }
}

#[tokio::test]
async fn current_is_a_whole_release_at_every_moment_of_a_hundred_flips() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let texts = ["one".repeat(5000), "two".repeat(5000)];
    let builds = [1, 2].map(|n| {
        let text = texts[n - 1].as_str();
        Build::of(&site, &format!("aaaaaaa-{n}"), &[("index.html", text), ("sub/deep/page.html", text)])
    });
    for build in &builds {
        assert_eq!(bring_to(&on, build, &web(5)).await.0, Ending::Exited(0));
    }
    assert_eq!(activate_on(&on, &builds[0]).await.0, Ending::Exited(0));
    let web = site.machine("web1").srv_dir().join("web");
    let stop = tokio_util::sync::CancellationToken::new();
    let seen_end = stop.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let (mut reads, mut seen) = (0_u64, std::collections::BTreeSet::new());
        while !seen_end.is_cancelled() {
            // By the path that a web server opens, each file is one of the two, whole.
            for file in ["index.html", "sub/deep/page.html", "link"] {
                let text = fs::read_to_string(web.join("current").join(file)).unwrap();
                assert!(file == "link" || texts.contains(&text), "{file} is not whole");
            }
            // Within the release that `current` names, all files are of that release.
            let release = web.join(fs::read_link(web.join("current")).unwrap());
            let [page, deep] =
                ["index.html", "sub/deep/page.html"].map(|file| fs::read_to_string(release.join(file)).unwrap());
            assert_eq!(page, deep);
            seen.insert(page);
            reads += 1;
        }
        (reads, seen.len())
    });
    for n in 0..100 {
        assert_eq!(activate_on(&on, &builds[(n + 1) % 2]).await.0, Ending::Exited(0));
    }
    stop.cancel();
    let (reads, seen) = reader.await.unwrap();
    assert!(reads > 100 && seen == 2, "{reads} reads, {seen} versions");
}

#[tokio::test]
async fn a_build_that_was_not_brought_is_not_flipped_to() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let build = Build::of(&site, "aaaaaaa-1", &[]);
    fs::create_dir(site.machine("web1").srv_dir().join("web")).unwrap();
    let (ending, lines) = activate_on(&on, &build).await;
    assert_eq!(ending, Ending::Exited(1));
    assert!(texts(&lines, Stream::Err).iter().any(|text| text.contains("is not verified")), "{lines:?}");
}

#[tokio::test]
async fn rsync_brings_what_changed_and_nothing_else() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let at = site.machine("web1").srv_dir().join("web/assets");
    let build = Build::of(&site, "aaaaaaa-1", &[("a.js", "a"), ("b c'$(x).js", "b"), ("left out.map", "m")]);
    let what = |delete| Rsync {
        from: "./".parse().unwrap(),
        to: "/srv/web/assets/".parse().unwrap(),
        delete,
        exclude: vec!["*.map".to_owned()],
        options: vec![],
        compress: false,
    };
    let go = async |delete| {
        let (ending, lines) =
            listen(async |lines| rsync(&on, &build.tree, &what(delete), task(""), &lines).await).await;
        assert_eq!(ending, Ending::Exited(0), "{lines:?}");
        texts(&lines, Stream::Out).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = go(false).await;
    assert!(first.contains(&"a.js".to_owned()) && first.iter().any(|line| line.starts_with("sent ")), "{first:?}");
    assert_eq!(fs::read_to_string(at.join("b c'$(x).js")).unwrap(), "b");
    assert!(!at.join("left out.map").exists());
    fs::write(at.join("old.js"), "old").unwrap();
    fs::write(build.tree.join("a.js"), "changed").unwrap();
    let second = go(false).await;
    assert!(second.contains(&"a.js".to_owned()) && !second.iter().any(|line| line.contains("b c")), "{second:?}");
    assert!(at.join("old.js").exists(), "nothing is removed unasked");
    let third = go(true).await;
    assert!(third.contains(&"deleting old.js".to_owned()), "{third:?}");
    assert!(!at.join("old.js").exists());
}

#[tokio::test]
async fn rsync_replaces_what_it_may_says_the_cure_for_the_rest_and_names_fifty_files() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let build = Build::of(&site, "aaaaaaa-1", &[("a.js", "a")]);
    let many = build.tree.join("many");
    fs::create_dir(&many).unwrap();
    (0..1284).for_each(|n| fs::write(many.join(format!("{n}.js")), "x").unwrap());
    let go = async |from: &str, to: &str, delete| {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let what = Rsync { from, to, delete, exclude: vec![], options: vec![], compress: false };
        let values = [("PUSH_SHA", SHA), ("PUSH_REF", "feature/x")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        listen(async |lines| rsync(&on, &build.tree, &what, Task { values, ..locked() }, &lines).await).await
    };
    let refused = async |from: &str, to: &str, words: &str| match go(from, to, false).await.0 {
        Ending::Refused(why) => assert!(why.contains(words), "{why}"),
        ending => panic!("{from} → {to}: {ending:?}"),
    };

    // A directory for each revision; fifty names, whether files come or go, and what rsync says in the end.
    let (ending, lines) = go("many/", "/srv/web/assets/{sha}/", true).await;
    assert_eq!(ending, Ending::Exited(0), "{lines:?}");
    assert_eq!(fs::read_dir(srv.join("web/assets").join(SHA)).unwrap().count(), 1284);
    let told = |lines: &[Line]| {
        let names = texts(lines, Stream::Out).into_iter().filter(|text| text.ends_with(".js")).count();
        // One of the fifty is the directory itself.
        assert!((49..=50).contains(&names), "{lines:?}");
        assert!(texts(lines, Stream::Out).iter().any(|text| text.starts_with("sent ")), "{lines:?}");
        texts(lines, Stream::Note).join("\n")
    };
    // The directory itself is a name too, where its time or mode is set.
    let rest = ["and 1,234 more", "and 1,235 more"];
    assert!(rest.contains(&told(&lines).as_str()), "{lines:?}");
    (0..1284).for_each(|n| fs::remove_file(many.join(format!("{n}.js"))).unwrap());
    let (ending, lines) = go("many/", "/srv/web/assets/{sha}/", true).await;
    assert!(ending == Ending::Exited(0) && rest.contains(&told(&lines).as_str()), "{lines:?}");

    // Refused before rsync starts: what is not in the build, and a value that leads elsewhere.
    refused("dist/a.js", "/srv/web/", "`dist/a.js` is not in the build: but `a.js` is").await;
    refused("nope/{sha}/", "/srv/nope/", &format!("`nope/{SHA}/` is not in the build")).await;
    refused("./", "/srv/nope/{ref}/", "{ref} in the path /srv/nope/{ref}/ is `feature/x`").await;
    assert!(!srv.join("nope").exists());

    // A directory replaces a file and a link, and leaves alone what the link led to.
    let kinds = srv.join("kinds");
    fs::create_dir_all(kinds.join("kept")).unwrap();
    fs::write(kinds.join("kept/theirs"), "theirs").unwrap();
    fs::write(kinds.join("sub"), "a file").unwrap();
    symlink("kept", kinds.join("many")).unwrap();
    assert_eq!(go("./", "/srv/kinds/", false).await.0, Ending::Exited(0));
    assert!(kinds.join("sub/deep").is_dir() && kinds.join("many").symlink_metadata().unwrap().is_dir());
    assert_eq!(fs::read_to_string(kinds.join("kept/theirs")).unwrap(), "theirs");

    // The other way round: an empty directory gives way, one with something in it only to `delete`.
    for name in ["a.js", "link", "run"] {
        fs::remove_file(kinds.join(name)).unwrap();
        fs::create_dir(kinds.join(name)).unwrap();
    }
    for name in ["a.js", "link"] {
        fs::write(kinds.join(name).join("theirs"), "theirs").unwrap();
    }
    let (ending, lines) = go("./", "/srv/kinds/", false).await;
    assert_eq!(ending, Ending::Exited(23));
    assert!(
        !texts(&lines, Stream::Note).join("\n").contains("once more"),
        "what stays in the way is not tried again: {lines:?}"
    );
    let said = texts(&lines, Stream::Err).join("\n");
    let advice =
        pushbutton::advice::Advice::of(&said, pushbutton::advice::rsync::CASES, pushbutton::advice::rsync::NOISE);
    assert!(
        advice.words().contains("could not make way for new ") && advice.words().contains("delete = true"),
        "{said}"
    );
    assert!(kinds.join("run").is_file() && kinds.join("a.js/theirs").exists() && kinds.join("link/theirs").exists());
    assert_eq!(go("./", "/srv/kinds/", true).await.0, Ending::Exited(0));
    assert!(kinds.join("a.js").is_file() && kinds.join("link").is_symlink() && !kinds.join("kept").exists());

    // `to` itself is something else.
    symlink("nowhere", srv.join("dangling")).unwrap();
    fs::write(srv.join("file"), "theirs").unwrap();
    for to in ["/srv/dangling/", "/srv/dangling", "/srv/file/", "/srv/file", "/srv/file/below/"] {
        let (ending, lines) = go("./", to, true).await;
        let said = texts(&lines, Stream::Err).join("\n");
        let advice =
            pushbutton::advice::Advice::of(&said, pushbutton::advice::rsync::CASES, pushbutton::advice::rsync::NOISE);
        assert!(matches!(ending, Ending::Exited(3 | 11)), "{to}: {ending:?}");
        assert!(advice.words().contains("has a file, or a broken link, where rsync needs"), "{to}: {said}");
    }
    assert_eq!(fs::read_to_string(srv.join("file")).unwrap(), "theirs");

    // One file: at its own name, never silently in a directory of that name.
    assert_eq!(go("a.js", "/srv/one/b.js", false).await.0, Ending::Exited(0));
    assert_eq!(go("a.js", "/srv/one/b.js", false).await.0, Ending::Exited(0));
    assert_eq!(fs::read_to_string(srv.join("one/b.js")).unwrap(), "a");
    fs::create_dir(srv.join("one/a.js")).unwrap();
    symlink("a.js", srv.join("one/led")).unwrap();
    refused("a.js", "/srv/one/a.js", "/srv/one/a.js is a directory on web1, so `a.js` would be put into it").await;
    refused("link", "/srv/one/led", "write to = \"/srv/one/led/\" if that is right").await;
    assert_eq!(fs::read_dir(srv.join("one/a.js")).unwrap().count(), 0);
    assert_eq!(go("run", "/srv/one/a.js/", false).await.0, Ending::Exited(0));
    assert!(srv.join("one/a.js/run").is_file());
}

#[tokio::test]
async fn a_cancelled_rsync_leaves_nothing_running_here_or_there() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let build = Build::of(&site, "aaaaaaa-1", &[]);
    fs::write(build.tree.join("large"), vec![0; 64 * 1024 * 1024]).unwrap();
    let (from, to) = ("large".parse().unwrap(), "/srv/web/".parse().unwrap());
    // Slow enough to be met in the middle.
    let what =
        Rsync { from, to, delete: false, exclude: vec![], options: vec!["--bwlimit=1000".to_owned()], compress: false };
    let told = task("");
    let cancel = told.cancel.clone();
    let machine = site.machine("web1");
    let watch = async {
        crate::house::until_so("rsync runs on the host", || !machine.processes().is_empty()).await;
        cancel.cancel();
    };
    let run = listen(async |lines| rsync(&on, &build.tree, &what, told, &lines).await);
    let ((ending, _), ()) = tokio::join!(run, watch);
    assert_eq!(ending, Ending::Cancelled { left: 0 });
    site.nothing_runs_on("web1").await;
    assert!(!machine.srv_dir().join("web/large").exists());
}
