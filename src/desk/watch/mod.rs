//! What is asked again and again in the background: sources, stack files, hosts. It must never make a page wait, nor change
//! anything on a host.

pub(crate) mod changed_files;
pub mod checkup;
pub(crate) mod fetch;
pub(crate) mod file_changes;
pub(crate) mod hosts;
pub(crate) mod inventory;
pub(crate) mod isolation;
pub(crate) mod probe;
pub(crate) mod uploads;
pub(crate) mod warm;
pub(crate) mod writable;
