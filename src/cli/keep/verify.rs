//! `pushbutton verify`: is history as it was written? Exit code 1 when anything is not.

use crate::cli::say;
use crate::cli::server::{config, must_be_ours};
use crate::desk::verify::{HEAD_DIGITS, Report, verify};
use crate::ledger::Ledger;
use crate::size::counted;
use anyhow::ensure;
use std::path::Path;
use std::process::ExitCode;

/// `pushbutton verify`
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// A head of the audit, as an earlier `verify` or an announcement showed it: it must still be in the audit. Can be given more than once.
    #[arg(long = "head", value_name = "HASH", value_parser = head)]
    heads: Vec<String>,
}

pub(super) fn head(text: &str) -> Result<String, String> {
    let good = (HEAD_DIGITS..=64).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    good.then(|| text.to_ascii_lowercase()).ok_or_else(|| format!("a head has {HEAD_DIGITS} to 64 hexadecimal digits"))
}

impl Verify {
    /// Runs it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        let config = config(file)?;
        let ledger = ledger_of(&config.data)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(print_report(&runtime.block_on(verify(&config.data, &ledger, &self.heads))?))
    }
}

fn print_report(report: &Report) -> ExitCode {
    // In full: whoever notes it elsewhere can ask for it with --head.
    say::line(&format!("audit: {}, head {}", counted(report.audit_rows as u64, "row"), report.audit_head));
    say::line(&format!("ledger: {}", counted(report.sealed as u64, "sealed row")));
    say::line(&format!("journals: of {}", counted(report.pushes as u64, "ended push")));
    let pruned = match report.pruned {
        0 => String::new(),
        pruned => format!(", {pruned} left out as the ledger says"),
    };
    say::line(&format!("builds: {} with all their files{pruned}", report.builds));
    for problem in &report.problems {
        say::line(&format!("wrong: {problem}"));
    }
    match report.problems.is_empty() {
        true => say::line("everything is as it was written"),
        false => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

/// The ledger of a data directory that is there.
pub(super) fn ledger_of(data: &Path) -> anyhow::Result<Ledger> {
    let path = data.join("pushbutton.db");
    ensure!(
        path.exists(),
        "there is no ledger at {}; hint: is `data` in the server's configuration right?",
        path.display()
    );
    must_be_ours(data)?;
    Ok(Ledger::open_beside(&path)?)
}
