//! The pages for who reads the code name files that are there.

use crate::house::files;
use std::collections::BTreeSet;
use std::path::Path;

/// What stands between backticks and ends like a source file.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|name| [".rs", ".js", ".sql"].iter().any(|end| name.ends_with(end)) && !name.contains([' ', '*', '{']))
}

/// The names that are no file of ours, by their path from the root or from `src/`: a shorter name may be that of several.
fn missing<'t>(text: &'t str, files: &[String]) -> BTreeSet<&'t str> {
    let is_there = |name: &str| files.iter().any(|file| file == name || file.strip_prefix("src/") == Some(name));
    named(text).filter(|name| !is_there(name)).collect()
}

#[test]
fn the_map_of_the_code_names_only_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["src", "static", "tests", "benches"].map(|dir| files::paths(&root.join(dir), "")).concat();
    let files: Vec<String> = found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
    for page in ["ARCHITECTURE.md", "SECURITY.md", "docs/adding.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        assert_eq!(missing(&text, &files), BTreeSet::new(), "{page} names files that are not there");
        assert!(page != "ARCHITECTURE.md" || named(&text).count() > 100, "this test finds what it looks for");
    }
    let planted = "`desk/wish.rs` and `desk/decide/request.rs`, as `static/live/fold.js`, `mod.rs` and `x y.rs` say";
    assert_eq!(missing(planted, &files), BTreeSet::from(["desk/wish.rs", "mod.rs"]));
}
