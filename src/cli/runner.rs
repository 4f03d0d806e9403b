//! `pushbutton runner`.

use std::process::ExitCode;

/// `pushbutton runner`
#[derive(Debug, clap::Args)]
pub struct Runner {}

impl Runner {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self) -> anyhow::Result<ExitCode> {
        todo!()
    }
}
