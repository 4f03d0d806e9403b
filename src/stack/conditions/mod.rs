//! What a stage says of when it is pushed: with whose approval, what must be so of the version (`needs`), and whether it is pushed automatically
//! (`auto`). It must never decide. Called by `parse`.

pub(super) mod approval;
pub(super) mod auto;
pub mod needs;
