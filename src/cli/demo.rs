//! `pushbutton demo`.

use std::process::ExitCode;

/// `pushbutton demo`
#[derive(Debug, clap::Args)]
pub struct Demo {}

impl Demo {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self) -> anyhow::Result<ExitCode> {
        todo!()
    }
}
