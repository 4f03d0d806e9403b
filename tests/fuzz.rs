//! Everything that reads bytes of others takes any bytes: what lies in `tests/fuzz/NAME/`, and thousands of mutations of it.
//! `PROPTEST_CASES=100000 cargo nextest run fuzz` looks for longer. What a run finds is put into the corpus.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use pushbutton::fuzz::{TARGETS, Target};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Mutations of each corpus in every run.
const CASES: u32 = 400;
/// The longest input.
const LONGEST: usize = 64 * 1024;

/// What is done to a seed.
#[derive(Clone, Debug)]
enum Change {
    /// These bytes in the place of what is there.
    Over(usize, Vec<u8>),
    /// These bytes in between.
    Between(usize, Vec<u8>),
    /// So many bytes are gone.
    Gone(usize, usize),
    /// So many bytes stand there again, so often.
    Again(usize, usize, usize),
    /// A piece of another seed.
    Splice(usize, usize),
    /// It ends here.
    Cut(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = || any::<usize>();
    let bytes = || {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..8),
            // What these formats are made of, and what breaks readers.
            proptest::sample::select(vec![
                &b"\n"[..],
                b"\r\n",
                b"\0",
                b"\t",
                b"\"",
                b"\\",
                b"../",
                b"/",
                b"{",
                b"}",
                b"[",
                b"]",
                b"<",
                b"</log>",
                b"&amp;",
                b"&#0;",
                b"\x1b[31m",
                b"\x1b]0;",
                b"\xff\xfe",
                b"\xe2\x80\xae",
                b"9223372036854775808",
                b"-1",
                b"1e999",
                b"nonce ",
                b"\nguard-exit nonce 0\n",
                b"hunter2",
                b"hunt",
                b"=",
                b":",
                b",",
                b";",
            ])
            .prop_map(<[u8]>::to_vec),
        ]
    };
    let change = prop_oneof![
        (at(), bytes()).prop_map(|(at, bytes)| Change::Over(at, bytes)),
        (at(), bytes()).prop_map(|(at, bytes)| Change::Between(at, bytes)),
        (at(), 1..64_usize).prop_map(|(at, length)| Change::Gone(at, length)),
        (at(), 1..512_usize, 1..40_usize).prop_map(|(at, length, times)| Change::Again(at, length, times)),
        (at(), at()).prop_map(|(at, from)| Change::Splice(at, from)),
        at().prop_map(Change::Cut),
    ];
    proptest::collection::vec(change, 0..6)
}

fn changed(seeds: &[Vec<u8>], which: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = seeds[which % seeds.len()].clone();
    for change in changes {
        let place = |at: &usize| at % (bytes.len() + 1);
        match change {
            Change::Over(at, new) => {
                let at = place(at);
                let end = (at + new.len()).min(bytes.len());
                bytes.splice(at..end, new.iter().copied());
            }
            Change::Between(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Gone(at, length) => {
                let at = place(at);
                let end = (at + length).min(bytes.len());
                bytes.drain(at..end);
            }
            Change::Again(at, length, times) => {
                let at = place(at);
                let piece = bytes[at..(at + length).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, piece);
            }
            Change::Splice(at, from) => {
                let other = &seeds[from % seeds.len()];
                let (at, from) = (place(at), from % (other.len() + 1));
                bytes.splice(at.., other[from..].iter().copied());
            }
            Change::Cut(at) => {
                let at = place(at);
                bytes.truncate(at);
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(target.name);
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no corpus", target.name);
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn holds(target: &Target, bytes: &[u8]) -> Result<(), TestCaseError> {
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    ran.map_err(|_| TestCaseError::fail(format!("{} broke on {:?}", target.name, String::from_utf8_lossy(bytes))))
}

fn stands(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = corpus(target);
    for seed in &seeds {
        holds(target, seed).unwrap();
    }
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let run = TestRunner::new(config)
        .run(&(any::<usize>(), changes()), |(which, changes)| holds(target, &changed(&seeds, which, &changes)));
    if let Err(error) = run {
        panic!("{error}");
    }
}

#[test]
fn every_door_has_a_test_of_its_own() {
    let doors: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let text = include_str!("fuzz.rs");
    for door in doors {
        assert!(text.contains(&format!("stands(\"{door}\")")), "{door} is not fuzzed");
    }
}

#[test]
fn any_bytes_may_stand_in_a_stack_file() {
    stands("stack-file");
}

#[test]
fn any_bytes_may_stand_in_a_journal() {
    stands("journal");
}

#[test]
fn a_host_may_send_any_bytes_between_the_marks_of_its_guard() {
    stands("guard-marks");
}

#[test]
fn a_published_tar_may_hold_any_bytes() {
    stands("tar");
}

#[test]
fn any_bytes_may_stand_in_a_manifest() {
    stands("manifest");
}

#[test]
fn a_command_may_say_any_bytes() {
    stands("output");
}

#[test]
fn a_browser_may_ask_for_events_with_any_bytes() {
    stands("events-query");
}

#[test]
fn a_subversion_server_may_answer_any_bytes() {
    stands("svn-log");
}
