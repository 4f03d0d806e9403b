//! What stands between the network and a handler: the guard that every request passes, origins, limits, bodies, problems, the
//! static files. It must never decide what a person may do with a push: the desk does.

pub(super) mod action;
pub(in crate::web) mod api;
pub(super) mod body;
pub(super) mod door;
pub(super) mod faults;
pub(super) mod files;
pub(super) mod health;
pub(crate) mod limits;
pub(super) mod origin;
pub(super) mod paging;
pub(super) mod path;
pub(super) mod problem;
pub(super) mod problem_body;
pub(super) mod rejected_body;
pub(super) mod request_guard;
pub(super) mod ways;
pub(super) mod writer_tried;
