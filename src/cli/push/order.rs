//! `pushbutton cancel` and `pause`: what is ordered of a push that runs. Exit code 0 says that its runner obeys.

use super::follow::{Show, follow};
use crate::cli::say;
use crate::cli::server::{Person, Refused, Server, Target, run};
use crate::desk::Reason;
use crate::stack::PushNumber;
use serde_json::json;
use std::process::ExitCode;

/// `pushbutton cancel`
#[derive(Debug, clap::Args)]
pub struct Cancel {
    /// The push's number.
    push: PushNumber,
    /// The reason, for the history.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Cancel {
    /// Runs it.
    ///
    /// # Errors
    /// Why it could not be cancelled.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        let place = target.acting(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let body = json!({ "reason": reason });
            let asked = server.ask("POST", &format!("/api/v1/pushes/{}/cancel", self.push), Some(body)).await;
            if asked.is_ok() && server.is_us() {
                // Nobody else would write down how it ended.
                return follow(&place, server, self.push, Show::Words).await.map(|_| ExitCode::SUCCESS);
            }
            server.close().await?;
            asked?;
            say::line(&format!("push {} is being cancelled; hint: pushbutton follow {}", self.push, self.push));
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// `pushbutton pause`
#[derive(Debug, clap::Args)]
pub struct Pause {
    /// The push's number.
    push: PushNumber,
    /// The reason, for the history and the announcements.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Pause {
    /// Runs it.
    ///
    /// # Errors
    /// Why it could not be paused.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        let place = target.acting(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let body = json!({ "reason": reason });
            let asked = server.ask("POST", &format!("/api/v1/pushes/{}/pause", self.push), Some(body)).await;
            server.close().await?;
            asked?;
            let push = self.push;
            say::line(&format!("push {push} is paused: no new host starts; hint: pushbutton resume {push}"));
            Ok(ExitCode::SUCCESS)
        })
    }
}
