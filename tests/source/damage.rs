//! A mirror is a copy: whatever happens to it, the repository has it all, and the words say which of the two is to blame.

use super::*;

type Damage = (&'static str, fn(&Path));

/// What power cuts, full disks, killed gits and people do to a bare repository.
const DAMAGES: [Damage; 24] = [
    ("an empty ref", |git| write(git, "refs/heads/main", "")),
    ("a ref of zeros", |git| write(git, "refs/heads/main", &"\0".repeat(41))),
    ("a ref to nothing", |git| write(git, "refs/heads/main", &format!("{}\n", "1".repeat(40)))),
    ("an empty HEAD", |git| write(git, "HEAD", "")),
    ("no HEAD", |git| std::fs::remove_file(git.join("HEAD")).unwrap()),
    ("an empty config", |git| write(git, "config", "")),
    ("a broken config", |git| write(git, "config", "[[[\n")),
    ("a config of zeros", |git| write(git, "config", &"\0".repeat(60))),
    ("no objects", |git| std::fs::remove_dir_all(git.join("objects")).unwrap()),
    ("no refs", |git| std::fs::remove_dir_all(git.join("refs")).unwrap()),
    ("empty packed refs", |git| write(git, "packed-refs", "")),
    ("broken packed refs", |git| write(git, "packed-refs", "garbage")),
    ("packed refs of zeros", |git| write(git, "packed-refs", &"\0".repeat(100))),
    ("a bad byte in a pack", |git| each_pack(git, "pack", |path| flip(path, 40))),
    ("a bad byte at a pack's end", |git| each_pack(git, "pack", |path| flip(path, 150))),
    ("an empty pack", |git| each_pack(git, "pack", |path| std::fs::write(path, "").unwrap())),
    ("a cut pack", |git| each_pack(git, "pack", |path| cut(path, 60))),
    ("no pack", |git| each_pack(git, "pack", |path| std::fs::remove_file(path).unwrap())),
    ("no index of a pack", |git| each_pack(git, "idx", |path| std::fs::remove_file(path).unwrap())),
    ("a bad byte in an index", |git| each_pack(git, "idx", |path| flip(path, 20))),
    ("a lock that a killed git left", |git| write(git, "refs/heads/main.lock", "")),
    ("locks that a killed git left", |git| {
        ["packed-refs.lock", "HEAD.lock", "config.lock"].iter().for_each(|name| write(git, name, ""))
    }),
    ("a shallow mark", |git| write(git, "shallow", "zz\n")),
    ("a file in its place", |git| {
        std::fs::remove_dir_all(git).unwrap();
        std::fs::write(git, "").unwrap();
    }),
];

fn write(git: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(git.join(name).parent().unwrap()).unwrap();
    std::fs::write(git.join(name), text).unwrap();
}

fn each_pack(git: &Path, ending: &str, work: impl Fn(&Path)) {
    let mut done = 0;
    for entry in std::fs::read_dir(git.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == ending) {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            work(&path);
            done += 1;
        }
    }
    assert!(done > 0, "the mirror has no {ending}");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at.min(bytes.len() - 30);
    bytes[at] ^= 0xff;
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// A repository whose mirror was fetched once, packed, and put aside.
async fn mirrored() -> (World, Revision) {
    let world = World::new().await;
    for n in 0..3 {
        world.write("index.html", &format!("page {n} {}", "x".repeat(200)));
        world.commit(&format!("commit {n}")).await;
    }
    world.git(&["branch", "other"]).await;
    let head: Revision = world.git(&["rev-parse", "HEAD"]).await.trim().parse().unwrap();
    world.mirror().fetch().await.unwrap();
    git(&world.mirror().dir(), &["gc", "--quiet"]).await;
    std::fs::rename(world.path("mirrors"), world.path("whole")).unwrap();
    (world, head)
}

async fn damaged(world: &World, damage: fn(&Path)) {
    let _ = std::fs::remove_dir_all(world.path("mirrors"));
    let args = ["-a", "whole", "mirrors"];
    assert!(Program::new("cp").dir(world.dir.path()).args(args).output(LIMIT).await.unwrap().status.success());
    damage(&world.mirror().dir());
}

#[tokio::test]
async fn a_mirror_that_is_damaged_in_any_way_is_made_anew_and_nothing_stays_broken() {
    let (world, head) = mirrored().await;
    let mirror = world.mirror();
    for (what, damage) in DAMAGES {
        // The background looks, then a push is made.
        damaged(&world, damage).await;
        mirror.fetch().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        // Damage that no fetch sees is found by who reads, and fixed by the next.
        let _ = mirror.log(None, &head, 1).await;
        mirror.fetch().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(mirror.head("main").await.unwrap_or_else(|error| panic!("{what}: {error}")), head, "{what}");
        let checkout = world.path("checkout");
        mirror.checkout(&head, &checkout).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(std::fs::read_to_string(checkout.join("index.html")).unwrap().starts_with("page 2"), "{what}");
        std::fs::remove_dir_all(&checkout).unwrap();
        git(&world.mirror().dir(), &["fsck", "--full", "--strict"]).await;

        // A push comes first, as the runner does it.
        damaged(&world, damage).await;
        if !mirror.has(&head).await {
            mirror.fetch().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        mirror.checkout(&head, &checkout).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        std::fs::remove_dir_all(&checkout).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(world.path("mirrors")).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert!(
            !names.iter().any(|name| matches!(
                Path::new(name).extension().and_then(|e| e.to_str()),
                Some("partial" | "suspect")
            )),
            "{what}: {names:?}"
        );
    }
}

#[tokio::test]
async fn while_the_repository_is_away_the_words_of_a_damaged_mirror_blame_the_mirror() {
    let (world, head) = mirrored().await;
    std::fs::rename(world.repo(), world.path("away")).unwrap();
    let mirror = world.mirror();
    for (what, damage) in DAMAGES {
        damaged(&world, damage).await;
        let fetching = mirror.fetch().await.unwrap_err().to_string();
        assert!(fetching.contains("does not appear to be a git repository"), "{what}: {fetching}");
        for error in [
            mirror.head("main").await.map(|_| ()).err(),
            mirror.checkout(&head, &world.path("checkout")).await.map(|_| ()).err(),
        ] {
            let Some(error) = error.map(|error| error.why) else { continue };
            let blames = error.contains("own copy of the repository is damaged")
                || error.contains("no such branch")
                || error.contains("the server shows no branch")
                || error.contains(head.short());
            assert!(blames && !error.starts_with("not a git"), "{what}: {error}");
        }
        let _ = std::fs::remove_dir_all(world.path("checkout"));
    }
}

#[tokio::test]
async fn who_reads_a_mirror_while_it_is_swapped_goes_on_reading() {
    let (world, head) = mirrored().await;
    std::fs::rename(world.path("whole"), world.path("mirrors")).unwrap();
    let mut reader = Program::new("git")
        .args(["--git-dir", world.mirror().dir().to_str().unwrap(), "cat-file", "--batch-check"])
        .with_input()
        .start()
        .unwrap();
    let mut input = reader.stdin.take().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(reader.stdout.take().unwrap()));
    input.write_all(format!("{head}\n").as_bytes()).await.unwrap();
    assert!(lines.next_line().await.unwrap().unwrap().contains("commit"));
    std::fs::write(world.mirror().path("suspect"), "").unwrap();
    let before = inode(&world);
    world.mirror().fetch().await.unwrap();
    assert_ne!(inode(&world), before, "it is another directory");
    for object in [format!("{head}~1"), format!("{head}:index.html")] {
        input.write_all(format!("{object}\n").as_bytes()).await.unwrap();
        let line = lines.next_line().await.unwrap().unwrap();
        assert!(!line.ends_with("missing"), "{line}");
    }
    drop(input);
    reader.wait().await.unwrap();
}

fn inode(world: &World) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(world.mirror().dir()).unwrap())
}

#[tokio::test]
async fn a_healthy_mirror_is_not_made_anew_by_a_trouble_of_the_other_side() {
    let (world, head) = mirrored().await;
    std::fs::rename(world.path("whole"), world.path("mirrors")).unwrap();
    let before = inode(&world);
    std::fs::rename(world.repo(), world.path("away")).unwrap();
    world.mirror().fetch().await.unwrap_err();
    let unknown: Revision = "0123456789012345678901234567890123456789".parse().unwrap();
    world.mirror().log(None, &unknown, 3).await.unwrap_err();
    world.mirror().changed_files(&unknown, &head).await.unwrap_err();
    assert_eq!(inode(&world), before);
    std::fs::rename(world.path("away"), world.repo()).unwrap();
    world.mirror().fetch().await.unwrap();
    assert_eq!(inode(&world), before, "and its old objects are all there");
}
