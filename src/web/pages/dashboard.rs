//! All stacks: a row each, a cell per stage, arrows with what waits between two stages.

use super::parts::{HoldLine, Mark, Moment, PushLine, Running, StageTag, Version};
use super::{Frame, words};
use crate::desk::Street;
use crate::desk::view::{StageView, StepNow};
use serde::Serialize;

/// Columns that a row of the board has room for; with more, rows are not lined up.
const COLUMNS: usize = 4;

#[derive(Debug, Serialize)]
pub(super) struct Dashboard {
    running: Vec<Running>,
    /// The stages' names over the columns; empty when stacks have stages that do not line up.
    columns: Vec<StageTag>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    stack: String,
    title: String,
    words: String,
    news: Option<String>,
    problem: bool,
    /// How many cells: the class of the row's grid.
    width: usize,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Cell {
    /// The stack has no such stage.
    Empty { dotted: bool, arrow: Option<Arrow> },
    /// A stage.
    Stage(Box<StageCell>),
}

#[derive(Debug, Serialize)]
struct StageCell {
    stage: StageTag,
    mark: Mark,
    version: Option<Version>,
    who: Option<String>,
    ago: Option<Moment>,
    running: Option<Running>,
    hold: Option<HoldLine>,
    bad: Option<PushLine>,
    /// What waits between the stage before and this one; none for the first.
    arrow: Option<Arrow>,
}

#[derive(Debug, Serialize)]
struct Arrow {
    text: String,
    words: String,
    even: bool,
    dotted: bool,
}

impl Dashboard {
    pub(super) fn new(frame: &Frame, streets: &[Street]) -> Self {
        let columns = columns(streets);
        let running = frame.running.iter().map(|row| {
            let stage = streets.iter().filter(|street| street.stack == row.stack).find_map(|street| {
                street.stages.iter().find(|stage| stage.name == row.stage).map(|stage| (street, stage))
            });
            let tag = stage.map_or_else(|| StageTag::named(&row.stage), |(street, stage)| tag(street, stage));
            let step = stage.and_then(|(street, _)| step_of(street, row.id));
            Running::new(row, tag, stage.map_or(&[], |(_, stage)| &stage.usual_ms), step, frame.now)
        });
        Self {
            running: running.collect(),
            rows: streets.iter().map(|street| row(frame, street, &columns)).collect(),
            columns,
        }
    }
}

/// The step of the push, if it is the one that the street shows as running.
fn step_of(street: &Street, push: i64) -> Option<&StepNow> {
    street.lock.as_ref().filter(|lock| lock.id == push).and(street.step.as_ref())
}

fn tag(street: &Street, stage: &StageView) -> StageTag {
    StageTag::at(&stage.name, stage.place, street.stages.len())
}

/// The longest street's stages, when every other street is a part of it in the same order.
fn columns(streets: &[Street]) -> Vec<StageTag> {
    let Some(longest) = streets.iter().max_by_key(|street| street.stages.len()) else { return Vec::new() };
    let fits = |street: &Street| {
        let mut names = longest.stages.iter().map(|stage| &stage.name);
        street.stages.iter().all(|stage| names.any(|name| *name == stage.name))
    };
    match longest.stages.len() <= COLUMNS && streets.iter().all(fits) {
        true => longest.stages.iter().map(|stage| tag(longest, stage)).collect(),
        false => Vec::new(),
    }
}

fn row(frame: &Frame, street: &Street, columns: &[StageTag]) -> Row {
    let hosts: i64 = street.stages.last().map_or(0, |stage| stage.hosts.len() as i64);
    let new = street.stages.first().and_then(|stage| stage.next.as_ref()).filter(|next| !next.again);
    let mut cells = Vec::new();
    let mut left = street.stages.iter().peekable();
    for column in columns {
        match left.next_if(|stage| stage.name == column.name) {
            Some(stage) => cells.push(Cell::Stage(Box::new(cell(frame, street, stage, column.clone())))),
            None => {
                let dotted = !cells.is_empty() && left.peek().is_some() && left.len() < street.stages.len();
                let arrow = dotted.then(|| Arrow { text: String::new(), words: String::new(), even: true, dotted });
                cells.push(Cell::Empty { dotted, arrow });
            }
        }
    }
    for stage in left {
        cells.push(Cell::Stage(Box::new(cell(frame, street, stage, tag(street, stage)))));
    }
    Row {
        stack: street.stack.clone(),
        title: street.title.clone(),
        words: format!("{}, {}", street.title, words::count(hosts, "host")),
        news: new.map(|next| format!("{} new", words::thousands(next.commit_count as i64))),
        problem: street.problem.is_some(),
        width: cells.len().min(6),
        cells,
    }
}

fn cell(frame: &Frame, street: &Street, stage: &StageView, tag: StageTag) -> StageCell {
    let running = street.lock.as_ref().filter(|push| push.stage == stage.name);
    let hold = stage.hold.as_ref().or(street.hold.as_ref());
    let bad = stage.last.as_ref().filter(|push| !matches!(push.state.as_str(), "succeeded" | "running"));
    let mark = match (running, hold, &stage.last) {
        (Some(push), _, _) => Mark::of_row(push),
        (None, Some(_), _) => Mark::new(("hold", "Held")),
        (None, None, Some(last)) => Mark::of_push(&last.state),
        (None, None, None) => Mark::new(("wait", "Never pushed")),
    };
    StageCell {
        mark,
        version: stage.current.as_ref().map(|current| Version::new(&current.sha)),
        who: stage.current.as_ref().map(|current| current.who.clone()),
        ago: stage.current.as_ref().map(|current| Moment::age(&current.pushed_at, frame.now)),
        running: running.map(|push| Running::new(push, tag.clone(), &stage.usual_ms, street.step.as_ref(), frame.now)),
        hold: hold.map(|hold| HoldLine::new(hold, frame.now)),
        bad: bad.map(|push| PushLine::new(push, frame.now)),
        arrow: arrow(street, stage),
        stage: tag,
    }
}

fn arrow(street: &Street, stage: &StageView) -> Option<Arrow> {
    let before = street.stages.iter().find(|other| other.place + 1 == stage.place)?;
    let (here, there) = (words::stage_words(&stage.name), words::stage_words(&before.name));
    let same = match (&stage.current, &before.current) {
        (Some(current), Some(before)) => current.sha == before.sha,
        _ => false,
    };
    let waiting = stage.next.as_ref().filter(|next| !next.again).map(|next| next.commit_count as i64);
    if stage.current.is_none() && before.current.is_none() {
        return Some(Arrow { text: String::new(), words: String::new(), even: true, dotted: false });
    }
    Some(match (same, waiting) {
        (true, _) => Arrow { text: "=".to_owned(), words: "Same on both".to_owned(), even: true, dotted: false },
        (false, Some(commits)) => Arrow {
            text: format!("+{commits}"),
            words: format!("{} on {there} and not on {here}", words::count(commits, "commit")),
            even: false,
            dotted: false,
        },
        (false, None) => {
            Arrow { text: "≠".to_owned(), words: format!("{there} and {here} differ"), even: true, dotted: false }
        }
    })
}
