//! `pushbutton plan`: what a press would do, before it is done; with `--shell` as a script for the day when there is
//! nothing but a shell. It must never change anything but what is fetched.

use super::say;
use super::server::{Person, Server, config, run};
use crate::stack::{StackName, StageName};
use crate::time::duration_words;
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;

/// Paths of each kind that are listed; more are counted.
const LISTED: usize = 10;

/// `pushbutton plan`
#[derive(Debug, clap::Args)]
pub struct Plan {
    /// The stack.
    stack: StackName,
    /// The stage.
    stage: StageName,
    /// Prints a shell script that does the same by plain ssh and rsync.
    #[arg(long, conflicts_with = "json")]
    shell: bool,
    /// Prints all of it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

impl Plan {
    /// Runs it.
    ///
    /// # Errors
    /// Why there is no plan.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        let (config, who) = (config(file)?, self.person.who()?);
        run(async {
            let mut server = Server::open(&config, &who).await?;
            server.fetch(&self.stack).await;
            let form = if self.shell { "?form=shell" } else { "" };
            let path = format!("/api/v1/stacks/{}/stages/{}/plan{form}", self.stack, self.stage);
            let answer = server.ask_text("GET", &path, None).await;
            server.close().await?;
            let answer = answer?;
            match self.shell || self.json {
                true => say::raw(&format!("{}\n", answer.trim_end())),
                false => lines(&serde_json::from_str(&answer)?).iter().for_each(|line| say::line(line)),
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The plan as a person reads it.
fn lines(plan: &Value) -> Vec<String> {
    let mut out = vec![format!("{} to {} ({})", text(&plan["stack"]), text(&plan["stage"]), text(&plan["button"]))];
    out.push(match plan["old"]["build"].as_str() {
        Some(build) => format!("  runs now   {build} ({})", text(&plan["old"]["sha"])),
        None => "  runs now   nothing of ours".to_owned(),
    });
    out.push(match plan["build"].as_str() {
        Some(build) => format!("  goes out   {build} ({}), root {}", text(&plan["sha"]), text(&plan["root"])),
        None => format!("  goes out   {} of {}, built by the push", text(&plan["sha"]), text(&plan["branch"])),
    });
    out.extend(plan["why_not"].as_str().map(|why| format!("  closed     {why}")));
    out.push(format!("  commits    {}", plan["commit_count"]));
    for commit in list(&plan["commits"]).iter().take(LISTED) {
        let short: String = text(&commit["sha"]).chars().take(7).collect();
        out.push(format!("             {short} {}: {}", text(&commit["author"]), text(&commit["subject"])));
    }
    out.extend(plan["diff"].as_str().map(|diff| format!("  diff       {diff}")));
    out.extend(changes(&plan["changes"]));
    let hosts = list(&plan["hosts"]);
    out.push(format!("  hosts      {}", hosts.iter().map(text).collect::<Vec<_>>().join(" ")));
    for (number, command) in (1..).zip(list(&plan["commands"])) {
        let chunks = list(&command["chunks"]);
        let on = match chunks.first() {
            None => "push host".to_owned(),
            Some(first) => {
                let sizes: Vec<usize> = chunks.iter().map(|chunk| list(chunk).len()).collect();
                let most = sizes.iter().max().copied().unwrap_or_default();
                let grows =
                    if most > list(first).len() { format!(", from {} on", list(first).len()) } else { String::new() };
                let whole = if command["roll"].is_null() { "at a time" } else { "through all of the roll at a time" };
                format!("{} hosts, {most} {whole}{grows}", hosts.len())
            }
        };
        let asked = command["confirm"].as_str().map(|question| format!(", asks: {question}")).unwrap_or_default();
        out.push(format!("  {number:>2}. {}  ({on}{asked})", text(&command["title"])));
    }
    if let Some(usual) = plan["usual_ms"].as_i64() {
        out.push(format!("  usually    {}", duration_words(usual)));
    }
    out.push(format!("  plan       {}", text(&plan["plan_hash"])));
    out
}

fn changes(changes: &Value) -> Vec<String> {
    if changes.is_null() {
        return Vec::new();
    }
    let counts = &changes["counts"];
    let mut out = vec![format!(
        "  files      {} added, {} changed, {} deleted; at most {} bytes to each host",
        counts[0], counts[1], counts[2], changes["bytes"]
    )];
    for (mark, kind, count) in [('+', "added", 0), ('~', "changed", 1), ('-', "deleted", 2)] {
        let paths = list(&changes[kind]);
        out.extend(paths.iter().take(LISTED).map(|path| format!("             {mark} {}", text(path))));
        let more = counts[count].as_u64().unwrap_or_default().saturating_sub(LISTED as u64);
        out.extend((more > 0).then(|| format!("             {mark} and {more} more")));
    }
    out
}
