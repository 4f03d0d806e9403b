//! What is refused, and what fails: title, cause and cure of every case, held in one table. Who adds a case sees here which
//! line to add where:
//!
//! - `INSTA_UPDATE=always` rewrites the snapshot beside this file, `WRITE_DOCS=1` the tables of `docs/operating.md`:
//!   `INSTA_UPDATE=always WRITE_DOCS=1 cargo nextest run -E 'test(/^words::/)'`. Then read what changed.

mod asides;
mod literals;
mod refused;

use crate::house::files;
use asides::ASIDES;
use pushbutton::advice::{self, TABLES, Table};
use pushbutton::desk::{Case, Row};
use pushbutton::web::Fault;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A row, and parts of the sentences that it is said with.
type Said = (Row, &'static [&'static str]);

/// What other programs say, and what we say of them: the tables of all, and those that lie beside a source.
fn tables() -> impl Iterator<Item = Table> {
    TABLES.iter().copied().chain(pushbutton::source::advice())
}

fn refused() -> Vec<Row> {
    refusals().into_iter().map(|(row, _)| row).collect()
}

fn refusals() -> Vec<Said> {
    Case::ALL.iter().map(|case| (*case.row(), refused::marks(*case))).collect()
}

fn answered() -> Vec<Row> {
    Fault::ALL.iter().map(|fault| *fault.row()).collect()
}

/// What the web answers: its reasons name what is wrong in the request.
fn answers() -> Vec<Said> {
    answered().into_iter().map(|row| (row, &[][..])).collect()
}

