//! Builds: those that someone else made and published (`published`), those that ran well on a stage (`good_builds`), how much they hold
//! (`kept`), what was told of their commits (`statuses`), and which nobody needs any more (`surplus`). It must never look at their files: those are the desk's.

pub mod good_builds;
pub mod kept;
pub mod marks;
pub mod published;
pub mod statuses;
pub mod surplus;
