//! The indexes of long logs that were asked for lately, in memory, and the turns for making one. It must never keep more than its bytes.

use super::index::Index;
use crate::stack::PushNumber;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Indexes that are kept.
const KEPT: usize = 16;

/// Bytes of indexes that are kept; the newest is, whatever it takes.
const KEPT_BYTES: usize = 64 << 20;

/// Passes over journals at once: the rest of the machine is for the pushes.
const PASSES: usize = 2;

/// The indexes that were asked for lately. A journal that has ended does not change, so they hold for as long as it has
/// the same length.
pub struct Indexes {
    /// The last one used comes last.
    pub(super) kept: Mutex<Vec<(PushNumber, u64, Arc<Index>)>>,
    pub(super) passes: Semaphore,
    pub(super) building: tokio::sync::Mutex<()>,
}

impl Default for Indexes {
    fn default() -> Self {
        Self { kept: Mutex::default(), passes: Semaphore::new(PASSES), building: tokio::sync::Mutex::default() }
    }
}

impl Indexes {
    pub(super) fn kept(&self, push: PushNumber, end: u64) -> Option<Arc<Index>> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = kept.iter().position(|(of, length, _)| (*of, *length) == (push, end))?;
        let found = kept.remove(at);
        let index = found.2.clone();
        kept.push(found);
        Some(index)
    }

    pub(super) fn keep(&self, push: PushNumber, end: u64, index: &Arc<Index>) {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.retain(|(of, _, _)| *of != push);
        kept.push((push, end, index.clone()));
        let bytes =
            |kept: &[(PushNumber, u64, Arc<Index>)]| kept.iter().map(|(_, _, index)| index.weight()).sum::<usize>();
        while kept.len() > KEPT || (kept.len() > 1 && bytes(&kept) > KEPT_BYTES) {
            kept.remove(0);
        }
    }
}
