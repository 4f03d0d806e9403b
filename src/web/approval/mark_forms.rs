//! Marks on a stage's card: what people say of the build that it runs, and the forms to mark it or take a mark back. Plain data for the template;
//! it must never decide who may.

use crate::desk::StackView;
use crate::desk::view::{MarkView, StageView};
use crate::web::view::frame::Frame;
use crate::web::view::parts::Moment;
use crate::web::view::words;
use serde::Serialize;

/// What someone says of the build that a stage runs.
#[derive(Debug, Serialize)]
pub(in crate::web) struct MarkLine {
    bad: bool,
    who: String,
    ago: Moment,
    reason: Option<String>,
}

impl MarkLine {
    pub(in crate::web) fn new(frame: &Frame, mark: &MarkView) -> Self {
        Self {
            bad: mark.stage.is_none(),
            who: mark.who.clone(),
            ago: Moment::ago(&mark.at, frame.now),
            reason: mark.reason.clone(),
        }
    }
}

/// A form that marks a build, or takes a mark back.
#[derive(Debug, Serialize)]
pub(in crate::web) struct MarkForm {
    id: String,
    action: String,
    title: String,
    words: &'static str,
    shape: &'static str,
    /// Whether it needs a reason.
    needed: bool,
    /// Why the reader may not.
    closed: Option<String>,
}

/// The forms for what a stage runs, as its marks are now.
pub(in crate::web) fn mark_forms(street: &StackView, stage: &StageView) -> Vec<MarkForm> {
    let stack = &street.stack;
    let (no_good, no_bad) = (stage.no_right.approve.clone(), street.no_right.hold.clone());
    let Some(build) = stage.current.as_ref().map(|current| &current.build) else { return Vec::new() };
    let (name, words) = (&stage.name, words::stage_words(&stage.name));
    let is = |bad: bool| stage.marks.iter().any(|mark| mark.stage.is_none() == bad);
    let on_stage = |last: &str| format!("/stacks/{stack}/stages/{name}/builds/{build}/{last}");
    let of_stack = |last: &str| format!("/stacks/{stack}/builds/{build}/{last}");
    let good = MarkForm {
        id: format!("mark-good-{name}"),
        action: on_stage("good"),
        title: format!("Mark {build} as good on {words}"),
        words: "It may go on to the next stage then.",
        shape: "ok",
        needed: false,
        closed: no_good.clone(),
    };
    let not_good = MarkForm {
        id: format!("mark-not-good-{name}"),
        action: on_stage("not-good"),
        title: format!("Take back that {build} is good"),
        words: "It does not go on to the next stage then.",
        shape: "cancel",
        needed: true,
        closed: no_good,
    };
    let bad = MarkForm {
        id: format!("mark-bad-{name}"),
        action: of_stack("bad"),
        title: format!("Mark {build} as bad"),
        words: "Nobody can push it, or roll back to it, until someone takes that back. What runs stays as it is.",
        shape: "fail",
        needed: true,
        closed: no_bad.clone(),
    };
    let not_bad = MarkForm {
        id: format!("mark-not-bad-{name}"),
        action: of_stack("not-bad"),
        title: format!("Take back that {build} is bad"),
        words: "It can be pushed again then.",
        shape: "ok",
        needed: true,
        closed: no_bad,
    };
    let forms = [
        (stage.marks_wanted && !is(false) && !is(true)).then_some(good),
        is(false).then_some(not_good),
        Some(if is(true) { not_bad } else { bad }),
    ];
    forms.into_iter().flatten().collect()
}
