//! Pushes that run: their runners, their journals folded into the ledger, what people order them to do. It must never do a
//! runner's work.

pub(crate) mod fold;
pub(crate) mod follow;
pub(crate) mod interrupt;
pub(crate) mod journal_ends;
pub(crate) mod numbers;
pub(crate) mod orders;
pub(crate) mod recover;
pub(crate) mod runner;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod tell;
