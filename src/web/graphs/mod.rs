//! Graphs beside the pushes: what a push has measured, and what a stack says is to be looked at, fetched by the server for all viewers together. A
//! page must never wait for another server longer than its limit, nor send a browser to one.

pub(super) mod fetch;
mod image;
pub(super) mod page;
pub(super) mod view;
