//! One stack: its stages with their buttons, commits not yet in production, recent pushes, typical times.

use super::readiness::{DriftNote, KeptNote, NotReadyNote};
use super::stage_view::{StageCard, tag};
use crate::desk::view::{NoRights, TypicalDuration};
use crate::desk::{SeenNewer, StackView};
use crate::time::duration_words;
use crate::web::approval::view::WaitingNote;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{HoldLine, Moment, PushLine, StageTag};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct StackPage {
    stack: String,
    title: String,
    branch: String,
    source: String,
    /// Whether another version than the newest can be chosen for the first stage.
    choose: bool,
    /// Whether it names graphs.
    graphs: bool,
    status: Status,
    problem: Option<String>,
    trunk_problem: Option<String>,
    fetched: Option<Moment>,
    holds: Vec<HoldLine>,
    held: bool,
    /// What the caller has no right to do to the stack as a whole.
    no_right: NoRights,
    newer: Option<SeenNewer>,
    not_ready: Vec<NotReadyNote>,
    drift: Vec<DriftNote>,
    kept: Vec<KeptNote>,
    waiting: Vec<WaitingNote>,
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

/// The last good pushes as dots on a line.
#[derive(Debug, Serialize)]
struct Times {
    stage: StageTag,
    dots: Vec<String>,
    median: String,
    words: String,
    /// From the quickest to the slowest, in words.
    spread: String,
}

impl StackPage {
    pub(crate) fn new(frame: &Frame, street: &StackView) -> Self {
        let whole = street.hold.iter().map(|hold| (hold, &street.no_right));
        let staged = street.stages.iter().filter_map(|stage| Some((stage.hold.as_ref()?, &stage.no_right)));
        Self {
            stack: street.stack.clone(),
            title: street.title.clone(),
            branch: street.branch.clone(),
            source: street.source.clone(),
            graphs: street.graphs,
            choose: street.choose && street.problem.is_none(),
            status: status(frame, street),
            problem: street.problem.clone(),
            trunk_problem: street.trunk_problem.clone(),
            fetched: street.trunk.as_ref().map(|trunk| Moment::ago(&trunk.fetched_at, frame.now)),
            holds: whole.chain(staged).map(|(hold, no)| HoldLine::new(hold, frame.now).closed_by(no)).collect(),
            held: street.hold.is_some(),
            no_right: street.no_right.clone(),
            newer: street.newer.clone(),
            not_ready: street.stages.iter().filter_map(NotReadyNote::new).collect(),
            drift: street.stages.iter().filter_map(|stage| DriftNote::new(stage, tag(street, stage))).collect(),
            kept: street.stages.iter().filter_map(|stage| KeptNote::new(stage, tag(street, stage))).collect(),
            waiting: waiting(frame, street),
            width: street.stages.len().min(6),
            stages: street.stages.iter().map(|stage| StageCard::new(frame, street, stage)).collect(),
            recent: street.recent.iter().map(|row| PushLine::new(row, frame.now)).collect(),
            times: times(street),
        }
    }
}

/// What waits for someone's approval.
fn waiting(frame: &Frame, street: &StackView) -> Vec<WaitingNote> {
    let stages = street.stages.iter();
    stages.flat_map(|stage| WaitingNote::of(frame, &street.stack, stage, &tag(street, stage))).collect()
}

fn status(frame: &Frame, street: &StackView) -> Status {
    let plain = |shape, words: String| Status { shape, words, ago: None, end: String::new() };
    if let Some(push) = &street.lock {
        let stage = words::stage_words(push.stage.as_str());
        if let Some(question) = &push.question {
            let since = Moment::minute(&question.asked_at);
            return plain(
                "hold",
                format!(
                    "The push of {} to {stage} waits for an answer since {} UTC: “{}”",
                    push.who,
                    since.words(),
                    question.question
                ),
            );
        }
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
        None => plain("wait", "It has never been pushed.".to_owned()),
        Some(last) => Status {
            shape: words::push_mark(last.state).0,
            words: format!("Nobody is pushing. Last push: {}, ", words::stage_words(last.stage.as_str())),
            ago: Some(Moment::ago(&last.pressed_at, frame.now)),
            end: format!(", by {}.", last.who),
        },
    }
}

/// Dots on a line of 140 by 22: fastest on the left, the median as a bar.
fn times(street: &StackView) -> Vec<Times> {
    let stages = street.stages.iter().filter_map(|stage| Some((stage, words::median(&stage.typical_ms)?)));
    let times = stages.map(|(stage, median)| {
        let longest = stage.typical_ms.iter().copied().max().unwrap_or(1).max(median * 2).max(1);
        let x = |ms: i64| format!("{:.1}", 6.0 + 128.0 * ms as f64 / longest as f64);
        Times {
            stage: tag(street, stage),
            dots: stage.typical_ms.iter().map(|ms| x(*ms)).collect(),
            median: x(median),
            words: duration_words(median),
            spread: TypicalDuration::of(stage.typical_ms.clone())
                .map(|typical| words::typical_duration(&typical))
                .unwrap_or_default(),
        }
    });
    times.collect()
}

impl Pages {
    /// One stack: its buttons, and what would go out.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn stack(&self, frame: &Frame, street: &StackView) -> Result<String, PageError> {
        self.draw(frame, "stack.html", &StackPage::new(frame, street))
    }
}
