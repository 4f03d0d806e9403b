//! The output of a push, however long: lines, search, the same lines of many hosts, the whole log. It must never read a journal
//! without a limit, nor past what is durable.

pub(super) mod ahead;
pub(super) mod building;
pub(super) mod cursor;
pub(super) mod download;
pub(super) mod find;
pub(super) mod index;
pub(super) mod indexes;
pub(super) mod kept;
pub(super) mod lines;
pub(super) mod log;
pub(super) mod parameters;
mod read;
pub(super) mod same;
