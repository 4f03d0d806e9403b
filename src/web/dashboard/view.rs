//! All stacks: a row each, a cell per stage, arrows with what waits between two stages. Where there are many stages, or many
//! stacks, a row is a strip of small stages: a page of hundreds stays small, and fits the eye.

use crate::desk::view::{Board, BoardStack, BoardStage, StepNow, WaitingApproval};
use crate::journal::Ended;
use crate::stack::PushNumber;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{HoldLine, Mark, Moment, PushLine, StageTag, Version};
use crate::web::view::running::Running;
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

/// Columns that a row of the board has room for; a stack with more stages is a strip.
const COLUMNS: usize = 4;
/// With more stacks than a screen or two can show, all of them are strips.
const ROWS: usize = 40;

/// Where `dashboard.html` has its rows. Escaped text never holds a tag or a comment, so nothing else of the page can be this.
pub(crate) const ROWS_HERE: &str = "<!-- rows -->";

/// What stands around the rows.
#[derive(Debug, Serialize)]
pub(crate) struct Dashboard {
    pub running: Vec<Running>,
    /// The stages' names over the columns; empty when stacks have stages that do not line up.
    pub columns: Vec<StageTag>,
    /// What is wrong with hosts.
    pub hosts: Vec<String>,
    /// Whether there are stacks.
    any: bool,
}

/// What a row is drawn from. Two that are equal look alike.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Whether its stages do not stand under the names of columns.
    loose: bool,
    stack: String,
    title: String,
    words: String,
    news: Option<String>,
    problem: bool,
    /// How many cells: the class of the row's grid.
    width: usize,
    cells: Vec<Cell>,
    /// In the place of cells, where there are many.
    strip: Vec<Small>,
    /// What someone should know of a strip: who pushes, what is held or went wrong.
    line: Option<Line>,
}

/// A stage in a strip.
#[derive(Debug, Serialize)]
struct Small {
    shape: &'static str,
    /// What the shape means, where it is not that all is well.
    said: Option<&'static str>,
    stage: String,
    /// What it runs.
    short: Option<String>,
    /// How many commits wait for it.
    waits: Option<String>,
}

/// A line below a strip.
#[derive(Debug, Serialize)]
struct Line {
    shape: &'static str,
    words: String,
    /// The page that it is about.
    href: Option<String>,
}

