//! How many questions readers have asked: pages are held to a number that does not grow with what they show (`tests/`). It
//! must never know what was asked. Called by the readers.

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::cell::Cell;

thread_local! {
    /// A connection is used by one thread at a time, from the beginning of its work to the end.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// Counts what is asked over a connection from now on.
pub(super) fn watch(connection: &mut Connection) -> rusqlite::Result<()> {
    let count = |_: TraceEvent<'_>| ASKED.set(ASKED.get().wrapping_add(1));
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count))
}

/// Does some work, and says how many questions it asked.
pub(super) fn counting<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ASKED.get();
    let done = work();
    (done, ASKED.get().wrapping_sub(before))
}
