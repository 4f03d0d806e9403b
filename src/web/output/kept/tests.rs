//! An index that lies on disk is used, and never believed when it is not whole, not of this version or of another journal.

use super::*;
use crate::web::output::lines::indexed;
use crate::web::output::lines::tests::{indexed as made, journal, said};
use proptest::prelude::*;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

fn index_in(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("journal.index")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_kept_is_what_is_read_again(said in said()) {
        let dir = tempfile::tempdir().unwrap();
        let (file, index) = made(&journal(&said, &[(1, Some("web1")), (2, None), (3, Some("db"))]));
        let len = file.end().unwrap();
        store(&index_in(&dir), &file, len, &index).unwrap();
        prop_assert_eq!(load(&index_in(&dir), &file, len), Some(index));
    }
}

fn some() -> (tempfile::TempDir, JournalFile, u64, Index) {
    let said: Vec<_> = (0..70).map(|at| (1 + at % 2, Some("web1"), "out", format!("line {at}"))).collect();
    let (file, index) = made(&journal(&said, &[(1, Some("web1"))]));
    let len = file.end().unwrap();
    let dir = tempfile::tempdir().unwrap();
    store(&index_in(&dir), &file, len, &index).unwrap();
    (dir, file, len, index)
}

#[test]
fn a_damaged_or_cut_index_is_never_believed() {
    let (dir, file, len, _) = some();
    let path = index_in(&dir);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert_eq!(load(&path, &file, len), None, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(load(&path, &file, len), None, "cut at {at}");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(load(&path, &file, len), None, "longer than it was");
    fs::remove_file(&path).unwrap();
    assert_eq!(load(&path, &file, len), None, "gone");
}

/// Rightly sealed, so that only what it says can tell.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    [bytes, &Sha256::digest(bytes)].concat()
}

#[test]
fn an_index_of_another_journal_or_version_or_with_parts_that_do_not_fit_is_never_believed() {
    let (dir, file, len, index) = some();
    let path = index_in(&dir);
    // The same lines, another ending; and a journal that has grown since.
    let said: Vec<_> = (0..70).map(|at| (1 + at % 2, Some("web1"), "out", format!("line {at}"))).collect();
    let (other, _) = made(&journal(&said, &[(1, Some("web2"))]));
    assert_eq!(other.end().unwrap(), len);
    assert_eq!(load(&path, &other, len), None);
    assert_eq!(load(&path, &file, len - 1), None);

    let whole = fs::read(&path).unwrap();
    let written = &whole[..whole.len() - HASH];
    let other = String::from_utf8(FORMAT.to_vec()).unwrap().replace('1', "2").into_bytes();
    fs::write(&path, sealed(&[&other, &written[FORMAT.len()..]].concat())).unwrap();
    assert_eq!(load(&path, &file, len), None, "another version");
    let heading = heading(&file, len).unwrap().len();
    fs::write(&path, sealed(&[&written[..heading], &[0xff; 40][..]].concat())).unwrap();
    assert_eq!(load(&path, &file, len), None, "numbers without end");

    let doubts: [fn(&mut Index); 4] = [
        |index| index.lines += 64,
        |index| index.runs[0].first = 2,
        |index| index.runs[1].host = 9,
        |index| index.voices[0].host = 9,
    ];
    for (at, doubt) in doubts.into_iter().enumerate() {
        store(&path, &file, len, &index).unwrap();
        let mut wrong = load(&path, &file, len).unwrap();
        doubt(&mut wrong);
        store(&path, &file, len, &wrong).unwrap();
        assert_eq!(load(&path, &file, len), None, "doubt {at}");
    }
}

#[test]
fn an_index_beside_a_journal_is_used_and_a_wrong_one_is_replaced() {
    let (dir, file, len, mut index) = some();
    let (path, stay) = (index_in(&dir), CancellationToken::new());
    let right = index.lines;
    // One that nobody would make of this journal shows that it was the one on disk.
    index.hosts[0] = Some("from-disk".to_owned());
    store(&path, &file, len, &index).unwrap();
    assert_eq!(indexed(&file, len, &path, &stay).unwrap().host(0), Some("from-disk"));
    let mut damaged = fs::read(&path).unwrap();
    damaged[100] ^= 0x40;
    fs::write(&path, damaged).unwrap();
    assert_eq!(indexed(&file, len, &path, &stay).unwrap().host(0), Some("web1"));
    assert_eq!(load(&path, &file, len).map(|index| index.lines), Some(right), "it was put there again");
    // Where nothing can be kept it is made each time.
    let nowhere = dir.path().join("no/such/place");
    assert_eq!(indexed(&file, len, &nowhere, &stay).unwrap().lines, right);
    stay.cancel();
    assert!(indexed(&file, len, &nowhere, &stay).is_err(), "a server that stops does not wait for it");
}
