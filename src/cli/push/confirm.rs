//! `pushbutton confirm`: answers a push that asks in its middle and waits. It must never answer what was not asked: the
//! question that is open is shown, and only that one is answered.

use super::follow::{Show, follow};
use crate::cli::say;
use crate::cli::server::{Person, Refused, Server, Target, run};
use crate::desk::Reason;
use crate::stack::PushNumber;
use anyhow::bail;
use serde_json::json;
use std::process::ExitCode;

/// `pushbutton confirm`
#[derive(Debug, clap::Args)]
pub struct Confirm {
    /// The push's number.
    push: PushNumber,
    /// Answers no: the push is cancelled.
    #[arg(long)]
    no: bool,
    /// The reason, for the history.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Confirm {
    /// Runs it.
    ///
    /// # Errors
    /// When the push asks nothing.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        let place = target.acting(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let answered = self.answer(&mut server, reason).await;
            if answered.is_ok() && server.is_us() {
                // Nobody else would write down how it ended.
                return follow(&place, server, self.push, Show::Words).await.map(|_| ExitCode::SUCCESS);
            }
            server.close().await?;
            answered?;
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn answer(&self, server: &mut Server, reason: Option<Reason>) -> anyhow::Result<()> {
        let path = format!("/api/v1/pushes/{}", self.push);
        let push = server.ask("GET", &path, None).await?;
        let asked = push["questions"].as_array().and_then(|asked| asked.iter().find(|one| one["answer"].is_null()));
        let Some(question) = asked else { bail!("push {} is not waiting for an answer", self.push) };
        let answer = if self.no { "no" } else { "yes" };
        let body = json!({ "answer": answer, "question": question["ask"], "reason": reason });
        server.ask("POST", &format!("{path}/confirm"), Some(body)).await?;
        say::line(&format!("{} {answer}", question["question"].as_str().unwrap_or_default()));
        let goes = if self.no { "is being cancelled" } else { "continues" };
        say::line(&format!("push {} {goes}; hint: pushbutton follow {}", self.push, self.push));
        Ok(())
    }
}
