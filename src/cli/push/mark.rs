//! `pushbutton mark` and `unmark`: what people say of a build. What a mark stops the desk decides; here it must never be guessed which build is
//! meant.

use crate::cli::say;
use crate::cli::server::{Person, Refused, Server, Target, run};
use crate::desk::{NeedsReason, Reason};
use crate::stack::{BuildId, StackName, StageName};
use serde_json::{Value, json};
use std::process::ExitCode;

/// `pushbutton mark`
#[derive(Debug, clap::Args)]
pub struct Mark {
    #[command(subcommand)]
    mark: Given,
}

#[derive(Debug, clap::Subcommand)]
enum Given {
    /// Marks a build as good on a stage.
    Good(Good),
    /// Marks a build as bad: it is refused everywhere.
    Bad(Bad),
}

/// `pushbutton unmark`
#[derive(Debug, clap::Args)]
pub struct Unmark {
    #[command(subcommand)]
    mark: Taken,
}

#[derive(Debug, clap::Subcommand)]
enum Taken {
    /// Takes back that a build is good on a stage.
    Good(NotGood),
    /// Takes back that a build is bad.
    Bad(Bad),
}

#[derive(Debug, clap::Args)]
struct Good {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// The build, as `pushbutton status` calls it: 51d0c3e-14.
    build: BuildId,
    /// A remark, for the history.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, clap::Args)]
struct NotGood {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// The build, as `pushbutton status` calls it: 51d0c3e-14.
    build: BuildId,
    /// The reason, for the history.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, clap::Args)]
struct Bad {
    /// The stack.
    stack: StackName,
    /// The build, as `pushbutton status` calls it: 51d0c3e-14.
    build: BuildId,
    /// The reason, for everyone who wants to push it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl Mark {
    /// Runs it.
    ///
    /// # Errors
    /// Why it cannot be marked.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        match self.mark {
            Given::Good(Good { stack, stage, build, reason, person }) => {
                let reason = Reason::parse(reason.as_deref()).map_err(Refused::from)?;
                let done = format!("build {build} of {stack} is marked as good on {stage}");
                change(target, &person, "PUT", &good(&stack, &stage, &build), reason, &done)
            }
            Given::Bad(Bad { stack, build, reason, person }) => {
                let reason = Reason::needed(Some(&reason), NeedsReason::MarkBad).map_err(Refused::from)?;
                let done = format!("build {build} of {stack} is marked as bad");
                change(target, &person, "PUT", &bad(&stack, &build), Some(reason), &done)
            }
        }
    }
}

impl Unmark {
    /// Runs it.
    ///
    /// # Errors
    /// Why its mark stays.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let needed = |reason: &str| Reason::needed(Some(reason), NeedsReason::Unmark).map_err(Refused::from);
        match self.mark {
            Taken::Good(NotGood { stack, stage, build, reason, person }) => {
                let done = format!("build {build} of {stack} is no longer marked as good on {stage}");
                change(target, &person, "DELETE", &good(&stack, &stage, &build), Some(needed(&reason)?), &done)
            }
            Taken::Bad(Bad { stack, build, reason, person }) => {
                let done = format!("build {build} of {stack} is no longer marked as bad");
                change(target, &person, "DELETE", &bad(&stack, &build), Some(needed(&reason)?), &done)
            }
        }
    }
}

fn good(stack: &StackName, stage: &StageName, build: &BuildId) -> String {
    format!("/api/v1/stacks/{stack}/stages/{stage}/builds/{build}/good")
}

fn bad(stack: &StackName, build: &BuildId) -> String {
    format!("/api/v1/stacks/{stack}/builds/{build}/bad")
}

fn change(
    target: &Target,
    person: &Person,
    method: &str,
    address: &str,
    reason: Option<Reason>,
    done: &str,
) -> anyhow::Result<ExitCode> {
    let place = target.acting(person)?;
    let body: Value = json!({ "reason": reason });
    run(async {
        let mut server = Server::open(&place).await?;
        let asked = server.ask(method, address, Some(body)).await;
        server.close().await?;
        asked?;
        say::line(done);
        Ok(ExitCode::SUCCESS)
    })
}
