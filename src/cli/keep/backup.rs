//! `pushbutton backup`: one file from which a push host can be made again, also while the server runs.

use super::verify::ledger_of;
use crate::cli::say;
use crate::cli::server::{Person, config};
use crate::desk::backup::backup;
use crate::size::{bytes_words, counted};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `pushbutton backup`
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The file to write, a tar; it must not exist.
    to: PathBuf,
    #[command(flatten)]
    person: Person,
}

impl Backup {
    /// Runs it.
    ///
    /// # Errors
    /// Why there is no backup.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        let config = config(file)?;
        let ledger = ledger_of(&config.data)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let made = runtime.block_on(backup(&config.data, &ledger, &self.to, &self.person.reader()))?;
        say::line(&format!(
            "{}: the ledger, {} with plan and journal, {} that stages run now; {}",
            self.to.display(),
            counted(made.pushes as u64, "push"),
            counted(made.builds as u64, "build"),
            bytes_words(made.bytes)
        ));
        say::line("not included: config.toml, the stack files, ssh keys, older builds; git mirrors are fetched again");
        Ok(ExitCode::SUCCESS)
    }
}
