//! The texts in our own code, as a reader of the sources finds them: string literals without the tests, and what shell scripts say on
//! standard error. What goes into the server's own log (`tracing`), what is asked of SQLite, and what a programmer alone can meet
//! (`expect`, also of a lint) is none.

/// A text in a source file.
pub struct Literal {
    pub line: usize,
    pub text: String,
}

/// The string literals of a Rust file, but those of its tests; of a raw one that is a script, what it says when it fails.
pub fn of(source: &str) -> Vec<Literal> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(c) = rest.chars().next() {
        let taken = if let Some(call) = NOT_SAID.iter().find(|call| rest.starts_with(**call)) {
            call_length(rest, call.len())
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(hashes) = raw(rest).filter(|_| !ends_in_a_name(source, rest)) {
            let end = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 2;
            let length = rest[from..].find(&end).unwrap_or(rest.len() - from);
            found.extend(said_by_script(&rest[from..from + length]).map(|text| Literal { line, text }));
            (from + length + end.len()).min(rest.len())
        } else if c == '"' {
            let (text, taken) = plain(rest);
            found.push(Literal { line, text });
            taken
        } else if c == '\'' {
            letter(rest)
        } else {
            c.len_utf8()
        };
        line += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
    found
}

/// Calls whose texts no reader of a page, a terminal or a mail sees.
const NOT_SAID: [&str; 6] = ["tracing::", ".expect(", "[expect(clippy::", ".prepare(", ".prepare_cached(", ".execute("];

/// How long a call is that begins here, from its name to its closing bracket; a path that is none is just stepped over.
fn call_length(rest: &str, name: usize) -> usize {
    let behind = |c: char| !c.is_alphanumeric() && c != '_' && c != '!' && c != '(';
    let Some(open) = rest.find('(').filter(|open| *open < name || !rest[name..*open].contains(behind)) else {
        return name;
    };
    let (mut at, mut depth) = (open, 0_usize);
    while let Some(c) = rest[at..].chars().next() {
        at += match c {
            '"' => plain(&rest[at..]).1,
            '\'' => letter(&rest[at..]),
            c => c.len_utf8(),
        };
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// How many `#` a raw string begins with, if one begins here.
fn raw(rest: &str) -> Option<usize> {
    let behind = rest.strip_prefix('r')?;
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    behind[hashes..].starts_with('"').then_some(hashes)
}

fn ends_in_a_name(source: &str, rest: &str) -> bool {
    source[..source.len() - rest.len()].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// A string literal and how long it is; a line that is continued is one line.
fn plain(rest: &str) -> (String, usize) {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = letters.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match letters.next() {
                Some((_, '\n')) => while letters.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, c)) => text.extend(['\\', c]),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, rest.len())
}

/// The length of a character literal, or of the quote of a lifetime.
fn letter(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next(), letters.next()) {
        (Some((_, '\\')), ..) => rest[2..].find('\'').map_or(1, |end| end + 3),
        (Some(_), Some((at, '\'')), _) => at + 1,
        _ => 1,
    }
}

/// What a script says on standard error: `echo "…" >&2`, `fail "…"`.
fn said_by_script(script: &str) -> impl Iterator<Item = String> {
    let quoted = |line: &str, before: &str| -> Option<String> {
        let behind = &line[line.find(before)? + before.len()..];
        Some(behind.split('"').next()?.to_owned())
    };
    let said = |line: &str| match line.contains(">&2") {
        true => quoted(line, "echo \""),
        false => quoted(line, "|| fail \""),
    };
    script.lines().filter_map(said).collect::<Vec<_>>().into_iter()
}
