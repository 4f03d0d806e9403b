use super::*;
use tar::{Builder, Header};

/// Packs entries: kind, name as bytes, mode, content or link target.
fn pack(entries: &[(EntryType, &str, u32, &str)]) -> File {
    let mut builder = Builder::new(tempfile::tempfile().unwrap());
    for (kind, name, mode, content) in entries {
        let mut header = Header::new_gnu();
        // By hand: the crate itself refuses to write what it should not read.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1_700_000_000);
        let bytes = match kind {
            EntryType::Regular => content.as_bytes(),
            _ => {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
                b""
            }
        };
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn unpacked(tar: File, most: Most) -> (tempfile::TempDir, Result<(), UnpackError>) {
    let dir = tempfile::tempdir().unwrap();
    let outcome = unpack(tar, &dir.path().join("tree"), most);
    (dir, outcome)
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;

#[test]
fn files_directories_and_links_come_out_as_they_were_packed() {
    let tar = pack(&[
        (EntryType::Directory, "./", 0o755, ""),
        (FILE, "./index.html", 0o600, "hello"),
        (FILE, "bin/run", 0o700, "#!/bin/sh"),
        (LINK, "home", 0o777, "index.html"),
    ]);
    let (dir, outcome) = unpacked(tar, Most::default());
    outcome.unwrap();
    let at = |name: &str| dir.path().join("tree").join(name);
    assert_eq!(std::fs::read_to_string(at("index.html")).unwrap(), "hello");
    assert_eq!(std::fs::read_link(at("home")).unwrap(), Path::new("index.html"));
    let meta = std::fs::metadata(at("bin/run")).unwrap();
    assert_eq!(super::super::build::kept_mode(&meta), 0o755);
    assert_eq!(meta.modified().unwrap(), UNIX_EPOCH + Duration::from_secs(1_700_000_000));
}

#[test]
fn nothing_is_written_outside_whatever_the_names_and_links_say() {
    for (entries, why) in [
        (vec![(FILE, "../out", 0o644, "x")], "its name leads outside"),
        (vec![(FILE, "a/../../out", 0o644, "x")], "its name leads outside"),
        (vec![(FILE, "/tmp/pushbutton-out", 0o644, "x")], "its name leads outside"),
        (vec![(LINK, "a", 0o777, ".."), (FILE, "a/out", 0o644, "x")], "it is there twice"),
        (vec![(FILE, "a", 0o644, "x"), (FILE, "a/out", 0o644, "x")], "a file is where its directory should be"),
        (vec![(FILE, "a", 0o644, "x"), (FILE, "a", 0o644, "y")], "it is there twice"),
        (vec![(LINK, "a", 0o777, "b"), (LINK, "a", 0o777, "/etc")], "it is there twice"),
        (vec![(FILE, "a", 0o644, "x"), (EntryType::Link, "b", 0o644, "/etc/passwd")], "it is a hard link"),
        (vec![(FILE, "a", 0o4755, "x")], "it is setuid"),
        (vec![(EntryType::Char, "a", 0o644, "")], "it is a device"),
        (vec![(EntryType::Block, "a", 0o644, "")], "it is a device"),
        (vec![(EntryType::Fifo, "a", 0o644, "")], "it is a fifo"),
    ] {
        let (dir, outcome) = unpacked(pack(&entries), Most::default());
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(why), "{entries:?}: {error}");
        assert!(!dir.path().join("out").exists() && !Path::new("/tmp/pushbutton-out").exists());
    }
}

/// How many files and directories lie in a directory.
fn count(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|entry| 1 + if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 0 }).sum()
}

