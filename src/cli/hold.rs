//! `pushbutton hold` and `release-hold`: a person's stop sign on a stack, or on one stage of it.

use super::say;
use super::server::{Person, Refused, Server, Target, run};
use crate::desk::{NeedsReason, Reason, Until};
use crate::stack::{BadName, StackName, StageName};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::str::FromStr;

/// What is held: `web`, or `web/prod`.
#[derive(Clone, Debug)]
struct Scope {
    stack: StackName,
    stage: Option<StageName>,
}

impl FromStr for Scope {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once('/') {
            Some((stack, stage)) => Ok(Self { stack: stack.parse()?, stage: Some(stage.parse()?) }),
            None => Ok(Self { stack: text.parse()?, stage: None }),
        }
    }
}

impl Scope {
    fn address(&self) -> String {
        match &self.stage {
            Some(stage) => format!("/api/v1/stacks/{}/stages/{stage}/hold", self.stack),
            None => format!("/api/v1/stacks/{}/hold", self.stack),
        }
    }

    fn words(&self) -> String {
        match &self.stage {
            Some(stage) => format!("{}/{stage}", self.stack),
            None => self.stack.to_string(),
        }
    }
}

/// `pushbutton hold`
#[derive(Debug, clap::Args)]
pub struct Hold {
    /// STACK, or STACK/STAGE.
    scope: Scope,
    /// The reason, shown to everyone who wants to push.
    #[arg(long)]
    reason: String,
    /// How long it lasts: 90s, 30m, 2h, 3d; at most 30 days. Without an end it lasts until someone releases it.
    #[arg(long = "for", value_name = "LENGTH", conflicts_with = "until", value_parser = length)]
    length: Option<String>,
    /// When it ends, with the time zone: 2026-11-22T16:00Z, 2026-11-22T17:00+01:00.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<String>,
    #[command(flatten)]
    person: Person,
}

/// The server's clock says what a length means; here it is only seen to be one.
fn length(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(Until::For(_)) => Ok(text.to_owned()),
        Ok(Until::At(_)) => Err("that is a time; hint: --until TIME".to_owned()),
        Err(bad) => Err(bad.to_string()),
    }
}

fn time(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(Until::At(_)) => Ok(text.to_owned()),
        Ok(Until::For(_)) => Err("that is a length of time; hint: --for LENGTH".to_owned()),
        Err(bad) => Err(bad.to_string()),
    }
}

impl Hold {
    /// Runs it.
    ///
    /// # Errors
    /// Why it is not held.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::needed(Some(&self.reason), NeedsReason::Hold).map_err(Refused::from)?;
        let body = json!({ "reason": reason, "until": self.length.as_ref().or(self.until.as_ref()) });
        let done = match (&self.length, &self.until) {
            (Some(length), _) => format!("is held for {length}"),
            (None, Some(until)) => format!("is held until {until}"),
            (None, None) => "is held".to_owned(),
        };
        change(target, &self.person, "PUT", &self.scope, Some(body), &done)
    }
}

/// `pushbutton release-hold`
#[derive(Debug, clap::Args)]
pub struct ReleaseHold {
    /// STACK, or STACK/STAGE.
    scope: Scope,
    /// The reason, for the audit; required for a hold that a push has set: why it is safe to release.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl ReleaseHold {
    /// Runs it.
    ///
    /// # Errors
    /// Why it is not released.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        let body = reason.map(|reason| json!({ "reason": reason }));
        change(target, &self.person, "DELETE", &self.scope, body, "is no longer held")
    }
}

fn change(
    target: &Target,
    person: &Person,
    method: &str,
    scope: &Scope,
    body: Option<Value>,
    done: &str,
) -> anyhow::Result<ExitCode> {
    let place = target.acting(person)?;
    run(async {
        let mut server = Server::open(&place).await?;
        let asked = server.ask(method, &scope.address(), body).await;
        server.close().await?;
        asked?;
        say::line(&format!("{} {done}", scope.words()));
        Ok(ExitCode::SUCCESS)
    })
}
