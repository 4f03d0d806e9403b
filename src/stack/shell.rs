//! Compiles shell text with `{variables}` into constant text with references to the environment (TRUST section 5).
//!
//! The rule for braces: `{name}`, where name matches `[A-Za-z_][A-Za-z0-9_]*`, is a variable; `{{` is a brace, and so is the
//! `}}` that answers it; every other brace is shell text and stays as it is: `${HOME}`, `{ a; b; }`, `{a,b}`, `{}`, `{1..9}`,
//! `\{`. Within `${…}` and comments only a variable's form is looked for, or nothing.
//!
//! It must never run a shell, and never put a value anywhere. Called by `parse` and `commands`.

use super::script::{Piece, Script};
use super::values::is_variable_name;
use super::variables::{Kind, Place, Scope, Variable};
use super::words::Words;
use crate::diagnostic::{nearest, shown};
use std::ops::Range;

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

    /// Text that a shell reads as commands.
    fn commands(&mut self) {
        let Some(c) = self.peek() else { return };
        match c {
            '\\' => self.escape(),
            '\'' => self.quoted(1, "single quotes", |rest| rest.find('\'').map(|end| (end, 1))),
            '$' | '`' | '"' => self.expansion_or_quote(c),
            '#' if !self.frame().words.in_word() => self.comment(),
            '<' | '>' => self.redirect(),
            '\n' => {
                self.copy(1);
                self.frame().words.end_command();
                self.document_texts();
            }
            ' ' | '\t' => {
                self.copy(1);
                self.frame().words.end_word();
            }
            ';' | '&' | '|' => {
                self.copy(1);
                self.frame().words.end_command();
            }
            '(' => {
                self.frame().words.end_command();
                self.open(Context::Group, 1);
            }
            ')' => self.close_bracket(),
            '{' | '}' => self.brace(),
            _ => {
                self.copy(c.len_utf8());
                self.frame().words.push(c);
            }
        }
    }

    /// Text within double quotes.
    fn double(&mut self) {
        let Some(c) = self.peek() else { return };
        match c {
            '\\' => self.escape(),
            '"' => self.close(1),
            '$' | '`' => self.expansion_or_quote(c),
            '{' | '}' => self.brace(),
            _ => self.copy(c.len_utf8()),
        }
    }

    /// Text within `$(( … ))`.
    fn arithmetic(&mut self) {
        let Some(c) = self.peek() else { return };
        match c {
            '$' | '`' => self.expansion_or_quote(c),
            '(' => {
                self.frame().depth += 1;
                self.copy(1);
            }
            ')' if self.frame().depth > 0 => {
                self.frame().depth -= 1;
                self.copy(1);
            }
            ')' if self.rest().starts_with("))") => self.close(2),
            '{' => self.brace(),
            _ => self.copy(c.len_utf8()),
        }
    }

    /// Text within `${ … }`.
    fn parameter(&mut self) {
        let Some(c) = self.peek() else { return };
        let in_double = self.frames.iter().any(|frame| frame.context == Context::Double);
        match c {
            '\\' => self.escape(),
            '}' => self.close(1),
            '\'' if !in_double => self.quoted(1, "single quotes", |rest| rest.find('\'').map(|end| (end, 1))),
            '$' | '`' | '"' => self.expansion_or_quote(c),
            '{' => self.brace(),
            _ => self.copy(c.len_utf8()),
        }
    }

    /// `$…`, a backtick or a double quote, wherever they mean something.
    fn expansion_or_quote(&mut self, c: char) {
        self.mark();
        let plain = matches!(self.frame().context, Context::Commands | Context::Substitution | Context::Group);
        let rest = self.rest();
        match c {
            '"' => self.open(Context::Double, 1),
            '`' => self.quoted(1, "backticks", |rest| unescaped(rest, '`')),
            _ if rest.starts_with("$((") => self.open(Context::Arithmetic, 3),
            _ if rest.starts_with("$(") => self.open(Context::Substitution, 2),
            _ if rest.starts_with("${") => self.open(Context::Parameter, 2),
            _ if rest.starts_with("$'") && plain => self.quoted(2, "$'…'", |rest| unescaped(rest, '\'')),
            _ if rest.starts_with("$$") => self.copy(2),
            _ => self.copy(1),
        }
    }

    /// A backslash and what it protects.
    fn escape(&mut self) {
        let next = self.rest().chars().nth(1);
        self.copy(1 + next.map_or(0, char::len_utf8));
        if next != Some('\n') {
            self.mark();
        }
    }

    /// A quotation without expansions: copied whole, with no variable in it.
    fn quoted(&mut self, opener: usize, name: &str, end: impl Fn(&str) -> Option<(usize, usize)>) {
        self.mark();
        let start = self.at;
        self.copy(opener);
        match end(self.rest()) {
            Some((inside, closer)) => {
                self.inert(self.at + inside, name);
                self.copy(closer);
            }
            None => {
                self.flaw(start..start + opener, &format!("{name} are opened here and never closed"), "close them");
                self.copy(self.rest().len());
            }
        }
    }

    /// Copies up to `end`; refuses variables on the way, since the shell would not fill them in here, or would read them again.
    fn inert(&mut self, end: usize, name: &str) {
        while self.at < end {
            let rest = &self.text[self.at..end];
            if rest.starts_with("{{") || (self.braces > 0 && rest.starts_with("}}")) {
                self.double_brace();
            } else if let Some((variable, length)) = self.variable_at(rest) {
                let at = self.at..self.at + length;
                if let Some(variable) = variable {
                    self.refuse_within(at, name, &variable);
                }
                self.copy(length);
            } else {
                self.copy(rest.chars().next().map_or(1, char::len_utf8));
            }
        }
    }

    fn comment(&mut self) {
        let end = self.rest().find('\n').unwrap_or(self.rest().len());
        self.copy(end);
    }

    /// `<`, `>`, `>>`, `>&`, `>|`, and `<<` with its here-document.
    fn redirect(&mut self) {
        let start = self.at;
        let rest = self.rest();
        self.frame().words.redirect();
        if !rest.starts_with("<<") || rest.starts_with("<<<") {
            let length = rest.find(|c| !"<>&|".contains(c)).unwrap_or(rest.len());
            return self.copy(length);
        }
        let tabs = rest.starts_with("<<-");
        self.copy(if tabs { 3 } else { 2 });
        let blanks = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        self.copy(blanks);
        let end = self.rest().find(|c: char| c.is_whitespace() || ";|&<>()".contains(c)).unwrap_or(self.rest().len());
        let delimiter = self.rest()[..end].replace(['\'', '"', '\\'], "");
        self.inert(self.at + end, "a here-document");
        self.frame().words.push('<');
        self.frame().words.end_word();
        self.documents.push(Document { opened: start, delimiter, tabs });
    }

    /// The texts of the here-documents that the line before asked for.
    fn document_texts(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            let mut end = self.at;
            let mut found = false;
            for line in self.text[self.at..].split_inclusive('\n') {
                let bare = line.strip_suffix('\n').unwrap_or(line);
                let bare = if document.tabs { bare.trim_start_matches('\t') } else { bare };
                end += line.len();
                if bare == document.delimiter {
                    found = true;
                    break;
                }
            }
            self.inert(end, "a here-document");
            if !found {
                self.documents.push(document);
                return;
            }
        }
    }

    fn close_bracket(&mut self) {
        self.frame().words.end_word();
        let context = self.frame().context;
        if self.frame().words.cases == 0 && context == Context::Group {
            self.close(1);
            self.frame().words.end_command();
        } else if self.frame().words.cases == 0 && context == Context::Substitution {
            self.close(1);
        } else {
            self.copy(1);
            self.frame().words.end_command();
        }
    }

    /// `{` or `}`: a variable, half of `{{`, or plain text.
    fn brace(&mut self) {
        let rest = self.rest();
        let in_parameter = self.frames.iter().any(|frame| frame.context == Context::Parameter);
        if !in_parameter && (rest.starts_with("{{") || (self.braces > 0 && rest.starts_with("}}"))) {
            self.mark_with(if rest.starts_with('{') { '{' } else { '}' });
            return self.double_brace();
        }
        match self.variable_at(rest) {
            Some((Some(variable), length)) => self.variable(&variable, length),
            Some((None, length)) => self.copy(length),
            None => {
                let c = if rest.starts_with('{') { '{' } else { '}' };
                self.copy(1);
                self.mark_with(c);
            }
        }
    }

    /// `{{` or `}}`: one brace.
    fn double_brace(&mut self) {
        let c = if self.rest().starts_with('{') { '{' } else { '}' };
        self.braces = if c == '{' { self.braces + 1 } else { self.braces - 1 };
        self.out.push(c);
        self.shown.push(c);
        self.at += 2;
    }

    /// Whether `rest` begins with `{name}`: its length, and the variable when there is one; notes it when there is not.
    fn variable_at(&mut self, rest: &str) -> Option<(Option<Variable>, usize)> {
        let (name, _) = rest.strip_prefix('{')?.split_once('}')?;
        if !is_variable_name(name) {
            return None;
        }
        let length = name.len() + 2;
        let at = self.at..self.at + length;
        let found = self.scope.find(name);
        if found.is_none() {
            let meant = match nearest(&name.to_ascii_lowercase(), self.scope.names()) {
                Some(near) => format!("did you mean {{{near}}}?"),
                None => format!("known are {}", self.scope.names().collect::<Vec<_>>().join(", ")),
            };
            let title = format!("unknown variable `{{{}}}`", shown(name));
            let plain = format!("for plain braces write {{{{{}}}}}", shown(name));
            self.flaws.push(Flaw { at, title, cures: vec![meant, plain] });
        } else if name == "host" && self.scope.place == Place::Build {
            self.flaw(at, "`{host}` cannot be used in `build`", "a build is made once, before any host is touched");
            return Some((None, length));
        }
        Some((found, length))
    }

    /// Puts the reference of a variable into the script, or says why it cannot stand here.
    fn variable(&mut self, variable: &Variable, length: usize) {
        let at = self.at..self.at + length;
        let forbidden = self.frames.iter().rev().find_map(|frame| match frame.context {
            Context::Arithmetic => Some("$((…))"),
            Context::Parameter => Some("${…}"),
            _ => None,
        });
        let in_double = self.frame().context == Context::Double;
        if let Some(name) = forbidden {
            self.refuse_within(at, name, variable);
        } else {
            self.check_place(at, variable, in_double);
        }
        match in_double {
            true => self.out.push_str(&format!("${{{}}}", variable.env)),
            false => self.out.push_str(&format!("\"${}\"", variable.env)),
        }
        if !self.shown.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.shown)));
        }
        self.pieces.push(Piece::Var(variable.env.clone()));
        self.at += length;
        self.mark();
    }

    fn check_place(&mut self, at: Range<usize>, variable: &Variable, in_double: bool) {
        let words = self.words();
        let reads_again = words.reads_again().map(str::to_owned);
        let env = &variable.env;
        if words.would_name_program() {
            self.flaw(
                at,
                "a variable cannot be (part of) a command's name",
                "name the program in plain words, and give the value as an argument",
            );
        } else if variable.kind == Kind::Plain {
            // Nothing in a plain value means anything to a shell, whoever reads it again.
        } else if in_double {
            self.flaw(
                at,
                "this variable may hold any text, so it cannot stand within double quotes",
                &format!("make it a word of its own, outside of the quotes, or read ${env} in a script"),
            );
        } else if let Some(command) = reads_again {
            self.flaw(
                at,
                &format!(
                    "`{}` reads its arguments as shell text again, and this variable may hold any text",
                    shown(&command)
                ),
                &format!("use `run` for work on the hosts, or read ${env} in a script"),
            );
        }
    }

    fn refuse_within(&mut self, at: Range<usize>, name: &str, variable: &Variable) {
        let env = &variable.env;
        let cure = match name {
            "single quotes" | "$'…'" => {
                "end the quotes before it and begin them again behind it: 'a '{sha}' b'".to_owned()
            }
            "backticks" => "write $(…) instead of backticks".to_owned(),
            "a here-document" => format!("write ${env}; a shell fills it in when the end mark is not quoted"),
            "$((…))" => format!("write ${env}"),
            _ => format!("write \"${env}\", or take the variable out of the braces"),
        };
        self.flaw(at, &format!("a variable cannot stand within {name}"), &cure);
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
        self.mark_with('"');
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

/// The place of an unescaped `quote`, and its length.
fn unescaped(text: &str, quote: char) -> Option<(usize, usize)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some((at, c.len_utf8())),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
