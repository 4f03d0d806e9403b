//! `pushbutton runner DIR`: one push, as the server starts it.

use std::path::PathBuf;
use std::process::ExitCode;

/// Runs one push.
#[derive(Debug, clap::Args)]
pub struct Runner {
    /// The push's directory, `data/pushes/N`.
    dir: PathBuf,
}

impl Runner {
    /// Runs the push to its end.
    ///
    /// # Errors
    /// Why it could not begin.
    pub fn main(self) -> anyhow::Result<ExitCode> {
        Ok(crate::run::main(&self.dir)?)
    }
}
