//! What reads bytes that others wrote, one door each, for fuzzing: each takes any bytes, and must neither panic nor hang, nor
//! break the promise that is asserted here. It must never be called by the program itself. Called by `tests/fuzz.rs`, which
//! runs it in every `script/test` over the corpora in `tests/fuzz/`.

use crate::journal;
use crate::remote::output::{Cleaner, LINE_LIMIT, Mask};
use crate::size::Most;
use crate::source::manifest::Manifest;
use crate::source::{svn, unpack};
use crate::stack;
use std::io::{Seek, Write};
use std::sync::Arc;

/// One door.
pub struct Target {
    /// Its name, which is that of its corpus too.
    pub name: &'static str,
    /// What it does with bytes.
    pub run: fn(&[u8]),
}

/// All doors.
pub const TARGETS: [Target; 8] = [
    Target { name: "stack-file", run: stack_file },
    Target { name: "journal", run: journal_reader },
    Target { name: "guard-marks", run: guard_marks },
    Target { name: "tar", run: tar },
    Target { name: "manifest", run: manifest },
    Target { name: "output", run: output },
    Target { name: "events-query", run: events_query },
    Target { name: "svn-log", run: svn_log },
];

/// The pieces that a stream may come in: any cut must do.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = bytes.first().map_or(1, |first| usize::from(*first % 17) + 1);
    bytes.chunks(size)
}

fn stack_file(bytes: &[u8]) {
    let (Ok(text), Ok(name)) = (std::str::from_utf8(bytes), "web".parse()) else { return };
    match stack::parse(name, "web.toml", text) {
        Ok(stack) => assert!(!stack.stages.is_empty(), "a stack has a stage"),
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "what is refused is said");
            mistakes.iter().for_each(|mistake| drop(mistake.to_string()));
        }
    }
}

fn journal_reader(bytes: &[u8]) {
    let Ok(file) = tempfile::NamedTempFile::new() else { return };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    let Ok(reader) = journal::Reader::open(file.path()) else { return };
    let mut from = journal::Cursor::default();
    // Each batch brings at least a record, or it is the last.
    while let Ok(batch) = reader.read_from(from, 4096) {
        let next = batch.cursor(from);
        if next == from {
            return;
        }
        from = next;
    }
}

fn guard_marks(bytes: &[u8]) {
    let whole = crate::remote::guard::split_marks("nonce", [bytes].into_iter());
    assert_eq!(whole, crate::remote::guard::split_marks("nonce", pieces(bytes)), "wherever the stream is cut");
}

fn tar(bytes: &[u8]) {
    let (Ok(mut file), Ok(dir)) = (tempfile::tempfile(), tempfile::tempdir()) else { return };
    if file.write_all(bytes).is_err() || file.rewind().is_err() {
        return;
    }
    let inside = dir.path().join("inside");
    let _ = unpack::unpack(file, &inside, Most { mib: 1, entries: 100 });
    let mut there = std::fs::read_dir(dir.path()).into_iter().flatten().flatten();
    assert!(there.all(|entry| entry.file_name() == "inside"), "nothing is written outside");
}

fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(manifest) = Manifest::parse(text) {
        assert_eq!(manifest.to_text(), text, "one content has one text");
    }
}

fn output(bytes: &[u8]) {
    let clean = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut cleaner = Cleaner::new(Arc::new(Mask::new(["hunter2"])));
        let mut lines: Vec<String> = pieces.flat_map(|piece| cleaner.push(piece)).collect();
        lines.extend(cleaner.finish());
        lines
    };
    let lines = clean(&mut [bytes].into_iter());
    assert_eq!(lines, clean(&mut pieces(bytes)), "wherever the stream is cut");
    let is_plain = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    for line in &lines {
        assert!(line.len() <= 2 * LINE_LIMIT, "a line is bounded");
        assert!(!(is_plain && line.contains("hunter2")), "a secret is masked");
        // Colours are the only escapes that stay.
        assert!(!line.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\u{1b}')), "a line is text");
    }
}

fn events_query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (named, last) = text.split_once('\n').map_or((text, None), |(named, last)| (named, Some(last)));
    if let Ok(wanted) = crate::web::wanted(named, last) {
        assert!(wanted.cursors.len() <= 32, "a browser watches a few pushes");
    }
}

fn svn_log(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for commit in svn::commits(text).unwrap_or_default() {
        assert!(commit.sha.parse::<stack::Revision>().is_ok(), "a commit has a revision");
        assert!(!commit.subject.contains(char::is_control), "its words are one line");
    }
}
