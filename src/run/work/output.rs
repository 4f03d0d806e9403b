//! What commands say, on its way to the journal: line by line as it comes, or, of a quiet command, only when it failed. It must never
//! let a line wait for the end of its command, but a quiet one's. Called by the step and by the questions that have no step.

use super::complaint::Complaint;
use super::link;
use crate::journal::Stream;
use crate::plan::{Part, PlannedCommand};
use crate::remote::Line;
use crate::run::recorder::{Place, Recorder};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// The most lines of a quiet command that are kept for the case that it fails.
const QUIET_LINES: usize = 2000;

/// What a command left behind for its outcome.
#[derive(Default)]
pub struct LastWords {
    /// What it said on standard error.
    pub error: Complaint,
    /// What a quiet command said.
    pub kept: VecDeque<Line>,
}

/// Writes lines down as they come; of a quiet command none. Returns when all are in.
pub async fn write_down(
    recorder: &Recorder,
    place: &Place,
    command: &PlannedCommand,
    mut from: mpsc::Receiver<Line>,
) -> LastWords {
    let mut last = LastWords::default();
    while let Some(line) = from.recv().await {
        if line.stream == Stream::Err {
            last.error.take(&line.text);
        }
        keep_link(recorder, place, command, &line).await;
        match command.quiet {
            false => recorder.line(place, line.stream, line.text).await,
            true => {
                last.kept.push_back(line);
                if last.kept.len() > QUIET_LINES {
                    last.kept.pop_front();
                }
            }
        }
    }
    last
}

/// Keeps the link that a line of `before`, `finally` or `drop` gives.
async fn keep_link(recorder: &Recorder, place: &Place, command: &PlannedCommand, line: &Line) {
    if matches!(command.part, Part::Main | Part::Rollback) || line.stream != Stream::Out {
        return;
    }
    if let Some((title, url)) = link::parse(&line.text) {
        recorder.link(place, title, url).await;
    }
}
