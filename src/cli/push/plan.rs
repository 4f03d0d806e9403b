//! `pushbutton plan`: what a press would do, before it is done; with `--shell` as a script for the day when there is
//! nothing but a shell. It must never change anything but what is fetched.

use crate::cli::say;
use crate::cli::server::{Person, Server, Target, run};
use crate::size::bytes_words;
use crate::stack::{StackName, StageName};
use crate::time::duration_words;
use serde_json::Value;
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
    /// Prints a shell script that does the same with plain ssh and rsync.
    #[arg(long, conflicts_with = "json")]
    shell: bool,
    /// Prints everything as JSON.
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
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let place = target.reading(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            server.fetch(&self.stack).await;
            let form = if self.shell { "?form=shell" } else { "" };
            let path = format!("/api/v1/stacks/{}/stages/{}/plan{form}", self.stack, self.stage);
            let answer = server.ask_text("GET", &path, None).await;
            server.close().await?;
            let answer = answer?;
            match (self.shell, self.json) {
                (true, _) => say::raw(&format!("{}\n", answer.trim_end())),
                (false, true) => say::json(&answer),
                (false, false) => lines(&serde_json::from_str(&answer)?).iter().for_each(|line| say::line(line)),
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
        None => "  runs now   nothing deployed by Pushbutton".to_owned(),
    });
    out.push(match plan["build"].as_str() {
        Some(build) => format!("  deploys    {build} ({}), content hash {}", text(&plan["sha"]), text(&plan["root"])),
        None => format!("  deploys    {} of {}, built by the push", text(&plan["sha"]), text(&plan["branch"])),
    });
    out.extend(plan["why_not"].as_str().map(|why| format!("  blocked    {why}")));
    out.push(format!("  commits    {}", plan["commit_count"]));
    for commit in list(&plan["commits"]).iter().take(LISTED) {
        let short = crate::stack::name::short(text(&commit["sha"]));
        out.push(format!("             {short} {}: {}", text(&commit["author"]), text(&commit["subject"])));
    }
    out.extend(plan["diff"].as_str().map(|diff| format!("  diff       {diff}")));
    out.extend(match (plan["changes"].is_null(), plan["build"].is_null()) {
        (false, _) => changes(&plan["changes"]),
        (true, true) => vec!["  files      all of them are new; how many is known when the build is made".to_owned()],
        (true, false) => vec!["  files      not known: one of the two builds is no longer here".to_owned()],
    });
    let hosts = list(&plan["hosts"]);
    out.push(format!("  hosts      {}", hosts.iter().map(text).collect::<Vec<_>>().join(" ")));
    for (number, command) in (1..).zip(list(&plan["commands"])) {
        out.extend(step(number, command, hosts.len()));
    }
    let typical = &plan["usual"];
    out.push(match typical["median_ms"].as_i64() {
        Some(median) => {
            let words = |key: &str| duration_words(typical[key].as_i64().unwrap_or_default());
            let (fastest, slowest) = (words("fastest_ms"), words("slowest_ms"));
            let spread = format!("{fastest} to {slowest} in the last {} successful pushes", typical["pushes"]);
            format!("  usually    {} ({spread})", duration_words(median))
        }
        None => "  usually    not known: no push to it has succeeded yet".to_owned(),
    });
    out.push(format!("  plan       {}", text(&plan["plan_hash"])));
    out
}

/// A command: where it runs, and all of it where its title does not say all.
fn step(number: usize, command: &Value, hosts: usize) -> Vec<String> {
    let part = match text(&command["part"]) {
        "before" => "before, ",
        "finally" => "finally, ",
        "drop" => "only to remove failed hosts from service: ",
        "undo" => "only if the push fails, on hosts that it has changed: ",
        _ => "",
    };
    let on = match text(&command["pace"]) {
        "" => "push host".to_owned(),
        pace => format!("{hosts} hosts, {pace}"),
    };
    let title = text(&command["title"]);
    let typed: Vec<&str> = list(&command["typed"]).iter().map(text).collect();
    let mut out = vec![format!("  {number:>2}. {title}  ({part}{on})")];
    if typed != [format!("$ {title}")] {
        out.extend(typed.iter().map(|line| format!("             {line}")));
    }
    out
}

fn changes(changes: &Value) -> Vec<String> {
    let counts = &changes["counts"];
    let counted = format!("{} added, {} changed, {} deleted", counts[0], counts[1], counts[2]);
    let bytes = &changes["bytes"];
    let mut out = vec![match bytes["each_host"].as_u64() {
        Some(each) => {
            let in_all = bytes["in_all"].as_u64().unwrap_or_default();
            format!(
                "  files      {counted}; at most {} to each host, {} in all",
                bytes_words(each),
                bytes_words(in_all)
            )
        }
        None => format!("  files      {counted} in the repository; the build is not made yet"),
    }];
    for (mark, kind, count) in [('+', "added", 0), ('~', "changed", 1), ('-', "deleted", 2)] {
        let paths = list(&changes[kind]);
        out.extend(paths.iter().take(LISTED).map(|path| format!("             {mark} {}", text(path))));
        let more = counts[count].as_u64().unwrap_or_default().saturating_sub(LISTED as u64);
        out.extend((more > 0).then(|| format!("             {mark} and {more} more")));
    }
    out
}
