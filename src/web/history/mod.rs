//! The push log: its page, its list for programs, its CSV. It must never change anything, nor read all rows at once.

pub(super) mod feed;
pub(super) mod page;
pub(super) mod view;