/// A request for approval, in a few words.
#[derive(Debug, Serialize)]
struct Asks {
    shape: &'static str,
    words: String,
    /// The plan that it is about.
    href: String,
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
    /// Who asks that what waits for it be approved.
    asks: Option<Asks>,
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

/// What is drawn around the rows, and the rows to be drawn.
pub(crate) fn of(frame: &Frame, board: &Board) -> (Dashboard, Vec<Row>) {
    let stacks = &board.stacks;
    let crowded = stacks.len() > ROWS;
    let columns = if crowded { Vec::new() } else { columns(stacks) };
    let running = frame.running.iter().map(|row| {
        let stage = stacks.iter().filter(|stack| stack.stack == row.stack.as_str()).find_map(|stack| {
            stack.stages.iter().find(|stage| stage.name == row.stage.as_str()).map(|stage| (stack, stage))
        });
        let tag = stage.map_or_else(|| StageTag::named(row.stage.as_str()), |(stack, stage)| tag(stack, stage));
        let step = stage.and_then(|(stack, _)| step_of(stack, row.id));
        Running::new(row, tag, stage.map_or(&[], |(_, stage)| &stage.typical_ms), step, frame.now)
    });
    let running = running.collect();
    let rows = stacks.iter().map(|stack| match crowded || stack.stages.len() > COLUMNS {
        true => strip(frame, stack),
        false => row(frame, stack, &columns),
    });
    let rows = rows.collect();
    (Dashboard { running, columns, hosts: board.hosts.clone(), any: !stacks.is_empty() }, rows)
}

/// The step of the push, if it is the one that the row shows as running.
fn step_of(street: &BoardStack, push: PushNumber) -> Option<&StepNow> {
    street.lock.as_ref().filter(|lock| lock.id == push).and(street.step.as_ref())
}

fn tag(street: &BoardStack, stage: &BoardStage) -> StageTag {
    StageTag::at(&stage.name, stage.place, street.stages.len())
}

/// The longest street's stages, when every other street is a part of it in the same order.
fn columns(streets: &[BoardStack]) -> Vec<StageTag> {
    let Some(longest) = streets.iter().max_by_key(|street| street.stages.len()) else { return Vec::new() };
    let fits = |street: &BoardStack| {
        let mut names = longest.stages.iter().map(|stage| &stage.name);
        street.stages.iter().all(|stage| names.any(|name| *name == stage.name))
    };
    match longest.stages.len() <= COLUMNS && streets.iter().all(fits) {
        true => longest.stages.iter().map(|stage| tag(longest, stage)).collect(),
        false => Vec::new(),
    }
}

fn row(frame: &Frame, street: &BoardStack, columns: &[StageTag]) -> Row {
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
    Row { width: cells.len().min(6), cells, loose: columns.is_empty(), ..bare(street) }
}

/// What every row has.
fn bare(stack: &BoardStack) -> Row {
    let hosts = stack.stages.last().map_or(0, |stage| stage.hosts as i64);
    let new = stack.stages.first().and_then(|stage| stage.next.as_ref()).filter(|next| !next.again);
    Row {
        loose: false,
        stack: stack.stack.clone(),
        title: stack.title.clone(),
        words: match stack.title == stack.stack {
            true => words::count(hosts, "host"),
            false => format!("{}, {}", stack.title, words::count(hosts, "host")),
        },
        news: new.map(|next| match next.commits {
            Some(commits) => format!("{} new", words::thousands(commits as i64)),
            None => "New".to_owned(),
        }),
        problem: stack.problem,
        width: 0,
        cells: Vec::new(),
        strip: Vec::new(),
        line: None,
    }
}

/// A row of many stages.
fn strip(frame: &Frame, stack: &BoardStack) -> Row {
    let small = |stage: &BoardStage| {
        let mark = mark(stack, stage);
        let next = stage.next.as_ref().filter(|next| !next.again && (stage.place > 1 || stage.current.is_some()));
        Small {
            said: (mark.shape() != "ok").then_some(mark.word()),
            shape: mark.shape(),
            stage: words::stage_words(&stage.name),
            short: stage.current.as_ref().map(|current| Version::new(&current.sha).words().to_owned()),
            waits: next.and_then(|next| next.commits).map(|commits| format!("+{}", words::thousands(commits as i64))),
        }
    };
    Row { strip: stack.stages.iter().map(small).collect(), line: line(frame, stack), ..bare(stack) }
}

/// The one thing of a stack that someone should know first.
fn line(frame: &Frame, stack: &BoardStack) -> Option<Line> {
    if let Some(push) = &stack.lock {
        let stage = stack.stages.iter().find(|stage| stage.name == push.stage.as_str());
        let tag = stage.map_or_else(|| StageTag::named(push.stage.as_str()), |stage| tag(stack, stage));
        let typical: &[i64] = stage.map_or(&[], |stage| &stage.typical_ms);
        let running = Running::new(push, tag, typical, stack.step.as_ref(), frame.now);
        return Some(Line {
            shape: Mark::of_row(push).shape(),
            words: running.in_a_line(),
            href: Some(of_push(push.id)),
        });
    }
    let stages = || stack.stages.iter();
    if let Some(hold) = stack.hold.as_ref().or_else(|| stages().find_map(|stage| stage.hold.as_ref())) {
        let words = format!("{} is held by {}: {}", hold.scope, hold.who, hold.reason);
        return Some(Line { shape: "hold", words, href: hold.push.map(of_push) });
    }
    if let Some((stage, approval)) = stages().find_map(|stage| Some((stage, stage.approval.as_ref()?))) {
        let asks = Asks::new(stack, stage, approval);
        let words = format!("{}: {}", words::stage_words(&stage.name), asks.words);
        return Some(Line { shape: asks.shape, words, href: Some(asks.href) });
    }
    let bad = |stage: &&BoardStage| stage.last.as_ref().is_some_and(went_badly);
    let bad: Vec<&BoardStage> = stages().filter(bad).collect();
    let push = bad.iter().filter_map(|stage| stage.last.as_ref()).max_by_key(|push| push.id)?;
    let more = if bad.len() > 1 { format!(", and {} more", bad.len() - 1) } else { String::new() };
    let mark = Mark::of_push(push.state);
    let (word, stage) = (mark.word().to_lowercase(), words::stage_words(push.stage.as_str()));
    let words = format!("Push {} to {stage} {word}, {}{more}", push.id, push.who);
    Some(Line { shape: mark.shape(), words, href: Some(of_push(push.id)) })
}

fn of_push(push: PushNumber) -> String {
    format!("/pushes/{push}")
}

impl Asks {
    fn new(stack: &BoardStack, stage: &BoardStage, approval: &WaitingApproval) -> Self {
        let (shape, words) = match approval.approved {
            true => ("ok", format!("approved, asked by {}", approval.who)),
            false => ("hold", format!("{} asks for approval", approval.who)),
        };
        Self { shape, words, href: format!("/stacks/{}/stages/{}/plan", stack.stack, stage.name) }
    }
}

fn went_badly(push: &crate::ledger::pushes::PushRow) -> bool {
    push.state.ended().is_some_and(|ended| ended != Ended::Succeeded)
}

fn mark(stack: &BoardStack, stage: &BoardStage) -> Mark {
    let running = stack.lock.as_ref().filter(|push| push.stage.as_str() == stage.name);
    match (running, stage.hold.as_ref().or(stack.hold.as_ref()), &stage.last) {
        (Some(push), _, _) => Mark::of_row(push),
        (None, Some(_), _) => Mark::new(("hold", "Held")),
        (None, None, Some(last)) => Mark::of_push(last.state),
        (None, None, None) => Mark::new(("wait", "Never pushed")),
    }
}

fn cell(frame: &Frame, street: &BoardStack, stage: &BoardStage, tag: StageTag) -> StageCell {
    let running = street.lock.as_ref().filter(|push| push.stage.as_str() == stage.name);
    let hold = stage.hold.as_ref().or(street.hold.as_ref());
    let bad = stage.last.as_ref().filter(|push| went_badly(push));
    StageCell {
        mark: mark(street, stage),
        version: stage.current.as_ref().map(|current| Version::new(&current.sha)),
        who: stage.current.as_ref().map(|current| current.who.clone()),
        ago: stage.current.as_ref().map(|current| Moment::age(&current.pushed_at, frame.now)),
        running: running
            .map(|push| Running::new(push, tag.clone(), &stage.typical_ms, street.step.as_ref(), frame.now)),
        hold: hold.map(|hold| HoldLine::new(hold, frame.now)),
        asks: stage.approval.as_ref().map(|approval| Asks::new(street, stage, approval)),
        bad: bad.map(|push| PushLine::new(push, frame.now)),
        arrow: arrow(street, stage),
        stage: tag,
    }
}

fn arrow(street: &BoardStack, stage: &BoardStage) -> Option<Arrow> {
    let before = street.stages.iter().find(|other| other.place + 1 == stage.place)?;
    let (here, there) = (words::stage_words(&stage.name), words::stage_words(&before.name));
    let same = match (&stage.current, &before.current) {
        (Some(current), Some(before)) => current.sha == before.sha,
        _ => false,
    };
    let waiting =
        stage.next.as_ref().filter(|next| !next.again).and_then(|next| next.commits).map(|commits| commits as i64);
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

impl Pages {
    /// All stacks: what is where, who is pushing.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn dashboard(&self, frame: &Frame, board: &Board) -> Result<String, PageError> {
        let (page, rows) = of(frame, board);
        let rows = self.rows.drawn(rows, |row| self.part("row.html", "row", row))?.concat();
        Ok(self.draw(frame, "dashboard.html", &page)?.replacen(ROWS_HERE, &rows, 1))
    }
}
