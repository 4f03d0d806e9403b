//! Reading a journal that will not change: record by record from any place on, and the text of chosen lines. It must never
//! hold more than a record and a buffer, nor go on when nobody waits any more. Called by the building of the index, the
//! page of lines and the search, off the async threads.

use super::index::{Index, STRIDE, Span};
use crate::journal::{JournalFile, LONGEST_RECORD, Stream};
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

/// Bytes read at once.
const PIECE: usize = 128 * 1024;
/// A gap of so many lines between two that are wanted is read through; a wider one is jumped over.
const GAP: u64 = 4 * STRIDE;

/// A record as far as lines are concerned, in the bytes that it was read from.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Light<'a> {
    kind: &'a str,
    /// When it was written, as it stands there.
    pub at: &'a str,
    /// Which command; 0 for none.
    #[serde(default)]
    pub command: u32,
    /// The host's name; none for the push host.
    #[serde(default, borrow)]
    pub host: Option<&'a str>,
    /// Which stream, of a line.
    #[serde(default)]
    pub stream: Option<Stream>,
    /// What it says, of a line.
    #[serde(default, borrow)]
    pub text: Cow<'a, str>,
}

impl<'a> Light<'a> {
    /// Reads a record; none of bytes that are not one.
    pub fn of(record: &'a [u8]) -> Option<Self> {
        Self::as_written(record).or_else(|| serde_json::from_slice(record).ok())
    }

    /// Reads the record of a line that stands exactly as our writer writes it, without going through all of JSON: a
    /// journal is mostly that. None of everything else, however little it differs.
    fn as_written(record: &'a [u8]) -> Option<Self> {
        let rest = std::str::from_utf8(record).ok()?.strip_suffix("}\n")?;
        let (_, rest) = digits(rest.strip_prefix("{\"n\":")?)?;
        let (at, rest) = word(rest.strip_prefix(",\"at\":\"")?)?;
        let (command, rest) = digits(rest.strip_prefix(",\"kind\":\"line\",\"command\":")?)?;
        let (host, rest) = match rest.strip_prefix(",\"host\":\"") {
            Some(rest) => word(rest).map(|(host, rest)| (Some(host), rest))?,
            None => (None, rest),
        };
        let (stream, rest) = word(rest.strip_prefix(",\"stream\":\"")?)?;
        let stream = match stream {
            "out" => Stream::Out,
            "err" => Stream::Err,
            "note" => Stream::Note,
            _ => return None,
        };
        let (_, rest) = digits(rest.strip_prefix(",\"line\":")?)?;
        let quoted = rest.strip_prefix(",\"text\":")?;
        let within = quoted.strip_prefix('"')?.strip_suffix('"')?;
        let text = match within.contains('\\') {
            true => Cow::Owned(serde_json::from_str(quoted).ok()?),
            // A quote means that the text ends before the record does.
            false if within.contains('"') => return None,
            false => Cow::Borrowed(within),
        };
        Some(Self { kind: "line", at, command: command.parse().ok()?, host, stream: Some(stream), text })
    }

    /// Whether the record is a line of output.
    pub fn is_line(&self) -> bool {
        self.kind == "line"
    }
}

/// A number, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (length > 0).then(|| text.split_at(length))
}

/// A text without escapes up to its closing quote, and what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    text.split_once('"').filter(|(word, _)| !word.contains('\\'))
}

/// Gives each record from `from` up to `end`, with the place where it begins, until `take` breaks.
///
/// # Errors
/// What the system said.
pub fn records(
    file: &JournalFile,
    from: u64,
    end: u64,
    mut take: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut at = from;
    let mut reader = BufReader::with_capacity(PIECE, file.bytes_from(from).take(end.saturating_sub(from)));
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(LONGEST_RECORD).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(());
        }
        if take(at, &line).is_break() {
            return Ok(());
        }
        at += length as u64;
    }
}

/// Gives each line of the spans, with its number, until `take` breaks.
///
/// # Errors
/// What the system said.
pub fn each(
    file: &JournalFile,
    index: &Index,
    spans: &[Span],
    mut take: impl FnMut(u64, &Light<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(PIECE, file.bytes_from(0));
    // The number of the next line; far from everything, so that the first span is jumped to.
    let mut next = u64::MAX;
    let mut bytes = Vec::new();
    for span in spans {
        if next > span.first || span.first - next > GAP {
            let (line, offset) = index.near(span.first);
            reader.seek(SeekFrom::Start(offset))?;
            next = line;
        }
        while next <= span.last {
            bytes.clear();
            if reader.by_ref().take(LONGEST_RECORD).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(());
            }
            let Some(light) = Light::of(&bytes) else { continue };
            if !light.is_line() {
                continue;
            }
            let number = next;
            next += 1;
            if number >= span.first && take(number, &light).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
