//! A plan as a plain shell script of `ssh` and `rsync` lines, for the day when there is nothing but a shell: what
//! Pushbutton would do, without its journal, locks, guards and announcements. Pure. It must never put a value where a shell
//! would read it as code: each is a word in single quotes, and scripts are the very texts that a push runs.

pub(super) mod forms;
mod locate;
mod relay;
mod texts;
mod words;

pub use locate::LOCATE;

use super::{BuildFrom, Part, Plan, PlannedCommand};
use crate::stack::{BuildId, SecretSource, Who};
use forms::{Lines, ShellContext};
use std::collections::BTreeMap;
use std::path::PathBuf;
use texts::{FUNCTIONS, SECRETS};
use words::{by_hand, document, place, quoted};

/// Where things lie on the push host, and whose hand it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// Who asked for the script.
    pub who: Who,
    /// The server's address.
    pub url: String,
    /// The id of the build, which is made or exists.
    pub build: BuildId,
    /// The tree of a build that exists.
    pub tree: PathBuf,
    /// The git mirror that a build is made from.
    pub mirror: PathBuf,
    /// The operator's own ssh configuration.
    pub ssh_config: Option<PathBuf>,
}

/// Writes the script of a plan.
pub fn script(plan: &Plan, hand: &ByHand) -> String {
    let mut values = plan.values();
    values.extend(
        [
            ("PUSH_ID", "0"),
            ("PUSH_BUILD", hand.build.as_str()),
            ("PUSH_WHO", hand.who.as_str()),
            ("PUSH_REASON", "by hand"),
            ("PUSH_URL", &hand.url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let mut out = format!(
        "#!/bin/sh\n# {} to {} by hand: {}, plan {}\n# Run it on the push host as the server's user. The ledger learns \
         nothing of it, nobody is told, and nothing keeps two\n# people from doing it at once: hold the stack first, and \
         push once more when Pushbutton is back.\nset -eu\n",
        plan.stack,
        plan.stage,
        plan.sha,
        plan.hash()
    );
    if let BuildFrom::Existing { .. } = plan.build {
        out.push_str(&format!("build={}\n", quoted(&hand.tree.display().to_string())));
    }
    let exports: String = values.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
    out.push_str(&format!("\nvalues() {{\n  cat {}}}\neval \"$(values)\"\n", document(&exports)));
    out.push_str(&secrets(plan));
    out.push_str(&ways(plan));
    out.push_str(&FUNCTIONS.replace("SSH_OPTIONS", &ssh_options(hand)).replace("LOCATED", &document(LOCATE)));
    if plan.commands.iter().any(|command| command.form.relay().is_some()) {
        out.push_str(relay::IN_ROUNDS);
    }
    let mut roll = Vec::new();
    for (number, (command, title)) in (1..).zip(plan.commands.iter().zip(plan.titles(&values))) {
        if command.part.is_conditional() {
            // Who works by hand decides by hand what a failure means.
            out.push_str(&format!("\n# {number}. {title}: only after a failure, so it is not written out here\n"));
            continue;
        }
        let on = match command.per_host() {
            true => format!(" ({} hosts, {})", plan.hosts.len(), command.batch_words(plan.hosts.len())),
            false => " (push host)".to_owned(),
        };
        let always = if command.part == Part::Finally { "; do this whatever came of the rest" } else { "" };
        let lines = lines(plan, hand, number, command, &values);
        out.push_str(&format!("\n# {number}. {title}{on}{always}\n{lines}"));
        let Some(its) = &command.roll else { continue };
        roll.push(format!("command_{number} \"$1\""));
        if !plan.commands.get(number).is_some_and(|next| next.rolls_with(command)) {
            let name = format!("roll_{}", its.number);
            out.push_str(&format!("\n{name}() {{ {}; }}\n{}", roll.join(" && "), batches(plan, command, &name)));
            roll.clear();
        }
    }
    out
}

/// A line for each growing batch, with the question before the next one where the plan asks; and one for the rest.
fn batches(plan: &Plan, command: &PlannedCommand, function: &str) -> String {
    let total = plan.hosts.len();
    let mut hosts = plan.hosts.iter().map(by_hand);
    let mut line = |size: usize, width: usize| {
        let names: Vec<String> = hosts.by_ref().take(size).collect();
        format!("at_once {function} {width} {}\n", names.join(" "))
    };
    let growing: Vec<usize> = command.batches(total).into_iter().take(command.grow.len()).collect();
    let rest = total - growing.iter().sum::<usize>();
    let mut lines: Vec<String> = growing.iter().map(|size| line(*size, *size)).collect();
    lines.extend((rest > 0).then(|| line(rest, command.at_once(total))));
    let between = command.confirm.as_ref().map(|question| format!("asked {}\n", quoted(&question.text)));
    lines.join(between.as_deref().unwrap_or_default())
}

/// Reads the plan's secrets from where they are found, and hands them to the hosts with the other values.
fn secrets(plan: &Plan) -> String {
    let mut out = String::new();
    for (name, source) in &plan.secrets {
        let found = match source {
            SecretSource::Env(variable) => format!("${{{variable}:?is not set}}"),
            SecretSource::File(path) => format!("$(cat -- {})", quoted(path)),
            SecretSource::Credential(credential) => {
                format!("$(cat -- \"${{CREDENTIALS_DIRECTORY:?is not set}}\"/{})", quoted(credential))
            }
        };
        out.push_str(&format!("{name}=\"{found}\"; export {name}\n"));
    }
    let names: Vec<&str> = plan.secrets.keys().map(String::as_str).collect();
    if !names.is_empty() {
        out.push_str(&SECRETS.replace("NAMES", &names.join(" ")));
    }
    out
}

/// `way HOST`: the jump host that leads to it, if any.
fn ways(plan: &Plan) -> String {
    let mut by_jump: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (host, jump) in plan.hosts.iter().filter_map(|host| Some((host, host.jump()?))) {
        by_jump.entry(jump.jump_word()).or_default().push(quoted(&place(host)));
    }
    let cases = by_jump.iter().map(|(jump, hosts)| way(hosts, jump));
    format!("\n# way HOST: its jump host\nway() {{\n  case $1 in\n{}  esac\n}}\n", cases.collect::<String>())
}

/// The case of the hosts behind a jump host. Some shells' `echo` takes a backslash away, and users of a domain have two.
fn way(hosts: &[String], jump: &str) -> String {
    format!("    {}) printf '%s\\n' {} ;;\n", hosts.join("|"), quoted(jump))
}

/// What one command is by hand: a function of the script for who works on each host, with the lines that call it, or lines.
fn lines(
    plan: &Plan,
    hand: &ByHand,
    number: usize,
    command: &PlannedCommand,
    values: &BTreeMap<String, String>,
) -> String {
    let body = match command.form.by_hand(&context(plan, hand, command, values)) {
        Lines::Once(lines) => return lines,
        Lines::OnHosts(body) => body,
    };
    let function = format!("command_{number}");
    let run = match (&command.roll, command.form.relay()) {
        (Some(_), _) => String::new(),
        (None, Some(relay)) => {
            let hosts: Vec<String> = plan.hosts.iter().map(by_hand).collect();
            format!("in_rounds {function} {} {}\n", relay.seeds, hosts.join(" "))
        }
        (None, None) => batches(plan, command, &function),
    };
    format!("{function}() {{\n{body}}}\n{run}")
}

fn context<'a>(
    plan: &'a Plan,
    hand: &'a ByHand,
    command: &PlannedCommand,
    values: &'a BTreeMap<String, String>,
) -> ShellContext<'a> {
    let (source, ship, root) = match &plan.build {
        BuildFrom::Made { source, ship, .. } => (Some(source), ship.as_deref(), None),
        BuildFrom::Existing { root, .. } => (None, None, Some(root)),
    };
    ShellContext {
        sha: &plan.sha,
        source,
        ship,
        build: &hand.build,
        root,
        mirror: &hand.mirror,
        values,
        secrets: &plan.secrets,
        per_host: command.per_host(),
        runs_as: command.runs_as,
        tries: command.tries,
        every_s: command.every_s,
        timeout_s: command.timeout_s,
    }
}

fn ssh_options(hand: &ByHand) -> String {
    let config = hand.ssh_config.as_ref().map(|file| format!("-F {} ", quoted(&file.display().to_string())));
    format!("{}-o BatchMode=yes -o StrictHostKeyChecking=yes", config.unwrap_or_default())
}

#[cfg(test)]
mod tests;
