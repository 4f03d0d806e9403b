//! The output path: bytes in, cleaned lines out (TRUST section 3): secrets are covered, bytes decoded, then lines split and escapes
//! stripped; at last what stands before the `@` of an address is hidden.
//! It must never depend on how the bytes were cut, nor let a control byte, an escape or an invisible character through.
//! Called by the guard for every stream that it reads.

mod colour;
mod mask;

#[cfg(test)]
mod tests;

use anstyle_parse::{AsciiParser, Params, Parser, Perform};
use colour::Colours;
pub use mask::Mask;

use crate::address;
use crate::visible::{chip, is_invisible};
use mask::Masking;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most bytes of one line; a longer one is cut into several (TRUST section 3).
pub const LINE_LIMIT: usize = 16 * 1024;

/// The most bytes that what one command says on one host may take in the journal (TRUST section 3).
pub const COMMAND_LIMIT: u64 = 16 * 1024 * 1024;

/// What a line costs beside its text: about what its record takes in the journal, so that a flood of empty lines ends where a
/// flood of long ones does.
pub const LINE_COST: u64 = 128;

/// The most characters of a device string (title, hyperlink); a stray opener hides no more than this.
const STRING_LIMIT: u16 = 4096;

/// Makes lines of one stream's bytes. The lines are the same however the bytes were cut.
#[derive(Debug)]
pub struct Cleaner {
    masking: Masking,
    /// The beginning of a character whose end has not come yet; at most three bytes.
    partial: Vec<u8>,
    escape: Escape,
    /// Reads escape sequences by the table of DEC's terminals.
    parser: Parser<AsciiParser>,
    line: String,
    /// The colours that the line has now.
    shown: Colours,
    /// The colours that the next character has; they outlive their line.
    wanted: Colours,
    /// A CR, or the end that was announced, has ended the line: an LF right behind it belongs to that.
    ended: bool,
}

/// Where in an escape sequence the next character stands.
#[derive(Debug, Default)]
enum Escape {
    #[default]
    None,
    /// Behind the ESC.
    Begun,
    Sequence,
    /// In a device string, which is not looked at.
    Text {
        /// Characters that may still come.
        left: u16,
    },
}

impl Cleaner {
    /// A cleaner that covers the secrets of `mask`.
    pub fn new(mask: Arc<Mask>) -> Self {
        Self {
            masking: Masking::new(mask),
            partial: Vec::new(),
            escape: Escape::None,
            parser: Parser::default(),
            line: String::new(),
            shown: Colours::default(),
            wanted: Colours::default(),
            ended: false,
        }
    }

