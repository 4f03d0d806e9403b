use super::*;
use crate::source::build::{BuildDir, freeze};
use crate::source::gate::Gate;
use std::os::unix::fs::symlink;

const LIMIT: Duration = Duration::from_secs(30);

struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(world.web().join("css")).unwrap();
        world.write("index.html", "hello");
        world.write("css/a.css", "b{}");
        world
    }

    fn web(&self) -> PathBuf {
        self.dir.path().join("web")
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.web().join(path), text).unwrap();
    }

    fn directory(&self) -> Directory {
        Directory::new(&self.web(), Most::default())
    }

    fn copy(&self, seen: &DirectoryState, name: &str) -> Result<PathBuf, DirectoryError> {
        let to = self.dir.path().join(name);
        copy(&self.web(), Most::default(), &seen.root, &to).map(|()| to)
    }
}

#[test]
fn the_revision_of_a_directory_is_the_root_of_the_build_that_it_becomes() {
    let world = World::new();
    symlink("index.html", world.web().join("home")).unwrap();
    std::fs::set_permissions(world.web().join("index.html"), Permissions::from_mode(0o640)).unwrap();
    std::fs::create_dir(world.web().join(".git")).unwrap();
    world.write(".git/config", "not part of it");
    let directory = world.directory();
    assert_eq!(directory.seen(), None);
    let seen = directory.look(LIMIT).unwrap();
    assert_eq!((seen.files, seen.bytes), (2, 8));
    assert_eq!(directory.seen().unwrap().0, seen);
    assert_eq!(directory.look(LIMIT).unwrap(), seen, "another look at the same is the same");

    let copied = world.copy(&seen, "copy").unwrap();
    let build = BuildDir(world.dir.path().join("builds/web/1"));
    let frozen = freeze(&copied, None, &build, None, &Gate::default()).unwrap();
    assert_eq!(frozen.root.as_str(), seen.root.as_str());
    let modified = |path: PathBuf| std::fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(modified(copied.join("index.html")), modified(world.web().join("index.html")));
}

#[test]
fn what_was_changed_after_the_look_is_not_copied() {
    let world = World::new();
    let seen = world.directory().look(LIMIT).unwrap();
    // The same length and the same time: only the bytes say it.
    let modified = std::fs::metadata(world.web().join("index.html")).unwrap().modified().unwrap();
    world.write("index.html", "HELLO");
    File::options().write(true).open(world.web().join("index.html")).unwrap().set_modified(modified).unwrap();
    let error = world.copy(&seen, "copy").unwrap_err().to_string();
    assert!(error.starts_with("it has changed since it was read"), "{error}");
    assert!(!world.dir.path().join("copy").exists(), "nothing is left of the try");
}

#[test]
fn a_file_that_changed_is_read_again_whatever_its_time_says() {
    let world = World::new();
    let directory = world.directory();
    let first = directory.look(LIMIT).unwrap();
    let modified = std::fs::metadata(world.web().join("index.html")).unwrap().modified().unwrap();
    world.write("index.html", "HELLO");
    File::options().write(true).open(world.web().join("index.html")).unwrap().set_modified(modified).unwrap();
    assert_ne!(directory.look(LIMIT).unwrap().root, first.root);
}

#[test]
fn what_no_build_may_hold_is_refused_by_its_name() {
    for (name, make) in [
        ("out", (|path| symlink("/etc", path).unwrap()) as fn(PathBuf)),
        ("pipe", |path| nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap()),
        ("REVISION", |path| std::fs::write(path, "x").unwrap()),
        ("suid", |path| {
            std::fs::write(&path, "x").unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
        }),
    ] {
        let world = World::new();
        make(world.web().join(name));
        let error = world.directory().look(LIMIT).unwrap_err().to_string();
        assert!(error.starts_with("cannot be part of a build: ") && error.contains(name), "{error}");
    }
}

#[test]
fn a_directory_that_is_empty_missing_or_too_large_is_no_source() {
    let world = World::new();
    let of = |most| Directory::new(&world.web(), most).look(LIMIT).unwrap_err().to_string();
    assert!(of(Most { entries: 2, ..Most::default() }).contains("more than 2 paths"));
    assert!(of(Most { mib: 0, ..Most::default() }).contains("more than 0 MiB"));
    let empty = world.dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(matches!(Directory::new(&empty, Most::default()).look(LIMIT), Err(DirectoryError::Empty)));
    let missing = Directory::new(&world.dir.path().join("missing"), Most::default());
    assert!(missing.look(LIMIT).unwrap_err().to_string().contains("No such file"));
}

#[test]
fn a_look_that_takes_too_long_is_given_up_and_only_one_is_taken_at_a_time() {
    let world = World::new();
    let directory = world.directory();
    assert!(matches!(directory.look(Duration::ZERO), Err(DirectoryError::TooSlow(_))));
    let held = directory.hashes.lock().unwrap();
    assert!(matches!(directory.look(LIMIT), Err(DirectoryError::Busy)));
    drop(held);
    directory.look(LIMIT).unwrap();
}
