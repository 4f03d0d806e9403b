//! rsync from the build to a host, over the host's master, under the near guard.

use super::masters::Connection;
use super::{Ending, Lines, Task};
use crate::stack::Rsync;
use std::path::Path;

/// Brings files from `tree` (the build's directory) to a host. Only the times, fence and cancel of `task` are used.
pub async fn rsync(_on: &Connection, _tree: &Path, _what: &Rsync, _task: Task, _lines: &Lines) -> Ending {
    todo!()
}
