//! A stack's hosts, looked over: what must be mended before a push, what is worth knowing, who is well.

use super::parts::Moment;
use super::{Frame, words};
use crate::desk::checkup::{CheckupView, Finding, Looked, Weight};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct CheckupPage {
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
    must: Vec<Told>,
    notes: Vec<Told>,
    /// The places with their state, and how many findings each has.
    places: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Told {
    place: String,
    what: String,
    cure: String,
}

#[derive(Debug, Serialize)]
struct Line {
    place: String,
    is: String,
    shape: &'static str,
    words: String,
}

impl CheckupPage {
    pub(super) fn new(frame: &Frame, view: &CheckupView) -> Self {
        let last = view.last.as_ref().map(|last| {
            let told = |weight: Weight| -> Vec<Told> {
                let of = |looked: &Looked| {
                    let place = looked.place.clone();
                    let told =
                        |one: &Finding| Told { place: place.clone(), what: one.what.clone(), cure: one.cure.clone() };
                    looked.findings.iter().filter(|one| one.weight == weight).map(told).collect::<Vec<_>>()
                };
                last.places.iter().flat_map(of).collect()
            };
            Last {
                at: Moment::ago(&last.at, frame.now),
                words: summary(last.must, last.notes),
                shape: shape(last.must, last.notes),
                must: told(Weight::Must),
                notes: told(Weight::Note),
                places: last.places.iter().map(line).collect(),
            }
        });
        Self { stack: view.stack.clone(), since: view.since.as_deref().map(|at| Moment::ago(at, frame.now)), last }
    }
}

fn line(looked: &Looked) -> Line {
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
        (0, 0) => "well".to_owned(),
        (0, notes) => format!("{} worth knowing", must_words(notes)),
        (must, 0) => format!("{} to mend", must_words(must)),
        (must, notes) => format!("{} to mend, {notes} worth knowing", must_words(must)),
    }
}
