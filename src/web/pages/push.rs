//! One push, live or past: what it does or did, host by host, and what was told of it.

use super::parts::{
    CommitLine, HoldLine, Mark, Moment, Person, StageTag, Version, authors, commit_lines, link, millis_between, root,
};
use super::{Frame, words};
use crate::desk::view::Hold;
use crate::journal::event::{Event, Record, Stream};
use crate::ledger::outbox::OutboxRow;
use crate::ledger::pushes::{CommandRow, Commit, Link, PushRow, ResultRow};
use crate::time::{At, duration_words};
use serde::Serialize;
use std::collections::BTreeMap;

/// Hosts listed on the page of a push that ended; all of them are in the output.
const HOSTS_LISTED: usize = 7;
/// Failures listed in full before "and N more".
const WHYS_LISTED: usize = 12;
/// The width of the slowest host's bar.
const LONGEST_BAR: i64 = 64;

/// One push, live or past.
#[derive(Clone, Debug)]
pub struct PushPage {
    /// The push.
    pub row: PushRow,
    /// Its commands as far as they were begun, in order.
    pub commands: Vec<CommandRow>,
    /// Its results, a command on a host each.
    pub results: Vec<ResultRow>,
    /// What it brings, newest first.
    pub commits: Vec<Commit>,
    /// What was told where.
    pub announcements: Vec<OutboxRow>,
    /// What it linked to.
    pub links: Vec<Link>,
    /// The titles of all commands of its plan, in order.
    pub titles: Vec<String>,
    /// The frozen host list, by name.
    pub hosts: Vec<String>,
    /// How long the last good pushes of this stage took.
    pub usual_ms: Vec<i64>,
    /// The last records of its journal, for readers without JavaScript.
    pub tail: Vec<Record>,
    /// The hold on its stack or stage, if any.
    pub hold: Option<Hold>,
    /// What the stage's button says.
    pub button: String,
}

#[derive(Debug, Serialize)]
pub(super) struct PushView {
    id: i64,
    stack: String,
    stage: StageTag,
    name: String,
    live: bool,
    mark: Mark,
    who: Person,
    old: Option<Version>,
    new: Version,
    build: String,
    root: Option<Version>,
    branch: String,
    reason: Option<String>,
    button: String,
    commits: Vec<CommitLine>,
    commit_words: String,
    authors: Vec<Person>,
    diff: Option<String>,
    links: Vec<Link>,
    started: Moment,
    day: Moment,
    took: String,
    usual: Option<String>,
    usual_ms: i64,
    lines: String,
    result_class: &'static str,
    result_title: String,
    result_words: String,
    whys: Vec<Why>,
    more_whys: Option<String>,
    steps: Vec<Step>,
    hosts: Vec<HostCell>,
    legend: Vec<Legend>,
    slow: Vec<HostLine>,
    slow_title: &'static str,
    hosts_total: String,
    told: Vec<Told>,
    told_words: String,
    doubt: Option<String>,
    hold: Option<HoldLine>,
    tail: Vec<TailLine>,
}

/// Why a command failed on a host.
#[derive(Debug, Serialize)]
struct Why {
    host: String,
    words: String,
    command: i64,
    title: String,
    why: String,
    mark: Mark,
}

/// A command, as a bar from its begin to its end; places are per cent of the whole push.
#[derive(Debug, Serialize)]
struct Step {
    number: usize,
    title: String,
    mark: Mark,
    hosts: String,
    took: String,
    left: String,
    width: String,
}

#[derive(Debug, Serialize)]
struct HostCell {
    host: String,
    shape: &'static str,
    word: &'static str,
}

#[derive(Debug, Serialize)]
struct Legend {
    shapes: &'static str,
    shape: &'static str,
    word: &'static str,
    count: usize,
}

/// A host of a push that ended: failed ones first, then the slowest.
#[derive(Debug, Serialize)]
struct HostLine {
    host: String,
    mark: Mark,
    why: Option<String>,
    took: String,
    bar: i64,
    mostly: String,
}

