//! Looking for text in the lines of a push, and taking a page of lines: what the page of a long push does not hold itself.
//! It must find what `static/log/search.js` finds in the same lines, and answer in bounded time: what is not done by then is
//! named by the line to go on from. Called by the handlers, off the async threads.

use super::index::{Index, LineFilter, Span, join};
use super::read::{Light, each};
use crate::colours::without_colours;
use crate::journal::{JournalFile, Stream};
use aho_corasick::AhoCorasick;
use schemars::JsonSchema;
use serde::Serialize;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Ranges of lines in one answer: some 300 KB of it at most.
pub const MOST_RANGES: usize = 20_000;
/// Lines in one answer.
pub const MOST_LINES: u64 = 1_000;
/// Lines whose text alone is asked for: what people paste somewhere (`static/log/copy.js` knows it too).
const MOST_COPIED: u64 = 100_000;
/// Bytes of that text.
const MOST_COPIED_TEXT: usize = 8 << 20;
/// Bytes of text in one answer; the line that goes over it is the last.
const MOST_TEXT: usize = 2 << 20;
/// How long one search reads.
const LONGEST: Duration = Duration::from_secs(2);
/// Lines between two looks at the clock.
const LOOK: u64 = 512;

/// A text to look for, case apart and without colours.
#[derive(Debug)]
pub struct Text {
    lower: String,
    quick: Option<AhoCorasick>,
}

impl Text {
    /// Takes what a person typed; none when it is blank.
    pub fn of(typed: &str) -> Option<Self> {
        let lower = typed.trim().to_lowercase();
        // ASCII lines are looked through as they are, which is what nearly all are.
        let quick = AhoCorasick::builder().ascii_case_insensitive(true).build([&lower]).ok();
        (!lower.is_empty()).then_some(Self { lower, quick })
    }

    /// Whether the line holds it, or came from the host of that name.
    pub fn is_in(&self, light: &Light<'_>) -> bool {
        let text = without_colours(&light.text);
        let holds = match &self.quick {
            Some(quick) if text.is_ascii() => quick.is_match(text.as_bytes()),
            _ => text.to_lowercase().contains(&self.lower),
        };
        holds || light.host == Some(&self.lower)
    }
}

/// Which lines were found.
#[derive(Debug, JsonSchema, Serialize, PartialEq, Eq)]
pub struct FoundLines {
    /// How many, in this answer.
    pub count: u64,
    /// First and last of each, in order.
    #[schemars(with = "Vec<[u64; 2]>")]
    pub ranges: Vec<(u64, u64)>,
    /// The line to go on from, when there is more to look through.
    pub next: Option<u64>,
}

/// Finds the lines from `from` on that are wanted and hold the text, as far as one answer goes.
///
/// # Errors
/// What the system said.
pub fn find(
    file: &JournalFile,
    index: &Index,
    wanted: &LineFilter,
    text: Option<&Text>,
    from: u64,
    gone: &CancellationToken,
) -> io::Result<FoundLines> {
    let passing = index.passing(wanted, Span { first: from, last: index.lines });
    let (mut found, mut next) = (Vec::new(), None);
    match text {
        None => {
            next = passing.get(MOST_RANGES).map(|span| span.first);
            found = passing;
            found.truncate(MOST_RANGES);
        }
        Some(text) => {
            let begun = Instant::now();
            each(file, index, &passing, |number, light| {
                let late = number.is_multiple_of(LOOK) && (begun.elapsed() > LONGEST || gone.is_cancelled());
                if late || found.len() == MOST_RANGES {
                    next = Some(number);
                    return ControlFlow::Break(());
                }
                if text.is_in(light) {
                    join(&mut found, Span { first: number, last: number });
                }
                ControlFlow::Continue(())
            })?;
        }
    }
    let count = found.iter().map(|span| span.last - span.first + 1).sum();
    Ok(FoundLines { count, ranges: found.iter().map(|span| (span.first, span.last)).collect(), next })
}

/// One line as the API gives it.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Line {
    line: u64,
    at: String,
    command: u32,
    /// None for the push host.
    host: Option<String>,
    stream: Stream,
    /// Whether it tells why its command failed there.
    error: bool,
    text: String,
}

/// Some lines.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Lines {
    /// In order.
    pub lines: Vec<Line>,
    /// The line to go on from, when more are asked for than one answer holds.
    pub next: Option<u64>,
}

/// The wanted lines of a span, as far as one answer of at most so many lines goes.
///
/// # Errors
/// What the system said.
pub fn lines(file: &JournalFile, index: &Index, wanted: &LineFilter, span: Span, most: u64) -> io::Result<Lines> {
    let (mut lines, mut next, mut bytes) = (Vec::new(), None, 0);
    each(file, index, &index.passing(wanted, span), |number, light| {
        if lines.len() as u64 == most || bytes > MOST_TEXT {
            next = Some(number);
            return ControlFlow::Break(());
        }
        bytes += light.text.len();
        lines.push(Line {
            line: number,
            at: light.at.to_owned(),
            command: light.command,
            host: light.host.map(str::to_owned),
            stream: light.stream.unwrap_or(Stream::Out),
            error: index.is_error(number),
            text: light.text.clone().into_owned(),
        });
        ControlFlow::Continue(())
    })?;
    Ok(Lines { lines, next })
}

/// What the wanted lines of a span say, without colours, a line each; none when it is too much for one answer.
///
/// # Errors
/// What the system said.
pub fn text(file: &JournalFile, index: &Index, wanted: &LineFilter, span: Span) -> io::Result<Option<String>> {
    let passing = index.passing(wanted, span);
    if passing.iter().map(|span| span.last - span.first + 1).sum::<u64>() > MOST_COPIED {
        return Ok(None);
    }
    let mut text = String::new();
    each(file, index, &passing, |_, light| {
        text.push_str(&without_colours(&light.text));
        text.push('\n');
        if text.len() > MOST_COPIED_TEXT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok((text.len() <= MOST_COPIED_TEXT).then_some(text))
}
