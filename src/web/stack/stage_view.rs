//! A stage's card on its stack's page: what it runs, what would go out, and the button, which can be pressed or says why
//! not. Plain data for the template; must never hold HTML. Called by the stack's page.

use super::readiness::{readiness_words, ready_words};
use crate::desk::StackView;
use crate::desk::view::{Current, FileChanges, NextPush, NoRights, StageView, Ticket, TypicalDuration};
use crate::journal::{Ended, PushState};
use crate::web::approval::mark_forms::{MarkForm, MarkLine, mark_forms};
use crate::web::approval::view as approval_view;
use crate::web::auto::view::{self as auto_view, AutoPart, CommitMarks, NeedsPart};
use crate::web::view::frame::Frame;
use crate::web::view::parts::{CommitLine, Mark, Moment, Person, StageTag, Version, authors, commit_lines, link, root};
use crate::web::view::running::Running;
use crate::web::view::words;
use serde::Serialize;

/// Tickets that a card names.
const TICKETS_NAMED: usize = 8;
/// Files that the page names; the count is of all, the rest is behind the diff link.
const FILES_NAMED: usize = 60;

#[derive(Debug, Serialize)]
pub(super) struct StageCard {
    stage: StageTag,
    place: usize,
    last: bool,
    /// Whether the Princess lives here, and whether the dragon came by: her last push failed.
    castle: Option<&'static str>,
    /// It was pushed to, whatever came of it.
    tried: bool,
    mark: Mark,
    current: Option<Now>,
    partly: Option<Partly>,
    next: Option<Going>,
    running: Option<Running>,
    needs: Option<NeedsPart>,
    auto: Option<AutoPart>,
    button: Button,
    /// How many hosts are ready, beside what the button's foot says.
    ready: Option<String>,
    /// On how many hosts the rollback is ready, when there is one.
    readiness: Option<String>,
    hold: bool,
    /// What the caller has no right to do here.
    no_right: NoRights,
    hosts: String,
    marks: Vec<MarkLine>,
    /// The marks that can be set or taken back in the menu.
    mark_forms: Vec<MarkForm>,
    /// Where the rollback goes, when it is open.
    back: Option<Version>,
    /// The push that runs, and must be cancelled before anything is rolled back.
    cancel_first: Option<i64>,
}

/// What a stage runs.
#[derive(Debug, Serialize)]
struct Now {
    version: Version,
    subject: String,
    build: String,
    root: Version,
    files: String,
    same_as: Option<String>,
    since: Moment,
    ago: Moment,
    age: Moment,
    who: String,
    push: i64,
    hosts: String,
    /// When that was known.
    as_of: Option<Moment>,
}

/// What only some hosts have: the last push was degraded.
#[derive(Debug, Serialize)]
struct Partly {
    version: Version,
    hosts: String,
    push: i64,
}

/// What a press would put there.
#[derive(Debug, Serialize)]
struct Going {
    seen: String,
    plan_hash: String,
    old: Option<Version>,
    new: Version,
    again: bool,
    commits: Vec<MarkedCommit>,
    count: String,
    more: Option<String>,
    authors: Vec<Person>,
    by: String,
    /// The age of the oldest commit that the page lists.
    oldest: Option<Moment>,
    tickets: Vec<Ticket>,
    more_tickets: Option<String>,
    files: Option<Files>,
    diff: Option<String>,
    from: Option<String>,
}

/// A commit with what was told of it.
#[derive(Debug, Serialize)]
struct MarkedCommit {
    #[serde(flatten)]
    line: CommitLine,
    ci: Option<CommitMarks>,
}

/// Which files a press would change, as git has them.
#[derive(Debug, Serialize)]
struct Files {
    count: String,
    /// `3 new, 8 other, 1 gone`.
    kinds: String,
    named: Vec<FileLine>,
    more: Option<String>,
}

