//! The push log: its page, its list for programs, its CSV; and what is different between two versions of a stack. It must never change anything, nor read all rows at once.

pub(super) mod compare;
pub(super) mod compare_view;
pub(super) mod feed;
mod notes;
pub(super) mod page;
pub(super) mod view;