#[test]
fn every_refusal_and_failure_stands_in_one_table_with_its_cause_and_cure() {
    let mut table = String::new();
    for (heading, rows) in [("refused by the desk", refusals()), ("answered by the web", answers())] {
        let _ = writeln!(table, "## {heading}");
        for (Row { name, title, cause, cure }, marks) in rows {
            let said = if marks.is_empty() { String::new() } else { format!("    says: {}\n", marks.join(" / ")) };
            let _ = writeln!(table, "{name}: {title}\n{said}    because: {cause}\n    cure: {cure}");
        }
    }
    for (program, cases) in tables() {
        let _ = writeln!(table, "## said by {program}");
        for advice::Case { marks, cause, cure, again } in cases {
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
        refused().iter().filter(|row| row.cure.contains("previous stage")).map(|row| row.name).collect();
    assert_eq!(sent, ["stage_before"]);
}

/// Rust files below `src`, with their text.
#[test]
fn no_row_is_of_a_case_that_nobody_can_meet() {
    let files = files::texts("src", ".rs");
    let makes =
        |made: &str, table: &str| files.iter().any(|(path, text)| !path.ends_with(table) && text.contains(made));
    for case in Case::ALL {
        let made = format!("Case::{case:?}");
        assert!(makes(&made, "desk/cases.rs"), "nothing makes {made}: take its row out");
    }
    for fault in Fault::ALL {
        let made = format!("Fault::{fault:?}");
        assert!(makes(&made, "web/http/faults.rs"), "nothing makes {made}: take its row out");
    }
}

#[test]
fn every_table_of_advice_is_listed() {
    let files = files::texts("src/advice", ".rs");
    let list = files.iter().find(|(path, _)| path == "mod.rs").map(|(_, text)| text.as_str()).unwrap();
    let list = list.split("pub const TABLES").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    for (path, text) in files.iter().filter(|(path, _)| path != "mod.rs") {
        let name = Path::new(path).file_stem().unwrap().to_string_lossy();
        let listed = list.contains(&format!("{name}::CASES"));
        assert!(
            listed || !text.contains("const CASES"),
            "add (\"{name}\", {name}::CASES) to TABLES in src/advice/mod.rs"
        );
    }
}

/// Where reasons are made: whoever reads them is on a push, a stage, a host or a source.
const ROOMS: [&str; 6] = ["run/", "remote/", "source/", "desk/", "cli/", "web/builds/"];

/// Files whose sentences stand beside their cures already, as they do in every table of advice: the desk's table, and what a look at the hosts or
/// the doctor finds, where each finding is made with its cure.
const WITH_CURES: [&str; 5] = [
    "desk/cases.rs",
    "desk/parts/hosts/checkups.rs",
    "desk/watch/checkup.rs",
    "desk/watch/checkup/words.rs",
    "cli/doctor/",
];

/// Marks that match in more files than this match by chance.
const MOST_FILES: usize = 3;

/// A text that someone may read: three words and more.
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

/// The marks of our own tables, and of what the desk refuses.
fn our_marks() -> Vec<&'static str> {
    let ours = tables().filter(|(name, _)| name.starts_with("Pushbutton"));
    let said = ours.flat_map(|(_, cases)| cases).flat_map(|case| case.marks);
    said.chain(Case::ALL.iter().flat_map(|case| refused::marks(*case))).copied().collect()
}

/// The texts of the rooms that give reasons: where each stands, and what it is.
fn reasons() -> Vec<(String, literals::Literal)> {
    let read = files::texts("src", ".rs").into_iter().filter(|(name, _)| {
        ROOMS.iter().any(|room| name.starts_with(room))
            && !name.ends_with("tests.rs")
            && !name.ends_with("/advice.rs")
            && !WITH_CURES.iter().any(|file| name.starts_with(file))
    });
    read.flat_map(|(name, text)| literals::of(&text).into_iter().map(move |literal| (name.clone(), literal))).collect()
}

#[test]
fn a_reason_that_stands_in_no_table_is_found_and_so_is_a_row_that_nobody_says() {
    let marks = our_marks();
    let (mut missing, mut aside) = (String::new(), BTreeSet::new());
    let mut said: BTreeMap<&str, BTreeSet<String>> = marks.iter().map(|mark| (*mark, BTreeSet::new())).collect();
    for (file, literals::Literal { line, text }) in reasons() {
        let small = text.to_lowercase();
        let its: Vec<&str> = marks.iter().filter(|mark| small.contains(**mark)).copied().collect();
        let asides: Vec<&str> = ASIDES.iter().filter(|aside| text.starts_with(**aside)).copied().collect();
        // What names the command that helps has its cure with it.
        if is_sentence(&text) && its.is_empty() && asides.is_empty() && !text.contains("hint: ") {
            let _ = writeln!(missing, "src/{file}:{line}: {text}");
        }
        aside.extend(asides);
        for mark in its {
            said.get_mut(mark).unwrap().insert(file.clone());
        }
    }
    assert!(
        missing.is_empty(),
        "give each a row in src/advice/ours/ or in the table beside its source (why, and what to do), where the desk refuses a mark in tests/words/refused.rs, or, where \
         nothing failed, name it in tests/words/asides.rs:\n{missing}"
    );
    let nobody: Vec<&str> = said.iter().filter(|(_, files)| files.is_empty()).map(|(mark, _)| *mark).collect();
    assert!(nobody.is_empty(), "nothing says this any more: take it out of src/advice/ours/ or refused.rs: {nobody:?}");
    let unsaid: Vec<&&str> = ASIDES.iter().filter(|it| !aside.contains(**it)).collect();
    assert!(unsaid.is_empty(), "nothing says this any more: take it out of tests/words/asides.rs: {unsaid:?}");
}

#[test]
fn a_mark_fits_the_sentences_it_is_meant_for_and_few_others() {
    let marks = our_marks();
    let twice: Vec<&&str> =
        marks.iter().enumerate().filter(|(at, mark)| marks[..*at].contains(mark)).map(|(_, m)| m).collect();
    assert!(twice.is_empty(), "a sentence has one row: {twice:?}");
    let reasons = reasons();
    for mark in marks {
        let files: BTreeSet<&str> = reasons
            .iter()
            .filter(|(_, literal)| literal.text.to_lowercase().contains(mark))
            .map(|(file, _)| file.as_str())
            .collect();
        assert!(files.len() <= MOST_FILES, "`{mark}` is too loose, it is said in {files:?}: make it longer");
        assert!(mark.len() >= 8 || mark == "vetoed", "`{mark}` is too short to mean one thing");
    }
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

fn rows(rows: Vec<Said>) -> String {
    let mut table = "| What it says | Cause | Fix |\n|---|---|---|\n".to_owned();
    for (Row { name, title, cause, cure }, marks) in rows {
        let said = if marks.is_empty() { String::new() } else { format!(": {}", quoted(marks)) };
        let _ = writeln!(table, "| **{}** `{name}`{said} | {} | {} |", cell(title), cell(cause), cell(cure));
    }
    table
}

/// Parts of sentences, each as code.
fn quoted(marks: &[&str]) -> String {
    let marks: Vec<String> =
        marks.iter().map(|mark| format!("`{}`", with_dots(mark).replace('|', "\\|").replace('`', "'"))).collect();
    // Two marks may differ in nothing but what is filled in.
    let once: Vec<&str> = marks
        .iter()
        .enumerate()
        .filter(|(at, mark)| !marks[..*at].contains(mark))
        .map(|(_, mark)| mark.as_str())
        .collect();
    once.join(", ")
}

fn advised() -> String {
    let mut table = "| What it says | Cause | Fix |\n|---|---|---|\n".to_owned();
    for (program, cases) in tables() {
        for case in cases {
            let _ =
                writeln!(table, "| {program}: {} | {} | {} |", quoted(case.marks), cell(case.cause), cell(case.cure));
        }
    }
    table
}

#[test]
fn the_docs_have_the_same_table() {
    let file = root().join("docs/operating.md");
    let mut docs = std::fs::read_to_string(&file).unwrap();
    let mut wrong = String::new();
    for (name, wanted) in [("refused", rows(refusals())), ("answered", rows(answers())), ("advice", advised())] {
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
