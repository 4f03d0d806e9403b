//! `pushbutton ask-approval`, `approve` and `decline`: a push that needs the approval of others. What is approved is the plan that is shown
//! here; it must never approve one that nobody saw.

use super::commit_range;
use crate::address::encoded;
use crate::cli::say;
use crate::cli::server::{Person, Refused, Server, Target, run};
use crate::desk::{NeedsReason, Reason};
use crate::stack::{StackName, StageName};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Which plan: of what the button offers, or of a version.
#[derive(Debug, clap::Args)]
struct Which {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// The version instead of the newest: a revision of a branch that may be pushed to the stage; its first characters are enough.
    #[arg(long)]
    sha: Option<String>,
    /// Only if the plan still has this hash, as `pushbutton plan` showed it.
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
}

impl Which {
    fn stage(&self) -> String {
        format!("/api/v1/stacks/{}/stages/{}", self.stack, self.stage)
    }

    async fn shown(&self, server: &mut Server) -> anyhow::Result<Value> {
        server.fetch(&self.stack).await;
        let version = self.sha.as_ref().map(|sha| format!("?sha={}", encoded(sha))).unwrap_or_default();
        server.ask("GET", &format!("{}/plan{version}", self.stage()), None).await
    }

    async fn answer(&self, server: &mut Server, word: &str, reason: Option<&Reason>) -> anyhow::Result<String> {
        let plan = self.shown(server).await?;
        let hash = self.plan.as_deref().or(plan["plan_hash"].as_str());
        let body = json!({ "plan_hash": hash, "reason": reason });
        server.ask("POST", &format!("{}/approval/{word}", self.stage()), Some(body)).await?;
        Ok(commit_range(&plan))
    }
}

/// `pushbutton ask-approval`
#[derive(Debug, clap::Args)]
pub struct AskApproval {
    #[command(flatten)]
    which: Which,
    /// The reason, for those who are to approve.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl AskApproval {
    /// Runs it.
    ///
    /// # Errors
    /// Why there is nothing to ask for.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        answered(target, &self.person, async |server| {
            let plan = self.which.shown(server).await?;
            let hash = self.which.plan.as_deref().or(plan["plan_hash"].as_str());
            let sha = self.which.sha.as_ref().map(|_| &plan["sha"]);
            let body = json!({ "seen": plan["seen"], "plan_hash": hash, "reason": reason, "sha": sha });
            let asked = server.ask("POST", &format!("{}/approval", self.which.stage()), Some(body)).await?;
            say::line(&format!("waits for approval: {}", commit_range(&plan)));
            say::line(asked["url"].as_str().unwrap_or_default());
            Ok(())
        })
    }
}

/// `pushbutton approve`
#[derive(Debug, clap::Args)]
pub struct Approve {
    #[command(flatten)]
    which: Which,
    /// A remark, for the history.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Approve {
    /// Runs it.
    ///
    /// # Errors
    /// When nobody waits for it, and when it is one's own.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        answered(target, &self.person, async |server| {
            let what = self.which.answer(server, "approve", reason.as_ref()).await?;
            say::line(&format!("approved: {what}"));
            Ok(())
        })
    }
}

/// `pushbutton decline`
#[derive(Debug, clap::Args)]
pub struct Decline {
    #[command(flatten)]
    which: Which,
    /// The reason, for whoever asked.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl Decline {
    /// Runs it.
    ///
    /// # Errors
    /// When nobody waits for it, and when it is one's own.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::needed(Some(&self.reason), NeedsReason::Decline).map_err(Refused::from)?;
        answered(target, &self.person, async |server| {
            let what = self.which.answer(server, "decline", Some(&reason)).await?;
            say::line(&format!("declined: {what}"));
            Ok(())
        })
    }
}

fn answered(
    target: &Target,
    person: &Person,
    answer: impl AsyncFnOnce(&mut Server) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let place = target.acting(person)?;
    run(async {
        let mut server = Server::open(&place).await?;
        let answered = answer(&mut server).await;
        server.close().await?;
        answered.map(|()| ExitCode::SUCCESS)
    })
}
