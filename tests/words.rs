//! What is refused, and what fails: title, cause and cure of every case, held in one table. Who adds a case sees here which
//! line to add where:
//!
//! - `INSTA_UPDATE=always` rewrites the snapshot beside this file, `WRITE_DOCS=1` the tables of `docs/operating.md`:
//!   `INSTA_UPDATE=always WRITE_DOCS=1 cargo nextest run -E 'test(/^words::/)'`. Then read what changed.

use pushbutton::advice::{self, TABLES};
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

/// A cell of a table in Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
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
            let marks: Vec<String> = case.marks.iter().map(|mark| format!("`{}`", mark.replace('|', "\\|"))).collect();
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
