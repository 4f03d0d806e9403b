use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use tempfile::TempDir;

/// A data directory and checkouts beside it.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A fresh checkout with these files.
    fn checkout(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        for (path, text) in files {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn build(&self, id: &str) -> BuildDir {
        BuildDir::of(self.dir.path(), &"web".parse().unwrap(), &id.parse().unwrap())
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn set_time(path: &Path, seconds: u64) {
    File::options().write(true).open(path).unwrap().set_modified(at(seconds)).unwrap();
}

fn time_of(build: &BuildDir, path: &str) -> SystemTime {
    build.tree().join(path).metadata().unwrap().modified().unwrap()
}

#[test]
fn a_file_that_did_not_change_keeps_its_mtime_over_three_builds() {
    let place = Place::new();
    let (first, second, third) = (place.build("aaaaaaa-1"), place.build("bbbbbbb-2"), place.build("ccccccc-3"));
    for (name, build, previous, changing, time) in [
        ("one", &first, None, "1", 1_000),
        ("two", &second, Some(&first), "2", 2_000),
        ("three", &third, Some(&second), "3", 3_000),
    ] {
        let checkout = place.checkout(name, &[("same", "same"), ("dir/changing", changing)]);
        set_time(&checkout.join("same"), time);
        set_time(&checkout.join("dir/changing"), time);
        let frozen = freeze(&checkout, None, build, previous, &Gate::default()).unwrap();
        assert_eq!((frozen.files, frozen.bytes), (2, 5));
        assert_eq!(frozen.unchanged, u64::from(previous.is_some()));
        std::fs::remove_dir_all(&checkout).unwrap();
    }
    for build in [&first, &second, &third] {
        assert_eq!(time_of(build, "same"), at(1_000));
    }
    assert_eq!(
        [&first, &second, &third].map(|build| time_of(build, "dir/changing")),
        [at(1_000), at(2_000), at(3_000)]
    );
    let inode = |build: &BuildDir| build.tree().join("same").metadata().unwrap().ino();
    assert_eq!(inode(&first), inode(&third), "an unchanged file lies on the disk once");
}

#[test]
fn a_changed_file_is_always_younger_than_before_even_when_the_build_writes_constant_times() {
    let place = Place::new();
    let mut previous: Option<BuildDir> = None;
    for (n, text) in ["a", "b", "c"].into_iter().enumerate() {
        let checkout = place.checkout(text, &[("page", text)]);
        set_time(&checkout.join("page"), 1_000);
        let build = place.build(&format!("aaaaaaa-{n}"));
        freeze(&checkout, None, &build, previous.as_ref(), &Gate::default()).unwrap();
        assert_eq!(time_of(&build, "page"), at(1_000 + n as u64));
        previous = Some(build);
    }
}

#[test]
fn a_file_that_only_became_executable_keeps_its_mtime_but_is_another_file() {
    let place = Place::new();
    let (first, second) = (place.build("aaaaaaa-1"), place.build("bbbbbbb-2"));
    let checkout = place.checkout("one", &[("run", "#!/bin/sh\n")]);
    set_time(&checkout.join("run"), 1_000);
    let one = freeze(&checkout, None, &first, None, &Gate::default()).unwrap();
    std::fs::set_permissions(checkout.join("run"), Permissions::from_mode(0o700)).unwrap();
    set_time(&checkout.join("run"), 2_000);
    let two = freeze(&checkout, None, &second, Some(&first), &Gate::default()).unwrap();
    assert_ne!(one.root, two.root);
    assert_eq!(time_of(&second, "run"), at(1_000));
    assert_eq!(first.tree().join("run").metadata().unwrap().mode() & 0o7777, 0o644);
    assert_eq!(second.tree().join("run").metadata().unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_damaged_file_of_the_build_before_is_not_carried_on() {
    let place = Place::new();
    let (first, second) = (place.build("aaaaaaa-1"), place.build("bbbbbbb-2"));
    let checkout = place.checkout("one", &[("page", "good")]);
    let one = freeze(&checkout, None, &first, None, &Gate::default()).unwrap();
    std::fs::write(first.tree().join("page"), "evil").unwrap();
    let two = freeze(&checkout, None, &second, Some(&first), &Gate::default()).unwrap();
    assert_eq!((&one.root, two.unchanged), (&two.root, 0));
    assert_eq!(std::fs::read_to_string(second.tree().join("page")).unwrap(), "good");
}

#[test]
fn all_that_no_build_may_hold_is_named_in_one_error() {
    let place = Place::new();
    let checkout = place.checkout("one", &[("fine", ""), ("suid", ""), ("new\nline", ""), ("REVISION", "")]);
    std::fs::set_permissions(checkout.join("suid"), Permissions::from_mode(0o4755)).unwrap();
    symlink("/etc/passwd", checkout.join("absolute")).unwrap();
    symlink("../../outside", checkout.join("escaping")).unwrap();
    symlink("fine", checkout.join("inside")).unwrap();
    nix::unistd::mkfifo(&checkout.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(checkout.join("socket")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"bad\xff");
    std::fs::write(checkout.join(odd), "").unwrap();
    let build = place.build("aaaaaaa-1");
    let error = freeze(&checkout, None, &build, None, &Gate::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot be part of a build: REVISION (every release writes its own REVISION at the top), \
         absolute (the link leaves the tree), bad\\xff (its name is not UTF-8), escaping (the link leaves the tree), \
         fifo (it is a fifo), new\\nline (its name has control characters), socket (it is a socket), \
         suid (it is setuid or setgid)"
    );
    assert!(!build.0.exists() && !build.partial().0.exists());
}

#[test]
fn only_the_shipped_part_goes_out_and_it_must_lie_in_the_checkout() {
    let place = Place::new();
    let checkout = place.checkout("one", &[("dist/a", "a"), ("src/b", "b"), ("dist/.git/config", "x")]);
    symlink("/etc", checkout.join("etc")).unwrap();
    symlink("dist", checkout.join("out")).unwrap();
    let frozen = freeze(&checkout, Some("out"), &place.build("aaaaaaa-1"), None, &Gate::default()).unwrap();
    assert_eq!(frozen.files, 1);
    assert!(place.build("aaaaaaa-1").tree().join("a").is_file());
    for (ship, why) in [
        ("etc", "outside of the checkout"),
        ("..", "outside of the checkout"),
        ("nothing", "made it"),
        ("src/b", "not a directory"),
    ] {
        let error =
            freeze(&checkout, Some(ship), &place.build("bbbbbbb-2"), None, &Gate::default()).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(ship), "{ship}: {error}");
    }
}

#[test]
fn a_half_made_build_is_made_anew_and_a_whole_one_is_never_touched() {
    let place = Place::new();
    let build = place.build("aaaaaaa-1");
    std::fs::create_dir_all(build.partial().tree().join("left over")).unwrap();
    let checkout = place.checkout("one", &[("a", "a")]);
    let frozen = freeze(&checkout, None, &build, None, &Gate::default()).unwrap();
    let text = std::fs::read_to_string(build.manifest()).unwrap();
    assert_eq!(Manifest::parse(&text).unwrap().root(), frozen.root);
    assert_eq!(Manifest::of_tree(&build.tree()).unwrap().root(), frozen.root);
    assert!(!build.partial().0.exists());
    let again = freeze(&checkout, None, &build, None, &Gate::default()).unwrap_err().to_string();
    assert!(again.ends_with("this build is frozen already"), "{again}");
}

/// A tree as a committer may make it: names to what lies there.
#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>, bool),
    Link,
    Dir(BTreeMap<String, Node>),
}

fn any_tree() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        4 => (proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()).prop_map(|(bytes, run)| Node::File(bytes, run)),
        1 => Just(Node::Link),
    ];
    let name = "[a-c .é'\\\\-]{1,3}".prop_filter("a name", |name| name != "." && name != "..");
    let any = leaf.prop_recursive(3, 24, 6, move |inner| {
        proptest::collection::btree_map(name.clone(), inner, 0..6).prop_map(Node::Dir)
    });
    any.prop_map(|node| match node {
        Node::Dir(_) => node,
        leaf => Node::Dir(BTreeMap::from([("leaf".to_owned(), leaf)])),
    })
}

fn plant(node: &Node, path: &Path) {
    match node {
        Node::Link => symlink("./nowhere", path).unwrap(),
        Node::File(bytes, run) => {
            std::fs::write(path, bytes).unwrap();
            let mode = if *run { 0o711 } else { 0o640 };
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        Node::Dir(nodes) => {
            std::fs::create_dir(path).unwrap();
            nodes.iter().for_each(|(name, node)| plant(node, &path.join(name)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_content_has_the_same_root_whatever_was_there_before(tree in any_tree(), before in any_tree()) {
        let place = Place::new();
        let (one, two) = (place.dir.path().join("one"), place.dir.path().join("two"));
        plant(&before, &one);
        plant(&tree, &two);
        // A build without a file is none.
        for root in [&one, &two] {
            std::fs::write(root.join("~ a file"), "x").unwrap();
        }
        let (old, fresh, next) = (place.build("aaaaaaa-1"), place.build("bbbbbbb-2"), place.build("ccccccc-3"));
        freeze(&one, None, &old, None, &Gate::default()).unwrap();
        let alone = freeze(&two, None, &fresh, None, &Gate::default()).unwrap();
        let after = freeze(&two, None, &next, Some(&old), &Gate::default()).unwrap();
        prop_assert_eq!((&alone.root, alone.files, alone.bytes), (&after.root, after.files, after.bytes));
        let read = Manifest::of_tree(&next.tree()).unwrap();
        prop_assert_eq!(&read.root(), &after.root);
        prop_assert_eq!(read.to_text(), std::fs::read_to_string(next.manifest()).unwrap());
    }
}
