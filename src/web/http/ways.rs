//! Where the page of a refusal leads: back to what it was about. It must never name what does not exist, nor anything to
//! someone who is not signed in. Called by the gate.

use super::problem::Problem;
use crate::ledger::pushes;
use crate::stack::{PushNumber, StackName};
use crate::web::app::App;
use crate::web::view::error::NextLink;

/// The ways on from a problem with a request for this address, the best one first.
pub async fn ways(app: &App, path: &str, problem: &Problem) -> Vec<NextLink> {
    let mut parts = path.split('/').skip(1);
    let (stack, asked) = match (parts.next(), parts.next()) {
        (Some("stacks"), Some(name)) => (name.parse::<StackName>().ok(), None),
        (Some("pushes"), Some(number)) => (None, number.parse::<PushNumber>().ok()),
        _ => (None, None),
    };
    let meant = problem.detail.get("push").and_then(serde_json::Value::as_i64).and_then(|id| PushNumber::new(id).ok());
    let mut ways = Vec::new();
    let mut stacks: Vec<StackName> = stack.into_iter().collect();
    for number in [meant, asked].into_iter().flatten() {
        let found = app.desk.ledger().read(move |connection| pushes::get(connection, number)).await;
        // A page of an error is drawn with what can be had.
        let Some(row) = found.ok().flatten() else { continue };
        ways.push(NextLink { href: format!("/pushes/{number}"), words: format!("To push {number}") });
        stacks.push(row.stack);
    }
    ways.dedup();
    stacks.dedup();
    let stack_files = app.desk.stack_files();
    let known = |name: &StackName| stack_files.stacks.iter().any(|loaded| loaded.name == *name);
    let back = stacks.iter().filter(|name| known(name));
    ways.extend(back.map(|name| NextLink { href: format!("/stacks/{name}"), words: format!("Back to {name}") }));
    ways
}
