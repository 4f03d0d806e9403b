//! What is refused, and what fails: title, cause and cure of every case, held in one table. Who adds a case sees here which
//! line to add where:
//!
//! - `INSTA_UPDATE=always` rewrites the snapshot beside this file, `WRITE_DOCS=1` the tables of `docs/operating.md`:
//!   `INSTA_UPDATE=always WRITE_DOCS=1 cargo nextest run -E 'test(/^words::/)'`. Then read what changed.

mod literals;

use pushbutton::advice::{self, TABLES, ours};
use pushbutton::desk::{Case, Row};
use pushbutton::web::Fault;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn refused() -> Vec<Row> {
    Case::ALL.iter().map(|case| *case.row()).collect()
}

fn answered() -> Vec<Row> {
    Fault::ALL.iter().map(|fault| *fault.row()).collect()
}

#[test]
fn every_refusal_and_failure_stands_in_one_table_with_its_cause_and_cure() {
    let mut table = String::new();
    for (heading, rows) in [("refused by the desk", refused()), ("answered by the web", answered())] {
        let _ = writeln!(table, "## {heading}");
        for Row { name, title, cause, cure } in rows {
            let _ = writeln!(table, "{name}: {title}\n    because: {cause}\n    cure: {cure}");
        }
    }
    for (program, cases) in TABLES {
        let _ = writeln!(table, "## said by {program}");
        for advice::Case { marks, cause, cure, again } in *cases {
            let again = if *again { " (may pass)" } else { "" };
            let _ = writeln!(table, "{}{again}\n    because: {cause}\n    cure: {cure}", marks.join(" / "));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn titles_causes_and_cures_are_phrases_that_fit_every_place_they_are_shown_in() {
    for Row { name, title, cause, cure } in refused().into_iter().chain(answered()) {
        assert!(title.len() <= 50, "{name}: a heading is short");
        for text in [title, cause, cure] {
            assert!(!text.is_empty() && !text.ends_with('.') && text.trim() == text, "{name}: {text:?}");
        }
        for text in [cause, cure] {
            let first = text.chars().next().unwrap();
            assert!(!first.is_uppercase() || text.starts_with("IRC"), "{name}: a phrase begins small: {text:?}");
        }
    }
    let names: Vec<&str> = refused().iter().chain(&answered()).map(|row| row.name).collect();
    // `ledger` is the same trouble at both doors.
    let twice: Vec<&str> =
        names.iter().enumerate().filter(|(at, name)| names[..*at].contains(name)).map(|(_, n)| *n).collect();
    assert_eq!(twice, ["ledger"]);
}

#[test]
fn only_who_has_nothing_to_take_from_the_stage_before_is_sent_there() {
    let sent: Vec<&str> =
        refused().iter().filter(|row| row.cure.contains("stage before")).map(|row| row.name).collect();
    assert_eq!(sent, ["stage_before"]);
}

/// Rust files below `src`, with their text.
fn sources(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
            false => {}
        }
    }
}

#[test]
fn no_row_is_of_a_case_that_nobody_can_meet() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let makes =
        |made: &str, table: &str| files.iter().any(|(path, text)| !path.ends_with(table) && text.contains(made));
    for case in Case::ALL {
        let made = format!("Case::{case:?}");
        assert!(makes(&made, "desk/cases.rs"), "nothing makes {made}: take its row out");
    }
    for fault in Fault::ALL {
        let made = format!("Fault::{fault:?}");
        assert!(makes(&made, "web/faults.rs"), "nothing makes {made}: take its row out");
    }
}

#[test]
fn every_table_of_advice_is_listed() {
    let mut files = Vec::new();
    sources(&root().join("src/advice"), &mut files);
    let list = files.iter().find(|(path, _)| path.ends_with("advice/mod.rs")).map(|(_, text)| text.as_str()).unwrap();
    let list = list.split("pub const TABLES").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with("advice/mod.rs")) {
        let name = path.file_stem().unwrap().to_string_lossy();
        let listed = list.contains(&format!("{name}::CASES"));
        assert!(
            listed || !text.contains("const CASES"),
            "add (\"{name}\", {name}::CASES) to TABLES in src/advice/mod.rs"
        );
    }
}

/// Where reasons are made: whoever reads them is on a push, a stage, a host or a source.
const ROOMS: [&str; 7] =
    ["run/", "remote/", "source/", "desk/branches.rs", "desk/drift.rs", "desk/inventory.rs", "desk/warm.rs"];

