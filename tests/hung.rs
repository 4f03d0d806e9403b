//! A runner that hangs: it lives, holds its lock, and neither hears nor says anything.

use crate::cli::pushbutton;
use crate::house::{House, Plans, freeze, until, waits_for};
use serde_json::{Value, json};

#[tokio::test]
async fn a_runner_that_hangs_is_named_and_a_cancel_ends_its_push_as_interrupted_with_its_hosts_unknown() {
    let hosts = ["qa1", "qa2", "qa3"];
    let commands = format!("{{ run = \"echo begun on {{host}}; {}\", chunk = 2 }}", waits_for("go"));
    let house = House::build(Plans { qa: &hosts, commands: &commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    for host in ["qa1", "qa2"] {
        house.journal_says(id, &format!("begun on {host}\"")).await;
    }
    let runner = house.runner(id).await;
    freeze(runner, true);
    let order = async |what: &str, body: Value| {
        let answer = house.send("POST", &format!("/api/v1/pushes/{id}/{what}"), &body).await;
        (answer.status, serde_json::from_str::<Value>(&answer.text).unwrap_or_default()["error"].clone())
    };
    // Whoever orders something else is told that nobody hears it, and what helps.
    let (paused, answered) = tokio::join!(order("pause", json!({})), order("confirm", json!({ "answer": "yes" })));
    for (status, error) in [paused, answered] {
        assert_eq!((status, &error["case"]), (503, &json!("runner_silent")), "{error}");
        assert!(
            error["message"].as_str().unwrap().contains(&format!("the runner of push {id} does not answer")),
            "{error}"
        );
        assert!(error["cure"].as_str().unwrap().contains("Cancel ends one that hangs"), "{error}");
    }
    // Hosts do not wait for it: they have heard nothing for the lease.
    until("nothing runs on hosts", async || {
        let runs =
            |host| house.fleet.host(host).unwrap().processes().iter().any(|process| process.contains("begun on"));
        (!hosts.into_iter().any(runs)).then_some(())
    })
    .await;
    assert_eq!(house.push(id).await["push"]["state"], "running", "it may only be slow");

    let (status, error) = order("cancel", json!({ "reason": "it hangs" })).await;
    assert_eq!(status, 202, "{error}");
    let push = house.ended(id).await;
    assert!(!std::path::Path::new(&format!("/proc/{runner}")).exists(), "it was killed");
    assert_eq!(push["push"]["state"], "interrupted", "{push:#}");
    assert_eq!(push["push"]["why"], "the runner ended in the middle of the push; the state of 2 hosts is unknown");
    // Journal and ledger say the same of each host, and verify finds nothing wrong with either.
    let journal = String::from_utf8(house.journal(id)).unwrap();
    assert_eq!(house.folded(id).unknown_hosts(), ["qa1", "qa2"]);
    let rows = push["results"].as_array().unwrap().iter().filter(|row| row["result"] == "unknown");
    assert_eq!(rows.map(|row| row["host"].as_str().unwrap()).collect::<Vec<_>>(), ["qa1", "qa2"], "{push:#}");
    let end: Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    assert_eq!((&end["kind"], &end["unknown"]), (&json!("push_ended"), &json!(["qa1", "qa2"])), "{end}");
    assert!(!journal.contains("begun on qa3"), "it was never touched");
    assert_eq!(house.stack_view().await["hold"]["push"], id, "until a person has looked");
    assert!(house.stack_view().await["lock"].is_null());
    let ledger = rusqlite::Connection::open(house.data().join("pushbutton.db")).unwrap();
    let orders = "SELECT group_concat(who || ' ' || what || ' ' || detail) FROM audit WHERE what IN ('cancel', 'pause', 'answer')";
    let orders: String = ledger.query_row(orders, [], |row| row.get(0)).unwrap();
    assert_eq!(orders, format!("mary cancel push {id}: it hangs"), "and no order that nobody heard");
    let verified = pushbutton(&house, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
