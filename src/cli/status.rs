//! `pushbutton status`: what runs where, who is pushing, what is held.

use super::say;
use super::server::{Person, Server, Target, run};
use crate::journal::{Ended, PushState};
use crate::stack::StackName;
use crate::time::At;
use serde_json::Value;
use std::process::ExitCode;

/// `pushbutton status`
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Only this stack; default: all.
    stack: Option<StackName>,
    /// Prints everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

impl Status {
    /// Runs it.
    ///
    /// # Errors
    /// Why nothing can be shown.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let place = target.reading(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let path = match &self.stack {
                Some(stack) => format!("/api/v1/stacks/{stack}"),
                None => "/api/v1/stacks".to_owned(),
            };
            let answer = server.ask("GET", &path, None).await;
            server.close().await?;
            let answer = answer?;
            if self.json {
                say::json(&answer.to_string());
                return Ok(ExitCode::SUCCESS);
            }
            let stacks = match answer["stacks"].as_array() {
                Some(streets) => streets.clone(),
                None => vec![answer.clone()],
            };
            stacks.iter().flat_map(lines).for_each(|line| say::line(&line));
            for broken in answer["broken"].as_array().into_iter().flatten() {
                let problem = text(&broken["problem"]).lines().next().unwrap_or_default();
                say::line(&format!("{}  {problem}", text(&broken["stack"])));
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn short(value: &Value) -> String {
    crate::stack::name::short(text(value)).to_owned()
}

fn lines(street: &Value) -> Vec<String> {
    let trunk = match street["trunk"]["sha"].is_null() {
        true => "not fetched".to_owned(),
        false => format!("at {} {}", short(&street["trunk"]["sha"]), text(&street["trunk"]["subject"])),
    };
    let mut out = vec![format!("{}  {} {trunk}", text(&street["stack"]), text(&street["branch"]))];
    for problem in [&street["problem"], &street["trunk_problem"]] {
        out.extend(problem.as_str().and_then(|problem| problem.lines().next()).map(|line| format!("  ! {line}")));
    }
    if let Some(push) = street["lock"]["id"].as_i64() {
        let (who, stage) = (text(&street["lock"]["who"]), text(&street["lock"]["stage"]));
        let have = words_have(&street["lock"]["hosts_ok"], &street["lock"]["hosts_total"], &street["lock"]["build"]);
        let does = match street["lock"]["question"].is_null() {
            true => format!("{who} is pushing to {stage} right now (push {push})"),
            false => format!("push {push} of {who} to {stage} waits for an answer"),
        };
        out.push(format!("  {does}; {have}"));
        out.extend(asks(push, &street["lock"]["question"]));
        out.extend(paused(push, &street["lock"]["paused"]));
    }
    out.extend(held(&street["hold"]));
    let stages = street["stages"].as_array().map_or(&[][..], Vec::as_slice);
    let width = stages.iter().map(|stage| text(&stage["name"]).len()).max().unwrap_or(0);
    for stage in stages {
        let current = &stage["current"];
        let runs = match current["build"].as_str() {
            Some(build) => format!(
                "{build} since {} by {} (push {}, {} of {} hosts{})",
                text(&current["pushed_at"]),
                text(&current["who"]),
                current["push"],
                current["hosts_ok"],
                current["hosts_total"],
                as_of(&current["as_of"])
            ),
            None => "nothing yet".to_owned(),
        };
        out.push(format!("  {:width$}  {runs}", text(&stage["name"])));
        let partly = &stage["partly"];
        if partly.is_object() {
            let have = words_have(&partly["hosts_ok"], &partly["hosts_total"], &partly["build"]);
            out.push(format!("  {:width$}  push {}: {have}{}", "", partly["push"], as_of(&partly["as_of"])));
        }
        let behind = stage["catch_up"]["hosts"].as_array().map_or(&[][..], Vec::as_slice);
        for left in behind {
            out.push(format!("  {:width$}  {}: {}", "", text(&left["host"]), text(&left["why"])));
        }
        let last = &stage["last"];
        let is_fine = |state: PushState| state.is_running() || state == Ended::Succeeded;
        if !last.is_null() && !PushState::parse(text(&last["state"])).is_ok_and(is_fine) {
            let why = last["why"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
            let have = words_have(&last["hosts_ok"], &last["hosts_total"], &last["build"]);
            out.push(format!("  {:width$}  push {} {}{why}", "", last["id"], text(&last["state"])));
            out.push(format!("  {:width$}  push {}: {have}{}", "", last["id"], as_of(&last["ended_at"])));
        }
        out.extend(held(&stage["hold"]));
        out.extend(stage["needs"]["why"].as_str().map(|why| format!("  {:width$}  {why}", "")));
        out.extend(by_itself(&stage["auto"]).map(|auto| format!("  {:width$}  {auto}", "")));
    }
    out
}

/// `auto on: waits for ci/test`: why a stage that is pushed automatically is not, right now.
fn by_itself(auto: &Value) -> Option<String> {
    let on = if auto["on"].as_bool()? { "on" } else { "off" };
    let why = auto["why"].as_str().unwrap_or("is about to be pushed");
    Some(format!("auto {on}: {why}"))
}

/// `3 of 4 hosts have 51d0c3e-12`: the number that pages and announcements say.
fn words_have(ok: &Value, total: &Value, build: &Value) -> String {
    let hosts = if *total == 1 { "host has" } else { "hosts have" };
    format!("{ok} of {total} {hosts} {}", text(build))
}

/// ` as of 16:10 UTC`, with the day when that is another one: what is said of hosts carries its age.
fn as_of(at: &Value) -> String {
    let Some(at) = at.as_str().and_then(|at| at.parse::<At>().ok()) else { return String::new() };
    let day = |at: At| at.timestamp().strftime("%F").to_string();
    let form = if day(at) == day(At::now()) { "%H:%M UTC" } else { "%F %H:%M UTC" };
    format!(" as of {}", at.timestamp().strftime(form))
}

fn asks(push: i64, question: &Value) -> Option<String> {
    let (asked, since, until) =
        (question["question"].as_str()?, text(&question["asked_at"]), text(&question["ends_at"]));
    Some(format!("  it asks since {since}, until {until}: “{asked}”; hint: pushbutton confirm {push}"))
}

fn paused(push: i64, pause: &Value) -> Option<String> {
    let (who, since) = (pause["who"].as_str()?, text(&pause["at"]));
    let why = pause["reason"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
    Some(format!("  it is paused by {who} since {since}{why}; hint: pushbutton resume {push}"))
}

fn held(hold: &Value) -> Option<String> {
    let scope = hold["scope"].as_str()?;
    let (who, since, reason) = (text(&hold["who"]), text(&hold["at"]), text(&hold["reason"]));
    let until = hold["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
    Some(format!("  {scope} is held by {who} since {since}{until}: {reason}"))
}
