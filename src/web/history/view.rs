//! The push log: every push, by day, with filters; older ones by cursor.

use crate::address::encoded;
use crate::journal::PushState;
use crate::ledger::pushes::PushRow;
use crate::time::At;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{Moment, PushLine};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The push log.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// The pushes, newest first.
    pub rows: Vec<PushRow>,
    /// What was asked for.
    pub filter: LogFilter,
    /// The older pushes are before this number, if there are any.
    pub older: Option<i64>,
    /// The newer pushes are after this number; none on the page of the newest.
    pub newer: Option<i64>,
    /// The names of all stacks.
    pub stacks: Vec<String>,
}

/// What the push log shows; nothing set shows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilter {
    /// One stack.
    pub stack: Option<String>,
    /// One stage.
    pub stage: Option<String>,
    /// One person.
    pub who: Option<String>,
    /// One end, or `running`.
    pub state: Option<String>,
    /// How words of a commit, a revision, a build or a reason begin.
    pub word: Option<String>,
    /// Pressed on this day or later, as it was written.
    pub since: Option<String>,
    /// Pressed on this day or before, as it was written.
    pub until: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LogView {
    filter: LogFilter,
    filtered: bool,
    stacks: Vec<String>,
    stages: Vec<String>,
    states: Vec<State>,
    days: Vec<Day>,
    newest: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    table: String,
    words: String,
}

#[derive(Debug, Serialize)]
struct State {
    value: &'static str,
    word: &'static str,
}

#[derive(Debug, Serialize)]
struct Day {
    relative: &'static str,
    day: Moment,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    push: PushLine,
    /// Per cent of the longest push shown.
    length: i64,
}

impl LogView {
    pub(crate) fn new(frame: &Frame, page: &LogPage) -> Self {
        let longest = page.rows.iter().filter_map(|row| row.duration_ms).max().unwrap_or(1).max(1);
        let mut days: Vec<Day> = Vec::new();
        for row in &page.rows {
            let day = Moment::day(&row.pressed_at);
            if days.last().is_none_or(|last| last.day.words() != day.words()) {
                days.push(Day { relative: relative(&row.pressed_at, frame.now), day, rows: Vec::new() });
            }
            if let Some(last) = days.last_mut() {
                let length = row.duration_ms.unwrap_or(0) * 100 / longest;
                last.rows.push(Row { push: PushLine::new(row, frame.now), length });
            }
        }
        let filter = page.filter.clone();
        let mut stages: BTreeSet<String> = page.rows.iter().map(|row| row.stage.to_string()).collect();
        stages.extend(filter.stage.clone());
        Self {
            filtered: filter != LogFilter::default(),
            stacks: page.stacks.clone(),
            stages: stages.into_iter().collect(),
            states: PushState::ALL.map(|state| State { value: state.word(), word: words::push_mark(state).1 }).into(),
            days,
            newest: page.newer.map(|_| address("/pushes", &filter, None)),
            newer: page.newer.map(|after| address("/pushes", &filter, Some(("after", after)))),
            older: page.older.map(|before| address("/pushes", &filter, Some(("before", before)))),
            table: address("/pushes.csv", &filter, None),
            words: words::count(page.rows.len() as i64, "push"),
            filter,
        }
    }
}

fn relative(at: &str, now: At) -> &'static str {
    let Ok(at) = at.parse::<At>() else { return "" };
    let day = |at: At| at.millis().div_euclid(86_400_000);
    match day(now) - day(at) {
        0 => "Today, ",
        1 => "Yesterday, ",
        _ => "",
    }
}

/// The page of the log with these filters, from a cursor on or from the newest push.
fn address(page: &str, filter: &LogFilter, cursor: Option<(&str, i64)>) -> String {
    let (name, cursor) = cursor.map_or(("", None), |(name, number)| (name, Some(number.to_string())));
    let parts = [
        (name, &cursor),
        ("stack", &filter.stack),
        ("stage", &filter.stage),
        ("who", &filter.who),
        ("state", &filter.state),
        ("word", &filter.word),
        ("since", &filter.since),
        ("until", &filter.until),
    ];
    let parts = parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?))));
    let query = parts.collect::<Vec<_>>().join("&");
    if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
}

impl Pages {
    /// The push log.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn log(&self, frame: &Frame, page: &LogPage) -> Result<String, PageError> {
        self.draw(frame, "log.html", &LogView::new(frame, page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_pushes_keep_the_filters_whatever_they_hold() {
        let filter =
            LogFilter { word: Some("a&b=c \"é".to_owned()), stack: Some("web".to_owned()), ..Default::default() };
        assert_eq!(
            address("/pushes", &filter, Some(("before", 7))),
            "/pushes?before=7&stack=web&word=a%26b%3Dc%20%22%C3%A9"
        );
        assert_eq!(address("/pushes.csv", &filter, None), "/pushes.csv?stack=web&word=a%26b%3Dc%20%22%C3%A9");
        assert_eq!(address("/pushes", &LogFilter::default(), None), "/pushes");
    }
}
