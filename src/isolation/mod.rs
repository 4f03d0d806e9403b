//! Where committers' code runs on the push host: in namespaces of its own (bubblewrap), as a user of its own, with the build's directory
//! and `/usr`, within limits, and without the calls of the kernel that no build needs. What is said here is which words start a program there, whether this machine can do it, and what such a
//! program takes. It must never give it a way to the server's data, environment, sockets or processes, and never run anything of a
//! committer's without all of that. Called by the runner's commands, by the server at its start, and by the guard.

mod calls;
mod keyring;
mod place;
mod probe;
mod sandbox;
mod usage;

pub use calls::refused;
pub use keyring::start;
pub use place::{cache, etc, give, mount_point, remove, remove_mount_point, scratch};
pub use probe::ready;
pub use sandbox::{COMMITS, Cache, Sandbox, build_user};
pub use usage::too_much;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[build]` of the server's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether committers' code is kept apart.
    pub isolation: Isolation,
    /// How much memory a command may take, with all that it starts, in MiB.
    pub memory_mib: u64,
    /// How many processes and threads a command may have at once.
    pub processes: u64,
    /// How much its build's directory, `/tmp` and caches may hold together, in MiB.
    pub disk_mib: u64,
    /// How many seconds of a processor each of its processes may use.
    pub cpu_s: u64,
    /// Directories that it may read besides `/usr`.
    pub read_only: Vec<PathBuf>,
    /// The server's own directories, which it must not see wherever they lie. Not a key of the file.
    pub hidden: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            isolation: Isolation::Namespaces,
            memory_mib: 8192,
            processes: 4096,
            disk_mib: 20_480,
            cpu_s: 3600,
            read_only: Vec::new(),
            hidden: Vec::new(),
        }
    }
}

/// Whether committers' code is kept apart from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In namespaces of its own, or not at all.
    #[default]
    Namespaces,
    /// Not: it runs as the server's user.
    None,
}

impl Isolation {
    /// All of them, in the order in which messages name them.
    pub const ALL: [Self; 2] = [Self::Namespaces, Self::None];
    /// What the file may say.
    pub const WORDS: [&str; Self::ALL.len()] = [Self::Namespaces.word(), Self::None.word()];

    /// Its word in the server's file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::None => "none",
        }
    }
}