#[test]
fn a_bomb_ends_at_the_limits() {
    let entries: Vec<_> = (0..5).map(|_| (FILE, "x", 0o644, "")).collect();
    let few = Most { entries: 3, ..Most::default() };
    assert!(unpacked(pack(&entries), few).1.unwrap_err().to_string().contains("more than"));
    // Few entries, whose names make many directories.
    let deep: Vec<String> = ('a'..='t').map(|name| format!("{}x", format!("{name}/").repeat(45))).collect();
    let deep: Vec<_> = deep.iter().map(|path| (FILE, path.as_str(), 0o644, "")).collect();
    let (dir, outcome) = unpacked(pack(&deep), Most { entries: 500, ..Most::default() });
    assert!(outcome.unwrap_err().to_string().contains("more than the paths that it may"));
    assert!(count(dir.path()) <= 502, "{} inodes", count(dir.path()));
    unpacked(pack(&deep), Most { entries: 920, ..Most::default() }).1.unwrap();
    let big = "x".repeat(2 << 20);
    let small = Most { mib: 1, ..Most::default() };
    let (dir, outcome) = unpacked(pack(&[(FILE, "big", 0o644, &big)]), small);
    assert!(outcome.unwrap_err().to_string().contains("more than 1 MiB"));
    assert!(std::fs::metadata(dir.path().join("tree/big")).unwrap().len() <= 1 << 20);

    // One block of data that says it is a file of 8 GiB.
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..6].copy_from_slice(b"sparse");
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(512);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.realsize.copy_from_slice(b"100000000000");
    gnu.sparse[0].offset.copy_from_slice(b"077777777000");
    gnu.sparse[0].numbytes.copy_from_slice(b"000000001000");
    header.set_cksum();
    let mut builder = Builder::new(tempfile::tempfile().unwrap());
    builder.append(&header, &[1_u8; 512][..]).unwrap();
    let (_dir, outcome) = unpacked(builder.into_inner().unwrap(), small);
    assert!(outcome.unwrap_err().to_string().contains("more than 1 MiB"));

    let mut header = Header::new_gnu();
    header.as_old_mut().name[..3].copy_from_slice(b"pax");
    header.set_entry_type(EntryType::XHeader);
    header.set_size(1 << 20);
    header.set_cksum();
    let mut builder = Builder::new(tempfile::tempfile().unwrap());
    builder.append(&header, &vec![b'x'; 1 << 20][..]).unwrap();
    let (_dir, outcome) = unpacked(builder.into_inner().unwrap(), Most::default());
    assert!(outcome.unwrap_err().to_string().contains("header of 1048576 bytes"));
}

#[test]
fn what_is_no_tar_says_so() {
    for bytes in [&b"\x1f\x8b\x08\0"[..], &[b'x'; 1024], b"short"] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let (_dir, outcome) = unpacked(file, Most::default());
        assert!(matches!(outcome, Err(UnpackError::NoTar(_))), "{bytes:?}");
    }
}

/// The bytes of a whole tar with three files.
fn whole() -> Vec<u8> {
    let text = "x".repeat(700);
    let mut tar = pack(&[(FILE, "a", 0o644, "one"), (FILE, "b", 0o644, &text), (FILE, "zeros", 0o644, "")]);
    let mut bytes = Vec::new();
    tar.seek(SeekFrom::Start(0)).unwrap();
    tar.read_to_end(&mut bytes).unwrap();
    bytes
}

fn of_bytes(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

#[test]
fn a_tar_that_was_cut_off_anywhere_is_refused() {
    let whole = whole();
    unpacked(of_bytes(&whole), Most::default()).1.unwrap();
    for length in (0..whole.len()).step_by(256).chain([whole.len() - 1]) {
        let outcome = unpacked(of_bytes(&whole[..length]), Most::default()).1;
        assert!(matches!(outcome, Err(UnpackError::NoTar(_))), "{length} of {} bytes: {outcome:?}", whole.len());
    }
    let at_an_entry = unpacked(of_bytes(&whole[..1024]), Most::default()).1.unwrap_err().to_string();
    assert!(at_an_entry.contains("without tar's end mark"), "{at_an_entry}");
}

#[test]
fn zeros_may_follow_the_end_mark_and_nothing_else() {
    let mut bytes = whole();
    bytes.resize(10 * 1024, 0);
    unpacked(of_bytes(&bytes), Most::default()).1.unwrap();
    let joined = [whole(), whole()].concat();
    let error = unpacked(of_bytes(&joined), Most::default()).1.unwrap_err().to_string();
    assert!(error.contains("there is more data after its end mark"), "{error}");
}
