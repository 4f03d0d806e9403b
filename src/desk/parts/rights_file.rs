//! The rights as the server's file has them now: read again when the file changes. It must never let a file that is wrong change them, nor
//! read anything else of it: the rest counts from the next start.

use crate::config::{Config, ConfigError, Draft, FileRead};
use crate::stack::Rights;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The rights, and the file that they come from.
#[derive(Debug)]
pub(crate) struct RightsFile {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stamp: Option<Stamp>,
    rights: Arc<Rights>,
    problem: Option<String>,
}

/// What tells a file from what it was, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let meta = std::fs::metadata(file).ok()?;
        Some(Self { inode: meta.ino(), length: meta.len(), changed: (meta.ctime(), meta.ctime_nsec()) })
    }
}

impl RightsFile {
    /// Those of the configuration that the server began with.
    pub fn new(config: &Config) -> Self {
        let state = State { stamp: None, rights: Arc::clone(&config.access), problem: None };
        Self { file: config.file.clone(), state: Mutex::new(state) }
    }

    /// The rights of this moment.
    pub fn now(&self) -> Arc<Rights> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).rights)
    }

    /// What is wrong with the file, if anything: its first line.
    pub fn problem(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }

    /// Looks at the file again: what was read, when that is news. Blocking, and quick: one stat.
    pub fn refresh(&self) -> Option<FileRead> {
        let file = self.file.as_deref()?;
        let stamp = Stamp::of(file);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp == state.stamp && stamp.is_some() {
            return None;
        }
        state.stamp = stamp;
        match Draft::read(file).and_then(Draft::finish) {
            Ok(config) => {
                state.problem = None;
                // Streams tell old rights from new ones by their place.
                if *state.rights != *config.access {
                    tracing::info!("the rights were read again");
                    state.rights = Arc::clone(&config.access);
                }
                config.read
            }
            Err(error) => {
                let words = first_words(&error);
                tracing::error!(error = words, "the server's file has errors: the rights stay as they were");
                state.problem = Some(words);
                None
            }
        }
    }
}

fn first_words(error: &ConfigError) -> String {
    match error {
        ConfigError::Read { .. } => error.to_string(),
        ConfigError::Bad { diagnostics, .. } => {
            let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
            first.lines().next().unwrap_or_default().to_owned()
        }
    }
}
