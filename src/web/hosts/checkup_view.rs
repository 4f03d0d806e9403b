//! A stack's hosts, looked over: what must be fixed before a push, what is worth knowing, who is well.

use crate::desk::checkup::{CheckupView, Finding, PlaceReport, Weight};
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::Moment;
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct CheckupPage {
    /// Why the caller may not have them looked at, if so.
    no_right: Option<String>,
    stack: String,
    /// Since when a look is on its way.
    since: Option<Moment>,
    /// What the last look found.
    last: Option<Last>,
}

#[derive(Debug, Serialize)]
struct Last {
    at: Moment,
    words: String,
    shape: &'static str,
    must: Vec<FindingLine>,
    notes: Vec<FindingLine>,
    /// The places with their state, and how many findings each has.
    places: Vec<Line>,
}

/// One thing that was found, wherever it was found alike.
#[derive(Debug, Serialize)]
struct FindingLine {
    /// Where; empty when the words say it themselves.
    places: String,
    what: String,
    cure: String,
}

/// Places of one finding that are named before "and N more".
const NAMED: usize = 4;

#[derive(Debug, Serialize)]
struct Line {
    place: String,
    is: String,
    shape: &'static str,
    words: String,
}

impl CheckupPage {
    pub(crate) fn new(frame: &Frame, view: &CheckupView) -> Self {
        let last = view.last.as_ref().map(|last| Last {
            at: Moment::ago(&last.at, frame.now),
            words: summary(last.must, last.notes),
            shape: shape(last.must, last.notes),
            must: finding_lines(&last.places, Weight::Must),
            notes: finding_lines(&last.places, Weight::Note),
            places: last.places.iter().map(line).collect(),
        });
        let since = view.since.as_deref().map(|at| Moment::ago(at, frame.now));
        Self { stack: view.stack.clone(), since, last, no_right: view.no_right.clone() }
    }
}

/// The findings of one weight; what is alike in many places is told once.
fn finding_lines(places: &[PlaceReport], weight: Weight) -> Vec<FindingLine> {
    let mut alike: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for looked in places {
        for one in looked.findings.iter().filter(|one| one.weight == weight) {
            match alike.iter_mut().find(|(other, _)| *other == one) {
                Some((_, places)) => places.push(&looked.place),
                None => alike.push((one, vec![&looked.place])),
            }
        }
    }
    let told = alike.into_iter().map(|(one, places)| {
        let says_it = places.iter().all(|place| one.what.contains(place));
        let end = if one.what.ends_with(['.', '!', '?']) { "" } else { "." };
        FindingLine {
            places: if says_it { String::new() } else { named(&places) },
            what: format!("{}{end}", one.what),
            cure: one.cure.clone(),
        }
    });
    told.collect()
}

/// `web001, web002 and 38 more`.
fn named(places: &[&str]) -> String {
    let most = if places.len() > NAMED + 1 { NAMED } else { places.len() };
    let mut names: Vec<String> = places[..most].iter().map(|place| (*place).to_owned()).collect();
    if places.len() > most {
        names.push(format!("{} more", words::thousands((places.len() - most) as i64)));
    }
    words::and(&names)
}

fn line(looked: &PlaceReport) -> Line {
    let count = |weight: Weight| looked.findings.iter().filter(|one| one.weight == weight).count();
    let (must, notes) = (count(Weight::Must), count(Weight::Note));
    Line { place: looked.place.clone(), is: looked.is.clone(), shape: shape(must, notes), words: summary(must, notes) }
}

fn shape(must: usize, notes: usize) -> &'static str {
    match (must, notes) {
        (0, 0) => "ok",
        (0, _) => "warn",
        _ => "fail",
    }
}

fn summary(must: usize, notes: usize) -> String {
    let must_words = |count| words::count(count as i64, "thing");
    match (must, notes) {
        (0, 0) => "ok".to_owned(),
        (0, notes) => format!("{} worth knowing", must_words(notes)),
        (must, 0) => format!("{} to fix", must_words(must)),
        (must, notes) => format!("{} to fix, {notes} worth knowing", must_words(must)),
    }
}

impl Pages {
    /// A stack's hosts, looked over.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn checkup(&self, frame: &Frame, view: &CheckupView) -> Result<String, PageError> {
        self.draw(frame, "hosts.html", &CheckupPage::new(frame, view))
    }
}
