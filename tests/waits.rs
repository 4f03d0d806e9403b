//! Who waits for something asks for it (`house::until`), and does not hope that it has happened after a while: a pause is too short on
//! a busy machine, and too long on every other.

use crate::house::files;
use std::collections::BTreeMap;

/// The pauses that are what a test is about, by file: how many, and what each is.
const PAUSES: &[(&str, usize, &str)] = &[
    ("announce/storm.rs", 3, "how slow a server is, how long a push runs, the rhythm of a look"),
    ("attacks/channels.rs", 1, "how long an endless line goes on"),
    ("attacks/headers.rs", 1, "a sender of one byte now and then"),
    ("attacks/requests.rs", 1, "a reader that goes in the middle of the answer's making"),
    ("attacks/target.rs", 1, "samples are taken in a rhythm"),
    ("cancel.rs", 1, "the moment of the cancel, by chance"),
    ("desk/ends.rs", 1, "nothing must happen"),
    ("kills.rs", 1, "the moment of the kill, by chance"),
    ("metrics/past.rs", 3, "the age at which numbers are read anew"),
    ("narrow.rs", 1, "a server that looks now and then"),
    ("source/token.rs", 2, "a slow git server; a watcher's rhythm"),
    ("starved.rs", 2, "how long the server gets no time"),
    ("viewers.rs", 1, "a slow reader"),
    ("warm.rs", 1, "a host that is left alone so long"),
    ("web/gone.rs", 3, "the time that a server has to see what nobody says"),
    ("web/signing.rs", 1, "the moment of a race"),
];

/// The calls that pause, in the code of a file.
fn pauses(text: &str) -> usize {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.map(|line| ["time::sleep(", "time::sleep_until(", "thread::sleep("].map(|call| line.matches(call).count()))
        .map(|counts| counts.iter().sum::<usize>())
        .sum()
}

#[test]
fn no_test_pauses_but_where_the_pause_is_what_it_is_about() {
    let mut found = BTreeMap::new();
    for (name, text) in files::texts("tests", ".rs") {
        // The house waits for everybody; this file has the words themselves.
        if ["house/", "vendor/", "fuzz/", "waits.rs"].iter().any(|other| name.starts_with(other)) {
            continue;
        }
        assert!(!text.contains("time::{") || !text.contains(" sleep,"), "{name}: call it by its whole name");
        let count = pauses(&text);
        if count > 0 {
            found.insert(name, count);
        }
    }
    let named: BTreeMap<String, usize> = PAUSES.iter().map(|(name, count, _)| ((*name).to_owned(), *count)).collect();
    assert_eq!(
        found, named,
        "wait for what is meant with `until` of tests/house/wait.rs; or name the pause above, and why"
    );
}
