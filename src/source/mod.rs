//! Where builds come from: git mirrors, checkouts, frozen trees and their manifests.
//! It must never run a committer's code (the runner does, under the guard), and never hand a ref to git as an option.

pub mod build;
pub mod git;
pub mod manifest;
mod tree;
