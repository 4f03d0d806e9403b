//! Where builds come from: git mirrors, Subversion, directories, published trees; checkouts, frozen builds and their
//! manifests. It must never run a committer's code (the runner does, under the guard), and never hand a ref to a tool as
//! an option.

pub mod build;
pub mod directory;
pub mod gate;
pub mod git;
pub mod lfs;
pub mod login;
pub mod manifest;
mod no_build;
pub mod origin;
pub mod svn;
mod tool;
mod tree;
pub mod unpack;

pub use tool::SourceError;
