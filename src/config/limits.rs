//! `[limits]`: the numbers that bound things, each with a value that fits most houses. It must never hold one that nothing obeys.

use crate::size::Most;
use serde::Deserialize;

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How often the branches are fetched for the pages, in seconds.
    pub fetch_every_s: u64,
    /// Free space that a press needs under `data`, in MiB.
    pub free_mib: u64,
    /// Open connections in all; who comes when they are taken waits until one ends.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
    /// How many hosts are kept connected; 0 connects only when a push needs it.
    pub warm_hosts: usize,
    /// How often a connection that is kept is checked, in seconds; at most 10, since *ready* means an answer within 15 s.
    pub check_every_s: u64,
    /// How often hosts are asked what they run, in seconds.
    pub probe_every_s: u64,
    /// How much a stack's source may hold, in MiB: a git mirror, a directory, a published build.
    pub source_mib: u64,
    /// How many paths a directory or a published build may have.
    pub source_entries: usize,
    /// How long the tar of a published build may be, in MiB.
    pub upload_mib: u64,
    /// How many published builds of a stack are kept that nobody has pushed.
    pub published_kept: usize,
    /// How many builds of a stack are kept that pushes made, beside those that someone may still need; 0: all of them.
    pub builds_kept: usize,
    /// How often the commands that list hosts are asked for the pages, in seconds.
    pub inventory_every_s: u64,
}

impl Limits {
    /// How much a source may hold.
    pub fn source(&self) -> Most {
        Most { mib: self.source_mib, entries: self.source_entries }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch_every_s: 15,
            free_mib: 512,
            connections: 8192,
            connections_per_address: 64,
            warm_hosts: 500,
            check_every_s: 10,
            probe_every_s: 30,
            source_mib: Most::default().mib,
            source_entries: Most::default().entries,
            upload_mib: 2048,
            published_kept: 50,
            builds_kept: 0,
            inventory_every_s: 60,
        }
    }
}
