//! The page of all stacks as it was last read, for all who ask at one moment. It must never be shown after something changed.

use crate::desk::view::board::Board;
use crate::stack::Revision;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The board that was read last, and whom it serves: those who had asked before the reading began.
#[derive(Default)]
pub(crate) struct Boards {
    pub(crate) arrived: AtomicU64,
    pub(crate) latest: tokio::sync::Mutex<(u64, Arc<Board>)>,
}

/// A stage's difference whose commits are to be counted: the places of the stack and the stage, and the revisions.
pub(crate) struct Uncounted {
    pub(crate) row: usize,
    pub(crate) place: usize,
    pub(crate) from: Option<Revision>,
    pub(crate) to: Revision,
}
