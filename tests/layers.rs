//! The layering rule of `src/lib.rs`: a `use` may only point to a room further down the list. The same inside the rooms that have
//! folders, and no circle of files anywhere.

mod graph;
mod rows;

use crate::house::files;
use graph::Graph;
use std::collections::BTreeMap;
use std::path::Path;

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
    let mut wrong = Vec::new();
    for (place, text) in texts() {
        let room = place.split('/').next().unwrap().trim_end_matches(".rs");
        // lib.rs and main.rs stand above all rooms.
        let Some(rank) = ranks.get(room) else { continue };
        for named in named(&text) {
            if ranks.get(&named).is_some_and(|other| other < rank) {
                wrong.push(format!("src/{place}: {room} may not use {named}"));
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

/// Every file of `src`: its path below it, and its text.
fn texts() -> Vec<(String, String)> {
    files::texts("src", ".rs")
}

fn graph_of(files: &[(String, String)]) -> Graph {
    Graph::of(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let circles = graph_of(&texts()).circles();
    assert!(circles.is_empty(), "take what both need into a file below them: {circles:#?}");
}

#[test]
fn a_circle_is_seen_however_a_file_names_the_other() {
    let circles = |files: &[(&'static str, &'static str)]| Graph::of(files.iter().copied()).circles();
    let (first, second) = ("a/one.rs uses a/two.rs", "a/two.rs uses a/one.rs");
    let lib = ("lib.rs", "pub mod a;");
    for (one, two) in [
        ("use super::two::Two;", "use crate::a::one::{self, One as Other};"),
        ("use super::{Two};", "fn f() -> crate::a::One { x }"),
        ("fn f() { super::two::go() }", "use super::one; fn f() { let l: &'static str = \"a\"; one::go('{') }"),
        (
            "use crate::a::Two; #[cfg(test)] mod tests { fn f() {} } fn f() { Two::go() }",
            "mod m { fn f() { super::super::one::g() } }",
        ),
    ] {
        let room = ("a/mod.rs", "mod one;\nmod two;\npub use one::One;\npub(crate) use two::{Two};");
        assert_eq!(circles(&[lib, room, ("a/one.rs", one), ("a/two.rs", two)]), [[first, second]], "{one} {two}");
    }
    for (one, two) in [
        (
            "use super::two::Two;",
            "// use super::one::One;\nconst A: &str = \"super::one::One\"; const B: &str = r#\"super::one::x\"\"#;",
        ),
        ("use super::two::Two;", "#[cfg(test)]\nmod tests {\n use crate::a::one::One; fn f() { { x } }\n}"),
        ("use super::two::Two;", "#[cfg(test)] fn f() { super::one::g() } #[cfg(test)] mod tests;"),
        ("use super::two::Two;", "pub use super::one::One;"),
        ("use super::two::Two;", "pub(in crate::a::one) fn f() {}"),
    ] {
        let room = ("a/mod.rs", "mod one;\nmod two;\npub use one::One;");
        let tests = ("a/two/tests.rs", "use crate::a::one::One; use super::*;");
        assert!(circles(&[lib, room, ("a/one.rs", one), ("a/two.rs", two), tests]).is_empty(), "{one} {two}");
    }
}

/// The words in `` ` `` of the sentence of a module's head that begins so, with what stands before each.
fn in_order(text: &str, begin: &str) -> Vec<(String, String)> {
    let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let head = head.join(" ");
    let sentence = head.split_once(begin).unwrap_or_else(|| panic!("the head does not say {begin:?}")).1;
    let parts: Vec<&str> = sentence.split('.').next().unwrap().split('`').collect();
    parts.chunks_exact(2).map(|pair| (pair[0].trim().to_owned(), pair[1].to_owned())).collect()
}

/// The folder of a room in which a file is, if it is in one.
fn folder<'a>(path: &'a str, room: &str) -> Option<&'a str> {
    Some(path.strip_prefix(room)?.strip_prefix('/')?.split_once('/')?.0)
}

/// The folders inside a room that use one another, and by which files: those between which `may` says no.
fn against(files: &[(String, String)], room: &str, may: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let inside = files.iter().filter(|(path, _)| folder(path, room).is_some() || *path == format!("{room}/mod.rs"));
    let graph = Graph::of(inside.map(|(path, text)| (path.as_str(), text.as_str())));
    let wrong = graph.edges().filter_map(|(from, to)| {
        let (user, used) = (folder(from, room)?, folder(to, room)?);
        (user != used && !may(user, used)).then(|| format!("src/{from} may not use src/{to}"))
    });
    wrong.collect()
}

/// The text of a room's first file.
fn first_file<'a>(files: &'a [(String, String)], room: &str) -> &'a str {
    &files.iter().find(|(path, _)| *path == format!("{room}/mod.rs")).unwrap().1
}

