//! What the ends of commands mean for the push and for each host, and what follows from it: who is dropped, what is rolled back, and how
//! that is said. It must never run a command in another way than the walk does (`spread`, `roll`, `step`). Called by the walk.

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
