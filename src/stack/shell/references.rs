//! Variables: what is one, where it may stand, and the reference that takes its place. It must never write a value.
//! Called by the scanner wherever a brace stands.

use super::super::script::Piece;
use super::super::values::is_variable_name;
use super::super::variables::{Kind, Place, Variable};
use super::{Context, Flaw, Scanner};
use crate::diagnostic::{nearest, shown};
use std::ops::Range;

impl Scanner<'_> {
    /// Copies up to `end`; refuses variables on the way, since the shell would not fill them in here, or would read them again.
    pub(super) fn inert(&mut self, end: usize, name: &str) {
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

    /// `{` or `}`: a variable, half of `{{`, or plain text.
    pub(super) fn brace(&mut self) {
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
            Context::Commands | Context::Substitution | Context::Group | Context::Double => None,
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
        let (env, begins_word) = (&variable.env, words.would_begin_word());
        // Nothing in a plain value means anything to a shell, whoever reads it again.
        let free = variable.kind == Kind::Free;
        if words.would_name_program() {
            self.flaw(
                at,
                "a variable cannot be (part of) a command's name",
                "name the program in plain words, and give the value as an argument",
            );
        } else if free && in_double {
            self.flaw(
                at,
                "this variable may hold any text, so it cannot stand within double quotes",
                &format!("make it a word of its own, outside of the quotes, or read ${env} in a script"),
            );
        } else if let Some(command) = reads_again.filter(|_| free) {
            self.flaw(
                at,
                &format!("`{}` reads its arguments as code, and this variable may hold any text", shown(&command)),
                &format!("use `run` for work on the hosts, or read ${env} in a script"),
            );
        } else if variable.from_people && begins_word {
            self.flaw(
                at,
                "this value comes from a person, so it cannot begin a word: a program could take it for an option or a command",
                &format!("write something before it in the same word (`--note={{…}}`, `by-{{…}}`), or read ${env} in a script"),
            );
        }
    }

    fn refuse_within(&mut self, at: Range<usize>, name: &str, variable: &Variable) {
        let env = &variable.env;
        let cure = match name {
            "single quotes" | "$'…'" => {
                "end the quotes before it and begin them again after it: 'a '{sha}' b'".to_owned()
            }
            "backticks" => "write $(…) instead of backticks".to_owned(),
            "a here-document" => format!("write ${env}; a shell fills it in when the end mark is not quoted"),
            "$((…))" => format!("write ${env}"),
            _ => format!("write \"${env}\", or take the variable out of the braces"),
        };
        self.flaw(at, &format!("a variable cannot stand within {name}"), &cure);
    }
}
