//! `pushbutton auto on` and `auto off`: whether a stage is pushed automatically, where its file lets it.

use super::say;
use super::server::{Person, Refused, Server, Target, run};
use crate::desk::Reason;
use crate::stack::{StackName, StageName};
use serde_json::json;
use std::process::ExitCode;

/// `pushbutton auto`
#[derive(Debug, clap::Args)]
pub struct Auto {
    #[command(subcommand)]
    switch: Switch,
}

#[derive(Debug, clap::Subcommand)]
enum Switch {
    /// Lets a stage be pushed automatically again, after it was turned off.
    On(Of),
    /// Has a stage pushed by people alone, until someone turns it on again.
    Off(Of),
}

/// Which stage.
#[derive(Debug, clap::Args)]
struct Of {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// The reason, for the audit and the stack's page.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Auto {
    /// Runs it.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let (method, done, of) = match self.switch {
            Switch::On(of) => ("PUT", "is pushed automatically", of),
            Switch::Off(of) => ("DELETE", "is pushed by people alone", of),
        };
        let reason = Reason::parse(of.reason.as_deref()).map_err(Refused::from)?;
        let place = target.acting(&of.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let address = format!("/api/v1/stacks/{}/stages/{}/auto", of.stack, of.stage);
            let asked = server.ask(method, &address, reason.map(|reason| json!({ "reason": reason }))).await;
            server.close().await?;
            asked?;
            say::line(&format!("{}/{} {done}", of.stack, of.stage));
            Ok(ExitCode::SUCCESS)
        })
    }
}
