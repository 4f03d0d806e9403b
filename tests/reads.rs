//! Nothing is read without a limit, from nobody: files go through `reading`, programs through `process`, streams through `take`; and
//! `ARCHITECTURE.md` names each place with its limit.

use crate::house::files;
use std::collections::BTreeSet;
use std::path::Path;

/// What reads until there is no more.
const WITHOUT_END: [&str; 8] = [
    "fs::read_to_string(",
    "fs::read(",
    "io::read_to_string(",
    ".wait_with_output(",
    ".0.output()",
    ".next_line()",
    "::to_bytes(",
    "BytesMut::new(",
];
/// What does so too, but for a `take` on the same line or just above it.
const UNTIL: [&str; 4] = [".read_to_end(", ".read_to_string(", ".read_line(", ".read_until("];
/// Lines above a read in which its `take` may stand.
const ABOVE: usize = 3;
/// What asks a door that is told how much, or where what is read belongs to the caller's own row. A source's `tool::run` is not among them:
/// one limit holds for all that ask it, and the row of `source/tool.rs` has it.
const DOORS: [&str; 3] = ["reading::text", "reading::bytes", ".output("];

struct Source {
    /// Below `src`.
    name: String,
    lines: Vec<String>,
}

/// The code of the program itself: not its tests, nor the demo, which reads what it wrote itself.
fn sources() -> Vec<Source> {
    let source = |(name, text): (String, String)| {
        if name.starts_with("demo/") || name.ends_with("tests.rs") {
            return None;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().map(|line| line.split("// ").next().unwrap_or_default().to_owned()).collect();
        Some(Source { name, lines })
    };
    files::texts("src", ".rs").into_iter().filter_map(source).collect()
}

/// The reads of a file: the line's number, and whether it has a limit.
fn reads(source: &Source) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        let has = |patterns: &[&str]| patterns.iter().any(|pattern| line.contains(pattern));
        if has(&WITHOUT_END) {
            found.push((at + 1, false));
        } else if has(&UNTIL) {
            let near = &source.lines[at.saturating_sub(ABOVE)..=at];
            found.push((at + 1, near.iter().any(|line| line.contains("take("))));
        } else if has(&DOORS) {
            found.push((at + 1, true));
        }
    }
    found
}

#[test]
fn nothing_is_read_to_its_end_without_a_limit() {
    let mut wrong = Vec::new();
    let mut all = 0;
    for source in sources() {
        for (line, bounded) in reads(&source) {
            all += 1;
            if !bounded {
                wrong.push(format!("src/{}:{line}: {}", source.name, source.lines[line - 1].trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "give it a limit, by `reading`, by `Program::output` or by `take`:\n{}",
        wrong.join("\n")
    );
    assert!(all > 50, "this test finds what it looks for: {all}");
    let text =
        ["let all = std::fs::read_to_string(path)?;", "stream.read_to_end(&mut all)?;", "x.take(9)", "x.read_until(b)"];
    let source = Source { name: String::new(), lines: text.map(str::to_owned).to_vec() };
    assert_eq!(reads(&source), [(1, false), (2, false), (4, true)]);
}

#[test]
fn the_architecture_names_every_place_that_reads_with_its_limit() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let section =
        page.split("\n## What is read, and at most how much\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let named: BTreeSet<&str> =
        section.split('`').filter(|word| word.ends_with(".rs") && !word.starts_with("tests/")).collect();
    let sources = sources();
    let reading: BTreeSet<&str> =
        sources.iter().filter(|source| !reads(source).is_empty()).map(|source| source.name.as_str()).collect();
    let missing: Vec<_> = reading.difference(&named).collect();
    assert!(missing.is_empty(), "to be named in ARCHITECTURE.md, with their limits: {missing:?}");
    let gone: Vec<_> = named.iter().filter(|name| !sources.iter().any(|source| source.name == **name)).collect();
    assert!(gone.is_empty(), "named, and not there: {gone:?}");
}
