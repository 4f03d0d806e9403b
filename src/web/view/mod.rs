//! What all pages share: the templates, the frame, words and parts. Pure but for `page`, which gathers what a frame shows; it must
//! never show a text that the templates did not escape.

pub mod assets;
pub(super) mod error;
pub(super) mod frame;
pub(super) mod graph;
mod line_breaks;
pub(super) mod notified;
pub(super) mod page;
pub mod pages;
pub(super) mod parts;
pub(super) mod question;
pub(super) mod rows;
pub(super) mod running;
pub(super) mod states;
pub(super) mod templates;
pub(super) mod words;
