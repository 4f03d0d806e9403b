//! The words of one simple shell command, as the scanner meets them: enough to know whether the next word names a program,
//! and whether the command reads its arguments as code again. It must never change the text. Called by the scanner.

/// Words after which a command still has to begin.
const BEFORE_A_COMMAND: &[&str] = &[
    "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec", "command", "builtin", "env",
    "nohup", "nice", "sudo", "xargs",
];
/// Commands that read their arguments as code, on this machine or another.
const READS_AGAIN: &[&str] = &["eval", "ssh", "trap", "alias", "let", "[[", "sed"];
/// Commands that run the file that they are given; only as the command itself, since `.` is also a directory.
const RUNS_FILES: &[&str] = &[".", "source"];
/// Commands that read the word behind an option as code, with the letters that such an option ends with.
const READS_BEHIND: &[(&str, &[char])] = &[
    ("sh", &['c']),
    ("dash", &['c']),
    ("bash", &['c']),
    ("ash", &['c']),
    ("ksh", &['c']),
    ("zsh", &['c']),
    ("su", &['c']),
    ("python", &['c']),
    ("python3", &['c']),
    ("perl", &['e', 'E']),
    ("ruby", &['e']),
    ("node", &['e', 'p']),
    ("php", &['r']),
];
/// Commands that read any word as code but the one behind `-v`.
const AWKS: &[&str] = &["awk", "gawk", "mawk"];

/// Stands in a word for what a shell fills in or takes away: quotes, expansions, escapes.
pub(super) const MARK: char = '"';

/// Where the scanner is within a simple command.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// The next word, or the one begun, names the program.
    names_program: bool,
    /// The word begun, without its quotes' insides; `None` between words.
    word: Option<String>,
    /// The word begun has something in it that is neither an option's dash nor a value.
    begun: bool,
    /// The words before it.
    before: Vec<String>,
    /// Which of them names the program.
    program: Option<usize>,
    /// The next word is where a `<` or `>` goes.
    redirect: bool,
    /// `case`s that are open, in which `)` ends a pattern.
    pub cases: usize,
}

impl Words {
    /// At the beginning of a command.
    pub fn new() -> Self {
        Self {
            names_program: true,
            word: None,
            begun: false,
            before: Vec::new(),
            program: None,
            redirect: false,
            cases: 0,
        }
    }

    /// A character of a word, or a mark for something that is part of it.
    pub fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
        self.begun |= !matches!(c, MARK | '-' | '+');
    }

    /// Text within quotes: it begins the word as plain text does, but is no name that a shell knows.
    pub fn quoted(&mut self, text: &str) {
        self.begun |= text.contains(|c| !matches!(c, '-' | '+'));
    }

    /// Whether the scanner is inside a word.
    pub fn in_word(&self) -> bool {
        self.word.is_some()
    }

    /// A blank: the word is over.
    pub fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        self.begun = false;
        if std::mem::take(&mut self.redirect) {
            return;
        }
        if self.names_program && !is_assignment(&word) && !BEFORE_A_COMMAND.contains(&word.as_str()) {
            self.names_program = false;
            self.program = Some(self.before.len());
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
        self.program = None;
        self.names_program = true;
        self.redirect = false;
    }

    /// `<` or `>`.
    pub fn redirect(&mut self) {
        // In `2>file` the number belongs to the arrow, it is no word.
        if self.word.as_ref().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit())) {
            (self.word, self.begun) = (None, false);
        }
        self.end_word();
        self.redirect = true;
    }

    /// Whether a value put here would be (part of) the name of a program.
    pub fn would_name_program(&self) -> bool {
        self.names_program && !self.redirect && !self.word.as_deref().is_some_and(is_assignment)
    }

    /// Whether a value put here would begin a word: then it could be an option, the file of a `>`, or the command of a
    /// program that starts others (`setsid`, `nice`, `timeout`). The word behind `case` is none of these.
    pub fn would_begin_word(&self) -> bool {
        !self.begun && self.before.last().is_none_or(|word| word != "case")
    }

    /// The command that would read a value put here as code, if there is one.
    pub fn reads_again(&self) -> Option<&str> {
        let program = self.program.and_then(|at| self.before.get(at)).map(String::as_str);
        if let Some(program) = program.filter(|program| RUNS_FILES.contains(program)) {
            return Some(program);
        }
        let last = self.before.last().map_or("", String::as_str);
        self.before.iter().map(|word| word.rsplit('/').next().unwrap_or_default()).find(|name| {
            READS_AGAIN.contains(name)
                || (AWKS.contains(name) && last != "-v")
                || READS_BEHIND
                    .iter()
                    .any(|(shell, ends)| shell == name && last.starts_with('-') && last.ends_with(*ends))
        })
    }
}

/// `NAME=…`
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| super::super::values::is_variable_name(name.trim_end_matches('+')))
}
