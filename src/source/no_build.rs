//! Why what was made is no build, in words that say what to do. Pure; it must never name more than a few paths. Said by the gate,
//! which every build passes.

use crate::size;
use std::fmt;

/// Paths that a refusal names; the rest are counted.
const NAMED: usize = 5;

/// The build that a new one is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its id.
    pub build: String,
    /// How many files it has.
    pub files: u64,
    /// By so many percent fewer are still believed.
    pub shrink: usize,
}

/// Why what was made is no build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoBuild {
    /// There is not one file.
    Empty(String),
    /// Files that stand for others.
    Pointers(Paths),
    /// Directories that should hold a repository.
    Submodules(Paths),
    /// What macOS packs beside files.
    Companions(Paths),
    /// It has far fewer files than the build before.
    Fewer(Fewer),
}

/// Far fewer files than the build before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fewer {
    /// How many there are now.
    pub now: u64,
    /// What it was compared with.
    pub before: Before,
}

impl Fewer {
    /// The `shrink` that would let it pass.
    pub fn shrink(&self) -> u64 {
        100 - self.now * 100 / self.before.files.max(1)
    }
}

impl fmt::Display for Fewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it has {}, and build {} before it has {}",
            size::counted(self.now, "file"),
            self.before.build,
            self.before.files
        )
    }
}

/// Some paths by name, the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    named: Vec<String>,
    count: usize,
}

impl Paths {
    /// Adds one.
    pub(super) fn add(&mut self, path: &str) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(path.to_owned());
        }
    }

    /// None where there is not one.
    pub(super) fn some(self) -> Option<Self> {
        (self.count > 0).then_some(self)
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Display for NoBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(what) => write!(
                f,
                "{what} has no files, so nothing would be served: does the build write to another place, or did it fail \
                 without an error?"
            ),
            Self::Pointers(paths) => write!(
                f,
                "{} instead of {} content ({paths}): set lfs = true in the git source of the stack file, or run `git \
                 lfs pull` where the build is made",
                counted(paths.count, "file is a Git LFS pointer", "files are Git LFS pointers"),
                if paths.count == 1 { "its" } else { "their" },
            ),
            Self::Submodules(paths) => write!(
                f,
                "{} empty ({paths}): set submodules = true in the git source of the stack file, or run \
                 `git submodule update --init --recursive` where the build is made",
                counted(paths.count, "submodule is", "submodules are"),
            ),
            Self::Companions(paths) => write!(
                f,
                "{} beside a file, not content ({paths}): pack with COPYFILE_DISABLE=1 tar …, and remove them with \
                 find . -name '._*' -delete",
                counted(paths.count, "file is what macOS keeps", "files are what macOS keeps"),
            ),
            Self::Fewer(fewer) => write!(
                f,
                "{fewer}; if that is right, confirm it, or set shrink = \"{}%\" in `source` and remove it afterwards",
                fewer.shrink()
            ),
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
