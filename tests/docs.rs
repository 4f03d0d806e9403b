//! The README and every page of `docs/` are true: each block of a page is read or run by a test, tables that repeat the code are
//! compared with it, and each command, call and link that a page names is there.
//!
//! - `blocks`: the table of all blocks, and how each is tried. Who adds a block to a page adds a line there.
//! - `runs`: the blocks that are run, over real hosts and a real server.
//! - `kinds`: the lists of sources and ways to sign in, beside theirs.
//! - `keys`, `routes`, `program`: `stack-file.md`, `api.md` and `cli.md` beside the parser, the route table and the command line.

mod blocks;
mod document;
mod keys;
mod kinds;
mod names;
mod program;
mod routes;
pub mod runs;
mod scene;

pub use names::{commands_in, misunderstood};

use std::path::{Path, PathBuf};

/// A page, by its path from the repository's root.
pub struct Page {
    pub path: String,
    pub text: String,
}

/// A block between fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The word behind its first fence.
    pub kind: String,
    pub text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README, and the pages of `docs/` by name.
pub fn pages() -> Vec<Page> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("docs")).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.push(root().join("README.md"));
    files.sort();
    let page = |file: PathBuf| Page {
        path: file.strip_prefix(root()).unwrap().display().to_string(),
        text: std::fs::read_to_string(&file).unwrap(),
    };
    files.into_iter().map(page).collect()
}

/// One page.
pub fn page(path: &str) -> Page {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Page { path: path.to_owned(), text }
}

impl Page {
    /// Its blocks, from the top down.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for line in self.text.lines() {
            match (line.strip_prefix("```"), open.as_mut()) {
                (Some(kind), None) => open = Some(Block { kind: kind.to_owned(), text: String::new() }),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert_eq!(open, None, "{} leaves a block open", self.path);
        blocks
    }

    /// The block that begins so.
    pub fn block(&self, begins: &str) -> String {
        let found = self.blocks().into_iter().find(|block| block.text.starts_with(begins));
        found.unwrap_or_else(|| panic!("{} shows {begins}", self.path)).text
    }

    /// What stands between single backticks, line breaks as spaces.
    pub fn spans(&self) -> Vec<String> {
        let mut outside = String::new();
        let mut fenced = false;
        for line in self.text.lines() {
            match line.starts_with("```") {
                true => fenced = !fenced,
                false if !fenced => outside += &format!("{line} "),
                false => {}
            }
        }
        outside.split('`').skip(1).step_by(2).map(|span| span.replace("  ", " ")).collect()
    }

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
