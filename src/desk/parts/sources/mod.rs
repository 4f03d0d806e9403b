//! What is known of sources and stack files. It must never make a page wait for a fetch.

pub(crate) mod branches;
pub(crate) mod changes;
pub(crate) mod fetching;
pub(crate) mod file_changes;
pub(crate) mod noted;
pub(crate) mod stack_files;