#[derive(Debug, Serialize)]
struct FileLine {
    sign: &'static str,
    words: &'static str,
    path: String,
}

/// The push button: it can be pressed, or says why not.
#[derive(Debug, Serialize)]
struct Button {
    open: bool,
    /// The stage runs this already; the menu offers to push it again.
    again: bool,
    words: String,
    small: String,
    /// When it opens by itself: a hold that ends.
    until: Option<Moment>,
    foot: String,
}

impl StageCard {
    pub(super) fn new(frame: &Frame, street: &StackView, stage: &StageView) -> Self {
        let before = street.stages.iter().find(|other| other.place + 1 == stage.place);
        let running = street.lock.as_ref().filter(|push| push.stage.as_str() == stage.name);
        // A catch-up that ended well is no news about a stage that is in pieces still.
        let last_state = match &stage.partly {
            Some(_) => Some(PushState::Ended(Ended::Degraded)),
            None => stage.last.as_ref().map(|push| push.state),
        };
        let held = stage.hold.is_some() || street.hold.is_some();
        let castle = match (stage.name.as_str(), last_state) {
            ("princess", None | Some(PushState::Running | PushState::Ended(Ended::Succeeded))) => Some("castle"),
            ("princess", Some(_)) => Some("dragon"),
            _ => None,
        };
        Self {
            stage: tag(street, stage),
            place: stage.place,
            last: stage.place == street.stages.len(),
            castle,
            tried: last_state.is_some(),
            mark: match (running, held, last_state) {
                (Some(push), _, _) => Mark::of_row(push),
                (None, true, _) => Mark::new(("hold", "Held")),
                (None, false, Some(state)) => Mark::of_push(state),
                (None, false, None) => Mark::new(("wait", "Never pushed")),
            },
            current: stage.current.as_ref().map(|current| now(frame, current, before)),
            partly: stage.partly.as_ref().map(|partly| Partly {
                version: Version::new(&partly.sha),
                hosts: format!("{} of {}", partly.hosts_ok, words::count(partly.hosts_total as i64, "host")),
                push: partly.push.get(),
            }),
            next: stage.next.as_ref().map(|next| commit_range(frame, street.unit, stage, next, before)),
            running: running
                .map(|push| Running::new(push, tag(street, stage), &stage.typical_ms, street.step.as_ref(), frame.now)),
            needs: stage.needs.as_ref().map(NeedsPart::new),
            auto: stage.auto.as_ref().map(|auto| AutoPart::new(frame, stage, auto)),
            button: button(frame, street, stage, before),
            ready: ready_words(stage),
            readiness: readiness_words(stage),
            hold: stage.hold.is_some(),
            no_right: stage.no_right.clone(),
            marks: stage.marks.iter().map(|mark| MarkLine::new(frame, mark)).collect(),
            mark_forms: mark_forms(street, stage),
            hosts: match stage.hosts.len() {
                // Its command has not said yet, or never well.
                0 => "hosts not known".to_owned(),
                count => words::count(count as i64, "host"),
            },
            back: match (&street.lock, &street.problem) {
                (None, None) => stage.back.as_ref().map(|back| Version::named(&back.sha, &back.name)),
                _ => None,
            },
            cancel_first: street
                .lock
                .as_ref()
                .filter(|_| street.problem.is_none() && stage.current.is_some())
                .map(|push| push.id.get()),
        }
    }
}

fn now(frame: &Frame, current: &Current, before: Option<&StageView>) -> Now {
    let same = before.filter(|before| before.current.as_ref().is_some_and(|other| other.root == current.root));
    let hosts = match current.hosts_ok == current.hosts_total {
        true => words::count(current.hosts_total, "host"),
        false => format!("{} of {}", current.hosts_ok, words::count(current.hosts_total, "host")),
    };
    Now {
        version: Version::new(&current.sha),
        subject: current.subject.clone(),
        build: current.build.clone(),
        root: root(&current.root),
        files: words::count(current.files, "file"),
        same_as: same.map(|before| words::stage_words(&before.name)),
        since: Moment::minute(&current.pushed_at),
        ago: Moment::ago(&current.pushed_at, frame.now),
        age: Moment::age(&current.pushed_at, frame.now),
        who: current.who.clone(),
        push: current.push.get(),
        hosts,
        as_of: current.as_of.as_deref().map(Moment::minute),
    }
}

