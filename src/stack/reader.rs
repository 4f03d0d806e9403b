//! Typed access to TOML that remembers where everything stands and collects every mistake instead of stopping at the first.
//! It must never know what a stack is. Called by the files of this room only.

#![expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]

use super::values::Refused;
use crate::address;
use crate::diagnostic::{Mistake, shown};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A value and its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// Collects mistakes over one text.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// What was found so far.
    pub mistakes: Vec<Mistake>,
}

/// A string value and its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The string, escapes resolved.
    pub value: String,
    /// Its bytes in the file, with quotes.
    pub at: Range<usize>,
}

/// The keys that a table may have.
pub(super) struct Keys {
    /// The table, as a person says it.
    pub of: &'static str,
    /// What this version reads.
    pub known: &'static [&'static str],
    /// What the format has and this version has not: refused, never ignored.
    pub later: &'static [&'static str],
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// Notes a mistake.
    pub fn refuse(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: &Range<usize>) -> usize {
        self.text[..at.start].matches('\n').count() + 1
    }

    /// Refuses every key that is not known.
    pub fn check_keys(&mut self, table: &DeTable<'_>, keys: &Keys) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if keys.known.contains(&name) {
                continue;
            }
            let mistake = match keys.later.contains(&name) {
                true => later(key.span(), &format!("`{name}`")),
                false => Mistake::new(key.span(), format!("unknown key `{}` in {}", shown(name), keys.of))
                    .nearest(name, keys.known.iter().copied()),
            };
            let mistake = match mistake.cures.is_empty() {
                true => mistake.cure(format!("{} may have: {}", keys.of, keys.known.join(", "))),
                false => mistake,
            };
            self.refuse(mistake);
        }
    }

    /// A string.
    pub fn text(&mut self, value: &Value<'_>) -> Option<Text> {
        match value.get_ref() {
            DeValue::String(text) => {
                let text = Text { value: text.to_string(), at: value.span() };
                self.refuse_password(&text);
                Some(text)
            }
            other => self.wrong(value, "text in quotes", other),
        }
    }

    /// No key may hold a password that is part of an address, whatever it is for: pages, logs and mails show commands,
    /// titles and variables.
    fn refuse_password(&mut self, text: &Text) {
        if let Some(flaw) = address::password_in(&text.value) {
            let at = self.part(text, &flaw.at);
            self.refuse(Mistake::new(at, flaw.title).cure(flaw.cure));
        }
    }

    /// A string that `parse` takes.
    pub fn parsed<T>(&mut self, value: &Value<'_>, parse: impl FnOnce(&str) -> Result<T, Refused>) -> Option<T> {
        let text = self.text(value)?;
        self.parsed_text(&text, parse)
    }

    /// The same for a string that was read already.
    pub fn parsed_text<T>(&mut self, text: &Text, parse: impl FnOnce(&str) -> Result<T, Refused>) -> Option<T> {
        match parse(&text.value) {
            Ok(parsed) => Some(parsed),
            Err(refused) => {
                let at = refused.at.map_or_else(|| text.at.clone(), |at| self.part(text, &at));
                self.refuse(Mistake { at, title: refused.title, cures: refused.cures });
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: &Value<'_>) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(yes) => Some(*yes),
            other => self.wrong(value, "true or false", other),
        }
    }

    /// A whole number within `range`.
    pub fn number(&mut self, value: &Value<'_>, range: std::ops::RangeInclusive<usize>) -> Option<usize> {
        let DeValue::Integer(number) = value.get_ref() else {
            return self.wrong(value, "a whole number", value.get_ref());
        };
        match usize::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let title = format!("{number} is out of range: it must be {} to {}", range.start(), range.end());
                self.refuse(Mistake::new(value.span(), title));
                None
            }
        }
    }

    /// A table.
    pub fn table<'v, 's>(&mut self, value: &'v Value<'s>) -> Option<&'v DeTable<'s>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => self.wrong(value, "a table", other),
        }
    }

    /// An array.
    pub fn array<'v, 's>(&mut self, value: &'v Value<'s>) -> Option<&'v DeArray<'s>> {
        match value.get_ref() {
            DeValue::Array(array) => Some(array),
            other => self.wrong(value, "a list in [ ]", other),
        }
    }

    /// An array of strings; entries that are not strings are noted and left out.
    pub fn texts(&mut self, value: &Value<'_>) -> Option<Vec<Text>> {
        let array = self.array(value)?;
        Some(array.iter().filter_map(|entry| self.text(entry)).collect())
    }

    /// Notes that a table lacks a key.
    pub fn missing(&mut self, at: Range<usize>, of: &str, key: &str, cure: &str) {
        self.refuse(Mistake::new(at, format!("{of} has no `{key}`")).cure(cure));
    }

    /// The place in the file of a part of a string.
    pub fn part(&self, text: &Text, part: &Range<usize>) -> Range<usize> {
        let place = |offset| place_in_string(self.text, &text.at, offset);
        place(part.start)..place(part.end)
    }

    /// Notes that a value is of another kind than was wanted.
    pub fn wrong<T>(&mut self, value: &Value<'_>, wanted: &str, found: &DeValue<'_>) -> Option<T> {
        let found = match found {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.refuse(Mistake::new(value.span(), format!("this must be {wanted}, not {found}")));
        None
    }
}

