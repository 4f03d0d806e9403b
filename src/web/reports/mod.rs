//! What was: stats with their charts, announcements. It must never change anything, nor read without a bound.

pub(super) mod announcements;
pub(super) mod announcements_view;
pub(super) mod charts;
pub(super) mod redeliver;
pub(super) mod stats;
pub(super) mod stats_view;
