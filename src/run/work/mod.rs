//! The kinds of work that a command of a plan can be, one file each, and what they have in common: tasks, output, endings. A kind of
//! work is given the job, does its part on one place, and gives back how that ended; it must never decide what that means for the push,
//! nor change what the push has learned, but for the account of who sends a release to whom. Called by the step and the walk.

pub(super) mod ask;
pub(super) mod build;
pub(super) mod check;
mod complaint;
pub(super) mod earlier_push;
pub(super) mod ending;
mod link;
pub(super) mod look_ahead;
pub(super) mod output;
pub(super) mod prune;
pub(super) mod put_back;
pub(super) mod readback;
pub(super) mod relay;
pub(super) mod task;
