//! What is true of the hosts of a push, in sentences: while it runs, behind a bad end, and now. It must never say a number of its
//! own: that is the push's. Called by the push page.

use super::hosts::HOSTS_LISTED;
use crate::journal::{Ended, HostResult};
use crate::ledger::holding::LeftWith;
use crate::ledger::pushes::CommandRow;
use crate::plan::Standing;
use crate::web::push::shown::PushPage;
use crate::web::view::frame::Frame;
use crate::web::view::parts::{Mark, Moment};
use crate::web::view::words;

/// `12 of 24 hosts have 51d0c3e. Step 6 is done on 3 of 24.`: for whoever thinks of cancelling; `static/live/live.js` says the same.
pub(super) fn so_far(page: &PushPage) -> String {
    let begun = |row: &&CommandRow| row.started_at.is_some();
    let mut words = format!("{}.", words::have(&page.row));
    if let Some(row) = page.commands.iter().rfind(begun).filter(|row| row.hosts > 0) {
        words.push_str(&format!(" Step {} is done on {} of {}.", row.command, row.ok, row.hosts));
    }
    words
}

/// What is true of the stage now, for the page of a push that did not end well: it may have been healed since.
pub(super) fn now_words(frame: &Frame, page: &PushPage) -> Option<String> {
    let (row, current) = (&page.row, page.now.as_ref()?);
    let stage = words::stage_words(row.stage.as_str());
    let name = match current.sha == row.sha && current.build != row.build {
        true => format!("build {}", current.build),
        false => words::short(&current.sha).to_owned(),
    };
    let hosts = match current.hosts_ok == current.hosts_total {
        true if current.hosts_total == 1 => "on its host".to_owned(),
        true => format!("on all {}", words::count(current.hosts_total, "host")),
        false => format!("on {} of {}", current.hosts_ok, words::count(current.hosts_total, "host")),
    };
    let as_of = current.as_of.as_deref().map(|at| format!(", as of {}", Moment::until(at, frame.now).words()));
    let since = page.newest.as_ref().filter(|newest| newest.id > row.id);
    let since = since.map(|newest| format!(" Since then: push {} ({}, {}).", newest.id, newest.kind, newest.state));
    Some(format!("Now {stage} runs {name} {hosts}{}.{}", as_of.unwrap_or_default(), since.unwrap_or_default()))
}

/// Hosts of which the same is true.
#[derive(Debug, serde::Serialize)]
pub(super) struct LeftLine {
    mark: Mark,
    hosts: String,
    words: String,
}

/// What each host has, as the push left it: `web001, web002: rolled back to 8f31c2e-12`. Nothing where no host was touched.
pub(super) fn left_lines(page: &PushPage) -> Vec<LeftLine> {
    let mut lines: Vec<(String, &LeftWith, Vec<&str>)> = Vec::new();
    for left in &page.left_with {
        let words = left_words(left);
        match lines.iter_mut().find(|(known, ..)| *known == words) {
            Some((_, _, hosts)) => hosts.push(&left.host),
            None => lines.push((words, left, vec![&left.host])),
        }
    }
    if page.left_with.iter().all(|left| left.standing == Standing::Untouched) {
        return Vec::new();
    }
    let line = |(words, left, hosts): (String, &LeftWith, Vec<&str>)| {
        let mut names: Vec<String> = hosts.iter().take(HOSTS_LISTED).map(|host| (*host).to_owned()).collect();
        names.extend((hosts.len() > HOSTS_LISTED).then(|| format!("{} more", hosts.len() - HOSTS_LISTED)));
        let mark = match (left.standing, &left.why) {
            (Standing::InDoubt, _) => ("lost", "in doubt"),
            (Standing::Untouched, _) => ("skip", "not changed"),
            (Standing::Back, None) => ("back", "rolled back"),
            (Standing::Back, Some(_)) if left.build.is_none() => ("back", "rolled back"),
            (Standing::Holds, None) => ("ok", "has it"),
            (Standing::Holds | Standing::Back, Some(_)) => ("fail", "failed"),
        };
        LeftLine { mark: Mark::new(mark), hosts: words::and(&names), words }
    };
    lines.into_iter().map(line).collect()
}

fn left_words(left: &LeftWith) -> String {
    let why = left.why.as_deref();
    let build = left.build.as_deref();
    let word = left.standing.word();
    match (left.standing, build, why) {
        (Standing::Holds, Some(build), None) => format!("has {build}"),
        (Standing::Holds, Some(build), Some(why)) => format!("has {build}; after that, {why}"),
        (Standing::Back, Some(build), None) => format!("{word} to {build}"),
        (Standing::Back, Some(build), Some(why)) => format!("{word} to {build}; but {why}"),
        (Standing::Back, None, Some(why)) => why.to_owned(),
        (_, _, None) => word.to_owned(),
        (_, _, Some(why)) => format!("{word}: {why}"),
    }
}

/// What is known of the hosts of a push that nobody ended.
pub(super) fn doubt(page: &PushPage) -> Option<String> {
    if page.row.state != Ended::Interrupted {
        return None;
    }
    let total = page.row.hosts_total;
    let mut unknown: Vec<&str> = page
        .results
        .iter()
        .filter(|row| matches!(row.result, None | Some(HostResult::Unknown)) && !row.host.is_empty())
        .map(|row| row.host.as_str())
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    let doubtful = unknown.len() as i64;
    let rest = (total - page.row.hosts_ok - doubtful).max(0);
    let mut names: Vec<String> = unknown.iter().take(HOSTS_LISTED).map(|host| (*host).to_owned()).collect();
    if unknown.len() > HOSTS_LISTED {
        names.push(format!("{} more", unknown.len() - HOSTS_LISTED));
    }
    let which = if names.is_empty() { String::new() } else { format!(" ({})", words::and(&names)) };
    Some(format!(
        "{}, {doubtful} {} in doubt{which}, {rest} {} not.",
        words::have(&page.row),
        if doubtful == 1 { "is" } else { "are" },
        if rest == 1 { "has" } else { "have" },
    ))
}
