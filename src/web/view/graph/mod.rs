//! Graphs as templates draw them. Pure; they must never hold an address of another server.

pub mod chart;
pub mod measured;

use chart::Chart;
use serde::Serialize;

/// One graph.
#[derive(Clone, Debug, Serialize)]
pub struct Drawing {
    /// What it is called.
    pub title: String,
    /// What its numbers say.
    pub words: String,
    chart: Option<Chart>,
    /// The address of its picture, on this server.
    image: Option<String>,
    /// Why there is nothing to see.
    problem: Option<String>,
}

impl Drawing {
    /// One that we draw.
    pub fn of_chart(title: String, words: String, chart: Chart) -> Self {
        Self { title, words, chart: Some(chart), image: None, problem: None }
    }

    /// One that another server draws.
    pub fn of_image(title: String, image: String) -> Self {
        Self { title, words: String::new(), chart: None, image: Some(image), problem: None }
    }

    /// One that is not there, and why.
    pub fn missing(title: String, problem: String) -> Self {
        Self { title, words: String::new(), chart: None, image: None, problem: Some(problem) }
    }
}
