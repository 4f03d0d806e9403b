//! `pushbutton verify`: is history as it was written? Exit code 1 when anything is not.

use super::say;
use super::server::{config, must_be_ours};
use crate::desk::verify::verify;
use crate::ledger::Ledger;
use anyhow::ensure;
use std::path::Path;
use std::process::ExitCode;

/// Runs it.
///
/// # Errors
/// When the ledger cannot be read.
pub fn main(file: &Path) -> anyhow::Result<ExitCode> {
    let config = config(file)?;
    let ledger = ledger_of(&config.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(verify(&config.data, &ledger))?;
    let head: String = report.audit_head.chars().take(12).collect();
    say::line(&format!("audit: {} rows, head {head}", report.audit_rows));
    say::line(&format!("journals: {} pushes that ended", report.pushes));
    say::line(&format!("builds: {} manifests", report.builds));
    for problem in &report.problems {
        say::line(&format!("wrong: {problem}"));
    }
    match report.problems.is_empty() {
        true => say::line("all of it is as it was written"),
        false => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

/// The ledger of a data directory that is there.
pub(super) fn ledger_of(data: &Path) -> anyhow::Result<Ledger> {
    let path = data.join("pushbutton.db");
    ensure!(path.exists(), "there is no {}", path.display());
    must_be_ours(data)?;
    Ok(Ledger::open(&path)?)
}
