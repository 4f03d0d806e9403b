//! `pushbutton serve`.

use std::path::Path;
use std::process::ExitCode;

/// Runs the server until it is told to stop.
///
/// # Errors
/// Why it could not start.
pub fn main(_config: &Path) -> anyhow::Result<ExitCode> {
    todo!()
}
