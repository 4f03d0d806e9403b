//! Which files would go out, compared in the background. It must never make a page wait.

use crate::desk::Desk;
use crate::desk::parts::sources::file_changes::Key;
use crate::desk::view::plan::FileChanges;
use crate::stack::{Revision, Stack};
use crate::supervise::unbroken;
use std::sync::{Arc, PoisonError};

/// Remembered comparisons; when there are more, all are forgotten and made again.
const REMEMBERED: usize = 256;

impl Desk {
    /// The files that differ between two revisions, if that is known already; otherwise it is found out, and pages are told.
    pub(crate) fn files_changed(&self, stack: &Arc<Stack>, from: &Revision, to: &Revision) -> Option<FileChanges> {
        if !stack.source.compares_files() {
            return None;
        }
        let key = (stack.name.clone(), from.clone(), to.clone());
        let mut known = self.files.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return found.clone();
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key.clone(), None);
        drop(known);
        let desk = self.me.upgrade()?;
        let stack = Arc::clone(stack);
        self.spawn(async move { desk.compare(&stack, key).await });
        None
    }

    async fn compare(&self, stack: &Stack, key: Key) {
        // It is closed never; without a turn nothing is known, which is what the page shows.
        let Ok(_turn) = self.files.turn.acquire().await else { return };
        let changed = self.branches.changed_files(stack, &key.1, &key.2);
        let found = unbroken("compare two revisions", changed).await.flatten();
        let mut known = self.files.known.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(found) => {
                known.insert(key, Some(found));
                drop(known);
                self.changed();
            }
            // It is asked again when a page is drawn again.
            None => drop(known.remove(&key)),
        }
    }
}
