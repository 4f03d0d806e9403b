//! Forges say here that there are new commits, so that nobody waits for the next look (docs/sources.md), and what their builds say of them. It must
//! never push: what can be pushed is what a source answers, and a status is one of the things that the gate looks at.

mod event;
pub(super) mod receive;
pub(super) mod recent;
mod repository;
pub(super) mod signature;
mod status;
