//! One push, live or past: what it does or did, host by host, and what was told of it.

mod connect;
pub(super) mod hosts;
pub(super) mod resume;
mod steps;
mod truth;

use super::shown::{PushPage, is_bad, title_of};
use crate::colours::without_colours;
use crate::desk::view::{NoRights, TypicalDuration};
use crate::journal::event::{Event, Record, Stream};
use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::pushes::{Link, ResultRow};
use crate::plan::PushKind;
use crate::stack::{PushNumber, person_of};
use crate::time::{duration_words, exact_words};
use crate::web::view::frame::Frame;
use crate::web::view::graph::{Drawing, measured};
use crate::web::view::notified::{Notification, counts_words, notification};
use crate::web::view::pages::Pages;
use crate::web::view::parts::{
    CommitLine, HoldLine, Mark, Moment, Person, StageTag, Version, authors, commit_lines, link, millis_between, root,
};
use crate::web::view::question::{AskedLine, Open, asked_lines, open_question};
use crate::web::view::running::PauseLine;
use crate::web::view::states::states;
use crate::web::view::templates::PageError;
use crate::web::view::words;
use connect::{Connect, connect};
use hosts::{HostCell, HostLine, Legend, grouped, host_cells, host_lines, legend};
use resume::{ResumeLine, resume_line};
use serde::Serialize;
use steps::{Step, steps};
use truth::{LeftLine, doubt, left_lines, now_words, so_far};

/// Failures listed in full before "and N more".
const WHYS_LISTED: usize = 12;

#[derive(Debug, Serialize)]
pub(crate) struct PushView {
    /// What the caller has no right to do.
    no_right: NoRights,
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
    approved_by: Option<String>,
    override_why: Option<String>,
    /// What people say of its build.
    marks: Vec<String>,
    button: String,
    commits: Vec<CommitLine>,
    commit_words: String,
    authors: Vec<Person>,
    diff: Option<String>,
    links: Vec<LinkLine>,
    /// What it has measured.
    measured: Vec<Drawing>,
    /// Whether its stack has graphs of its own.
    graphs: bool,
    question: Option<Open>,
    /// Who started it, as a person.
    starter: String,
    started_by_reader: bool,
    /// Whether the open question is one that the reader may not answer, having started the push.
    mine: bool,
    asked: Vec<AskedLine>,
    started: Moment,
    day: Moment,
    took: String,
    typical: Option<String>,
    typical_ms: i64,
    lines: String,
    line_count: i64,
    /// What states are called, for the scripts.
    states: String,
    result_class: &'static str,
    result_title: String,
    result_words: String,
    whys: Vec<Why>,
    more_whys: Option<String>,
    connect: Option<Connect>,
    steps: Vec<Step>,
    /// In groups of ten.
    hosts: Vec<Vec<HostCell>>,
    legend: Vec<Legend>,
    slow: Vec<HostLine>,
    slow_title: &'static str,
    hosts_total: String,
    told: Vec<Notification>,
    told_words: String,
    doubt: Option<String>,
    hold: Option<HoldLine>,
    tail: Vec<TailLine>,
    /// `rollback`, or `resumes push 12`; empty for a plain push.
    kind: String,
    resumes: Option<i64>,
    commits_title: &'static str,
    resume_line: Option<ResumeLine>,
    back: Option<Version>,
    paused: Option<PauseLine>,
    /// How many hosts have what, while it runs.
    so_far: String,
    /// What is true of the stage now, when this push did not end well.
    now: Option<String>,
    /// What each host had when this push ended, when it did not end well.
    left: Vec<LeftLine>,
    /// Whether it waits for a person, paused or for an answer.
    waits: bool,
    waited_ms: i64,
}

/// A link that the push gave.
#[derive(Debug, Serialize)]
struct LinkLine {
    title: String,
    url: String,
}

