//! Forges say here that there are new commits, so that nobody waits for the next look (docs/sources.md). It must never do more than look
//! sooner: what can be pushed is what a source answers, never what a webhook says.

mod event;
pub(super) mod receive;
pub(super) mod recent;
mod signature;
