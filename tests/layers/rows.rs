//! A row of the ledger is a row and nothing else: answers have bodies (`src/desk/view/`), announcements have types of the outbox.

use super::texts;

/// What is written or read as JSON in `src/ledger` all the same: the file, the type, and why.
const OTHER_TEXTS: [(&str, &str, &str); 6] = [
    ("ledger/audit/seal.rs", "Part", "a part of a key, as the audit's own text has it"),
    (
        "ledger/audit/rows.rs",
        "AuditRow",
        "the promised form of an exported row, which its hash is checked by; `docs/audit.md` has its fields",
    ),
    ("ledger/audit/export.rs", "End", "the last line of an exported file"),
    ("ledger/pushes/push_hosts.rs", "Written", "a plan of schema 1, as far as it is read"),
    ("ledger/pushes/push_hosts.rs", "Frozen", "its host list"),
    ("ledger/pushes/push.rs", "OpenQuestion", "the question that SQLite puts together as an object"),
];

/// The name of a type, where a line begins one.
fn named<'t>(line: &&'t str) -> Option<&'t str> {
    ["struct ", "enum "].iter().find_map(|kind| line.split_once(kind)).map(|(_, rest)| first_word(rest))
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap()
}

/// The types of a file that serde writes or reads.
fn with_serde(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let is_serde = |line: &str| line.contains("Serialize") || line.contains("Deserialize");
    let mut found = Vec::new();
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| is_serde(line)) {
        match line.split_once(" for ") {
            Some((_, rest)) => found.push(first_word(rest)),
            None if line.contains("derive(") => found.extend(lines[place..].iter().find_map(named)),
            None => {}
        }
    }
    found
}

#[test]
fn no_row_of_the_ledger_is_written_as_json() {
    let mut everywhere = Vec::new();
    for (path, text) in texts() {
        if path.starts_with("ledger/") && !path.starts_with("ledger/outbox/") && !path.ends_with("tests.rs") {
            everywhere.extend(with_serde(&text).into_iter().map(|name| (path.clone(), name.to_owned())));
        }
    }
    let is_other = |(path, name): &(String, String)| OTHER_TEXTS.iter().any(|(file, of, _)| path == file && name == of);
    let wrong: Vec<_> = everywhere.iter().filter(|one| !is_other(one)).collect();
    assert!(wrong.is_empty(), "give it a body in src/desk/view/, or a type in src/ledger/outbox/: {wrong:#?}");
    for (file, name, why) in OTHER_TEXTS {
        assert!(everywhere.contains(&(file.to_owned(), name.to_owned())), "{file} has no {name} any more: {why}");
    }
}

#[test]
fn a_row_with_serde_is_seen_however_it_is_said() {
    for text in [
        "use serde::Serialize;\n/// A row.\n#[derive(Clone, Serialize)]\npub struct Row {",
        "#[derive(serde::Deserialize)]\n#[serde(untagged)]\nenum Row {",
        "impl serde::Serialize for Row {",
    ] {
        assert_eq!(with_serde(text), ["Row"], "{text}");
    }
    let none = "/// It is not Serialize.\n#[derive(Clone)]\nstruct A;\n#[cfg(test)]\nmod tests { #[derive(Serialize)] struct B; }";
    assert!(with_serde(none).is_empty());
}