/// The folders of a room, by its files.
fn folders(files: &[(String, String)], room: &str) -> Vec<String> {
    let mut folders: Vec<String> = files.iter().filter_map(|(path, _)| folder(path, room)).map(str::to_owned).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn against_desk(files: &[(String, String)]) -> Vec<String> {
    let order = in_order(first_file(files, "desk"), "Its folders, from the top down:");
    let order: Vec<String> = order.into_iter().map(|(_, folder)| folder).collect();
    let mut named = order.clone();
    named.sort();
    assert_eq!(named, folders(files, "desk"), "the head of src/desk/mod.rs names each folder once");
    let place = |folder: &str| order.iter().position(|named| named == folder);
    against(files, "desk", |user, used| place(user) < place(used))
}

fn against_web(files: &[(String, String)]) -> Vec<String> {
    let head = first_file(files, "web");
    let below: Vec<String> = in_order(head, "Folders of pages use").into_iter().map(|(_, folder)| folder).collect();
    let mut pairs = Vec::new();
    let words = in_order(head, "Of each other's they use no more than:");
    for pair in words.windows(2) {
        if pair[1].0 == ">" {
            pairs.push((pair[0].1.clone(), pair[1].1.clone()));
        }
    }
    let is_below = |folder: &str| below.iter().any(|named| named == folder);
    assert!(below.len() == 3 && below.iter().all(|folder| folders(files, "web").contains(folder)), "{below:?}");
    against(files, "web", |user, used| {
        is_below(used) || pairs.iter().any(|(from, to)| from == user && to == used && !is_below(user))
    })
}

#[test]
fn folders_of_the_desk_point_downwards_only() {
    let mut files = texts();
    assert_eq!(against_desk(&files), [""; 0], "see the head of src/desk/mod.rs");
    files.push(("desk/decide/mistake.rs".to_owned(), "use crate::desk::push::orders::x;".to_owned()));
    files.push(("desk/parts/mistake.rs".to_owned(), "fn f() { super::super::view::plan::f(); }".to_owned()));
    assert_eq!(against_desk(&files), ["src/desk/decide/mistake.rs may not use src/desk/push/orders.rs"]);
}

#[test]
fn pages_use_what_is_below_them_and_nothing_below_uses_a_page() {
    let mut files = texts();
    assert_eq!(against_web(&files), [""; 0], "see the head of src/web/mod.rs");
    files.push(("web/http/mistake.rs".to_owned(), "use crate::web::push::{api, shown};".to_owned()));
    files.push(("web/reports/mistake.rs".to_owned(), "use crate::web::{http::problem, history::view};".to_owned()));
    let wrong = [("http", "push/api"), ("http", "push/shown"), ("reports", "history/view")];
    let wrong = wrong.map(|(from, to)| format!("src/web/{from}/mistake.rs may not use src/web/{to}.rs"));
    assert_eq!(against_web(&files), wrong);
}

/// Files that a folder has at most: what fits on a screen.
const MOST_FILES: usize = 16;

/// Folders that have more files than they may.
fn too_large(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let folder = Path::new(&path).parent().unwrap().display().to_string();
        *counts.entry(folder).or_default() += 1;
    }
    let wrong = counts.iter().filter(|(_, count)| **count > MOST_FILES);
    wrong.map(|(folder, count)| format!("src/{folder} has {count} files, {MOST_FILES} at most")).collect()
}

#[test]
fn no_folder_has_more_files_than_fit_on_a_screen() {
    // The file of the library and the program's, and rooms of one file, are what `src` is.
    let rooms = texts().into_iter().map(|(path, _)| path).filter(|path| path.contains('/'));
    assert_eq!(too_large(rooms), [""; 0], "make a folder of what belongs together");
    let seventeen = (0..17).map(|n| format!("web/new/{n}.rs"));
    assert_eq!(too_large(seventeen), ["src/web/new has 17 files, 16 at most"]);
}

/// What asks a file system what a name is, in a script.
const ASKS: [&str; 12] =
    ["readlink", "realpath", "-ef", "cd -P", "[ -L", "[ -e", "[ -d", "[ -f", "[ -h", "[ ! -", "ls -", "test -"];

#[test]
fn one_script_part_alone_says_what_current_is() {
    let mut asking = BTreeMap::new();
    for (name, text) in texts() {
        // The demo makes hosts, and tests look at them: neither says anything to a push.
        if name.starts_with("demo/") || name.ends_with("tests.rs") {
            continue;
        }
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
