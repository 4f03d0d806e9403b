//! Statuses of commits and stages that are pushed automatically: told, shown, turned on and off. It must never decide whether anything is pushed:
//! the desk does.

pub(super) mod statuses;
pub(super) mod switch;
pub(super) mod view;
