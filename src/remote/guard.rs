//! The guard: every command, far or near, runs under it, on a leash that its runner holds (TRUST section 4).

use super::masters::Connection;
use super::{Ending, Lines, Task};
use std::path::Path;

/// Runs a task on a host.
pub async fn far(_on: &Connection, _task: Task, _lines: &Lines) -> Ending {
    todo!()
}

/// Runs a task on the push host, in `dir`.
pub async fn near(_dir: &Path, _task: Task, _lines: &Lines) -> Ending {
    todo!()
}
