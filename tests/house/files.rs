//! The files of this project, for the tests that read them.

use std::path::{Path, PathBuf};

/// Every file below a directory of this project whose name ends so, in order: its path below that directory, and its text.
pub fn texts(dir: &str, end: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let of = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    paths(&root, end).iter().map(|path| (of(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// Every file below a directory whose name ends so, in order.
pub fn paths(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let below = |path: PathBuf| match path.is_dir() {
        true => paths(&path, end),
        false if path.to_string_lossy().ends_with(end) => vec![path],
        false => Vec::new(),
    };
    entries.into_iter().flat_map(below).collect()
}
