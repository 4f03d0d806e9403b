//! The hosts of a stack: looked over before they are trusted, looked at now, connected anew. It must never change anything on a
//! host.

pub(super) mod checkup;
pub(super) mod checkup_view;
pub(super) mod reach;
