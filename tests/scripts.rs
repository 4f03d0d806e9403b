//! How the scripts of `static/` hang together: no circle of imports, folders that look downwards, types without holes, and no module
//! that writes what belongs to another. `script/test` has their types checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a folder may import from: itself, and those before it.
const FOLDERS: [&str; 4] = ["page", "log", "same", "live"];
/// Fields of classes that are called as properties of elements are: whoever writes those writes to the page.
const OF_ELEMENTS: [&str; 5] = ["title", "hidden", "value", "state", "href"];

/// All scripts by their place: `log/rail.js`.
fn scripts() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
    let mut all = BTreeMap::new();
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let place = format!("{name}/{}", file.file_name().unwrap().to_str().unwrap());
            all.insert(place, std::fs::read_to_string(&file).unwrap());
        }
    }
    all
}

/// A script without its comments.
fn code(script: &str) -> String {
    let mut code = String::new();
    let mut rest = script;
    while let Some((before, after)) = rest.split_once("/*") {
        code += before;
        rest = after.split_once("*/").unwrap().1;
    }
    code += rest;
    code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect::<Vec<_>>().join("\n")
}

/// What a script imports, at once or when it is asked for, by place.
fn imports(place: &str, script: &str) -> BTreeSet<String> {
    let code = code(script);
    let folder = place.split('/').next().unwrap();
    let quoted = |begin: &str| -> Vec<String> {
        code.split(begin).skip(1).filter_map(|rest| Some(rest.split_once('\'')?.0.to_owned())).collect()
    };
    let names = [quoted("from '"), quoted("import('"), quoted("import '")].concat();
    let place = |name: String| match name.strip_prefix("./") {
        Some(beside) => format!("{folder}/{beside}"),
        None => name.strip_prefix("../").expect("a relative address").to_owned(),
    };
    names.into_iter().map(place).collect()
}

#[test]
fn no_script_imports_in_a_circle_or_upwards() {
    let scripts = scripts();
    let mut left: BTreeMap<&String, BTreeSet<String>> =
        scripts.iter().map(|(place, script)| (place, imports(place, script))).collect();
    let rank = |place: &str| FOLDERS.iter().position(|folder| place.starts_with(&format!("{folder}/"))).expect(place);
    for (place, imported) in &left {
        for other in imported {
            assert!(scripts.contains_key(other), "{place} imports {other}, which is not there");
            assert!(rank(other) <= rank(place), "{place} imports {other}, which is above it");
        }
    }
    // Whoever imports nothing that is left goes; what stays is in a circle, or needs one.
    while let Some(done) = left.iter().find(|(_, imported)| imported.is_empty()).map(|(place, _)| (*place).clone()) {
        left.remove(&done);
        for imported in left.values_mut() {
            imported.remove(&done);
        }
    }
    assert!(left.is_empty(), "a circle: {left:?}");
    for folder in FOLDERS {
        let files = scripts.keys().filter(|place| place.starts_with(&format!("{folder}/"))).count();
        assert!(files <= 15, "static/{folder} has {files} files");
    }
}

#[test]
fn the_types_of_scripts_have_no_holes() {
    for (place, script) in scripts() {
        for hole in ["@ts-", "{any}", "{any[]}", " any>", ": any", "any}", "{Function}", "{Object}"] {
            assert!(!script.contains(hole), "{place} has {hole}");
        }
    }
}

#[test]
fn no_script_writes_a_field_of_another_one() {
    let scripts = scripts();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    // A write is `NAME.FIELD =` and its kin; `this` may.
    let writes = |code: &str| -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (at, _) in code.match_indices('.') {
            let field: String = code[at + 1..].chars().take_while(|c| word(*c)).collect();
            let behind = code[at + 1 + field.len()..].trim_start();
            let assigns = ["++", "--", "+=", "-=", "||=", "&&=", "??="].iter().any(|sign| behind.starts_with(sign))
                || (behind.starts_with('=') && !behind.starts_with("==") && !behind.starts_with("=>"));
            let owner: String = code[..at].chars().rev().take_while(|c| word(*c) || "?.])".contains(*c)).collect();
            let owner: String = owner.chars().rev().collect();
            if assigns && !field.is_empty() {
                found.push((owner, field));
            }
        }
        found
    };
    let mut fields: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    for (place, script) in &scripts {
        for (owner, field) in writes(&code(script)) {
            if owner == "this" && !OF_ELEMENTS.contains(&&*field) {
                fields.entry(field).or_default().insert(place);
            }
        }
    }
    assert!(fields["following"].contains(&"log/reader.js".to_owned()), "fields are found");
    // Elements of the page, and records of a type that the script itself gives, are no parts of others.
    for (place, script) in &scripts {
        let types: Vec<&str> = script.lines().filter(|line| line.trim_start().starts_with(['*', '/'])).collect();
        for (owner, field) in writes(&code(script)) {
            let of_page = owner.ends_with(".dataset") || owner.ends_with(".style");
            let record = [format!(" {field}: "), format!("{{{field}: "), format!(" {field}?: ")];
            let of_record = types.iter().any(|line| record.iter().any(|name| line.contains(name)));
            let others = fields.get(&field).filter(|owners| !owners.contains(place));
            let of_another = owner != "this" && !of_page && !of_record && others.is_some();
            assert!(!of_another, "{place} writes {owner}.{field}, which belongs to {others:?}");
        }
    }
}
