//! `pushbutton user`.

use std::process::ExitCode;

/// `pushbutton user`
#[derive(Debug, clap::Args)]
pub struct User {}

impl User {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self, _config: &std::path::Path) -> anyhow::Result<ExitCode> {
        todo!()
    }
}
