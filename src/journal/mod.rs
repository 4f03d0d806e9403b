//! The journal: the append-only record of a push, and the truth about it. One JSON object a line, in order of `n`.
//! It must never decide anything: who writes is the runner (and the server, for a runner that died), everybody else reads.

pub mod answer;
pub mod compress;
mod compressed;
pub mod connecting;
pub mod connections;
pub mod event;
pub mod file;
mod push_state;
pub mod read;
pub mod state;
pub mod write;

pub use answer::Answer;
pub use connecting::Connecting;
pub use connections::Connections;
pub use event::{Ended, Event, HostResult, Record, Stream};
pub use file::JournalFile;
pub use push_state::{NoState, PushState};
pub use read::{Batch, Cursor, Reader, StoredRecord};
pub use state::{Illegal, State};
pub use write::Writer;

use std::path::{Path, PathBuf};

/// The longest record, in bytes: the beginning of a push names its thousands of hosts, a line is far shorter.
pub const LONGEST_RECORD: u64 = 4 << 20;

/// The files of one push, under `data/pushes/N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushDir(PathBuf);

impl PushDir {
    /// The directory of `push` under `data`.
    pub fn of(data: &Path, push: crate::stack::PushNumber) -> Self {
        Self(data.join("pushes").join(push.to_string()))
    }

    /// A push directory named by its path, as the runner is given it.
    pub fn at(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The assignment: what the runner does.
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    /// What the push brings or takes away, for its commands on the push host.
    pub fn commits(&self) -> PathBuf {
        self.0.join("commits.json")
    }

    /// The journal, as its runner writes it. It is read by [`JournalFile`], which knows where it is once it is compressed.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }

    /// The journal, compressed some time after its end.
    pub fn compressed(&self) -> PathBuf {
        file::compressed_path(&self.journal())
    }

    /// What was cut off a journal whose runner died while writing.
    pub fn torn(&self) -> PathBuf {
        self.0.join("journal.torn")
    }

    /// Where the lines of a journal that has ended lie in it, kept by the server: not a record of anything. It may be
    /// deleted at any time.
    pub fn index(&self) -> PathBuf {
        self.0.join("journal.index")
    }

    /// Held by the runner as long as it lives: who holds this lock *is* the runner.
    pub fn lock(&self) -> PathBuf {
        self.0.join("runner.lock")
    }

    /// The socket on which the runner takes orders.
    pub fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Space kept back, so that the last state records can be written on a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.0.join("reserve")
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
