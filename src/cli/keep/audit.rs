//! `pushbutton audit`: the audit for somebody else. `export` writes it as a file; `verify` says whether such a file is as it was written,
//! on any machine, without the server and its configuration. It must never change anything.

use super::verify::{head, ledger_of};
use crate::cli::say;
use crate::cli::server::config;
use crate::ledger::audit::export::{self, Export};
use crate::size::counted;
use crate::time::{At, moment};
use anyhow::Context;
use std::fs::File;
use std::io::{BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `pushbutton audit`
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Writes the audit as JSON, a row a line: who, what, when, from where, and the hash that chains each row to the one before.
    Export {
        /// From this day or instant on (UTC): 2026-11-14, or 2026-11-14T13:10:00Z.
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<At>,
        /// Up to this day, all of it, or up to this instant.
        #[arg(long, value_name = "TIME", value_parser = until)]
        until: Option<At>,
        /// The file to write; it must not exist. Default: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Verifies an exported file: exit code 1 when a row was changed, removed, added or moved. Needs neither server nor configuration.
    Verify {
        /// The file.
        file: PathBuf,
        /// A head of the audit, as an announcement, an export or `pushbutton verify` showed it: the file must have it. Can be given more than
        /// once.
        #[arg(long = "head", value_name = "HASH", value_parser = head)]
        heads: Vec<String>,
    },
}

fn since(text: &str) -> Result<At, String> {
    moment(text, false).ok_or_else(no_moment)
}

fn until(text: &str) -> Result<At, String> {
    moment(text, true).ok_or_else(no_moment)
}

fn no_moment() -> String {
    "it must be a day or an instant, 2026-11-14 or 2026-11-14T13:10:00Z".to_owned()
}

impl Audit {
    /// Runs it.
    ///
    /// # Errors
    /// What cannot be read or written.
    pub fn main(self, config_file: &Path) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Export { since, until, out } => {
                let ledger = ledger_of(&config(config_file)?.data)?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let mut export = Export::begin(&ledger, since, until).await?;
                    match out {
                        Some(path) => {
                            let failed = || format!("cannot write {}", path.display());
                            let mut file = File::options()
                                .write(true)
                                .create_new(true)
                                .mode(0o600)
                                .open(&path)
                                .with_context(failed)?;
                            while let Some(lines) = export.next(&ledger).await? {
                                file.write_all(lines.as_bytes()).with_context(failed)?;
                            }
                            file.sync_all().with_context(failed)?;
                        }
                        None => {
                            while let Some(lines) = export.next(&ledger).await? {
                                say::raw(&lines);
                            }
                        }
                    }
                    // In full: whoever notes it elsewhere can ask for it with --head.
                    let end = export.end();
                    say::aside(&format!("audit: {}, head {}", counted(end.rows.unsigned_abs(), "row"), end.head));
                    Ok(ExitCode::SUCCESS)
                })
            }
            Action::Verify { file, heads } => verify(&file, &heads),
        }
    }
}

fn verify(path: &Path, heads: &[String]) -> anyhow::Result<ExitCode> {
    let failed = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(failed)?;
    let found = export::verify(BufReader::new(file), heads).with_context(failed)?;
    let numbers = found.numbers.map_or(String::new(), |(first, last)| format!(" ({first} to {last})"));
    say::line(&format!("audit: {}{numbers}, head {}", counted(found.rows.unsigned_abs(), "row"), found.head));
    for problem in &found.problems {
        say::line(&format!("wrong: {problem}"));
    }
    match found.problems.is_empty() {
        true => say::line("everything is as it was written"),
        false => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}
