//! Presses all buttons over HTTP, as a person with a browser would, and follows the pushes.
//! It must never look into the server's data: only what anybody may see.

use super::http::{Client, Sent, SseEvent, form_value};
use crate::journal::{Ended, Event, HostResult, Record, Stream};
use crate::time::duration_words;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the first page may take to know what could go out (the first fetch of the branch).
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a stream may be silent: the server pings each 10 seconds.
const SILENT_LIMIT: Duration = Duration::from_secs(45);
/// How often a broken stream is opened again, and how long between.
const REOPEN: (usize, Duration) = (60, Duration::from_millis(500));

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
    pub next: Option<Next>,
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
pub struct Next {
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
        let form = format!("name={}&next={}", form_value(name), form_value("/"));
        let answer = client.send("POST", "/sign-in", Sent::Form(&form), &[]).await.map_err(|e| e.to_string())?;
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
        let answer = self.client.send("POST", &path, Sent::Json(&body), &[]).await.map_err(|e| e.to_string())?;
        let (status, text) = (answer.status, answer.text().await.map_err(|e| e.to_string())?);
        if status != 201 {
            return Err(format!("pressing {stage} was answered {status}: {text}"));
        }
        serde_json::from_str::<Started>(&text).map(|push| push.id).map_err(|e| format!("{e}: {text}"))
    }

    async fn next(&mut self, stack: &str, stage: &str) -> Result<Next, String> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let all = self.stages(stack).await?;
            let found = all.into_iter().find(|s| s.name == stage).ok_or_else(|| format!("{stack} has no {stage}"))?;
            match (found.next, found.why_not) {
                (Some(next), None) => return Ok(next),
                (_, why) if Instant::now() > deadline => {
                    return Err(format!("{stage} cannot be pressed: {}", why.unwrap_or_default()));
                }
                _ => tokio::time::sleep(REOPEN.1).await,
            }
        }
    }

    /// Follows a push to its end, telling what happens; a stream that breaks is taken up where it broke. Every record
    /// must follow the one before.
    ///
    /// # Errors
    /// When the stream cannot be had, or a record is missing, doubled or not understood.
    pub async fn follow(&mut self, push: i64, tell: Tell<'_>) -> Result<Ended, String> {
        let mut viewer = Viewer::default();
        let mut problem = String::new();
        for _ in 0..REOPEN.0 {
            match self.view(push, &mut viewer, tell).await {
                Ok(()) => return viewer.ended.ok_or_else(|| format!("push {push} ended without push_ended")),
                Err(Trouble::Wrong(what)) => return Err(format!("push {push}: {what}")),
                Err(Trouble::Broken(what)) => problem = what,
            }
            tokio::time::sleep(REOPEN.1).await;
        }
        Err(format!("the stream of push {push} cannot be followed: {problem}"))
    }

    async fn view(&mut self, push: i64, viewer: &mut Viewer, tell: Tell<'_>) -> Result<(), Trouble> {
        let path = format!("/api/v1/pushes/{push}/events");
        let cursor = viewer.cursor.clone();
        let resume = cursor.as_deref().map(|cursor| ("Last-Event-ID", cursor));
        let head: Vec<(&str, &str)> = [("Accept", "text/event-stream")].into_iter().chain(resume).collect();
        let answer = self.client.send("GET", &path, Sent::Nothing, &head).await.map_err(broken)?;
        if answer.status != 200 {
            let status = answer.status;
            return Err(Trouble::Broken(format!("answered {status}: {}", answer.text().await.map_err(broken)?)));
        }
        let mut events = answer.events();
        loop {
            let next = tokio::time::timeout(SILENT_LIMIT, events.next()).await;
            match next.map_err(|_| Trouble::Broken("silent for too long".to_owned()))?.map_err(broken)? {
                None => return Err(Trouble::Broken("closed before the end".to_owned())),
                Some(event) if event.name == "end" => return Ok(()),
                Some(event) if matches!(event.name.as_str(), "records" | "message") => viewer.take(event, tell)?,
                Some(_) => {}
            }
        }
    }
}

enum Trouble {
    /// Try again.
    Broken(String),
    /// Never right again.
    Wrong(String),
}

fn broken(error: std::io::Error) -> Trouble {
    Trouble::Broken(error.to_string())
}

/// How far a viewer has seen.
#[derive(Default)]
struct Viewer {
    cursor: Option<String>,
    seen: u64,
    ended: Option<Ended>,
}

impl Viewer {
    fn take(&mut self, event: SseEvent, tell: Tell<'_>) -> Result<(), Trouble> {
        for line in &event.data {
            let record: Record =
                serde_json::from_str(line).map_err(|error| Trouble::Wrong(format!("{error}: {line}")))?;
            if record.n != self.seen + 1 {
                return Err(Trouble::Wrong(format!("record {} came after record {}", record.n, self.seen)));
            }
            self.seen = record.n;
            if let Event::PushEnded { state, .. } = &record.event {
                self.ended = Some(*state);
            }
            if let Some(words) = words_of(&record.event) {
                tell(&words);
            }
        }
        self.cursor = event.id.or(self.cursor.take());
        Ok(())
    }
}

/// A journal record for a terminal; none where a reader would not miss it.
fn words_of(event: &Event) -> Option<String> {
    let ms = |duration: &u64| duration_words(i64::try_from(*duration).unwrap_or(i64::MAX));
    let at = |host: &Option<String>| host.as_deref().unwrap_or("push host").to_owned();
    Some(match event {
        Event::PushStarted { push, stack, stage, who, hosts, sha, .. } => {
            format!("push {push}: {who} pushes {sha} of {stack} to {stage}, {} hosts", hosts.len())
        }
        Event::CommandStarted { command, title, .. } => format!("  {command}. {title}"),
        Event::Line { host, stream, text, .. } => {
            let mark = match stream {
                Stream::Out => '│',
                Stream::Err => '!',
                Stream::Note => '·',
            };
            format!("     {:>10} {mark} {text}", at(host))
        }
        Event::HostEnded { host, result, code, why, .. } if *result != HostResult::Ok => {
            let code = code.map(|code| format!(", exit {code}")).unwrap_or_default();
            format!("     {:>10} ✗ {}{code} {}", at(host), result.word(), why.as_deref().unwrap_or_default())
        }
        Event::Link { title, url, .. } => format!("     {title}: {url}"),
        Event::BuildMade { build, root, files, .. } => format!("     build {build}: {files} files, root {root}"),
        Event::CommandEnded { result, ok, not_ok, duration_ms, .. } => {
            let mark = if *result == HostResult::Ok { '✓' } else { '✗' };
            let bad = if *not_ok > 0 { format!(", {not_ok} not") } else { String::new() };
            format!("     {mark} {ok} well{bad}, {}", ms(duration_ms))
        }
        Event::PushEnded { state, why, hosts_ok, hosts_total, duration_ms, .. } => {
            let why = why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("  {}{why}, {hosts_ok} of {hosts_total} hosts, {}\n", state.word(), ms(duration_ms))
        }
        Event::HostStarted { .. } | Event::HostEnded { .. } | Event::Paused { .. } | Event::Resumed { .. } => {
            return None;
        }
    })
}
