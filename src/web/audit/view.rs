//! The audit as its page shows it: by day, who did what to what, from where, and why; filters, older and newer ones by cursor.

use crate::address::encoded;
use crate::ledger::audit::rows::AuditRow;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{Moment, Person};
use crate::web::view::templates::PageError;
use serde::{Deserialize, Serialize};

/// A page of the audit.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The rows, newest first.
    pub rows: Vec<AuditRow>,
    /// What was asked for.
    pub filter: AuditFilter,
    /// What there is that was done.
    pub actions: Vec<String>,
    /// The older rows are before this number, if there are any.
    pub older: Option<i64>,
    /// The newer rows are after this number; none on the page of the newest.
    pub newer: Option<i64>,
}

/// What the page shows; nothing set shows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFilter {
    /// One person or program.
    pub who: Option<String>,
    /// One kind of deed.
    pub action: Option<String>,
    /// A text in what was done, to what, or from where.
    pub text: Option<String>,
    /// On this day or later, as it was written.
    pub since: Option<String>,
    /// On this day or before, as it was written.
    pub until: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AuditView {
    filter: AuditFilter,
    filtered: bool,
    actions: Vec<String>,
    days: Vec<Day>,
    newest: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    export: String,
}

#[derive(Debug, Serialize)]
struct Day {
    day: Moment,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    number: i64,
    at: Moment,
    who: Person,
    action: String,
    object: Option<String>,
    from: Option<String>,
    detail: String,
    hash: String,
}

impl AuditView {
    fn new(page: &AuditPage) -> Self {
        let mut days: Vec<(String, Day)> = Vec::new();
        for row in &page.rows {
            let date: String = row.at.chars().take(10).collect();
            if days.last().is_none_or(|(last, _)| *last != date) {
                days.push((date, Day { day: Moment::day(&row.at), rows: Vec::new() }));
            }
            if let Some((_, day)) = days.last_mut() {
                day.rows.push(Row::of(row));
            }
        }
        let times = AuditFilter {
            since: page.filter.since.clone(),
            until: page.filter.until.clone(),
            ..AuditFilter::default()
        };
        Self {
            filter: page.filter.clone(),
            filtered: page.filter != AuditFilter::default(),
            actions: page.actions.clone(),
            days: days.into_iter().map(|(_, day)| day).collect(),
            newest: page.newer.map(|_| address("/audit", &page.filter, None)),
            newer: page.newer.map(|after| address("/audit", &page.filter, Some(("after", after)))),
            older: page.older.map(|before| address("/audit", &page.filter, Some(("before", before)))),
            export: address("/audit.jsonl", &times, None),
        }
    }
}

impl Row {
    fn of(row: &AuditRow) -> Self {
        Self {
            number: row.number,
            at: Moment::clock(&row.at),
            who: Person::new(&row.who),
            action: row.action.clone(),
            object: row.object.clone().filter(|object| !object.is_empty()),
            from: row.from.clone(),
            detail: row.detail.clone(),
            hash: row.hash.chars().take(12).collect(),
        }
    }
}

/// An address with what was asked for.
fn address(path: &str, filter: &AuditFilter, cursor: Option<(&str, i64)>) -> String {
    let (name, cursor) = cursor.map_or(("", None), |(name, number)| (name, Some(number.to_string())));
    let parts = [
        ("who", &filter.who),
        ("action", &filter.action),
        ("text", &filter.text),
        ("since", &filter.since),
        ("until", &filter.until),
        (name, &cursor),
    ];
    let parts = parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))));
    let query = parts.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

impl Pages {
    /// The audit.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn audit(&self, frame: &Frame, page: &AuditPage) -> Result<String, PageError> {
        self.draw(frame, "audit.html", &AuditView::new(page))
    }
}