/// What is said of something that the format has and this version has not.
pub(super) fn later(at: Range<usize>, what: &str) -> Mistake {
    Mistake::new(at, format!("this version of Pushbutton does not have {what} yet"))
        .cure("remove it for now: it would have no effect")
}

/// Where byte `offset` of a string's value stands in the file: past the quotes, with escapes counted as they are written.
fn place_in_string(text: &str, literal: &Range<usize>, offset: usize) -> usize {
    let Some(raw) = text.get(literal.clone()) else { return literal.start };
    let (quotes, escapes) = match raw {
        _ if raw.starts_with("\"\"\"") => (3, true),
        _ if raw.starts_with("'''") => (3, false),
        _ if raw.starts_with('\'') => (1, false),
        _ => (1, true),
    };
    let mut at = quotes;
    if quotes == 3 {
        at += ["\r\n", "\n"].iter().find(|end| raw[at..].starts_with(**end)).map_or(0, |end| end.len());
    }
    let mut bytes = 0;
    while bytes < offset {
        let Some(c) = raw.get(at..).and_then(|rest| rest.chars().next()) else { break };
        let (written, meant) = match (c, escapes) {
            ('\\', true) => escape_lengths(&raw[at..]),
            _ => (c.len_utf8(), c.len_utf8()),
        };
        at += written;
        bytes += meant;
    }
    literal.start + at
}

/// How long the escape at the start of `raw` is as written, and the value that it stands for.
fn escape_lengths(raw: &str) -> (usize, usize) {
    let digits = match raw.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        Some(b' ' | b'\t' | b'\r' | b'\n') => {
            // A backslash at the end of a line joins it with the next text.
            return (raw.len() - raw[1..].trim_start_matches([' ', '\t', '\r', '\n']).len(), 0);
        }
        _ => return (raw.chars().take(2).map(char::len_utf8).sum(), 1),
    };
    let value = raw.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    (2 + digits, value.map_or(1, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_a_string_counts_what_is_written() {
        for (literal, value, wanted) in [
            (r#""ab{x}""#, "ab{x}", 3),
            (r#""a\"{x}""#, "a\"{x}", 4),
            (r#""\u00e9{x}""#, "é{x}", 7),
            ("'''\nab{x}'''", "ab{x}", 6),
            ("\"\"\"\na\\\n  b{x}\"\"\"", "ab{x}", 10),
        ] {
            let offset = value.find('{').unwrap();
            assert_eq!(place_in_string(literal, &(0..literal.len()), offset), wanted, "{literal}");
        }
    }
}
