//! Which files would go out, as they were compared: kept, since two revisions never differ otherwise than they did. It must never
//! compare anything itself (`watch/file_changes.rs` does).
//! revisions never differ otherwise than they did. It must never make a page wait: what is not known yet is not shown, and
//! the pages are told when it is. Called by the street.

use crate::desk::view::plan::FileChanges;
use crate::stack::{Revision, StackName};
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::Semaphore;

pub(crate) type Key = (StackName, Revision, Revision);

/// The comparisons that were made or are being made. A std mutex: it is never held across an await.
#[derive(Debug)]
pub(crate) struct FilesChanged {
    /// None while it is being compared, and where the source cannot say.
    pub(crate) known: Mutex<HashMap<Key, Option<FileChanges>>>,
    /// Comparing is the disk's work: one at a time is soon enough.
    pub(crate) turn: Semaphore,
}

impl Default for FilesChanged {
    fn default() -> Self {
        Self { known: Mutex::default(), turn: Semaphore::new(1) }
    }
}
