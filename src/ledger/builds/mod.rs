//! Builds: those that someone else made and published (`published`), those that ran well on a stage (`good_builds`), and how much they hold
//! (`kept`). It must never look at their files: those are the desk's.

pub mod good_builds;
pub mod kept;
pub mod marks;
pub mod published;
