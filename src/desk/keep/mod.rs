//! The data directory: backups, verification, and taking over one from another machine. It must never change history.

pub mod backup;
mod copying;
mod journals;
mod retention;
pub(crate) mod take_over;
pub mod usage;
pub mod verify;
