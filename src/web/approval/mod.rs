//! A second pair of eyes, by page and by API: pushes that wait for the approval of others, and marked builds. A handler and its view model stand side by
//! side; it must never decide whether a push may go out.

pub(super) mod mark_forms;
pub(super) mod marks;
pub(super) mod requests;
pub(super) mod view;
