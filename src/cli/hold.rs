//! `pushbutton hold` and `release-hold`: a person's stop sign on a stack, or on one stage of it.

use super::say;
use super::server::{Person, Server, config, run};
use crate::stack::{BadName, StackName, StageName};
use serde_json::{Value, json};
use std::path::Path;
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
    /// Why, for everybody who would press.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl Hold {
    /// Runs it.
    ///
    /// # Errors
    /// Why it is not held.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        let body = json!({ "reason": self.reason });
        change(file, &self.person, "PUT", &self.scope, Some(body), "is held")
    }
}

/// `pushbutton release-hold`
#[derive(Debug, clap::Args)]
pub struct ReleaseHold {
    /// STACK, or STACK/STAGE.
    scope: Scope,
    #[command(flatten)]
    person: Person,
}

impl ReleaseHold {
    /// Runs it.
    ///
    /// # Errors
    /// Why it is not released.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        change(file, &self.person, "DELETE", &self.scope, None, "is not held any more")
    }
}

fn change(
    file: &Path,
    person: &Person,
    method: &str,
    scope: &Scope,
    body: Option<Value>,
    done: &str,
) -> anyhow::Result<ExitCode> {
    let (config, who) = (config(file)?, person.who()?);
    run(async {
        let mut server = Server::open(&config, &who).await?;
        let asked = server.ask(method, &scope.address(), body).await;
        server.close().await?;
        asked?;
        say::line(&format!("{} {done}", scope.words()));
        Ok(ExitCode::SUCCESS)
    })
}
