//! The words of one simple shell command, as the scanner meets them: enough to know whether the next word names a program,
//! and whether the command reads its arguments as code again. It must never change the text. Called by the scanner.

/// Words after which a command still has to begin.
const BEFORE_A_COMMAND: &[&str] = &["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"];
/// Commands that read their arguments as shell text, on this machine or another.
const READS_AGAIN: &[&str] = &["eval", "ssh"];
/// Shells that read the word behind `-c` as shell text.
const SHELLS: &[&str] = &["sh", "dash", "bash", "ash", "ksh", "zsh", "su"];

/// Where the scanner is within a simple command.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// The next word, or the one begun, names the program.
    names_program: bool,
    /// The word begun, without its quotes' insides; `None` between words.
    word: Option<String>,
    /// The words before it.
    before: Vec<String>,
    /// The next word is where a `<` or `>` goes.
    redirect: bool,
    /// `case`s that are open, in which `)` ends a pattern.
    pub cases: usize,
}

impl Words {
    /// At the beginning of a command.
    pub fn new() -> Self {
        Self { names_program: true, word: None, before: Vec::new(), redirect: false, cases: 0 }
    }

    /// A character of a word, or a mark for something that is part of it.
    pub fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    /// Whether the scanner is inside a word.
    pub fn in_word(&self) -> bool {
        self.word.is_some()
    }

    /// A blank: the word is over.
    pub fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.redirect) {
            return;
        }
        if self.names_program && !is_assignment(&word) && !BEFORE_A_COMMAND.contains(&word.as_str()) {
            self.names_program = false;
            match word.as_str() {
                "case" => self.cases += 1,
                "esac" => self.cases = self.cases.saturating_sub(1),
                _ => {}
            }
        }
        self.before.push(word);
    }

    /// `;`, `&`, `|`, a line end, a bracket: a command begins.
    pub fn end_command(&mut self) {
        self.end_word();
        self.before.clear();
        self.names_program = true;
        self.redirect = false;
    }

    /// `<` or `>`.
    pub fn redirect(&mut self) {
        // In `2>file` the number belongs to the arrow, it is no word.
        if self.word.as_ref().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        self.redirect = true;
    }

    /// Whether a value put here would be (part of) the name of a program.
    pub fn would_name_program(&self) -> bool {
        self.names_program && !self.redirect && !self.word.as_deref().is_some_and(is_assignment)
    }

    /// The command that would read a value put here as code again, if there is one.
    pub fn reads_again(&self) -> Option<&str> {
        let base = |word: &'_ str| word.rsplit('/').next().unwrap_or_default().to_owned();
        let again = self.before.iter().find(|word| READS_AGAIN.contains(&base(word).as_str()));
        let last_is_c = self.before.last().is_some_and(|word| word.starts_with('-') && word.ends_with('c'));
        let shell = || self.before.iter().find(|word| last_is_c && SHELLS.contains(&base(word).as_str()));
        again.or_else(shell).map(String::as_str)
    }
}

/// `NAME=…`
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| super::super::values::is_variable_name(name.trim_end_matches('+')))
}
