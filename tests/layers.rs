//! The layering rule of `src/lib.rs`: a `use` may only point to a room further down the list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms from the top down, as the first page of `src/lib.rs` lists them.
fn rooms(lib: &str) -> Vec<String> {
    let list = lib.lines().take_while(|line| line.starts_with("//!")).filter(|line| line.starts_with("//! - ["));
    list.flat_map(|line| line.split("[`").skip(1).filter_map(|rest| rest.split_once("`]")))
        .map(|(room, _)| room.to_owned())
        .collect()
}

/// The rooms that a file names: every `crate::room`, also within `crate::{a, b::c}`. Comments are not code.
fn named(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_names(group)),
            None => found.push(name(rest)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The first name of each entry of a `{a, b::{c, d}}`, after its opening brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut entries) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => entries.push(String::new()),
            _ if depth == 0 => entries.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    entries.iter().map(|entry| name(entry.trim())).collect()
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn imports_point_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(src.join("lib.rs")).unwrap();
    let ranks: BTreeMap<String, usize> = rooms(&lib).into_iter().enumerate().map(|(rank, room)| (room, rank)).collect();
    for line in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        assert!(
            ranks.contains_key(line.trim_end_matches(';')),
            "{line} is missing in the list at the top of src/lib.rs"
        );
    }
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let place = file.strip_prefix(&src).unwrap();
        let room = place.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = room.trim_end_matches(".rs");
        // lib.rs and main.rs stand above all rooms.
        let Some(rank) = ranks.get(room) else { continue };
        for named in named(&std::fs::read_to_string(&file).unwrap()) {
            if ranks.get(&named).is_some_and(|other| other < rank) {
                wrong.push(format!("src/{}: {room} may not use {named}", place.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports must point downwards (see src/lib.rs):\n{}", wrong.join("\n"));
}

#[test]
fn every_way_to_name_a_room_is_seen() {
    let text = "use crate::stack::Host;\nuse crate::{plan::{A, B}, time,\n  web};\n// use crate::desk;\nfn f() { crate::run::go() }";
    assert_eq!(named(text), ["stack", "plan", "time", "web", "run"]);
    assert_eq!(
        rooms("//! x\n//! - [`cli`]: x\n//! - [`config`], [`time`]: y\n\n//! - [`no`]"),
        ["cli", "config", "time"]
    );
}

/// What asks a file system what a name is, in a script.
const ASKS: [&str; 12] =
    ["readlink", "realpath", "-ef", "cd -P", "[ -L", "[ -e", "[ -d", "[ -f", "[ -h", "[ ! -", "ls -", "test -"];

#[test]
fn one_script_part_alone_says_what_current_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut asking = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        // The demo makes hosts, and tests look at them: neither says anything to a push.
        if name.starts_with("demo/") || name.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code =
            text.split("#[cfg(test)]").next().unwrap().lines().filter(|line| !line.trim_start().starts_with("//"));
        let link = |line: &str| {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"_-./$".contains(c));
            words.map(|word| word.trim_start_matches("./")).any(|word| word == "current" || word.ends_with("/current"))
        };
        let found: Vec<String> = code
            .filter(|line| link(line) && ASKS.iter().any(|asks| line.contains(asks)))
            .map(|line| line.trim().to_owned())
            .collect();
        if !found.is_empty() {
            asking.insert(name, found);
        }
    }
    let elsewhere: Vec<_> = asking.iter().filter(|(name, _)| *name != "plan/shell/locate.rs").collect();
    assert!(elsewhere.is_empty(), "only LOCATE decides it: {elsewhere:#?}");
    assert!(asking["plan/shell/locate.rs"].len() >= 5, "this test finds what it looks for: {asking:#?}");
}
