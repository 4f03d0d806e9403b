//! The bench runs, and what must not vary with a machine's load is as it should be. Times are never looked at here.

#[path = "../benches/fleet/harness/mod.rs"]
mod harness;

use harness::{Report, Size};

/// The counts of our side by what was counted.
fn count(report: &Report, what: &str) -> String {
    report.rows.iter().find(|row| row.what == what).unwrap_or_else(|| panic!("{what}:\n{report}")).ours.clone()
}

#[tokio::test]
async fn the_bench_runs_and_its_counts_are_right() {
    let report = harness::run(Size { hosts: 3, rounds: 1, files: 200 }).await.unwrap();
    for (what, wanted) in [
        ("handshakes of a first push", "3"),
        ("handshakes of a second push", "0"),
        ("`ssh` and `rsync` started for a command on all hosts", "0"),
        ("`ssh` started for three steps", "3"),
    ] {
        assert_eq!(count(&report, what), wanted, "{what}:\n{report}");
    }
    let numbers: Vec<&str> =
        report.rows.iter().map(|row| row.goal_number).filter(|number| !number.is_empty()).collect();
    assert_eq!(numbers, ["1", "3", "2", "4", "4", "4", "7", "10", "10"], "{report}");
    for row in report.rows.iter().filter(|row| row.what.ends_with("bytes sent")) {
        assert_eq!(row.met, Some(true), "no more than the yardstick sends: {row:?}");
    }
}
