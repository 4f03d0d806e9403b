//! `pushbutton push`, `rollback`, `catch-up` and `resume`: press, and watch (`follow.rs`). Exit code 0 says *accepted* without `--follow`,
//! and *succeeded* with it; each other end has a code of its own, and 1 says that nothing was pushed.

pub mod approval;
pub mod confirm;
pub mod follow;
pub mod log;
pub mod mark;
pub mod order;
pub mod plan;
mod screen;

use self::follow::{Show, follow};
use super::say;
use super::server::{Person, Refused, Server, Target, run};
use crate::address::encoded;
use crate::desk::{NeedsReason, Reason};
use crate::size::counted;
use crate::stack::{Host, PushNumber, StackName, StageName};
use anyhow::Context;
use serde_json::{Value, json};
use std::process::ExitCode;

/// What is shown of a push that was started here.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Watching {
    /// Shows every line until the push has ended; exit code 0 only if it succeeded.
    #[arg(long)]
    follow: bool,
    /// Prints JSON, an object a line: the number and the address of the push, and with --follow each of its records.
    #[arg(long)]
    json: bool,
}

impl Watching {
    /// The number of a press that was taken, said with its page.
    fn taken(self, pressed: &Value, what: &str) -> anyhow::Result<PushNumber> {
        let push = pressed["id"].as_i64().context("the server gave no number")?;
        if self.json {
            say::json(&pressed.to_string());
        } else {
            say::line(&format!("push {push}: {what}"));
            say::line(pressed["url"].as_str().unwrap_or_default());
        }
        Ok(PushNumber::new(push)?)
    }

    /// Words for people, which no program is to read.
    fn remark(self, words: &str) {
        if self.json { say::aside(words) } else { say::line(words) }
    }

    /// Says what is not asked, so that nobody waits for it.
    fn unasked(self, view: &Value, ask: bool) {
        let questions = view["questions"].as_array().map_or(&[][..], Vec::as_slice);
        if !ask && !questions.is_empty() {
            let questions: Vec<String> =
                questions.iter().filter_map(Value::as_str).map(|question| format!("“{question}”")).collect();
            self.remark(&format!("skips the question {}; --ask asks it", questions.join(", ")));
        }
    }
}

/// `pushbutton push`
#[derive(Debug, clap::Args)]
pub struct Push {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    #[command(flatten)]
    watching: Watching,
    /// The reason, for the history and the announcements.
    #[arg(long)]
    reason: Option<String>,
    /// The version to push instead of the newest: a revision of a branch that may be pushed to the stage; its first characters are enough.
    #[arg(long)]
    sha: Option<String>,
    /// Pushes only if the plan still has this hash, as `pushbutton plan` showed it.
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    /// Pushes without the approval that the stage needs, for this reason; it is told to everyone.
    #[arg(long, value_name = "REASON")]
    without_approval: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Push {
    /// Runs it.
    ///
    /// # Errors
    /// Why nothing was pushed.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        press_and_follow(target, &self.person, self.watching, async |server| {
            server.fetch(&self.stack).await;
            self.press(server, reason.as_ref()).await
        })
    }

    /// What is shown here is what is pressed: seen and hash go along.
    async fn press(&self, server: &mut Server, reason: Option<&Reason>) -> anyhow::Result<PushNumber> {
        let stage = format!("/api/v1/stacks/{}/stages/{}", self.stack, self.stage);
        let version = self.sha.as_ref().map(|sha| format!("?sha={}", encoded(sha))).unwrap_or_default();
        let plan = server.ask("GET", &format!("{stage}/plan{version}"), None).await?;
        let hash = self.plan.as_deref().or(plan["plan_hash"].as_str());
        let body = json!({
            "seen": plan["seen"],
            "plan_hash": hash,
            "reason": reason,
            "sha": self.sha.as_ref().map(|_| &plan["sha"]),
            "without_approval": self.without_approval,
        });
        let pressed = server.ask("POST", &format!("{stage}/push"), Some(body)).await?;
        self.watching.taken(&pressed, &commit_range(&plan))
    }
}

/// Presses, and follows where that is wanted or nobody else would.
fn press_and_follow(
    target: &Target,
    person: &Person,
    watching: Watching,
    press: impl AsyncFnOnce(&mut Server) -> anyhow::Result<PushNumber>,
) -> anyhow::Result<ExitCode> {
    let place = target.acting(person)?;
    run(async {
        let mut server = Server::open(&place).await?;
        let push = match press(&mut server).await {
            Ok(push) => push,
            Err(why) => {
                server.close().await?;
                if watching.json
                    && let Some(problem) = why.downcast_ref::<Refused>().and_then(Refused::problem)
                {
                    say::json(problem);
                }
                return Err(why);
            }
        };
        if server.is_us() && !watching.follow {
            watching.remark("the server is down, so this command follows the push to its end");
        }
        match watching.follow || server.is_us() {
            true => follow(&place, server, push, if watching.json { Show::Json } else { Show::Words }).await,
            false => Ok(ExitCode::SUCCESS),
        }
    })
}

