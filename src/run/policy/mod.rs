//! What the ends of commands mean: for the push, for each host, and for the words that a person reads. It must never speak to a
//! host itself; what is to be done there, `walk` and `step` do. Called by the walk.

pub(super) mod deferred_finally;
pub(super) mod drop;
pub(super) mod failures;
pub(super) mod flips;
pub(super) mod holding;
pub(super) mod old_links;
pub(super) mod rollback;
pub(super) mod rollback_report;
mod rollback_result;
pub(super) mod touched;
pub(super) mod verdict;
