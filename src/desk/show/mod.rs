//! What pages, API and command line show, made from what `decide` decides. It must never change anything, nor decide by itself.

mod approval;
mod auto;
pub(crate) mod board;
pub(crate) mod catch_up;
pub(crate) mod commits;
mod compare;
pub(crate) mod plan;
pub(crate) mod range_end;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod stack;
pub(crate) mod versions;