fn commit_range(frame: &Frame, unit: &str, stage: &StageView, next: &NextPush, before: Option<&StageView>) -> Going {
    let by: Vec<String> =
        next.commits.iter().map(|commit| commit.author.clone()).fold(Vec::new(), |mut names, name| {
            if !names.contains(&name) {
                names.push(name);
            }
            names
        });
    let more = next.commit_count.saturating_sub(next.commits.len());
    Going {
        seen: next.seen.clone(),
        plan_hash: next.plan_hash.clone(),
        old: stage.current.as_ref().map(|current| Version::new(&current.sha)),
        new: Version::new(&next.sha),
        again: next.again,
        commits: commit_lines(&next.commits, frame.now)
            .into_iter()
            .zip(auto_view::commit_marks(next))
            .map(|(line, ci)| MarkedCommit { line, ci })
            .collect(),
        count: words::count(next.commit_count as i64, unit),
        more: (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
        authors: authors(&next.commits),
        by: words::and(&by),
        oldest: next.commits.last().filter(|_| next.commits.len() > 1).map(|commit| Moment::age(&commit.at, frame.now)),
        tickets: next.tickets.iter().take(TICKETS_NAMED).cloned().collect(),
        more_tickets: (next.tickets.len() > TICKETS_NAMED)
            .then(|| format!("and {} more", next.tickets.len() - TICKETS_NAMED)),
        files: next.files.as_ref().map(Files::new),
        diff: link(next.diff.as_deref()),
        from: before.map(|before| words::stage_words(&before.name)),
    }
}

impl Files {
    fn new(changes: &FileChanges) -> Self {
        let kinds = [("+", "new", &changes.added), ("±", "changed", &changes.changed), ("−", "gone", &changes.deleted)];
        let counted = kinds.iter().zip(changes.counts).filter(|(_, count)| *count > 0);
        let said: Vec<String> =
            counted.map(|((_, word, _), count)| format!("{} {word}", words::thousands(count as i64))).collect();
        let lines = kinds.iter().flat_map(|(sign, words, paths)| {
            paths.iter().map(move |path| FileLine { sign, words, path: path.clone() })
        });
        let all: usize = changes.counts.iter().sum();
        let named: Vec<FileLine> = lines.take(FILES_NAMED).collect();
        let more = all.saturating_sub(named.len());
        Self {
            count: words::count(all as i64, "file"),
            kinds: said.join(", "),
            named,
            more: (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
        }
    }
}

fn button(frame: &Frame, street: &StackView, stage: &StageView, before: Option<&StageView>) -> Button {
    let name = words::stage_words(&stage.name);
    let own = button_words(stage);
    let shut = |words: String, small: String, foot: String| Button {
        open: false,
        again: false,
        words,
        small,
        until: None,
        foot,
    };
    if street.problem.is_some() {
        return shut(
            "Pushing is disabled".to_owned(),
            format!("stacks/{}.toml has errors", street.stack),
            String::new(),
        );
    }
    if let Some(why) = &stage.no_right.push {
        return shut(own, why.clone(), String::new());
    }
    if let Some(push) = &street.lock {
        let other = words::stage_words(push.stage.as_str());
        let foot = match (&push.question, &push.paused) {
            (Some(_), _) => format!("The push of {} to {other} waits for an answer", push.who),
            (None, Some(paused)) => format!("The push of {} to {other} is paused by {}", push.who, paused.who),
            (None, None) => format!("{} is pushing to {other}", push.who),
        };
        return shut(own, format!("after the push to {other} has ended"), foot);
    }
    if let Some(hold) = stage.hold.as_ref().or(street.hold.as_ref()) {
        let what = if stage.hold.is_some() { name } else { street.stack.clone() };
        let words = format!("{what} is held");
        return match &hold.until {
            Some(until) => Button {
                until: Some(Moment::until(until, frame.now)),
                ..shut(words, format!("by {} until", hold.who), held_foot(stage))
            },
            None => {
                let small = format!("by {}, {}", hold.who, Moment::ago(&hold.at, frame.now).words());
                shut(words, small, held_foot(stage))
            }
        };
    }
    let is_again = stage.next.as_ref().is_some_and(|next| next.again);
    let needs = stage.needs.as_ref().filter(|_| !is_again);
    if let Some((words, small)) = needs.and_then(auto_view::button_words) {
        return shut(words, small, String::new());
    }
    let approval = stage.approval.as_ref();
    let unapproved = approval.filter(|_| !is_again).and_then(|approval| approval_view::button_words(frame, approval));
    if let Some((words, small)) = unapproved {
        return shut(words, small, "Its plan says what can be done".to_owned());
    }
    let offered = |_: &&NextPush| stage.why_not.is_none() || (is_again && approval.is_some());
    let Some(next) = stage.next.as_ref().filter(offered) else {
        let why = stage.why_not.clone().unwrap_or_else(|| "there is nothing to deploy".to_owned());
        let waits =
            before.is_some_and(|before| before.marks_wanted && !before.marks.iter().any(|mark| mark.stage.is_some()));
        let words = if waits && stage.next.is_some() { "Not accepted yet" } else { "Nothing to push" };
        return shut(words.to_owned(), why, String::new());
    };
    if next.again {
        let has = before.map_or_else(
            || format!("all of {}", street.branch),
            |b| format!("what {} has", words::stage_words(&b.name)),
        );
        let foot = match approval {
            None => format!("Push {} again from the menu above", words::short(&next.sha)),
            Some(_) => format!("To push {} again, ask for approval on its plan", words::short(&next.sha)),
        };
        return Button {
            open: false,
            again: approval.is_none() && stage.why_not.is_none(),
            words: "Nothing to push".to_owned(),
            small: format!("{name} has {has}"),
            until: None,
            foot,
        };
    }
    // Where the fleet is known, the count of its hosts stands beside this.
    let to = (stage.ready.is_none() && stage.hosts.len() > 1).then(|| words::count(stage.hosts.len() as i64, "host"));
    let foot = match (TypicalDuration::of(stage.typical_ms.clone()), to) {
        (Some(typical), Some(hosts)) => format!("{} to {hosts}", words::typical_duration(&typical)),
        (Some(typical), None) => words::typical_duration(&typical),
        (None, Some(hosts)) => format!("To {hosts}"),
        (None, None) => String::new(),
    };
    let approved = approval.and_then(approval_view::foot).filter(|approved| !approved.is_empty());
    let foot =
        [approved, Some(foot).filter(|foot| !foot.is_empty())].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    Button { open: true, again: false, words: own, small: String::new(), until: None, foot }
}

/// What can still be done about a stage that is held.
fn held_foot(stage: &StageView) -> String {
    match &stage.back {
        Some(_) => "Release the hold to push. Rollback still works.".to_owned(),
        None => "Release the hold to push.".to_owned(),
    }
}

/// What the button says; where the file leaves that to us, the stage is called what the page calls it.
fn button_words(stage: &StageView) -> String {
    match stage.button.strip_prefix("Push to ") {
        Some(name) if name == stage.name => format!("Push to {}", words::stage_words(name)),
        _ => stage.button.clone(),
    }
}

pub(super) fn tag(street: &StackView, stage: &StageView) -> StageTag {
    StageTag::at(&stage.name, stage.place, street.stages.len())
}
