//! What a decision is told besides the ledger. Plain references; it must never be kept.

use crate::desk::parts::hosts::drift::Drifts;
use std::path::Path;

/// What a decision is told besides the ledger.
#[derive(Clone, Copy)]
pub(crate) struct Outside<'a> {
    /// The data directory, where builds lie.
    pub data: &'a Path,
    /// What the hosts said last of what they run.
    pub drifts: &'a Drifts,
}
