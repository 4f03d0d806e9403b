//! How a shell reads each kind of text: commands, quotes, `$(…)`, `$((…))`, `${…}`, here-documents. One method a kind; each
//! takes one step. It must never decide about variables. Called by the scanner's loop.

use super::{Context, Document, Scanner};

impl Scanner<'_> {
    /// Text that a shell reads as commands.
    pub(super) fn commands(&mut self) {
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
    pub(super) fn double(&mut self) {
        let Some(c) = self.peek() else { return };
        match c {
            '\\' => self.escape(),
            '"' => self.close(1),
            '$' | '`' => self.expansion_or_quote(c),
            '{' | '}' => self.brace(),
            _ => {
                self.copy(c.len_utf8());
                self.words().quoted(c.encode_utf8(&mut [0; 4]));
            }
        }
    }

    /// Text within `$(( … ))`.
    pub(super) fn arithmetic(&mut self) {
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
    pub(super) fn parameter(&mut self) {
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
            // With its name: what it stands for may be nothing, so it begins no word.
            _ => self
                .copy(1 + rest[1..].find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len() - 1)),
        }
    }

    /// A backslash and what it protects.
    fn escape(&mut self) {
        let next = self.rest().chars().nth(1);
        self.copy(1 + next.map_or(0, char::len_utf8));
        if let Some(c) = next.filter(|c| *c != '\n') {
            self.mark();
            self.words().quoted(c.encode_utf8(&mut [0; 4]));
        }
    }

    /// A quotation without expansions: copied whole, with no variable in it.
    fn quoted(&mut self, opener: usize, name: &str, end: impl Fn(&str) -> Option<(usize, usize)>) {
        self.mark();
        let start = self.at;
        self.copy(opener);
        match end(self.rest()) {
            Some((inside, closer)) => {
                let text = &self.rest()[..inside];
                if name == "single quotes" {
                    self.words().quoted(text);
                }
                self.inert(self.at + inside, name);
                self.copy(closer);
            }
            None => {
                self.flaw(start..start + opener, &format!("{name} are opened here and never closed"), "close them");
                self.copy(self.rest().len());
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
