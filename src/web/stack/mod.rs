//! One stack: its page, its API, its plans and versions, and what people start or set there. A handler and its view model stand
//! side by side; it must never decide whether a push may happen.

pub(super) mod api;
pub(super) mod catch_up;
pub(super) mod commits;
pub(super) mod hold;
pub(super) mod hold_view;
pub(super) mod page;
pub(super) mod plan;
pub(super) mod plan_view;
pub(super) mod press;
pub(super) mod readiness;
pub(super) mod stage_view;
pub(super) mod versions;
pub(super) mod versions_view;
pub(super) mod view;
