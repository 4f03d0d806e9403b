//! A graph over time as geometry in the units of the drawing's own box; the template draws it. Pure; it must never hold a word that the numbers do
//! not say. Called by the views of graphs.

use crate::graph::{Series, number_words};
use crate::time::At;
use serde::Serialize;

/// The box, and what is free in it for words: left, above, below, right.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 20.0;
const RIGHT: f64 = 6.0;
/// So many lines have a look of their own.
const LOOKS: usize = 5;
/// More letters do not fit beside a line.
const LONGEST_NAME: usize = 60;

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// The lines.
    pub series: Vec<Series>,
    /// From when, in milliseconds since 1970.
    pub from: i64,
    /// To when.
    pub to: i64,
    /// Limits, each with its words.
    pub limits: Vec<(f64, String)>,
    /// Values that it is compared with, each with its words.
    pub levels: Vec<(f64, String)>,
    /// Moments that are marked, each with its words.
    pub marks: Vec<(i64, String)>,
}

/// The geometry of a graph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    rules: Vec<Rule>,
    lines: Vec<Line>,
    limits: Vec<Rule>,
    levels: Vec<Rule>,
    marks: Vec<Mark>,
    ticks: Vec<Tick>,
    empty: bool,
}

/// A line across, with its words.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Rule {
    y: String,
    text_y: String,
    text: String,
}

/// A line of values.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Line {
    points: String,
    /// Where it ends.
    x: String,
    y: String,
    look: usize,
    name: String,
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Mark {
    x: String,
    text_x: String,
    anchor: &'static str,
    text: String,
}

/// A word below.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Tick {
    x: String,
    anchor: &'static str,
    text: String,
}

/// Where a value and a moment are in the box.
struct Frame {
    from: i64,
    to: i64,
    low: f64,
    high: f64,
}

impl Frame {
    fn of(plot: &Plot) -> Self {
        let values = plot.series.iter().flat_map(|series| series.points.iter().map(|(_, value)| *value));
        let values = values.chain(plot.limits.iter().chain(&plot.levels).map(|(value, _)| *value));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        // A line that hardly moves must not look as if it did: nought is in the picture, unless it is far away.
        let low = if low > 0.0 && low < high * 0.8 { 0.0 } else { low };
        let room = if high > low { (high - low) * 0.08 } else { high.abs().max(1.0) * 0.1 };
        let below = if low == 0.0 { 0.0 } else { room };
        Self { from: plot.from, to: plot.to.max(plot.from + 1), low: low - below, high: high + room }
    }

    #[expect(clippy::cast_precision_loss, reason = "the box is some hundred points wide")]
    fn x(&self, at: i64) -> f64 {
        let share = (at.clamp(self.from, self.to) - self.from) as f64 / (self.to - self.from) as f64;
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn has(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

impl Chart {
    /// The geometry of what is to be drawn.
    pub fn of(plot: &Plot) -> Self {
        let frame = Frame::of(plot);
        let middle = f64::midpoint(frame.low, frame.high);
        let rule = |value: f64, words: String, above: f64| {
            let y = frame.y(value);
            Rule { y: short(y), text_y: short(y - above), text: words }
        };
        Self {
            rules: [frame.low, middle, frame.high].map(|value| rule(value, number_words(value), -4.0)).into(),
            lines: plot.series.iter().enumerate().filter_map(|(place, series)| line(&frame, place, series)).collect(),
            levels: plot.levels.iter().map(|(value, words)| rule(*value, words.clone(), -11.0)).collect(),
            limits: plot.limits.iter().map(|(value, words)| rule(*value, words.clone(), 4.0)).collect(),
            marks: plot
                .marks
                .iter()
                .filter(|(at, _)| frame.has(*at))
                .map(|(at, words)| mark(&frame, *at, words))
                .collect(),
            ticks: vec![tick(&frame, frame.from, "start"), tick(&frame, frame.to, "end")],
            empty: plot.series.iter().all(|series| series.points.is_empty()),
        }
    }
}

fn line(frame: &Frame, place: usize, series: &Series) -> Option<Line> {
    let within = series.points.iter().filter(|(at, _)| frame.has(*at));
    let places: Vec<(f64, f64)> = within.map(|(at, value)| (frame.x(*at), frame.y(*value))).collect();
    let (x, y) = *places.last()?;
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{},{}", short(*x), short(*y))).collect();
    let name = series.name.chars().take(LONGEST_NAME).collect();
    Some(Line { points: points.join(" "), x: short(x), y: short(y), look: place % LOOKS, name })
}

fn mark(frame: &Frame, at: i64, words: &str) -> Mark {
    let x = frame.x(at);
    let (text_x, anchor) = if x > WIDTH * 0.7 { (x - 4.0, "end") } else { (x + 4.0, "start") };
    Mark { x: short(x), text_x: short(text_x), anchor, text: words.to_owned() }
}

fn tick(frame: &Frame, at: i64, anchor: &'static str) -> Tick {
    let clock = At::from_millis(at).to_string();
    let text = clock.get(11..16).map(|time| format!("{time} UTC")).unwrap_or_default();
    Tick { x: short(frame.x(at)), anchor, text }
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_drawn_stays_in_its_box(
            values in prop::collection::vec(any::<f64>().prop_filter("finite", |v| v.abs() < 1e100), 0..20),
            limit in any::<f64>().prop_filter("finite", |v| v.abs() < 1e100),
            mark in -5000_i64..15_000,
        ) {
            let points = (0_i64..).map(|place| place * 700).zip(values.iter().copied()).collect();
            let plot = Plot {
                series: vec![Series { name: "x".to_owned(), points }],
                from: 0,
                to: 10_000,
                limits: vec![(limit, "at most".to_owned())],
                levels: vec![(limit, "before".to_owned())],
                marks: vec![(mark, "push 1".to_owned())],
            };
            let chart = Chart::of(&plot);
            let points = chart.lines.iter().flat_map(|line| line.points.split([' ', ','])).map(|n| n.parse::<f64>().unwrap());
            let places: Vec<f64> = points.collect();
            prop_assert!(places.chunks(2).all(|at| (LEFT..=WIDTH).contains(&at[0]) && (TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&at[1])));
            prop_assert_eq!(chart.marks.len(), usize::from((0..=10_000).contains(&mark)));
            prop_assert_eq!(chart.empty, values.is_empty());
        }
    }
}
