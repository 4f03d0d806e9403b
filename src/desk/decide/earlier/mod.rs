//! Earlier pushes of a stage, as far as the next one depends on them. It must never decide anything.

pub(crate) mod deferred_finally;
pub(crate) mod ended;
pub(crate) mod last_push;
