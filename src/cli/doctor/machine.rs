//! What this machine is to the server: its programs, its clock, the unit that starts the server. It must never start what it only looks
//! for, beyond asking a program for its version.

use super::isolation;
use super::report::{Area, Check};
use crate::config::Config;
use crate::process::Program;
use crate::remote::transfer;
use crate::source::git;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a program may take to answer a question about itself.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The unit that docs and package name.
const UNIT: &str = "pushbutton.service";

/// Looks at all of it; without a configuration at what needs none.
pub(super) async fn look(config: Option<&Config>) -> Vec<Check> {
    let mut checks = programs().await;
    checks.push(clock().await);
    if let Some(config) = config {
        checks.push(isolation::look(config).await);
    }
    if config.is_some() {
        checks.extend(unit().await);
    }
    checks
}

/// What every push starts; what a stack needs besides, its hosts' checks say.
async fn programs() -> Vec<Check> {
    let ssh = match first_line("ssh", "-V").await {
        Some(line) => Check::ok(Area::Programs, "ssh", line),
        None => missing("ssh", "apt install openssh-client"),
    };
    let rsync = match (first_line("rsync", "--version").await, transfer::is_new_enough().await) {
        (None, _) => missing("rsync", "apt install rsync"),
        (Some(line), Ok(())) => Check::ok(Area::Programs, "rsync", line),
        (Some(_), Err(why)) => Check::wrong(Area::Programs, "rsync", why, "update it on this machine"),
    };
    let git = match (first_line("git", "--version").await, git::version::complaint().await) {
        (None, _) => Check::warning(
            Area::Programs,
            "git",
            "not installed here, or not on the PATH; sources in git need it".to_owned(),
            "apt install git",
        ),
        (Some(line), None) => Check::ok(Area::Programs, "git", line),
        (Some(_), Some(why)) => Check::warning(Area::Programs, "git", why, "update it on this machine"),
    };
    vec![ssh, rsync, git]
}

fn missing(program: &str, cure: &str) -> Check {
    Check::wrong(Area::Programs, program, "not installed here, or not on the PATH".to_owned(), cure)
}

/// What a program says first of its version; none when it cannot be started.
async fn first_line(program: &str, argument: &str) -> Option<String> {
    let said = Program::new(program).arg(argument).output(ANSWER_LIMIT).await.ok()?;
    let text = [said.stdout, said.stderr].concat();
    let line = String::from_utf8_lossy(&text).lines().next()?.to_owned();
    Some(line.split(" Copyright").next().unwrap_or(&line).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether something keeps the clock right: the history, the ends of holds and tokens, and certificates are read by it.
async fn clock() -> Check {
    let cure = "timedatectl set-ntp true, or install chrony";
    let said = Program::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]);
    let said = said.output(ANSWER_LIMIT).await.ok().filter(|said| said.status.success());
    let what = "this machine's clock";
    match said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).as_deref() {
        Some("yes") => Check::ok(Area::Clock, what, "synchronized".to_owned()),
        Some("no") => Check::warning(Area::Clock, what, "not synchronized with a time server".to_owned(), cure),
        _ => Check::warning(
            Area::Clock,
            what,
            "timedatectl does not say whether it is synchronized".to_owned(),
            "compare it with another clock; in a container it is the clock of the machine that runs it",
        ),
    }
}

/// What the unit must say so that a restart of the server ends no push. Nothing is said where there is no such unit.
async fn unit() -> Vec<Check> {
    let names = "--property=LoadState,ActiveState,KillMode,OOMPolicy,PrivateTmp";
    let said = Program::new("systemctl").args(["show", names, "--", UNIT]).output(ANSWER_LIMIT).await;
    let Some(said) = said.ok().filter(|said| said.status.success()) else { return Vec::new() };
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    judged(&values)
}

fn judged(values: &BTreeMap<&str, &str>) -> Vec<Check> {
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    if value("LoadState") != "loaded" {
        return Vec::new();
    }
    let mut checks = Vec::new();
    for (key, wanted, otherwise) in [
        ("KillMode", "process", "a restart of the server ends the pushes that run"),
        ("OOMPolicy", "continue", "one process that needs too much memory ends the server and all pushes"),
        ("PrivateTmp", "no", "a push that runs loses its temporary files when the server restarts"),
    ] {
        if value(key) != wanted {
            let cure = format!("systemctl edit {UNIT}: [Service] {key}={wanted}; then systemctl daemon-reload");
            checks.push(Check::wrong(Area::Server, UNIT, format!("{key}={}: {otherwise}", value(key)), &cure));
        }
    }
    if value("ActiveState") != "active" {
        let cure = format!("systemctl start {UNIT}; journalctl -u {UNIT} says why it ended");
        checks.push(Check::warning(Area::Server, UNIT, format!("is {}", value("ActiveState")), &cure));
    }
    if checks.is_empty() {
        checks.push(Check::ok(Area::Server, UNIT, "runs, and its restart ends no push".to_owned()));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_would_end_pushes_is_wrong_and_one_that_is_not_there_is_not_spoken_of() {
        let unit = |kill, active| {
            BTreeMap::from([
                ("LoadState", "loaded"),
                ("ActiveState", active),
                ("KillMode", kill),
                ("OOMPolicy", "continue"),
                ("PrivateTmp", "no"),
            ])
        };
        assert_eq!(judged(&BTreeMap::from([("LoadState", "not-found")])), []);
        let ok = Check::ok(Area::Server, UNIT, "runs, and its restart ends no push".to_owned());
        assert_eq!(judged(&unit("process", "active")), [ok]);
        let said = format!("{:?}", judged(&unit("control-group", "failed")));
        assert!(said.contains("KillMode=control-group: a restart") && said.contains("is failed"), "{said}");
    }
}
