//! Pushes: how each begins (`press`), what its journal says (`fold`), its row and what belongs to it, and what is asked of many of
//! them (`history`, `stats`, `typical_duration`). It must never change a push that ended (triggers refuse).

mod details;
pub mod fold;
pub mod history;
pub mod press;
pub mod proofs;
mod push;
pub mod push_hosts;
pub mod questions;
pub mod ran;
pub mod settled;
pub mod stats;
pub mod typical_duration;
pub mod visible;

pub use details::{CommandRow, Commit, Link, Measurement, ResultRow, commands, commits, links, measurements, results};
pub(super) use push::{COLUMNS, REACHED, row};
pub use push::{
    Paused, PushRow, button, by_nonce, get, last_hosts, last_of_build, last_of_revision, lock_holder, locks, plan_text,
};
