//! What is known of hosts: which are connected, what they run, what was found on them. It must never change anything on a host.

pub mod checkups;
pub(crate) mod drift;
pub mod inventories;
pub(crate) mod lateness;
pub mod numbers;
pub(crate) mod warm;
