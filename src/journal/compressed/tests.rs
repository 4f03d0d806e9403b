//! Every byte of a journal is found in its compressed form, at its place; what is damaged is an error, and never other bytes.

use super::*;
use crate::journal::JournalFile;
use crate::process::Program;
use proptest::prelude::*;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

/// As long as a few pieces and a bit, of lines that differ.
fn text(length: usize) -> Vec<u8> {
    let lines =
        (0..).flat_map(|n: u64| format!("{{\"n\":{n},\"text\":\"{}\"}}\n", n.wrapping_mul(0x9e37_79b9)).into_bytes());
    lines.take(length).collect()
}

fn compressed(journal: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("journal.jsonl"), dir.path().join("journal.jsonl.gz"));
    std::fs::write(&from, journal).unwrap();
    let mut bytes = Vec::new();
    write(&File::open(&from).unwrap(), &mut bytes, || Ok(())).unwrap();
    std::fs::write(&to, bytes).unwrap();
    std::fs::remove_file(&from).unwrap();
    (dir, from)
}

#[test]
fn a_journal_of_any_length_is_read_from_any_place_as_it_was_written() {
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
        let journal = text(length);
        let (_dir, path) = compressed(&journal);
        let file = JournalFile::open(&path).unwrap();
        assert_eq!(file.end().unwrap(), length as u64);
        for from in [0, 1, PIECE.saturating_sub(3), PIECE, 2 * PIECE + 5, length.saturating_sub(1), length, length + 9]
        {
            let mut rest = Vec::new();
            file.bytes_from(from as u64).read_to_end(&mut rest).unwrap();
            assert_eq!(rest, journal.get(from..).unwrap_or_default(), "{length} bytes from {from}");
        }
        let mut beyond = vec![0; length + 1];
        let read = file.read_exact_at(&mut beyond, 0);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn it_is_a_file_that_gunzip_reads() {
    let journal = text(2 * PIECE + 11);
    let (dir, _path) = compressed(&journal);
    let gunzip = Program::new("gunzip").arg("-c").arg(dir.path().join("journal.jsonl.gz"));
    let out = gunzip.output(std::time::Duration::from_secs(60)).await.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.stdout == journal);
}

#[test]
fn lines_are_read_behind_a_jump() {
    let journal = text(3 * PIECE);
    let (_dir, path) = compressed(&journal);
    let file = JournalFile::open(&path).unwrap();
    let mut reader = BufReader::new(file.bytes_from(0));
    let begin = journal[..2 * PIECE + 100].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    reader.seek(SeekFrom::Start(begin as u64)).unwrap();
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).unwrap();
    assert!(journal[begin..].starts_with(&line) && line.ends_with(b"\n"));
}

#[test]
fn a_byte_that_changed_or_is_missing_is_an_error_or_makes_no_difference() {
    let journal = text(PIECE + 2000);
    let (dir, path) = compressed(&journal);
    let stored = dir.path().join("journal.jsonl.gz");
    let whole = std::fs::read(&stored).unwrap();
    let read = || {
        let file = JournalFile::open(&path)?;
        let mut all = Vec::new();
        file.bytes_from(0).read_to_end(&mut all)?;
        io::Result::Ok(all)
    };
    let index = whole.len() - 120;
    for at in (0..whole.len()).step_by(997).chain(index..whole.len()) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&stored, &flipped).unwrap();
        // A header has bytes that mean nothing, such as the time.
        assert!(read().map_or(true, |all| all == journal), "byte {at}");
        std::fs::write(&stored, &whole[..at]).unwrap();
        assert!(read().is_err(), "cut at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_come_back(journal in proptest::collection::vec(any::<u8>(), 0..3000), from in 0_usize..3000) {
        let (_dir, path) = compressed(&journal);
        let mut rest = Vec::new();
        JournalFile::open(&path).unwrap().bytes_from(from as u64).read_to_end(&mut rest).unwrap();
        prop_assert_eq!(&rest[..], journal.get(from..).unwrap_or_default());
    }
}
