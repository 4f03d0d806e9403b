//! What a push has measured, as pages show it: a graph for each of its watches, and what its numbers say. Pure.

use super::Drawing;
use super::chart::{Chart, Plot};
use crate::graph::judge::Bounds;
use crate::graph::{Series, number_words};
use crate::ledger::pushes::Measurement;
use crate::time::At;
use std::collections::BTreeMap;

/// A graph for each command that has measured anything, in the order of the commands; `title` gives a command's.
pub fn drawings(measurements: &[Measurement], title: impl Fn(i64) -> String) -> Vec<Drawing> {
    let mut of_commands: BTreeMap<i64, Vec<&Measurement>> = BTreeMap::new();
    for measurement in measurements {
        of_commands.entry(measurement.command).or_default().push(measurement);
    }
    of_commands.into_iter().map(|(command, measured)| drawing(title(command), &measured)).collect()
}

fn drawing(title: String, measured: &[&Measurement]) -> Drawing {
    let at = |measurement: &Measurement| measurement.at.parse::<At>().map_or(0, At::millis);
    let read = || measured.iter().filter(|measurement| !measurement.before);
    let points: Vec<(i64, f64)> =
        read().filter_map(|measurement| Some((at(measurement), measurement.value?))).collect();
    let bounds = measured.last().map(|last| Bounds { max: last.max, min: last.min }).unwrap_or_default();
    let before = measured.iter().rev().find(|measurement| measurement.before);
    let mut limits: Vec<(f64, String)> = Vec::new();
    limits.extend(bounds.max.map(|max| (max, format!("at most {}", number_words(max)))));
    limits.extend(bounds.min.map(|min| (min, format!("at least {}", number_words(min)))));
    let level = before.and_then(|before| before.value).map(|mean| (mean, format!("before: {}", number_words(mean))));
    let ends = || measured.iter().map(|measurement| at(measurement));
    let plot = Plot {
        from: ends().min().unwrap_or(0),
        to: ends().max().unwrap_or(0),
        series: vec![Series { name: String::new(), points }],
        limits,
        levels: level.into_iter().collect(),
        marks: Vec::new(),
    };
    let last = read().next_back().map(|last| last.value.map_or_else(|| "no data".to_owned(), number_words));
    let words: Vec<String> = last.into_iter().chain(Some(bounds.words()).filter(|words| !words.is_empty())).collect();
    Drawing::of_chart(title, words.join(", "), Chart::of(&plot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_watch_has_a_graph_with_its_limit_and_its_last_value() {
        let of = |command, at: &str, value, before| Measurement {
            command,
            at: format!("2026-11-30T10:00:{at}Z"),
            value,
            max: Some(0.39),
            min: None,
            before,
        };
        let measured = [
            of(7, "00", Some(0.3), true),
            of(7, "15", Some(0.31), false),
            of(4, "20", None, false),
            of(7, "30", Some(0.42), false),
        ];
        let words: Vec<(String, String)> = drawings(&measured, |command| format!("command {command}"))
            .into_iter()
            .map(|drawing| (drawing.title, drawing.words))
            .collect();
        let words: Vec<(&str, &str)> = words.iter().map(|(title, words)| (title.as_str(), words.as_str())).collect();
        assert_eq!(words, [("command 4", "no data, at most 0.39"), ("command 7", "0.42, at most 0.39")]);
    }
}
