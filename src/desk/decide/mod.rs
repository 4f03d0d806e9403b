//! Decisions: may this be pushed, and what would it do? Pure over the facts of the ledger and what hosts said last. It must never
//! know the desk, nor write anything.

pub(crate) mod catch_up;
pub(crate) mod conditions;
pub(crate) mod earlier;
pub(crate) mod facts;
pub(crate) mod gate;
pub(crate) mod offer;
pub(crate) mod outside;
pub(crate) mod press;
pub(crate) mod questions;
pub(crate) mod request;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod rollback_ready;
pub(crate) mod runs;
pub(crate) mod version;

pub(crate) use conditions::{approval, auto, marks, needs};
