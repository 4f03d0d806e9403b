//! The audit for administrators: as a page, as JSON, and as the file that a third party verifies. It must never show anything of it to
//! anybody else, nor change anything.

pub(super) mod page;
pub(super) mod view;
