//! What is wrong with a file that a person wrote: where, what, and the cure, drawn with a caret below the very words.
//! It must never read the file itself, and never print. Called by `stack` and `config`, shown by `check`, desk and pages.

use crate::visible::is_invisible;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// The most errors of one file that are drawn: more than anybody reads at once, few enough for a page.
const MOST: usize = 100;

/// One error in a file, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it is shown.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, in one line.
    pub title: String,
    rendered: String,
}

/// A mistake at a place in a text, before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong, in one lower-case line.
    pub title: String,
    /// What to do, a line each.
    pub cures: Vec<String>,
}

impl Mistake {
    /// Makes a mistake without a cure.
    pub fn new(at: Range<usize>, title: impl Into<String>) -> Self {
        Self { at, title: title.into(), cures: Vec::new() }
    }

    /// Adds a cure.
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cures.push(cure.into());
        self
    }

    /// Adds "did you mean" when one of `known` is near to what was written.
    pub fn nearest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(written, known) {
            Some(name) => self.cure(format!("did you mean `{}`?", shown(name))),
            None => self,
        }
    }
}

impl Diagnostic {
    /// Draws a mistake over the whole text of its file.
    pub fn new(file: &str, text: &str, mistake: &Mistake) -> Self {
        let start = floor_boundary(text, mistake.at.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        // Only the first line is shown, so that the drawing of a whole table is not a page long.
        let end = floor_boundary(text, mistake.at.end).clamp(start, line_end.max(start));
        let line = text[..line_start].matches('\n').count() + 1;
        let column = text[line_start..start].chars().count() + 1;
        // The line may hold the very password that is refused, and pages show what is drawn.
        let drawn = crate::address::starred(&text[line_start..line_end]);
        // Stars are one byte each: the caret stands where it stood in characters.
        let place = |at: usize| {
            let before = text[line_start..at].chars().count();
            drawn.char_indices().nth(before).map_or(drawn.len(), |(place, _)| place)
        };
        let snippet = Snippet::source(&*drawn)
            .line_start(line)
            .path(file)
            .annotation(AnnotationKind::Primary.span(place(start)..place(end)));
        let report = [Level::ERROR
            .primary_title(mistake.title.as_str())
            .element(snippet)
            .elements(mistake.cures.iter().map(|cure| Level::HELP.message(cure.as_str())))];
        let rendered = Renderer::plain().term_width(120).render(&report);
        Self { file: file.to_owned(), line, column, title: mistake.title.clone(), rendered }
    }

    /// Draws all mistakes of a file, in the file's order, none of them twice.
    pub fn all(file: &str, text: &str, mut mistakes: Vec<Mistake>) -> Vec<Self> {
        mistakes.sort_by(|a, b| (a.at.start, a.at.end, &a.title).cmp(&(b.at.start, b.at.end, &b.title)));
        mistakes.dedup_by(|a, b| a.at == b.at && a.title == b.title);
        if mistakes.len() > MOST {
            let more = format!("and {} more errors from here on", mistakes.len() - MOST);
            mistakes.truncate(MOST + 1);
            mistakes[MOST] = Mistake::new(mistakes[MOST].at.clone(), more);
        }
        mistakes.iter().map(|mistake| Self::new(file, text, mistake)).collect()
    }

    /// The error in one line: `stacks/web.toml:3:1: unknown key`.
    pub fn summary(&self) -> String {
        format!("{}:{}:{}: {}", self.file, self.line, self.column, self.title)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered)
    }
}

/// The mistakes of TOML itself, before any meaning.
pub fn toml_mistakes(errors: &[toml::de::Error]) -> Vec<Mistake> {
    errors
        .iter()
        .map(|error| Mistake::new(error.span().unwrap_or(0..0), format!("not TOML: {}", error.message())))
        .collect()
}

/// The known name that is nearest to what was written, when it is near enough to be a slip.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong: `comands`, `hots`, but not `to` for `on`.
    let most = written.chars().count().div_ceil(3).min(3);
    known
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(far, name)| *far <= most && *far < name.chars().count())
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// A value for a message: cut to 80 characters, control and invisible ones written as escapes, passwords of addresses hidden.
pub fn shown(value: &str) -> String {
    let safe = crate::address::shown(value);
    let value = safe.as_ref();
    let mut text: String = value
        .chars()
        .take(80)
        .flat_map(|c| match c.is_control() || is_invisible(c) {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect();
    if value.chars().count() > 80 {
        text.push('…');
    }
    text
}

/// Edit distance with neighbours swapped as one slip (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // Names longer than any key of ours are not slips of one; the bound keeps this from being quadratic in a file.
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mistake_is_drawn_with_its_place_and_its_cure() {
        let text = "a = 1\nhots = \"é\" # x\n";
        let mistake = Mistake::new(6..10, "unknown key `hots`").nearest("hots", ["title", "hosts"]);
        let diagnostic = Diagnostic::new("stacks/web.toml", text, &mistake);
        assert_eq!(diagnostic.summary(), "stacks/web.toml:2:1: unknown key `hots`");
        insta::assert_snapshot!(diagnostic, @r#"
    error: unknown key `hots`
     --> stacks/web.toml:2:1
      |
    2 | hots = "é" # x
      | ^^^^
      |
      = help: did you mean `hosts`?
    "#);
    }

    #[test]
    fn a_file_full_of_errors_is_told_in_a_hundred() {
        let text = "x\n".repeat(300);
        let mistakes = (0..300).map(|line| Mistake::new(line * 2..line * 2 + 1, "wrong")).collect();
        let told = Diagnostic::all("f", &text, mistakes);
        assert_eq!(told.len(), 101);
        assert_eq!(told[100].summary(), "f:101:1: and 200 more errors from here on");
    }

    #[test]
    fn only_slips_are_taken_for_a_known_name() {
        for (written, meant) in [
            ("comands", Some("commands")),
            ("hots", Some("hosts")),
            ("tiemout", Some("timeout")),
            ("x", None),
            ("on", None),
            ("", None),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(written, ["commands", "hosts", "timeout", "to"]), meant, "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_place_in_any_text_can_be_drawn(text in "\\PC{0,40}(\n|\r\n|\t|\u{0}|\\PC{0,20}){0,5}", a in 0usize..120, b in 0usize..120) {
            let mistake = Mistake::new(a.min(b)..a.max(b), "wrong");
            prop_assert!(Diagnostic::new("f", &text, &mistake).to_string().contains("f:"));
        }
    }
}
