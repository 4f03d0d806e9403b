//! One stack: its stages with their buttons, the commits on their way, recent pushes, usual times.

use super::parts::{
    CommitLine, HoldLine, Mark, Moment, Person, PushLine, Running, StageTag, Version, authors, commit_lines, link, root,
};
use super::readiness::{DriftNote, NotReadyNote, ready_words};
use super::{Frame, words};
use crate::desk::Street;
use crate::desk::view::{Current, Next, StageView};
use crate::time::duration_words;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct StackPage {
    stack: String,
    title: String,
    branch: String,
    source: String,
    /// Whether another version than the newest can be chosen for the first stage.
    choose: bool,
    status: Status,
    problem: Option<String>,
    trunk_problem: Option<String>,
    fetched: Option<Moment>,
    holds: Vec<HoldLine>,
    held: bool,
    not_ready: Vec<NotReadyNote>,
    drift: Vec<DriftNote>,
    /// The class of the stages' grid.
    width: usize,
    stages: Vec<StageCard>,
    recent: Vec<PushLine>,
    times: Vec<Times>,
}

#[derive(Debug, Serialize)]
struct Status {
    shape: &'static str,
    words: String,
    ago: Option<Moment>,
    end: String,
}

#[derive(Debug, Serialize)]
struct StageCard {
    stage: StageTag,
    place: usize,
    last: bool,
    /// Whether the Princess lives here, and whether the dragon came by: her last push failed.
    castle: Option<&'static str>,
    mark: Mark,
    current: Option<Now>,
    partly: Option<Partly>,
    next: Option<Going>,
    running: Option<Running>,
    button: Button,
    /// How many hosts are ready, beside what the button's foot says.
    ready: Option<String>,
    hold: bool,
    hosts: String,
    /// Where the way back goes, when it is open.
    back: Option<Version>,
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
    commits: Vec<CommitLine>,
    count: String,
    more: Option<String>,
    authors: Vec<Person>,
    by: String,
    diff: Option<String>,
    from: Option<String>,
}

/// The push button: it can be pressed, or says why not.
#[derive(Debug, Serialize)]
struct Button {
    open: bool,
    /// The stage runs this already; the menu offers to push it again.
    again: bool,
    words: String,
    small: String,
    foot: String,
}

/// The last good pushes as dots on a line.
#[derive(Debug, Serialize)]
struct Times {
    stage: StageTag,
    dots: Vec<String>,
    median: String,
    words: String,
}

impl StackPage {
    pub(super) fn new(frame: &Frame, street: &Street) -> Self {
        let holds = street.hold.iter().chain(street.stages.iter().filter_map(|stage| stage.hold.as_ref()));
        Self {
            stack: street.stack.clone(),
            title: street.title.clone(),
            branch: street.branch.clone(),
            source: street.source.clone(),
            choose: street.choose && street.problem.is_none(),
            status: status(frame, street),
            problem: street.problem.clone(),
            trunk_problem: street.trunk_problem.clone(),
            fetched: street.trunk.as_ref().map(|trunk| Moment::ago(&trunk.fetched_at, frame.now)),
            holds: holds.map(|hold| HoldLine::new(hold, frame.now)).collect(),
            held: street.hold.is_some(),
            not_ready: street.stages.iter().filter_map(NotReadyNote::new).collect(),
            drift: street.stages.iter().filter_map(|stage| DriftNote::new(stage, tag(street, stage))).collect(),
            width: street.stages.len().min(6),
            stages: street.stages.iter().map(|stage| card(frame, street, stage)).collect(),
            recent: street.recent.iter().map(|row| PushLine::new(row, frame.now)).collect(),
            times: times(street),
        }
    }
}

fn tag(street: &Street, stage: &StageView) -> StageTag {
    StageTag::at(&stage.name, stage.place, street.stages.len())
}

fn status(frame: &Frame, street: &Street) -> Status {
    let plain = |shape, words: String| Status { shape, words, ago: None, end: String::new() };
    if let Some(push) = &street.lock {
        let stage = words::stage_words(&push.stage);
        return match &push.paused {
            Some(pause) => {
                let since = Moment::minute(&pause.at);
                let end = format!("Paused by {} since {} UTC: no new host starts.", pause.who, since.words());
                plain("pause", format!("{} is pushing to {stage}. {end}", push.who))
            }
            None => plain("run", format!("{} is pushing to {stage}. One push at a time per stack.", push.who)),
        };
    }
    if street.hold.is_some() {
        return plain("hold", format!("{} is held.", street.stack));
    }
    let names = |held: bool| -> Vec<String> {
        let some = street.stages.iter().filter(|stage| stage.hold.is_some() == held);
        some.map(|stage| words::stage_words(&stage.name)).collect()
    };
    let (held, open) = (names(true), names(false));
    if !held.is_empty() {
        let verb = |names: &[String]| if names.len() == 1 { "is" } else { "are" };
        let rest = match open.is_empty() {
            true => String::new(),
            false => format!(" {} {} open.", words::and(&open), verb(&open)),
        };
        return plain("hold", format!("{} {} held.{rest}", words::and(&held), verb(&held)));
    }
    match street.recent.first() {
        None => plain("wait", "Nobody has pushed it yet.".to_owned()),
        Some(last) => Status {
            shape: words::push_mark(&last.state).0,
            words: format!("Nobody is pushing. Last push: {}, ", words::stage_words(&last.stage)),
            ago: Some(Moment::ago(&last.pressed_at, frame.now)),
            end: format!(", by {}.", last.who),
        },
    }
}

