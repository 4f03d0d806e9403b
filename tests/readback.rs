//! Success is read back, not assumed (promise 12): at the end of a push every host is asked what it runs.

use crate::house::{House, Plans, until};
use pushbutton::demo::trouble::How;
use serde_json::{Value, json};

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];

/// A roll-out whose last command lets a host put something else live behind the push's back, and waits where it is told to.
const ROLL_OUT: &str = r#"
  { release = "/srv/web" },
  { activate = "/srv/web" },
  { run = "[ ! -e /srv/odd ] || ln -sfn releases/by-hand /srv/web/current; while [ -e /srv/wait ]; do sleep 0.1; done; echo end of $PUSH_HOST" },
"#;

impl House {
    /// The answers to the last question of a push: result and reason of each host.
    fn answers(push: &Value) -> Vec<(String, String, String)> {
        let commands = push["commands"].as_array().unwrap();
        let asks = commands.iter().find(|row| row["title"] == "Verify what every host runs").unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = push["results"].as_array().unwrap().iter().filter(|row| row["command"] == asks["command"]);
        let mut rows: Vec<_> = rows.map(|row| (text(&row["host"]), text(&row["result"]), text(&row["why"]))).collect();
        rows.sort();
        rows
    }
}

fn results(answers: &[(String, String, String)]) -> Vec<&str> {
    answers.iter().map(|(_, result, _)| result.as_str()).collect()
}

#[tokio::test]
async fn a_host_that_runs_something_else_in_the_end_is_never_called_a_success() {
    let house = House::build(Plans { qa: &HOSTS, commands: ROLL_OUT, ..Plans::default() }).await;
    let good = house.push_well("qa").await;
    assert_eq!(results(&House::answers(&good)), ["ok"; 3]);
    assert_eq!(good["push"]["hosts_ok"], 3);

    let srv = house.fleet.host("qa2").unwrap().srv_dir();
    std::fs::write(srv.join("odd"), "").unwrap();
    house.commit().await;
    let id = house.press("qa").await;
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "failed", "{push:#}");
    let answers = House::answers(&push);
    assert_eq!(
        results(&answers),
        ["ok", "failed", "ok"],
        "every host is asked, whatever one of them says: {answers:?}"
    );
    let build = push["push"]["build"].as_str().unwrap();
    let words = format!("runs nothing (current leads nowhere: releases/by-hand) after the push, not {build}");
    assert_eq!(answers[1].2, words);
    assert!(push["push"]["why"].as_str().unwrap().contains(&format!("on qa2: {words}")), "{push:#}");
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("Verify what every host runs") && page.contains(&words), "{page}");
    assert_eq!(house.stage("qa").await["current"]["push"], good["push"]["id"], "the stage runs what it ran");

    // Mended, the rest of the push brings that host to the build, and asks all of them again.
    std::fs::remove_file(srv.join("odd")).unwrap();
    let answer = house.send("POST", &format!("/api/v1/pushes/{id}/resume"), &json!({})).await;
    let resumed = answer.json()["id"].as_i64().unwrap();
    let push = house.ended(resumed).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", house.log(resumed).await);
    assert_eq!(results(&House::answers(&push)), ["ok"; 3]);
}

#[tokio::test]
async fn a_host_that_does_not_answer_in_the_end_is_unknown_and_holds_the_stack() {
    let stage = "on_failure = \"continue\"";
    let house = House::build(Plans { qa: &HOSTS, commands: ROLL_OUT, stage, ..Plans::default() }).await;
    let qa1 = house.fleet.host("qa1").unwrap().srv_dir();
    std::fs::write(qa1.join("wait"), "").unwrap();
    let id = house.press("qa").await;
    house.journal_says(id, "end of qa3").await;
    until("qa3 is done", async || {
        let push = house.push(id).await;
        let rows = push["results"].as_array().unwrap();
        rows.iter().any(|row| row["command"] == 6 && row["host"] == "qa3" && row["result"] == "ok").then_some(())
    })
    .await;
    house.fleet.host("qa3").unwrap().break_(How::Dead).await.unwrap();
    std::fs::remove_file(qa1.join("wait")).unwrap();
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "degraded", "{push:#}");
    let answers = House::answers(&push);
    assert_eq!(results(&answers), ["ok", "ok", "unknown"], "{answers:?}");
    assert!(answers[2].2.starts_with("it did not say what it runs"), "{answers:?}");
    assert_eq!(push["push"]["hosts_ok"], 3, "it flipped and said so, before it died");
    let hold = house.stack_view().await["hold"].clone();
    assert!(hold["push"] == id && hold["reason"].as_str().unwrap().contains("qa3"), "{hold}");
}