/// What these rooms say beside reasons: notes in a log, parts of sentences, and what is for programs. A text is one of these when it
/// begins so.
const ASIDES: [&str; 52] = [
    // For programs.
    "exec /bin/sh",
    "Session open refused by peer",
    "HOST IDENTIFICATION HAS CHANGED",
    "stdio forwarding failed",
    "kex_exchange_identification",
    "StrictHostKeyChecking yes",
    "# Written by pushbutton at each start",
    "  Include ~/.ssh/config",
    "GlobalKnownHostsFile /dev/null",
    "Host *\\n",
    "  IdentityFile {key}",
    "--rsync-path=umask 022",
    "--out-format=name",
    "-o BatchMode=yes",
    "--format=%(objectname)",
    "pathspec '.' did not match",
    "version https://",
    "push-check-exit",
    // For programmers.
    "gives the block its type",
    "entries come sorted",
    "the order takes from at least one side",
    "a root is 64 hexadecimal digits",
    "a string takes all",
    "a SHA-256 is 64",
    "some secrets have fewer than the 2^31 bytes",
    // Notes in the log of a push, where nothing failed.
    "{} is already there, verified",
    "made {dir}/{part}, which was missing",
    "{} was there already, not yet verified",
    "{} is there in part",
    "current is releases/",
    "build {}: {} files",
    "done by push {of} already",
    "try {attempt} of {}",
    "going back to {} on {} hosts",
    "not run on {}: no longer a host",
    "the link is back, {what}",
    // What a task is for, in the server's own list.
    "ask hosts what they run",
    "ask hosts for their newest push",
    "ask a command for hosts",
    "keep a host connected",
    // Parts of sentences.
    "; the others are ({})",
    "at the beginning, {words}",
    "at the end, {why}",
    "from the push host",
    "the push host",
    "during the rollback, in command",
    "{} of {} touched hosts",
    "the runner got SIGTERM",
    " on {} and {} more",
    "no longer a host of this stage",
    "in command {number}",
    "before command {number}",
];

/// A text that somebody may read: three words and more.
fn is_sentence(text: &str) -> bool {
    let mut bare = String::new();
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    let is_word = |word: &&str| word.chars().filter(char::is_ascii_alphabetic).count() >= 2;
    bare.contains(' ') && bare.split(|c: char| !c.is_ascii_alphabetic()).filter(is_word).count() >= 3
}

#[test]
fn a_reason_that_stands_in_no_table_is_found_and_so_is_a_row_that_nobody_says() {
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let marks: Vec<&str> = ours::CASES.iter().flat_map(|case| case.marks).copied().collect();
    let (mut all, mut missing) = (String::new(), String::new());
    for (path, text) in &files {
        let name = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        if !ROOMS.iter().any(|room| name.starts_with(room)) || name.ends_with("tests.rs") {
            continue;
        }
        for literals::Literal { line, text } in literals::of(text) {
            let small = text.to_lowercase();
            let known =
                marks.iter().any(|mark| small.contains(mark)) || ASIDES.iter().any(|aside| text.starts_with(aside));
            if is_sentence(&text) && !known {
                let _ = writeln!(missing, "src/{name}:{line}: {text}");
            }
            let _ = writeln!(all, "{small}");
        }
    }
    assert!(
        missing.is_empty(),
        "give each a row in src/advice/ours.rs (why, and what to do), or, where nothing failed, name it in ASIDES:\n{missing}"
    );
    let nobody: Vec<&str> = marks.into_iter().filter(|mark| !all.contains(mark)).collect();
    assert!(nobody.is_empty(), "nothing says this any more: take it out of src/advice/ours.rs: {nobody:?}");
}

/// A cell of a table in Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// A part of a sentence as a reader knows it: what is filled in is `…`.
fn with_dots(mark: &str) -> String {
    let mut parts = mark.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| format!("{text}…{}", part.split_once('}').map_or("", |(_, rest)| rest)))
}

fn rows(rows: Vec<Row>) -> String {
    let mut table = "| What it says | Why | What to do |\n|---|---|---|\n".to_owned();
    for Row { name, title, cause, cure } in rows {
        let _ = writeln!(table, "| **{}** `{name}` | {} | {} |", cell(title), cell(cause), cell(cure));
    }
    table
}

fn advised() -> String {
    let mut table = "| What it says | Why | What to do |\n|---|---|---|\n".to_owned();
    for (program, cases) in TABLES {
        for case in *cases {
            let marks: Vec<String> =
                case.marks.iter().map(|mark| format!("`{}`", with_dots(mark).replace('|', "\\|"))).collect();
            let _ = writeln!(table, "| {program}: {} | {} | {} |", marks.join(", "), cell(case.cause), cell(case.cure));
        }
    }
    table
}

#[test]
fn the_docs_have_the_same_table() {
    let file = root().join("docs/operating.md");
    let mut docs = std::fs::read_to_string(&file).unwrap();
    let mut wrong = String::new();
    for (name, wanted) in [("refused", rows(refused())), ("answered", rows(answered())), ("advice", advised())] {
        let (begin, end) = (format!("<!-- table: {name} -->\n"), format!("<!-- end: {name} -->"));
        let from = docs.find(&begin).unwrap_or_else(|| panic!("docs/operating.md has no {begin}")) + begin.len();
        let to = from + docs[from..].find(&end).unwrap_or_else(|| panic!("docs/operating.md has no {end}"));
        let there = docs[from..to].to_owned();
        if there != wanted {
            let (have, want): (BTreeSet<&str>, BTreeSet<&str>) = (there.lines().collect(), wanted.lines().collect());
            want.difference(&have).for_each(|line| wrong += &format!("add:  {line}\n"));
            have.difference(&want).for_each(|line| wrong += &format!("drop: {line}\n"));
            if have == want {
                wrong += &format!("the lines of {name} are in another order than the code has them\n");
            }
            docs.replace_range(from..to, &wanted);
        }
    }
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&file, docs).unwrap();
    } else {
        assert!(wrong.is_empty(), "docs/operating.md is not what the code says (WRITE_DOCS=1 writes it):\n{wrong}");
    }
}
