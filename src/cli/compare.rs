//! `pushbutton compare`: what is different between two versions of a stack, and release notes of it. It must never change anything.

use super::say;
use super::server::{Person, Server, Target, run};
use crate::address::encoded;
use crate::stack::StackName;
use std::process::ExitCode;

/// `pushbutton compare`
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// The stack.
    stack: StackName,
    /// A stage (what it runs now), a stage with a time ("prod@Friday 17:00", "prod@2026-11-27 17:00"), a push, a build or a revision.
    from: String,
    /// The same.
    to: String,
    /// Prints release notes in Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Prints everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

impl Compare {
    /// Runs it.
    ///
    /// # Errors
    /// Why they cannot be compared.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let place = target.reading(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            server.fetch(&self.stack).await;
            let form = match (self.markdown, self.json) {
                (true, _) => "markdown",
                (false, true) => "json",
                (false, false) => "text",
            };
            let (from, to) = (encoded(&self.from), encoded(&self.to));
            let path = format!("/api/v1/stacks/{}/compare?from={from}&to={to}&format={form}", self.stack);
            let answer = server.ask_text("GET", &path, None).await;
            server.close().await?;
            let answer = answer?;
            match self.json {
                true => say::json(&answer),
                false => say::raw(&format!("{}\n", answer.trim_end())),
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
