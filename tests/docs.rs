//! Pages of `docs/` are true: tables that repeat the code are compared with it, and what they show is read.

mod keys;
mod program;
mod routes;
mod scene;

use std::path::Path;

/// A page, by its path from the repository's root.
pub struct Page {
    pub path: String,
    pub text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One page.
pub fn page(path: &str) -> Page {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Page { path: path.to_owned(), text }
}

impl Page {
    /// The rows of the table that follows a line, each cell trimmed; `\|` is a bar in a cell.
    pub fn table(&self, marker: &str) -> Vec<Vec<String>> {
        let (_, rest) =
            self.text.split_once(&format!("{marker}\n")).unwrap_or_else(|| panic!("{} has {marker}", self.path));
        let rows = rest.lines().take_while(|line| line.starts_with('|')).skip(2);
        let cells = |row: &str| {
            let row = row.trim_matches('|').replace("\\|", "\u{0}");
            row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
        };
        rows.map(cells).collect()
    }
}
