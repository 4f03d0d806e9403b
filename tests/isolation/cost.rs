//! What isolation costs: the same commands with and without it, in one sitting.

use crate::house::{House, Plans};
use serde_json::Value;
use std::time::Duration;

/// Commands of each kind.
const COMMANDS: usize = 30;

/// How long each of the commands took, from its start in the journal to its end, in milliseconds.
fn durations(house: &House, id: i64) -> Vec<f64> {
    let at = |record: &Value| -> jiff::Timestamp { record["at"].as_str().unwrap().parse().unwrap() };
    let records = house.records(id);
    let of = |kind: &str, number: usize| {
        let is_it = |record: &&Value| record["kind"] == kind && record["command"] == number && record["host"].is_null();
        at(records.iter().find(is_it).unwrap())
    };
    let mut all: Vec<f64> = (4..4 + COMMANDS)
        .map(|number| (of("host_ended", number) - of("host_started", number)).total(jiff::Unit::Millisecond).unwrap())
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

#[tokio::test]
async fn an_isolated_command_costs_some_milliseconds() {
    let commands = "\"true\", ".repeat(COMMANDS);
    let config = "[build]\nisolation = \"namespaces\"\n".to_owned();
    let mut house = House::build(Plans { qa: &["qa1"], commands: &commands, config, ..Plans::default() }).await;
    let file = house.dir.path().join("config.toml");
    let mut medians = Vec::new();
    for (from, to) in [("none", "namespaces"), ("namespaces", "none"), ("none", "namespaces"), ("namespaces", "none")] {
        house.kill_server().await;
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(&format!("\"{from}\""), &format!("\"{to}\""))).unwrap();
        house.start().await;
        if !medians.is_empty() {
            house.commit().await;
        }
        let id = house.push_well("qa").await["push"]["id"].as_i64().unwrap();
        let all = durations(&house, id);
        medians.push(all[COMMANDS / 2]);
        eprintln!(
            "{to}: median {:.1} ms, {:.1} to {:.1} ms, {COMMANDS} commands",
            all[COMMANDS / 2],
            all[0],
            all[COMMANDS - 1]
        );
    }
    let extra = (medians[0] - medians[1] + medians[2] - medians[3]) / 2.0;
    eprintln!(
        "isolation costs {extra:.1} ms a command, {:.2} times as long",
        (medians[0] + medians[2]) / (medians[1] + medians[3])
    );
    // Ten times the aim: other work may run on the machine.
    assert!(Duration::from_secs_f64(extra.max(0.0) / 1000.0) < Duration::from_millis(500), "{medians:?}");
}