    /// Takes bytes in; returns the lines that they completed.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let masked = self.masking.push(bytes);
        self.decode(&masked, &mut lines);
        lines
    }

    /// Says that a line end, or the end of all, comes next: what waits is a line already, and can be shown at once.
    pub fn line_end_follows(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        self.flush(&mut lines);
        if !self.line.is_empty() {
            self.end_line(&mut lines);
            self.ended = true;
        }
        lines
    }

    /// The last line, when the bytes did not end with a line end.
    pub fn finish(mut self) -> Vec<String> {
        self.line_end_follows()
    }

    fn flush(&mut self, lines: &mut Vec<String>) {
        let held = self.masking.flush();
        self.decode(&held, lines);
        if !self.partial.is_empty() {
            self.partial.clear();
            self.take(char::REPLACEMENT_CHARACTER, lines);
        }
    }

    fn decode(&mut self, bytes: &[u8], lines: &mut Vec<String>) {
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        let mut rest = joined.as_slice();
        loop {
            let (good, bad) = match std::str::from_utf8(rest) {
                Ok(text) => (text, None),
                Err(error) => {
                    let (good, tail) = rest.split_at(error.valid_up_to());
                    (std::str::from_utf8(good).unwrap_or_default(), Some((error.error_len(), tail)))
                }
            };
            self.take_all(good, lines);
            match bad {
                None => return,
                Some((None, tail)) => {
                    self.partial = tail.to_vec();
                    return;
                }
                Some((Some(length), tail)) => {
                    self.take(char::REPLACEMENT_CHARACTER, lines);
                    rest = &tail[length..];
                }
            }
        }
    }

    fn take_all(&mut self, mut text: &str, lines: &mut Vec<String>) {
        while let Some(c) = text.chars().next() {
            // Nearly all output is this: printable ASCII outside of escapes, taken as a run.
            let outside = matches!(self.escape, Escape::None);
            let run = if outside { text.bytes().take_while(|b| matches!(b, b' '..=b'~')).count() } else { 0 };
            if run == 0 {
                self.take(c, lines);
                text = &text[c.len_utf8()..];
                continue;
            }
            self.ended = false;
            let room = LINE_LIMIT.saturating_sub(self.line.len() + self.wanted.close().len());
            if room == 0 || self.shown != self.wanted {
                self.place(&text[..1], lines);
                text = &text[1..];
            } else {
                let (now, later) = text.split_at(run.min(room));
                self.line.push_str(now);
                text = later;
            }
        }
    }

    fn take(&mut self, c: char, lines: &mut Vec<String>) {
        match c {
            '\n' => {
                self.escape = Escape::None;
                if !std::mem::take(&mut self.ended) {
                    self.end_line(lines);
                }
            }
            '\r' => {
                self.escape = Escape::None;
                // A progress bar begins with CR: a CR on an empty line has said nothing.
                if !self.line.is_empty() {
                    self.end_line(lines);
                    self.ended = true;
                }
            }
            _ => {
                self.ended = false;
                self.read(c, lines);
            }
        }
    }

    /// Takes a character that ends no line: part of an escape sequence, or text.
    fn read(&mut self, c: char, lines: &mut Vec<String>) {
        match (&mut self.escape, c) {
            // C1, as a character: the same as ESC and what stands 64 below.
            (_, '\u{80}'..='\u{9f}') => {
                self.escape = Escape::None;
                self.sequence(0x1b, lines);
                self.begun(char::from(c as u8 - 0x40), lines);
            }
            (_, '\u{1b}') => self.sequence(0x1b, lines),
            (Escape::None, _) => self.text(c, lines),
            (Escape::Text { .. }, '\u{07}' | '\u{18}' | '\u{1a}') => self.escape = Escape::None,
            (Escape::Text { left: 0 }, _) => {
                self.escape = Escape::None;
                self.text(c, lines);
            }
            (Escape::Text { left }, _) => *left -= 1,
            (Escape::Begun, _) => self.begun(c, lines),
            (Escape::Sequence, _) => self.go_on(c, lines),
        }
    }

    fn begun(&mut self, c: char, lines: &mut Vec<String>) {
        match c {
            ']' | 'P' | 'X' | '^' | '_' => self.escape = Escape::Text { left: STRING_LIMIT },
            c => self.go_on(c, lines),
        }
    }

    /// Goes on with a sequence; a character that none has ends it, and is text.
    fn go_on(&mut self, c: char, lines: &mut Vec<String>) {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => self.sequence(byte, lines),
            _ => {
                self.escape = Escape::None;
                self.text(c, lines);
            }
        }
    }

    fn sequence(&mut self, byte: u8, lines: &mut Vec<String>) {
        let mut meant = Meant { colours: &mut self.wanted, ended: false, printed: None };
        self.parser.advance(&mut meant, byte);
        let Meant { ended, printed, .. } = meant;
        self.escape = match (byte, ended, &self.escape) {
            (0x1b, ..) => Escape::Begun,
            (_, true, _) => Escape::None,
            // A control character within a sequence is no part of it.
            (0..0x20 | 0x7f, false, Escape::Begun) => Escape::Begun,
            (_, false, _) => Escape::Sequence,
        };
        if let Some(c) = printed {
            self.text(c, lines);
        }
    }

    fn text(&mut self, c: char, lines: &mut Vec<String>) {
        if c.is_control() && c != '\t' {
            return;
        }
        if is_invisible(c) {
            return self.place(&chip(c), lines);
        }
        self.place(c.encode_utf8(&mut [0; 4]), lines);
    }

    /// Puts a piece on the line, in the colours wanted; begins a new line where it does not fit.
    fn place(&mut self, piece: &str, lines: &mut Vec<String>) {
        let change = self.shown.change_to(&self.wanted);
        let closing = self.wanted.close().len();
        if self.line.len() + change.len() + piece.len() + closing > LINE_LIMIT {
            self.end_line(lines);
            self.line.push_str(&self.shown.change_to(&self.wanted));
        } else {
            self.line.push_str(&change);
        }
        self.shown.clone_from(&self.wanted);
        self.line.push_str(piece);
    }

    /// Ends the line. It closes its own colours, so that each line stands alone (design, R3).
    fn end_line(&mut self, lines: &mut Vec<String>) {
        self.line.push_str(self.shown.close());
        self.shown = Colours::default();
        let line = std::mem::take(&mut self.line);
        // git, curl and others repeat the addresses that they were given.
        lines.push(match address::shown(&line) {
            Cow::Owned(safe) => safe,
            Cow::Borrowed(_) => line,
        });
    }
}

/// What a sequence means: colours, or nothing that passes.
struct Meant<'a> {
    colours: &'a mut Colours,
    ended: bool,
    printed: Option<char>,
}

impl Perform for Meant<'_> {
    /// The character before this one ended a sequence that no terminal knows.
    fn print(&mut self, c: char) {
        self.ended = true;
        self.printed = Some(c);
    }

    fn execute(&mut self, byte: u8) {
        // CAN and SUB break a sequence off; other control characters do nothing within one.
        self.ended |= matches!(byte, 0x18 | 0x1a);
    }

    fn csi_dispatch(&mut self, parameters: &Params, intermediates: &[u8], too_many: bool, action: u8) {
        self.ended = true;
        if action == b'm' && intermediates.is_empty() && !too_many {
            self.colours.apply(parameters);
        }
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, _: u8) {
        self.ended = true;
    }
}

/// How much one command may still say on one host; its two streams share it.
#[derive(Debug)]
pub struct Allowance(AtomicU64);

/// What becomes of a line under an [`Allowance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is shown.
    Shown,
    /// It is the first that is not: say once that the rest is missing.
    FirstDropped,
    /// It is dropped like others before it.
    Dropped,
}

impl Allowance {
    /// An allowance of `bytes`; a line costs its bytes and [`LINE_COST`].
    pub fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    /// Whether nothing more will be shown, so that cleaning is wasted work.
    pub fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Pays for a line.
    pub fn pay_for(&self, line: &str) -> Verdict {
        let escaped = line.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let cost = (line.len() + escaped) as u64 + LINE_COST;
        let rest = |left: u64| Some(left.saturating_sub(cost));
        // The closure always answers, so both arms hold what was left before.
        let (Ok(before) | Err(before)) = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
        match before {
            0 => Verdict::Dropped,
            _ if before <= cost => Verdict::FirstDropped,
            _ => Verdict::Shown,
        }
    }
}
