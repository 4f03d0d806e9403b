//! Compiles shell text with `{variables}` into constant text with references to the environment (TRUST section 5).
//!
//! The rule for braces: `{name}`, where name matches `[A-Za-z_][A-Za-z0-9_]*`, is a variable; `{{` is a brace, and so is the
//! `}}` that answers it; every other brace is shell text and stays as it is: `${HOME}`, `{ a; b; }`, `{a,b}`, `{}`, `{1..9}`,
//! `\{`. Within `${…}` and comments only a variable's form is looked for, or nothing.
//!
//! It must never run a shell, and never put a value into what it compiles. Called by `parse` and `commands`.

mod contexts;
mod quoted;
mod references;
mod words;

use super::script::{Piece, Script};
use super::variables::Scope;
pub use quoted::quoted;
use std::ops::Range;
use words::{MARK, Words};

/// The longest script: a quarter of what Linux takes as one environment variable.
const LONGEST: usize = 32 * 1024;

/// What is wrong with a script, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub at: Range<usize>,
    pub title: String,
    pub cures: Vec<String>,
}

/// Compiles a script, or says everything that is wrong with it.
pub(super) fn compile(text: &str, scope: Scope<'_>) -> Result<Script, Vec<Flaw>> {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control() && !"\n\t".contains(*c)) {
        let title = format!("the character {} cannot be in a command", c.escape_default());
        return Err(vec![Flaw { at: at..at + c.len_utf8(), title, cures: Vec::new() }]);
    }
    if text.trim().is_empty() || text.len() > LONGEST {
        let title = match text.len() {
            0..=LONGEST => "this command is empty".to_owned(),
            _ => format!("this command is longer than {LONGEST} bytes"),
        };
        let cure = "write shell text; put what is long into a script of the build".to_owned();
        return Err(vec![Flaw { at: 0..text.len(), title, cures: vec![cure] }]);
    }
    let mut scanner = Scanner {
        text,
        scope,
        at: 0,
        out: String::new(),
        shown: String::new(),
        pieces: Vec::new(),
        frames: vec![Frame { context: Context::Commands, opened: 0, depth: 0, words: Words::new() }],
        documents: Vec::new(),
        braces: 0,
        flaws: Vec::new(),
    };
    scanner.scan();
    scanner.finish()
}

/// What the text that is being read is to a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    /// Commands, at the top.
    Commands,
    /// `$( … )`
    Substitution,
    /// `( … )`
    Group,
    /// `" … "`
    Double,
    /// `$(( … ))`
    Arithmetic,
    /// `${ … }`
    Parameter,
}

struct Frame {
    context: Context,
    opened: usize,
    /// Round brackets open inside arithmetic.
    depth: usize,
    /// Used where commands are read.
    words: Words,
}

/// A here-document whose text begins at the next line.
struct Document {
    opened: usize,
    delimiter: String,
    tabs: bool,
}

struct Scanner<'a> {
    text: &'a str,
    scope: Scope<'a>,
    at: usize,
    /// What the shell will read.
    out: String,
    /// What a reader sees, since the last variable.
    shown: String,
    pieces: Vec<Piece>,
    /// Never empty: the top stays.
    frames: Vec<Frame>,
    documents: Vec<Document>,
    /// `{{` that still wait for their `}}`.
    braces: usize,
    flaws: Vec<Flaw>,
}

impl<'a> Scanner<'a> {
    fn scan(&mut self) {
        while self.at < self.text.len() {
            match self.frame().context {
                Context::Commands | Context::Substitution | Context::Group => self.commands(),
                Context::Double => self.double(),
                Context::Arithmetic => self.arithmetic(),
                Context::Parameter => self.parameter(),
            }
        }
    }

    fn finish(mut self) -> Result<Script, Vec<Flaw>> {
        if let Some(document) = self.documents.first() {
            let at = document.opened;
            self.flaw(at..at + 2, "this here-document has no end", "put its end mark on a line of its own");
        }
        let last = self.frames.last().map(|frame| (frame.context, frame.opened));
        let unclosed = match last {
            Some((Context::Double, at)) => Some((at..at + 1, "this double quote is never closed", "\"")),
            Some((Context::Substitution, at)) => Some((at..at + 2, "this `$(` is never closed", ")")),
            Some((Context::Group, at)) => Some((at..at + 1, "this `(` is never closed", ")")),
            Some((Context::Arithmetic, at)) => Some((at..at + 3, "this `$((` is never closed", "))")),
            Some((Context::Parameter, at)) => Some((at..at + 2, "this `${` is never closed", "}")),
            Some((Context::Commands, _)) | None => None,
        };
        if let Some((at, title, end)) = unclosed {
            self.flaw(at, title, &format!("close it with {end}"));
        }
        if !self.shown.is_empty() {
            self.pieces.push(Piece::Text(self.shown));
        }
        match self.flaws.is_empty() {
            true => Ok(Script { text: self.out, pieces: self.pieces }),
            false => Err(self.flaws),
        }
    }

    fn flaw(&mut self, at: Range<usize>, title: &str, cure: &str) {
        self.flaws.push(Flaw { at, title: title.to_owned(), cures: vec![cure.to_owned()] });
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn copy(&mut self, length: usize) {
        let part = &self.text[self.at..self.at + length];
        self.out.push_str(part);
        self.shown.push_str(part);
        self.at += length;
    }

    fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// The words of the command that the present text belongs to, seen through quotes and `${…}`.
    fn words(&mut self) -> &mut Words {
        let is_commands =
            |frame: &Frame| matches!(frame.context, Context::Commands | Context::Substitution | Context::Group);
        let at = self.frames.iter().rposition(is_commands).unwrap_or(0);
        &mut self.frames[at].words
    }

    /// Something that is part of a word, but not of a name that a shell knows.
    fn mark(&mut self) {
        self.mark_with(MARK);
    }

    fn mark_with(&mut self, c: char) {
        self.words().push(c);
    }

    fn open(&mut self, context: Context, length: usize) {
        let opened = self.at;
        self.copy(length);
        self.frames.push(Frame { context, opened, depth: 0, words: Words::new() });
    }

    fn close(&mut self, length: usize) {
        self.copy(length);
        if self.frames.len() > 1 {
            self.frames.pop();
        }
    }
}

#[cfg(test)]
mod tests;
