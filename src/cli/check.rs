//! `pushbutton check`.

use std::process::ExitCode;

/// `pushbutton check`
#[derive(Debug, clap::Args)]
pub struct Check {}

impl Check {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self, _config: &std::path::Path) -> anyhow::Result<ExitCode> {
        todo!()
    }
}
