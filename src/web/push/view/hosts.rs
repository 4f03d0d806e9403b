//! The hosts of a push: a cell each while it runs, failed ones and the slowest when it ended. Called by the push page.

use crate::journal::HostResult;
use crate::ledger::pushes::ResultRow;
use crate::time::duration_words;
use crate::web::push::shown::{PushPage, is_bad};
use crate::web::view::parts::Mark;
use crate::web::view::words;
use serde::Serialize;
use std::collections::BTreeMap;

/// Hosts listed on the page of a push that ended; all of them are in the output.
pub(crate) const HOSTS_LISTED: usize = 7;
/// The width of the slowest host's bar.
const LONGEST_BAR: i64 = 64;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct HostCell {
    host: String,
    shape: &'static str,
    word: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Legend {
    shapes: &'static str,
    shape: &'static str,
    word: &'static str,
    count: usize,
}

/// A host of a push that ended: failed ones first, then cancelled ones, then those that were left out, then the slowest.
#[derive(Debug, Serialize)]
pub(crate) struct HostLine {
    host: String,
    mark: Mark,
    /// Why it did not come to its end, if it did not.
    pub(crate) why: Option<String>,
    /// How long it worked; nothing where nothing ran.
    took: String,
    bar: i64,
    mostly: String,
}

/// The state of each host in the command that runs, or the last one that worked on hosts; a host that was given up
/// keeps what it was given up for.
pub(crate) fn host_cells(page: &PushPage, live: bool) -> Vec<HostCell> {
    let shown = page.commands.iter().rev().find(|row| row.hosts > 0).map(|row| row.command);
    let results: BTreeMap<&str, Option<HostResult>> = page
        .results
        .iter()
        .filter(|row| Some(row.command) == shown)
        .map(|row| (row.host.as_str(), row.result))
        .collect();
    let lost: BTreeMap<&str, Option<HostResult>> =
        page.results.iter().filter(|row| is_bad(row.result)).map(|row| (row.host.as_str(), row.result)).collect();
    let cell = |host: &String| {
        let (shape, word) = match lost.get(host.as_str()).or_else(|| results.get(host.as_str())) {
            Some(result) => words::result_mark(*result, live),
            None if live => ("wait", "waiting"),
            None => words::result_mark(Some(HostResult::Skipped), live),
        };
        HostCell { host: host.clone(), shape, word }
    };
    page.hosts.iter().map(cell).collect()
}

/// The cells in groups of ten, so that they can be counted at a glance.
pub(crate) fn grouped(cells: Vec<HostCell>) -> Vec<Vec<HostCell>> {
    cells.chunks(10).map(<[HostCell]>::to_vec).collect()
}

pub(crate) fn legend(hosts: &[HostCell]) -> Vec<Legend> {
    let kinds: [(&'static str, &'static str, &'static str); 5] = [
        ("ok", "ok", "done"),
        ("run slow", "run", "running"),
        ("fail", "fail", "failed"),
        ("lost", "lost", "unknown"),
        ("wait skip cancel", "wait", "waiting"),
    ];
    kinds
        .into_iter()
        .map(|(shapes, shape, word)| Legend {
            shapes,
            shape,
            word,
            count: hosts.iter().filter(|cell| shapes.split(' ').any(|shape| shape == cell.shape)).count(),
        })
        .collect()
}

/// What is known of each host of a push that was cancelled: `It was ended on web001 and web002, and was not begun on 38 hosts.`
pub(crate) fn known_after_cancel(page: &PushPage) -> Option<String> {
    let (mut cut, mut lost, mut bad, mut fine, mut never) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for host in &page.hosts {
        let rows = page.results.iter().filter(|row| row.host == *host);
        let worst = rows.clone().find(|row| is_bad(row.result)).or(rows.max_by_key(|row| row.command));
        match worst.and_then(|row| row.result) {
            Some(HostResult::Cancelled) => cut.push(host.clone()),
            Some(HostResult::Unknown) => lost.push(host.clone()),
            Some(HostResult::Ok) => fine.push(host.clone()),
            None | Some(HostResult::Skipped | HostResult::Dropped) => never.push(host.clone()),
            Some(HostResult::Failed | HostResult::TimedOut | HostResult::Unreachable) => bad.push(host.clone()),
        }
    }
    let parts: Vec<String> = [
        ("unknown what runs on", lost),
        ("it was ended on", cut),
        ("it had failed on", bad),
        ("it had done its last step on", fine),
        ("it was not started on", never),
    ]
    .into_iter()
    .filter(|(_, hosts)| !hosts.is_empty())
    .map(|(what, hosts)| match hosts.len() {
        ..=HOSTS_LISTED => format!("{what} {}", words::and(&hosts)),
        many => format!("{what} {}", words::count(many as i64, "host")),
    })
    .collect();
    (!parts.is_empty()).then(|| format!("{}.", words::capital(&parts.join("; "))))
}

/// Whether a command ran on a host at all; where it did not, it took no time.
pub(crate) fn ran(row: &ResultRow) -> bool {
    !matches!(row.result, Some(HostResult::Unreachable | HostResult::Skipped))
}

pub(crate) fn host_lines(page: &PushPage) -> Vec<HostLine> {
    let mut hosts: BTreeMap<&str, Vec<&ResultRow>> = BTreeMap::new();
    for row in page.results.iter().filter(|row| !row.host.is_empty()) {
        hosts.entry(&row.host).or_default().push(row);
    }
    let took = |rows: &[&ResultRow]| rows.iter().filter_map(|row| row.duration_ms).sum::<i64>();
    let cut = |row: &ResultRow| row.result == Some(HostResult::Cancelled);
    let skipped = |row: &ResultRow| row.result == Some(HostResult::Skipped);
    let rank = |rows: &[&ResultRow]| match rows.iter().any(|row| is_bad(row.result)) {
        true => 0,
        false if rows.iter().any(|row| cut(row)) => 1,
        false if rows.iter().any(|row| skipped(row)) => 2,
        false => 3,
    };
    let mut lines: Vec<(&str, Vec<&ResultRow>)> = hosts.into_iter().collect();
    lines.sort_by_key(|(_, rows)| (rank(rows), -took(rows)));
    lines.truncate(HOSTS_LISTED);
    let longest = lines.iter().map(|(_, rows)| took(rows)).max().unwrap_or(1).max(1);
    lines
        .into_iter()
        .map(|(host, rows)| {
            let failed = rows.iter().find(|row| is_bad(row.result));
            let failed = failed.or_else(|| rows.iter().find(|row| cut(row)));
            let failed = failed.or_else(|| rows.iter().find(|row| skipped(row)));
            let slowest = rows.iter().max_by_key(|row| row.duration_ms).map_or(0, |row| row.command);
            let result = failed.map_or(Some(HostResult::Ok), |row| row.result);
            HostLine {
                host: host.to_owned(),
                mark: Mark::new(words::result_mark(result, false)),
                why: failed.map(|row| {
                    if skipped(row) {
                        return format!("step {} was not started there", row.command);
                    }
                    row.why.clone().unwrap_or_else(|| words::result_mark(row.result, false).1.to_owned())
                }),
                took: match failed.map(|row| row.duration_ms) {
                    _ if !rows.iter().any(|row| ran(row)) => String::new(),
                    // How long is as unknown as how it ended.
                    Some(None) if failed.is_some_and(|row| ran(row)) => "?".to_owned(),
                    _ => duration_words(took(&rows)),
                },
                bar: took(&rows) * LONGEST_BAR / longest,
                mostly: format!("most time in step {slowest}"),
            }
        })
        .collect()
}
