//! The page of all stacks. It must never change anything.

pub(super) mod page;
pub(super) mod view;
