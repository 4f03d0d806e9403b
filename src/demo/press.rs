//! Presses all buttons over HTTP, as a person with a browser would, and follows the pushes.
//! It must never look into the server's data: only what anybody may see.

use super::http::{Client, RequestBody};
use crate::address::encoded;
use crate::client::follow::Viewer;
use crate::client::terminal::{self, Colours};
use crate::journal::{Ended, Record};
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the first page may take to know what could go out (the first fetch of the branch).
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Says a line to the person who looks on.
pub type Tell<'a> = &'a (dyn Fn(&str) + Sync);

/// One stage, of all that `GET /api/v1/stacks/{stack}` says of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What its button says.
    pub button: String,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// What it runs.
    pub current: Option<Current>,
    /// What a press would put there.
    pub next: Option<NextPush>,
    /// Why it cannot be pressed.
    pub why_not: Option<String>,
}

/// What a stage runs.
#[derive(Clone, Debug, Deserialize)]
pub struct Current {
    /// The revision.
    pub sha: String,
    /// The build.
    pub build: String,
    /// The root hash of its manifest.
    pub root: String,
}

/// What a press would put on a stage.
#[derive(Clone, Debug, Deserialize)]
pub struct NextPush {
    /// What the press must carry.
    pub seen: String,
    /// The plan's hash.
    pub plan_hash: String,
}

#[derive(Deserialize)]
struct Stages {
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Started {
    id: i64,
}

/// A person with a browser.
#[derive(Debug)]
pub struct Presser {
    client: Client,
}

impl Presser {
    /// Signs in where any name is believed (`mode = "open"`).
    ///
    /// # Errors
    /// What the server said instead of a welcome.
    pub async fn sign_in(at: SocketAddr, name: &str) -> Result<Self, String> {
        let mut client = Client::new(at);
        let form = format!("name={}&next={}", encoded(name), encoded("/"));
        let answer = client.send("POST", "/sign-in", RequestBody::Form(&form), &[]).await.map_err(|e| e.to_string())?;
        match answer.status {
            303 => Ok(Self { client }),
            status => Err(format!("signing in was answered {status}: {}", answer.text().await.unwrap_or_default())),
        }
    }

    /// All stages of a stack, in order.
    ///
    /// # Errors
    /// What the server said instead.
    pub async fn stages(&mut self, stack: &str) -> Result<Vec<Stage>, String> {
        let answer = self.client.get(&format!("/api/v1/stacks/{stack}")).await.map_err(|e| e.to_string())?;
        let (status, text) = (answer.status, answer.text().await.map_err(|e| e.to_string())?);
        let stages = serde_json::from_str::<Stages>(&text).map_err(|e| format!("{status}: {e}: {text}"))?;
        Ok(stages.stages)
    }

    /// Presses a stage's button once there is something to push, with what the page shows. Returns the push's number.
    ///
    /// # Errors
    /// Why it was refused, or why it cannot be pressed after a minute.
    pub async fn press(&mut self, stack: &str, stage: &str) -> Result<i64, String> {
        let next = self.next(stack, stage).await?;
        let body = serde_json::json!({ "seen": next.seen, "plan_hash": next.plan_hash }).to_string();
        let path = format!("/api/v1/stacks/{stack}/stages/{stage}/push");
        let answer = self.client.send("POST", &path, RequestBody::Json(&body), &[]).await.map_err(|e| e.to_string())?;
        let (status, text) = (answer.status, answer.text().await.map_err(|e| e.to_string())?);
        if status != 201 {
            return Err(format!("pressing {stage} was answered {status}: {text}"));
        }
        serde_json::from_str::<Started>(&text).map(|push| push.id).map_err(|e| format!("{e}: {text}"))
    }

    async fn next(&mut self, stack: &str, stage: &str) -> Result<NextPush, String> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let all = self.stages(stack).await?;
            let found = all.into_iter().find(|s| s.name == stage).ok_or_else(|| format!("{stack} has no {stage}"))?;
            match (found.next, found.why_not) {
                (Some(next), None) => return Ok(next),
                (_, why) if Instant::now() > deadline => {
                    return Err(format!("{stage} cannot be pushed to: {}", why.unwrap_or_default()));
                }
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Follows a push to its end, telling what happens; a stream that breaks is taken up where it broke. Every record
    /// must follow the one before.
    ///
    /// # Errors
    /// When the stream cannot be had, or a record is missing, doubled or not understood.
    pub async fn follow(&mut self, push: i64, tell: Tell<'_>) -> Result<Ended, String> {
        let mut show = |record: &Record| {
            if let Some(words) = terminal::words(push, &record.event, Colours::LeftOut) {
                tell(&words);
            }
        };
        let ended = Viewer::default().follow(&mut self.client, push, &mut show).await;
        tell("");
        ended.map_err(|trouble| trouble.to_string())
    }
}