fn commit_range(plan: &Value) -> String {
    let short = |value: &Value| crate::stack::name::short(value.as_str().unwrap_or_default()).to_owned();
    let from = match plan["old"]["sha"].is_null() {
        true => String::new(),
        false => format!("{} → ", short(&plan["old"]["sha"])),
    };
    let (stack, stage) = (plan["stack"].as_str().unwrap_or_default(), plan["stage"].as_str().unwrap_or_default());
    let hosts = plan["hosts"].as_array().map_or(0, Vec::len);
    format!(
        "{stack} to {stage}: {from}{}, {}, {}, plan {}",
        short(&plan["sha"]),
        counted(plan["commit_count"].as_u64().unwrap_or_default(), "commit"),
        counted(hosts as u64, "host"),
        plan["plan_hash"].as_str().unwrap_or_default().chars().take(12).collect::<String>()
    )
}

/// `pushbutton rollback`
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// The build to roll back to, or the start of its name; default: the previous successful build.
    #[arg(long, value_name = "BUILD")]
    to: Option<String>,
    /// The reason, for the history and the announcements.
    #[arg(long)]
    reason: String,
    /// Asks the questions of the stage's commands (`confirm`), which are otherwise skipped.
    #[arg(long)]
    ask: bool,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    person: Person,
}

impl Rollback {
    /// Runs it.
    ///
    /// # Errors
    /// Why nothing was rolled back.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::needed(Some(&self.reason), NeedsReason::Rollback).map_err(Refused::from)?;
        press_and_follow(target, &self.person, self.watching, async |server| {
            let path = format!("/api/v1/stacks/{}/stages/{}/rollback", self.stack, self.stage);
            let to = self.to.as_ref().map(|to| format!("&to={}", encoded(to))).unwrap_or_default();
            let back = server.ask("GET", &format!("{path}?ask={}{to}", self.ask), None).await?;
            let (build, hash) = (&back["to"]["build"], &back["plan_hash"]);
            let body = json!({ "to": build, "reason": reason, "plan_hash": hash, "ask": self.ask });
            let pressed = server.ask("POST", &path, Some(body)).await?;
            self.watching.unasked(&back, self.ask);
            let what = format!("{} of {} back to {}", self.stage, self.stack, build.as_str().unwrap_or_default());
            self.watching.taken(&pressed, &what)
        })
    }
}

/// `pushbutton catch-up`
#[derive(Debug, clap::Args)]
pub struct CatchUp {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// The hosts; default: all that are known to be behind.
    hosts: Vec<Host>,
    /// Asks the questions of the stage's commands (`confirm`), which are otherwise skipped.
    #[arg(long)]
    ask: bool,
    /// The reason, for the history and the announcements.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    person: Person,
}

impl CatchUp {
    /// Runs it.
    ///
    /// # Errors
    /// Why no host was brought anywhere.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        press_and_follow(target, &self.person, self.watching, async |server| {
            let path = format!("/api/v1/stacks/{}/stages/{}/catch-up", self.stack, self.stage);
            let wanted: Vec<&str> = self.hosts.iter().map(Host::name).collect();
            let query = if wanted.is_empty() { String::new() } else { format!("&hosts={}", wanted.join(",")) };
            let behind = server.ask("GET", &format!("{path}?ask={}{query}", self.ask), None).await?;
            let left = behind["hosts"].as_array().map_or(&[][..], Vec::as_slice);
            let hosts: Vec<&str> = left.iter().filter_map(|left| left["host"].as_str()).collect();
            let (build, hash) = (&behind["build"], &behind["plan_hash"]);
            let body = json!({ "hosts": hosts, "seen": build, "plan_hash": hash, "reason": reason,
                "ask": self.ask });
            let pressed = server.ask("POST", &path, Some(body)).await?;
            self.watching.unasked(&behind, self.ask);
            let (stage, stack) = (&self.stage, &self.stack);
            let build = build.as_str().unwrap_or_default();
            self.watching.taken(&pressed, &format!("{} of {stage} of {stack} to {build}", hosts.join(", ")))
        })
    }
}

/// `pushbutton resume`
#[derive(Debug, clap::Args)]
pub struct Resume {
    /// The number of the push.
    push: PushNumber,
    /// The reason, for the history and the announcements.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    person: Person,
}

impl Resume {
    /// Runs it.
    ///
    /// # Errors
    /// Why it cannot be resumed.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let reason = Reason::parse(self.reason.as_deref()).map_err(Refused::from)?;
        press_and_follow(target, &self.person, self.watching, async |server| {
            let path = format!("/api/v1/pushes/{}/resume", self.push);
            let pressed = server.ask("POST", &path, Some(json!({ "reason": reason }))).await?;
            match pressed["id"].as_i64() == Some(self.push.get()) {
                true => self.watching.taken(&pressed, "continues after its pause"),
                false => self.watching.taken(&pressed, &format!("resumes push {}", self.push)),
            }
        })
    }
}