fn card(frame: &Frame, street: &Street, stage: &StageView) -> StageCard {
    let before = street.stages.iter().find(|other| other.place + 1 == stage.place);
    let running = street.lock.as_ref().filter(|push| push.stage == stage.name);
    let last_state = stage.last.as_ref().map(|push| push.state.as_str());
    let held = stage.hold.is_some() || street.hold.is_some();
    let castle = match (stage.name.as_str(), last_state) {
        ("princess", None | Some("succeeded" | "running")) => Some("castle"),
        ("princess", Some(_)) => Some("dragon"),
        _ => None,
    };
    StageCard {
        stage: tag(street, stage),
        place: stage.place,
        last: stage.place == street.stages.len(),
        castle,
        mark: match (running, held, last_state) {
            (Some(_), _, _) => Mark::of_push("running"),
            (None, true, _) => Mark::new(("hold", "Held")),
            (None, false, Some(state)) => Mark::of_push(state),
            (None, false, None) => Mark::new(("wait", "Never pushed")),
        },
        current: stage.current.as_ref().map(|current| now(frame, current, before)),
        partly: stage.last.as_ref().filter(|push| push.state == "degraded").map(|push| Partly {
            version: Version::new(&push.sha),
            hosts: format!("{} of {}", push.hosts_ok, words::count(push.hosts_total, "host")),
            push: push.id,
        }),
        next: stage.next.as_ref().map(|next| going(frame, street.unit, stage, next, before)),
        running: running.map(|push| Running::new(push, tag(street, stage), &stage.usual_ms, frame.now)),
        button: button(frame, street, stage, before),
        ready: ready_words(stage),
        hold: stage.hold.is_some(),
        hosts: match stage.hosts.len() {
            // Its command has not said yet, or never well.
            0 => "hosts not known".to_owned(),
            count => words::count(count as i64, "host"),
        },
        back: match (&street.lock, &street.problem) {
            (None, None) => stage.back.as_ref().map(|back| Version::new(&back.sha)),
            _ => None,
        },
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
        push: current.push,
        hosts,
    }
}

fn going(frame: &Frame, unit: &str, stage: &StageView, next: &Next, before: Option<&StageView>) -> Going {
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
        commits: commit_lines(&next.commits, frame.now),
        count: words::count(next.commit_count as i64, unit),
        more: (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
        authors: authors(&next.commits),
        by: words::and(&by),
        diff: link(next.diff.as_deref()),
        from: before.map(|before| words::stage_words(&before.name)),
    }
}

fn button(frame: &Frame, street: &Street, stage: &StageView, before: Option<&StageView>) -> Button {
    let name = words::stage_words(&stage.name);
    let own = button_words(stage);
    let shut = |words: String, small: String, foot: String| Button { open: false, again: false, words, small, foot };
    if street.problem.is_some() {
        return shut("Pushing is closed".to_owned(), format!("stacks/{}.toml has errors", street.stack), String::new());
    }
    if let Some(push) = &street.lock {
        let other = words::stage_words(&push.stage);
        let foot = format!("{} is pushing to {other}", push.who);
        return shut(own, format!("when the push to {other} has ended"), foot);
    }
    if let Some(hold) = stage.hold.as_ref().or(street.hold.as_ref()) {
        let what = if stage.hold.is_some() { name } else { street.stack.clone() };
        let small = format!("by {}, {}", hold.who, Moment::ago(&hold.at, frame.now).words());
        return shut(format!("{what} is held"), small, "Release the hold to push.".to_owned());
    }
    let Some(next) = stage.next.as_ref().filter(|_| stage.why_not.is_none()) else {
        let why = stage.why_not.clone().unwrap_or_else(|| "there is nothing that could go out".to_owned());
        return shut("Nothing to push".to_owned(), why, String::new());
    };
    if next.again {
        let has = before.map_or_else(
            || format!("all of {}", street.branch),
            |b| format!("what {} has", words::stage_words(&b.name)),
        );
        let foot = format!("Push {} again from the menu above", words::short(&next.sha));
        return Button {
            open: false,
            again: true,
            words: "Nothing to push".to_owned(),
            small: format!("{name} has {has}"),
            foot,
        };
    }
    let hosts = words::count(stage.hosts.len() as i64, "host");
    let foot = match words::median(&stage.usual_ms) {
        Some(usual) if stage.hosts.len() > 1 => format!("About {} to {hosts}", duration_words(usual)),
        Some(usual) => format!("About {}", duration_words(usual)),
        None => format!("To {hosts}"),
    };
    Button { open: true, again: false, words: own, small: String::new(), foot }
}

/// What the button says; where the file leaves that to us, the stage is called what the page calls it.
fn button_words(stage: &StageView) -> String {
    match stage.button.strip_prefix("Push to ") {
        Some(name) if name == stage.name => format!("Push to {}", words::stage_words(name)),
        _ => stage.button.clone(),
    }
}

/// Dots on a line of 140 by 22: fastest on the left, the median as a bar.
fn times(street: &Street) -> Vec<Times> {
    let stages = street.stages.iter().filter_map(|stage| Some((stage, words::median(&stage.usual_ms)?)));
    let times = stages.map(|(stage, median)| {
        let longest = stage.usual_ms.iter().copied().max().unwrap_or(1).max(median * 2).max(1);
        let x = |ms: i64| format!("{:.1}", 6.0 + 128.0 * ms as f64 / longest as f64);
        Times {
            stage: tag(street, stage),
            dots: stage.usual_ms.iter().map(|ms| x(*ms)).collect(),
            median: x(median),
            words: duration_words(median),
        }
    });
    times.collect()
}
