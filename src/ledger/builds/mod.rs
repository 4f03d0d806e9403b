//! Builds: those that someone else made and published (`published`), and those that ran well on a stage (`good_builds`). It must never
//! look at their files: those are the desk's.

pub mod good_builds;
pub mod marks;
pub mod published;