impl LinkLine {
    /// None of an address that no page links to.
    fn of(given: &Link) -> Option<Self> {
        link(Some(&given.url)).map(|url| Self { title: given.title.clone(), url })
    }
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

#[derive(Debug, Serialize)]
struct TailLine {
    n: u64,
    host: String,
    kind: &'static str,
    text: String,
}

impl PushView {
    pub(crate) fn new(frame: &Frame, page: &PushPage) -> Self {
        let row = &page.row;
        let stage = StageTag::named(row.stage.as_str());
        let live = row.state.is_running();
        let since = row.started_at.as_deref().unwrap_or(&row.pressed_at);
        let by_reader = frame.who.as_deref() == Some(person_of(&row.who));
        let (old, new) = Version::of_push(row);
        let rolled_to = new.words().to_owned();
        let took_ms = row.duration_ms.or_else(|| millis_between(since, frame.now)).unwrap_or(0);
        let typical = words::median(&page.typical_ms);
        let steps = steps(page, live, since, took_ms);
        let (whys, more_whys) = whys(page, live);
        let hosts = host_cells(page, live);
        let slow = host_lines(page);
        Self {
            no_right: page.no_right.clone(),
            id: row.id.get(),
            stack: row.stack.to_string(),
            name: match row.kind {
                PushKind::Rollback => format!("{} on {} back to {}", row.stack, stage.words, new.words()),
                PushKind::CatchUp => format!("{} on {}: {}", row.stack, stage.words, brought(&page.hosts)),
                PushKind::Push | PushKind::Resume => format!("{} to {}", row.stack, stage.words),
            },
            kind: match (row.kind, row.resumes) {
                (PushKind::Rollback, _) => "Rollback".to_owned(),
                (PushKind::CatchUp, _) => "Catch-up".to_owned(),
                (PushKind::Push | PushKind::Resume, Some(push)) => format!("Resumes push {push}"),
                (PushKind::Push | PushKind::Resume, None) => String::new(),
            },
            resumes: row.resumes.map(PushNumber::get),
            commits_title: if row.kind == PushKind::Rollback { "Commits rolled back" } else { "Commits" },
            resume_line: page.rest.as_ref().and_then(resume_line),
            back: page.back.as_ref().map(|back| Version::named(&back.sha, &back.name)),
            paused: PauseLine::of(row),
            so_far: so_far(page),
            now: now_words(frame, page),
            left: left_lines(page),
            waits: row.waits_since.is_some(),
            waited_ms: row.waited_ms,
            live,
            mark: Mark::of_row(row),
            who: Person::new(&row.who),
            old,
            new,
            build: row.build.clone(),
            root: row.root.as_deref().map(root),
            branch: row.branch.clone(),
            reason: row.reason.clone(),
            approved_by: row.approved_by.clone(),
            override_why: row.override_why.clone(),
            marks: page.marks.iter().map(words::mark_words).collect(),
            button: page.button.clone(),
            commits: commit_lines(&page.commits, frame.now),
            commit_words: match row.kind {
                PushKind::Rollback => format!("{} rolled back", words::count(page.commits.len() as i64, "commit")),
                PushKind::Push | PushKind::Resume | PushKind::CatchUp => {
                    words::count(page.commits.len() as i64, "commit")
                }
            },
            authors: authors(&page.commits),
            diff: link(row.diff.as_deref()),
            links: page.links.iter().filter_map(LinkLine::of).collect(),
            measured: measured::drawings(&page.measurements, |number| format!("{number}. {}", title_of(page, number))),
            graphs: page.graphs,
            question: open_question(&page.questions, &row.who).filter(|_| live),
            starter: person_of(&row.who).to_owned(),
            started_by_reader: by_reader,
            mine: by_reader && page.questions.iter().any(|question| question.answer.is_none() && question.another),
            asked: asked_lines(&page.questions),
            started: Moment::clock(since),
            day: Moment::day(since),
            took: match row.state == Ended::Interrupted {
                true => format!("{}, then unknown", duration_words(took_ms)),
                false => duration_words(took_ms),
            },
            typical: TypicalDuration::of(page.typical_ms.clone()).map(|typical| words::typical_duration(&typical)),
            typical_ms: typical.unwrap_or(0),
            lines: words::count(row.lines, "line"),
            line_count: row.lines,
            states: states(),
            result_class: words::result_class(row.state),
            result_title: match row.kind {
                PushKind::Rollback => words::rollback_title(row, &stage.words, &rolled_to),
                _ if row.state == Ended::RolledBack => words::rolled_back_title(&stage.words, row.old_sha.as_deref()),
                PushKind::CatchUp => words::catch_up_title(row, &stage.words, &brought(&page.hosts)),
                PushKind::Push | PushKind::Resume => words::result_title(row, &stage.words),
            },
            result_words: result_words(page, &steps),
            slow_title: match slow.iter().any(|line| line.why.is_some()) {
                false => "Slowest hosts",
                true if row.state == Ended::Cancelled => "Hosts: cancelled, then slowest",
                true if row.state == Ended::Interrupted => "Hosts: in doubt, then slowest",
                true => "Hosts: failed, then slowest",
            },
            whys,
            more_whys,
            connect: connect(page, live, since, took_ms),
            steps,
            legend: legend(&hosts),
            hosts: grouped(hosts),
            slow,
            hosts_total: words::thousands(row.hosts_total),
            told_words: counts_words(&page.announcements),
            told: page
                .announcements
                .iter()
                .map(|row| notification(row, &frame.kinds, page.no_right.push.is_none(), frame.now))
                .collect(),
            doubt: doubt(page),
            hold: page.hold.as_ref().map(|hold| HoldLine::new(hold, frame.now).closed_by(&page.no_right)),
            tail: page.tail.iter().filter_map(tail_line).collect(),
            stage,
        }
    }
}

/// The hosts that a catch-up is about: named while they fit a headline.
fn brought(hosts: &[String]) -> String {
    match hosts.len() {
        1..=3 => words::and(hosts),
        count => words::count(count as i64, "host"),
    }
}

fn host_words(host: &str) -> String {
    if host.is_empty() { "push host".to_owned() } else { host.to_owned() }
}

fn result_words(page: &PushPage, steps: &[Step]) -> String {
    let row = &page.row;
    let sha = words::short(&row.sha);
    let mut sentence = match row.state {
        PushState::Ended(Ended::Succeeded) if row.hosts_total > 1 => {
            format!("Push {}. {sha} is on all {}.", row.id, words::count(row.hosts_total, "host"))
        }
        PushState::Ended(Ended::Succeeded) => {
            format!("Push {}. {sha} is on its {}.", row.id, words::count(row.hosts_total, "host"))
        }
        PushState::Ended(Ended::RolledBack) => format!("Push {}. At the end, {}.", row.id, words::have(row)),
        PushState::Running
        | PushState::Ended(Ended::Degraded | Ended::Failed | Ended::Cancelled | Ended::Interrupted) => {
            let mut bad: Vec<&str> =
                page.results.iter().filter(|row| is_bad(row.result)).map(|row| row.host.as_str()).collect();
            bad.sort_unstable();
            bad.dedup();
            bad.retain(|host| !host.is_empty());
            let begun = page.commands.iter().rev().find(|row| row.started_at.is_some());
            let last = begun.map_or(0, |row| row.command);
            let on = match bad.len() {
                0 => String::new(),
                bad => format!(", on {bad} of {}", words::count(row.hosts_total, "host")),
            };
            let of = steps.iter().filter(|step| !step.unused).count();
            format!("Push {}, step {last} of {of}{on}. At the end, {}.", row.id, words::have(row))
        }
    };
    let skew = page.commands.iter().filter_map(|command| command.skew_ms).max();
    if let Some(ms) = skew.and_then(|ms| u64::try_from(ms).ok()) {
        sentence.push_str(&format!(" From the first flip to the last: {}.", exact_words(ms)));
    }
    if let Some(why) = &row.why {
        sentence.push(' ');
        sentence.push_str(&words::capital(why));
        if !why.ends_with(['.', '!', '?']) {
            sentence.push('.');
        }
    }
    if let Some(known) = hosts::known_after_cancel(page).filter(|_| row.state == Ended::Cancelled) {
        sentence.push(' ');
        sentence.push_str(&known);
    }
    sentence
}

fn whys(page: &PushPage, live: bool) -> (Vec<Why>, Option<String>) {
    // hosts of an interrupted push that nobody knows of are named beside the question what to do with them
    let told = |row: &&ResultRow| {
        is_bad(row.result) && (page.row.state != Ended::Interrupted || row.result != Some(HostResult::Unknown))
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
            None => words::result_mark(row.result, live).1.to_owned(),
        }),
        mark: Mark::new(words::result_mark(row.result, live)),
    };
    (
        bad.iter().take(WHYS_LISTED).map(line).collect(),
        (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
    )
}

fn tail_line(record: &Record) -> Option<TailLine> {
    let Event::Line { host, stream, line, text, .. } = &record.event else { return None };
    let text = without_colours(text).into_owned();
    Some(TailLine {
        n: *line,
        host: host.clone().unwrap_or_default(),
        kind: match stream {
            Stream::Out => "out",
            Stream::Err => "warn",
            Stream::Note if text.starts_with("$ ") || text.starts_with("> ") => "cmd",
            Stream::Note => "note",
        },
        text,
    })
}

impl Pages {
    /// One push: live while it runs, its result afterwards.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn push(&self, frame: &Frame, page: &PushPage) -> Result<String, PageError> {
        let template = if page.row.state.is_running() { "live.html" } else { "push.html" };
        self.draw(frame, template, &PushView::new(frame, page))
    }

    /// Whether a push is really to be cancelled, for readers without scripts.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn cancel(&self, frame: &Frame, push: &PushPage) -> Result<String, PageError> {
        self.draw(frame, "cancel.html", &PushView::new(frame, push))
    }
}
