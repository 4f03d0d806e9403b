//! `pushbutton number-above` and `take-over`: after a loss or a move of the data directory.

use crate::cli::say;
use crate::cli::server::{Person, Refused, Server, Target, run};
use crate::desk::{NeedsReason, Reason};
use crate::stack::StackName;
use serde_json::json;
use std::process::ExitCode;

/// `pushbutton number-above`
#[derive(Debug, clap::Args)]
pub struct NumberAbove {
    /// The stack whose hosts refuse a push because they have seen a newer one.
    stack: StackName,
    /// Why this is the right Pushbutton server, and the only one that pushes there; for the audit.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl NumberAbove {
    /// Runs it.
    ///
    /// # Errors
    /// Why the numbers stay as they are.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::needed(Some(&self.reason), NeedsReason::Numbers).map_err(Refused::from)?;
        let place = target.acting(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let address = format!("/api/v1/stacks/{}/numbers", self.stack);
            let asked = server.ask("POST", &address, Some(json!({ "reason": reason }))).await;
            server.close().await?;
            say::line(&format!("the next push of {} is number {}", self.stack, asked?["next"]));
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// `pushbutton take-over`
#[derive(Debug, clap::Args)]
pub struct TakeOver {
    /// What happened to the other server; for the audit.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl TakeOver {
    /// Runs it.
    ///
    /// # Errors
    /// Why it is not taken over.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        let place = target.acting(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let asked = server.ask("POST", "/api/v1/take-over", Some(json!({ "reason": reason }))).await;
            server.close().await?;
            asked?;
            say::line("this data directory now belongs to this machine");
            Ok(ExitCode::SUCCESS)
        })
    }
}
