//! Stages: what each runs (`current`) and is to run (`desired`), what its hosts hold (`holding`), what stops it (`holds`), who asked for approval of a push (`approvals`), whether it is pushed automatically (`autos`), how far its
//! push is (`running`), and all of that for the page of all stacks (`board`). It must never read a journal: the fold does.

pub mod approvals;
pub mod autos;
pub mod board;
pub mod current;
pub mod desired;
pub mod holding;
pub mod holds;
pub mod running;
