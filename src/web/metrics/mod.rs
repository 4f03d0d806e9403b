//! Numbers for Prometheus, at an address of their own: `GET /metrics`, and nothing else. It must never change anything, show a word
//! that a person wrote, or take from the pages: one reading a second at most, whoever asks, and connections of its own. What there is to
//! read is a row of [`table`]; `docs/metrics.md` has them too.

pub mod table;

mod encode;
mod listener;
mod totals;

pub(super) use listener::serve;