#[derive(Debug, Serialize)]
struct Told {
    channel: &'static str,
    icon: &'static str,
    at: Option<Moment>,
    tag: &'static str,
    state: String,
    words: Option<String>,
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct TailLine {
    n: u64,
    host: String,
    kind: &'static str,
    text: String,
}

impl PushView {
    pub(super) fn new(frame: &Frame, page: &PushPage) -> Self {
        let row = &page.row;
        let stage = StageTag::named(&row.stage);
        let live = row.state == "running";
        let since = row.started_at.as_deref().unwrap_or(&row.pressed_at);
        let took_ms = row.duration_ms.or_else(|| millis_between(since, frame.now)).unwrap_or(0);
        let usual = words::median(&page.usual_ms);
        let steps = steps(page, live, since, took_ms);
        let (whys, more_whys) = whys(page, live);
        let hosts = host_cells(page, live);
        let slow = host_lines(page);
        Self {
            id: row.id,
            stack: row.stack.clone(),
            name: format!("{} to {}", row.stack, stage.words),
            live,
            mark: Mark::of_push(&row.state),
            who: Person::new(&row.who),
            old: row.old_sha.as_deref().map(Version::new),
            new: Version::new(&row.sha),
            build: row.build.clone(),
            root: row.root.as_deref().map(root),
            branch: row.branch.clone(),
            reason: row.reason.clone(),
            button: page.button.clone(),
            commits: commit_lines(&page.commits, frame.now),
            commit_words: words::count(page.commits.len() as i64, "commit"),
            authors: authors(&page.commits),
            diff: link(row.diff.as_deref()),
            links: page.links.iter().filter(|given| link(Some(&given.url)).is_some()).cloned().collect(),
            started: Moment::clock(since),
            day: Moment::day(since),
            took: match row.state.as_str() {
                "interrupted" => format!("{}, then unknown", duration_words(took_ms)),
                _ => duration_words(took_ms),
            },
            usual: usual.map(duration_words),
            usual_ms: usual.unwrap_or(0),
            lines: words::count(row.lines, "line"),
            result_class: match row.state.as_str() {
                "succeeded" => "ok",
                "failed" | "degraded" => "fail",
                _ => "lost",
            },
            result_title: words::result_title(&row.state, &row.stack, &stage.words, row.ended_by.as_deref()),
            result_words: result_words(page, &steps),
            slow_title: match slow.iter().any(|line| line.why.is_some()) {
                true => "Hosts: failed, then slowest",
                false => "Slowest hosts",
            },
            whys,
            more_whys,
            steps,
            legend: legend(&hosts),
            hosts,
            slow,
            hosts_total: words::thousands(row.hosts_total),
            told_words: told_words(&page.announcements),
            told: page.announcements.iter().map(|row| told(row, frame.now)).collect(),
            doubt: doubt(page),
            hold: page.hold.as_ref().map(|hold| HoldLine::new(hold, frame.now)),
            tail: page.tail.iter().filter_map(tail_line).collect(),
            stage,
        }
    }
}

fn host_words(host: &str) -> String {
    if host.is_empty() { "push host".to_owned() } else { host.to_owned() }
}

fn is_bad(result: Option<&str>) -> bool {
    matches!(result, Some("failed" | "timed out" | "unreachable" | "unknown"))
}

fn title_of(page: &PushPage, command: i64) -> String {
    let begun = page.commands.iter().find(|row| row.command == command).map(|row| row.title.clone());
    let planned = usize::try_from(command - 1).ok().and_then(|place| page.titles.get(place).cloned());
    begun.or(planned).unwrap_or_else(|| format!("Command {command}"))
}

fn result_words(page: &PushPage, steps: &[Step]) -> String {
    let row = &page.row;
    let sha = words::short(&row.sha);
    let mut sentence = match row.state.as_str() {
        "succeeded" if row.hosts_total > 1 => {
            format!("Push {}. {sha} is on all {}.", row.id, words::count(row.hosts_total, "host"))
        }
        "succeeded" => format!("Push {}. {sha} is on its {}.", row.id, words::count(row.hosts_total, "host")),
        _ => {
            let mut bad: Vec<&str> =
                page.results.iter().filter(|row| is_bad(row.result.as_deref())).map(|row| row.host.as_str()).collect();
            bad.sort_unstable();
            bad.dedup();
            bad.retain(|host| !host.is_empty());
            let last = page.commands.last().map_or(0, |row| row.command);
            let on = match bad.len() {
                0 => String::new(),
                bad => format!(", on {bad} of {}", words::count(row.hosts_total, "host")),
            };
            format!("Push {}, step {last} of {}{on}.", row.id, steps.len())
        }
    };
    if let Some(why) = &row.why {
        sentence.push(' ');
        let mut letters = why.chars();
        sentence.extend(letters.next().into_iter().flat_map(char::to_uppercase).chain(letters));
        if !why.ends_with(['.', '!', '?']) {
            sentence.push('.');
        }
    }
    sentence
}

fn whys(page: &PushPage, live: bool) -> (Vec<Why>, Option<String>) {
    // hosts of an interrupted push that nobody knows of are named beside the question what to do with them
    let told = |row: &&ResultRow| {
        is_bad(row.result.as_deref()) && (page.row.state != "interrupted" || row.result.as_deref() != Some("unknown"))
    };
    let bad: Vec<&ResultRow> = page.results.iter().filter(told).collect();
    let more = bad.len().saturating_sub(WHYS_LISTED);
    let line = |row: &&ResultRow| Why {
        host: row.host.clone(),
        words: host_words(&row.host),
        command: row.command,
        title: title_of(page, row.command),
        why: row.why.clone().unwrap_or_else(|| match row.code {
            Some(code) => format!("it exited with {code}"),
            None => words::result_mark(row.result.as_deref(), live).1.to_owned(),
        }),
        mark: Mark::new(words::result_mark(row.result.as_deref(), live)),
    };
    (
        bad.iter().take(WHYS_LISTED).map(line).collect(),
        (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
    )
}

fn steps(page: &PushPage, live: bool, since: &str, took_ms: i64) -> Vec<Step> {
    let whole = took_ms.max(1) as f64;
    let count = page.titles.len().max(page.commands.iter().map(|row| row.command as usize).max().unwrap_or(0));
    let step = |number: usize| {
        let row = page.commands.iter().find(|row| row.command == number as i64 && row.started_at.is_some());
        let Some(row) = row else {
            return Step {
                number,
                title: title_of(page, number as i64),
                mark: Mark::new(if live { ("wait", "Waiting") } else { ("skip", "Not run") }),
                hosts: String::new(),
                took: if live { String::new() } else { "not run".to_owned() },
                left: String::new(),
                width: String::new(),
            };
        };
        let began = row.started_at.as_deref().and_then(|at| at.parse::<At>().ok());
        let left = began.and_then(|at| millis_between(since, at)).unwrap_or(0) as f64 * 100.0 / whole;
        let width = row.duration_ms.map_or(100.0 - left, |ms| ms as f64 * 100.0 / whole);
        // Hosts that were never begun are not ok, but did not fail either.
        let failed = |result: &&ResultRow| result.command == row.command && is_bad(result.result.as_deref());
        let bad = match page.results.iter().filter(failed).count() {
            0 => String::new(),
            bad => format!(", {bad} failed"),
        };
        Step {
            number,
            title: row.title.clone(),
            mark: Mark::new(words::result_mark(row.result.as_deref(), live)),
            hosts: if row.hosts > 0 { format!("{} of {} hosts{bad}", row.ok, row.hosts) } else { String::new() },
            took: match (row.duration_ms, live) {
                (Some(ms), _) => duration_words(ms),
                (None, true) => String::new(),
                (None, false) => "?".to_owned(),
            },
            left: format!("{:.2}", left.clamp(0.0, 99.2)),
            // At least a sliver, so that a quick command can be seen.
            width: format!("{:.2}", width.clamp(0.8, 100.0 - left.clamp(0.0, 99.2))),
        }
    };
    (1..=count).map(step).collect()
}

/// The state of each host in the command that runs, or the last one that worked on hosts; a host that was given up
/// keeps what it was given up for.
fn host_cells(page: &PushPage, live: bool) -> Vec<HostCell> {
    let shown = page.commands.iter().rev().find(|row| row.hosts > 0).map(|row| row.command);
    let results: BTreeMap<&str, Option<&str>> = page
        .results
        .iter()
        .filter(|row| Some(row.command) == shown)
        .map(|row| (row.host.as_str(), row.result.as_deref()))
        .collect();
    let lost: BTreeMap<&str, Option<&str>> = page
        .results
        .iter()
        .filter(|row| is_bad(row.result.as_deref()))
        .map(|row| (row.host.as_str(), row.result.as_deref()))
        .collect();
    let cell = |host: &String| {
        let (shape, word) = match lost.get(host.as_str()).or_else(|| results.get(host.as_str())) {
            Some(result) => words::result_mark(*result, live),
            None if live => ("wait", "waiting"),
            None => ("skip", "not started"),
        };
        HostCell { host: host.clone(), shape, word }
    };
    page.hosts.iter().map(cell).collect()
}

fn legend(hosts: &[HostCell]) -> Vec<Legend> {
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

fn host_lines(page: &PushPage) -> Vec<HostLine> {
    let mut hosts: BTreeMap<&str, Vec<&ResultRow>> = BTreeMap::new();
    for row in page.results.iter().filter(|row| !row.host.is_empty()) {
        hosts.entry(&row.host).or_default().push(row);
    }
    let took = |rows: &[&ResultRow]| rows.iter().filter_map(|row| row.duration_ms).sum::<i64>();
    let bad = |rows: &[&ResultRow]| rows.iter().any(|row| is_bad(row.result.as_deref()));
    let mut lines: Vec<(&str, Vec<&ResultRow>)> = hosts.into_iter().collect();
    lines.sort_by_key(|(_, rows)| (!bad(rows), -took(rows)));
    lines.truncate(HOSTS_LISTED);
    let longest = lines.iter().map(|(_, rows)| took(rows)).max().unwrap_or(1).max(1);
    lines
        .into_iter()
        .map(|(host, rows)| {
            let failed = rows.iter().find(|row| is_bad(row.result.as_deref()));
            let slowest = rows.iter().max_by_key(|row| row.duration_ms).map_or(0, |row| row.command);
            let result = failed.map_or(Some("ok"), |row| row.result.as_deref());
            HostLine {
                host: host.to_owned(),
                mark: Mark::new(words::result_mark(result, false)),
                why: failed.map(|row| {
                    row.why.clone().unwrap_or_else(|| words::result_mark(row.result.as_deref(), false).1.to_owned())
                }),
                took: duration_words(took(&rows)),
                bar: took(&rows) * LONGEST_BAR / longest,
                mostly: format!("mostly step {slowest}"),
            }
        })
        .collect()
}

fn told(row: &OutboxRow, now: At) -> Told {
    let (channel, icon) = match row.channel.as_str() {
        "irc" => ("IRC", "irc"),
        _ => ("Email", "mail"),
    };
    let event = if row.event == "started" { "start" } else { "end" };
    let (tag, state) = match row.state.as_str() {
        "told" => ("ok", format!("{event}: sent")),
        "waiting" if row.tries > 0 => {
            ("warn", format!("{event}: waiting, {}", words::count(row.tries, "try").replace("trys", "tries")))
        }
        "waiting" => ("warn", format!("{event}: waiting")),
        _ => ("fail", format!("{event}: given up")),
    };
    let next = match row.state.as_str() {
        "waiting" => row.next_at.parse::<At>().ok().map(|at| at.millis_since(now)),
        _ => None,
    };
    let problem = row.problem.as_ref().filter(|_| row.state != "told").map(|problem| match next {
        Some(ms) => format!("{problem}. Next try in {}.", duration_words(ms)),
        None => problem.clone(),
    });
    Told { channel, icon, at: row.told_at.as_deref().map(Moment::clock), tag, state, words: row.told.clone(), problem }
}

fn told_words(rows: &[OutboxRow]) -> String {
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let counts = [(count("told"), "sent"), (count("waiting"), "waiting"), (count("given up"), "given up")];
    let words: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    words.join(", ")
}

/// What is known of the hosts of a push that nobody ended.
fn doubt(page: &PushPage) -> Option<String> {
    if page.row.state != "interrupted" {
        return None;
    }
    let total = page.row.hosts_total;
    let mut unknown: Vec<&str> = page
        .results
        .iter()
        .filter(|row| matches!(row.result.as_deref(), None | Some("unknown")) && !row.host.is_empty())
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
        "Of {}, {} reached the end of the list, {doubtful} {} in doubt{which}, {rest} did not.",
        words::count(total, "host"),
        page.row.hosts_ok,
        if doubtful == 1 { "is" } else { "are" },
    ))
}

fn tail_line(record: &Record) -> Option<TailLine> {
    let Event::Line { host, stream, line, text, .. } = &record.event else { return None };
    let text = words::without_colours(text);
    Some(TailLine {
        n: *line,
        host: host.clone().unwrap_or_default(),
        kind: match stream {
            Stream::Out => "out",
            Stream::Err => "warn",
            Stream::Note if text.starts_with("$ ") => "cmd",
            Stream::Note => "note",
        },
        text,
    })
}
