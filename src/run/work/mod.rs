//! The kinds of work that a command of a plan can be, one file each. A kind of work takes the job, does its part on one place, and
//! gives back how that ended; it must never decide what that means for the push. Called by the step and the walk.

pub(super) mod ask;
pub(super) mod build;
pub(super) mod check;
pub(super) mod complaint;
pub(super) mod earlier_push;
pub(super) mod link;
pub(super) mod look_ahead;
pub(super) mod prune;
pub(super) mod readback;
pub(super) mod relay;
