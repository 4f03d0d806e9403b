//! Statuses of commits and why a stage waits, on the pages of a stack: a shape, a word and a link for each. Plain data for the templates; it must
//! never decide.

use crate::desk::view::{AutoView, NeedsView, NextPush, StageView, StatusView};
use crate::ledger::statuses::CommitState;
use crate::web::view::frame::Frame;
use crate::web::view::parts::{Moment, link};
use serde::Serialize;

/// Statuses that stand beside a commit; the rest is in the title.
const SHOWN: usize = 6;

/// One status as a shape with words.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct StatusMark {
    shape: &'static str,
    /// `ci/test: success, 512 tests`.
    words: String,
    context: String,
    url: Option<String>,
}

/// The statuses of a commit, beside it.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct CommitMarks {
    marks: Vec<StatusMark>,
    /// `2/3`.
    count: String,
    /// All of them, in words.
    title: String,
}

/// What a stage needs, under its button.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct NeedsPart {
    words: String,
    marks: Vec<StatusMark>,
}

/// That a stage is pushed automatically, and why it waits.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct AutoPart {
    on: bool,
    words: String,
    until: Option<Moment>,
    /// Why the reader cannot turn it on or off, if so.
    closed: Option<String>,
}

fn shape(state: Option<CommitState>) -> (&'static str, &'static str) {
    match state {
        Some(CommitState::Success) => ("ok", "success"),
        Some(CommitState::Failure) => ("fail", "failure"),
        Some(CommitState::Error) => ("warn", "error"),
        Some(CommitState::Pending) => ("run", "pending"),
        None => ("wait", "not told yet"),
    }
}

fn mark(context: &str, status: Option<&StatusView>) -> StatusMark {
    let (shape, word) = shape(status.map(|status| status.state));
    let said = status.and_then(|status| status.description.as_deref()).map(|said| format!(", {said}"));
    StatusMark {
        shape,
        words: format!("{context}: {word}{}", said.unwrap_or_default()),
        context: context.to_owned(),
        url: link(status.and_then(|status| status.url.as_deref())),
    }
}

impl CommitMarks {
    fn new(statuses: &[StatusView]) -> Self {
        let green = statuses.iter().filter(|status| status.state == CommitState::Success).count();
        let marks: Vec<StatusMark> = statuses.iter().map(|status| mark(&status.context, Some(status))).collect();
        Self {
            title: marks.iter().map(|mark| mark.words.as_str()).collect::<Vec<_>>().join("; "),
            count: format!("{green}/{}", statuses.len()),
            marks: marks.into_iter().take(SHOWN).collect(),
        }
    }
}

/// The marks of the commits that would go out, in their order; none where nothing was told.
pub(in crate::web) fn commit_marks(next: &NextPush) -> Vec<Option<CommitMarks>> {
    let of = |sha: &String| next.statuses.get(sha).map(|statuses| CommitMarks::new(statuses));
    next.commits.iter().map(|commit| of(&commit.sha)).collect()
}

impl NeedsPart {
    pub(in crate::web) fn new(needs: &NeedsView) -> Self {
        Self {
            words: needs.why.clone().unwrap_or_else(|| format!("{} of {} green", needs.green, needs.total)),
            marks: needs.statuses.iter().map(|need| mark(&need.context, need.status.as_ref())).collect(),
        }
    }
}

/// What the button of a stage says while a status is missing: its words, and why.
pub(in crate::web) fn button_words(needs: &NeedsView) -> Option<(String, String)> {
    needs.why.as_ref()?;
    let bad = |state| matches!(state, CommitState::Failure | CommitState::Error);
    let failed = needs.statuses.iter().find(|need| need.status.as_ref().is_some_and(|status| bad(status.state)));
    let green = format!("{} of {} green", needs.green, needs.total);
    Some(match failed {
        Some(need) => (format!("{} is not green", need.context), green),
        None => ("Waits for its commit".to_owned(), green),
    })
}

impl AutoPart {
    pub(in crate::web) fn new(frame: &Frame, stage: &StageView, auto: &AutoView) -> Self {
        Self {
            on: auto.on,
            words: auto.why.clone().unwrap_or_else(|| "is about to be pushed".to_owned()),
            until: auto.until.as_deref().map(|until| Moment::until(until, frame.now)),
            closed: stage.no_right.push.clone(),
        }
    }
}
