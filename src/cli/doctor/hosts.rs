//! The stacks and their hosts, as the server sees them: it looks the hosts over, a few at a time and each for so long. Where no server
//! runs, this process is the server meanwhile. It must never be more than one question a host.

use super::report::{Area, Check};
use crate::cli::say;
use crate::cli::server::{Place, Server};
use crate::config::Config;
use crate::size::counted;
use crate::stack::Who;
use serde_json::Value;
use std::sync::Arc;

/// Asks the server for its stacks, and to look over the hosts of each.
pub(super) async fn look(config: &Arc<Config>, who: &Who) -> Vec<Check> {
    let here = Place::Here(Arc::clone(config), who.clone());
    let mut server = match Server::open(&here).await {
        Ok(server) => server,
        Err(error) => {
            let cure = "`pushbutton serve` says the same; end what holds the data directory, or mend it";
            return vec![Check::wrong(Area::Server, "the server", say::chain(&error), cure)];
        }
    };
    let mut checks = vec![match server.is_us() {
        false => Check::ok(Area::Server, "the server", "answers".to_owned()),
        true => {
            let cure = "start it: systemctl start pushbutton, or pushbutton serve";
            Check::warning(Area::Server, "the server", "does not run".to_owned(), cure)
        }
    }];
    checks.extend(stacks(&mut server).await);
    if let Err(error) = server.close().await {
        checks.push(Check::warning(Area::Server, "the server", say::chain(&error), ""));
    }
    checks
}

async fn stacks(server: &mut Server) -> Vec<Check> {
    let wrong = |area, what: &str, error: &anyhow::Error| {
        Check::wrong(area, what, say::chain(error), "`journalctl -u pushbutton` may say more")
    };
    let all = match server.ask("GET", "/api/v1/stacks", None).await {
        Ok(all) => all,
        Err(error) => return vec![wrong(Area::Stacks, "the stacks", &error)],
    };
    let mut checks: Vec<Check> = list(&all, "broken").iter().map(broken).collect();
    for stack in list(&all, "stacks") {
        let name = text(&stack, "stack");
        let problem = text(&stack, "problem");
        match problem.lines().next() {
            Some(problem) => checks.push(Check::wrong(Area::Stacks, &name, problem.to_owned(), MEND_FILE)),
            None => checks.push(Check::ok(Area::Stacks, &name, stages(&stack))),
        }
        match server.ask("POST", &format!("/api/v1/stacks/{name}/hosts/look"), Some(Value::Null)).await {
            Ok(looked) => checks.extend(places(&name, &looked)),
            Err(error) => checks.push(wrong(Area::Hosts, &name, &error)),
        }
    }
    if checks.is_empty() {
        let cure = "the README has a first one";
        checks.push(Check::warning(Area::Stacks, "the stacks", "there are no stack files yet".to_owned(), cure));
    }
    checks
}

const MEND_FILE: &str = "`pushbutton check` shows the line, and what to write";

fn broken(stack: &Value) -> Check {
    let problem = text(stack, "problem");
    Check::wrong(Area::Stacks, &text(stack, "stack"), problem.lines().next().unwrap_or_default().to_owned(), MEND_FILE)
}

fn stages(stack: &Value) -> String {
    counted(list(stack, "stages").len() as u64, "stage")
}

/// A check for each finding; the places without any are one.
fn places(stack: &str, looked: &Value) -> Vec<Check> {
    let (all, mut checks, mut fine) = (list(looked, "places"), Vec::new(), 0);
    for place in &all {
        let what = format!("{stack}, {}", text(place, "place"));
        let findings = list(place, "findings");
        fine += u64::from(findings.is_empty());
        checks.extend(findings.iter().map(|finding| {
            let (found, cure) = (text(finding, "what"), text(finding, "cure"));
            match finding["weight"].as_str() {
                Some("note") => Check::warning(Area::Hosts, &what, found, &cure),
                _ => Check::wrong(Area::Hosts, &what, found, &cure),
            }
        }));
    }
    if fine > 0 {
        let found = format!("{fine} of {} ok, this machine among them", counted(all.len() as u64, "place"));
        checks.insert(0, Check::ok(Area::Hosts, stack, found));
    }
    checks
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value[key].as_array().cloned().unwrap_or_default()
}
