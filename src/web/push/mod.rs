//! One push: its page and its API, what people order it to do, rolling back and resuming. A handler and its view model stand side
//! by side; it must never decide whether a push may happen.

pub(super) mod api;
mod body;
pub(super) mod cancel;
pub(super) mod confirm;
pub(super) mod known;
pub(super) mod numbers;
pub(super) mod page;
pub(super) mod pause;
pub(super) mod records;
pub(super) mod resume;
pub(super) mod rollback;
pub(super) mod rollback_view;
pub(super) mod shown;
pub(super) mod view;
