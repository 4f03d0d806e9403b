//! What is left when something dies: the server, the runner, both.

use crate::cli::pushbutton;
use crate::house::{House, Plans, kill, until};
use pushbutton::process::Program;
use std::time::Duration;

#[tokio::test]
async fn a_killed_server_loses_no_line_and_the_push_ends_well() {
    let commands = r#"{ run = "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.01; done" }"#;
    let mut house = House::build(Plans { qa: &["qa1", "qa2"], commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    house.journal_says(id, "line 40\"").await;
    house.kill_server().await;
    let while_away = house.journal(id).len();
    until("the push goes on without the server", async || (house.journal(id).len() > while_away + 4000).then_some(()))
        .await;
    house.start().await;
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}");
    let log = house.log(id).await;
    for host in ["qa1", "qa2"] {
        let said: Vec<&str> = log.lines().filter(|line| line.contains(&format!("{host} out | line "))).collect();
        assert_eq!(said.len(), 400, "{host}");
        assert!(said.iter().enumerate().all(|(n, line)| line.ends_with(&format!("| line {n}"))), "in order on {host}");
    }
    let journal = String::from_utf8(house.journal(id)).unwrap();
    let lines = journal.lines().filter(|record| record.contains("\"kind\":\"line\"")).count();
    assert_eq!(push["push"]["lines"].as_i64(), i64::try_from(lines).ok(), "each line is booked once");
    assert!(house.stack_view().await["lock"].is_null(), "the lock is free again");
}

#[tokio::test]
async fn a_push_that_ended_while_no_server_was_there_is_booked_at_the_next_start() {
    let commands = r#"{ run = "echo begun; sleep 1; echo done" }"#;
    let mut house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    house.journal_says(id, "begun\"").await;
    house.kill_server().await;
    house.journal_says(id, "push_ended").await;
    house.start().await;
    assert_eq!(house.ended(id).await["push"]["state"], "succeeded");
    assert!(house.stage("qa").await["current"]["push"] == id);
}

#[tokio::test]
async fn a_killed_runner_leaves_interrupted_a_hold_no_process_and_no_flip() {
    let commands = r#"{ release = "/srv/web" }, { run = "echo begun; sleep 1000" }, { activate = "/srv/web" }"#;
    let hosts = ["qa1", "qa2", "qa3"];
    let house = House::build(Plans { qa: &hosts, commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    for host in hosts {
        let begun = format!("\"command\":5,\"host\":\"{host}\",\"stream\":\"out\"");
        house.journal_says(id, &begun).await;
        assert!(house.fleet.host(host).unwrap().processes().iter().any(|p| p.contains("sleep 1000")), "{host}");
    }
    kill(house.runner(id).await);
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "interrupted", "{push:#}");
    assert_eq!(house.stage("qa").await["current"], serde_json::Value::Null, "nothing runs there now");
    let hold = house.stack_view().await["hold"].clone();
    assert_eq!(hold["push"], id, "the stack is held until a person decides: {hold}");
    let results = push["results"].as_array().unwrap();
    let unknown = results.iter().filter(|row| row["result"] == "unknown").count();
    assert_eq!(unknown, 3, "each host that ran something is unknown: {results:#?}");
    for host in hosts {
        let machine = house.fleet.host(host).unwrap();
        until(&format!("nothing is left on {host}"), async || {
            let left = machine.processes();
            left.iter().all(|process| !process.contains("sleep 1000")).then_some(())
        })
        .await;
        assert!(!machine.srv_dir().join("web/current").exists(), "{host} was not flipped");
    }
    let refused = house.press_with("qa", &serde_json::json!({"seen": push["push"]["sha"]})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("held"), "{}", refused.text);
}

#[tokio::test]
async fn a_killed_runner_and_a_killed_server_leave_interrupted_too() {
    let commands = r#"{ run = "echo begun; sleep 1000" }"#;
    let mut house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    house.journal_says(id, "begun\"").await;
    let runner = house.runner(id).await;
    house.kill_server().await;
    kill(runner);
    house.start().await;
    assert_eq!(house.ended(id).await["push"]["state"], "interrupted");
}

#[tokio::test]
async fn what_a_kill_left_of_a_published_build_is_gone_after_the_next_start_and_verify_is_content() {
    let mut house = House::build(Plans::default()).await;
    let stack = "source = { published = true }\n[[stage]]\nname = \"qa\"\nhosts = [\"qa1\"]\ncommands = [\"true\"]\n";
    std::fs::write(house.dir.path().join("stacks/api.toml"), stack).unwrap();
    until("the stack is known", async || (house.get("/api/v1/stacks/api").await.status == 200).then_some(())).await;
    let site = house.dir.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(site.join("index.html"), "one").unwrap();
    let publish = ["build", "publish", "api", site.to_str().unwrap(), "--sha", &"1".repeat(40)];
    let said = pushbutton(&house, &publish).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    house.kill_server().await;

    // As a server leaves them that is killed when the files are whole and the ledger does not know of them yet.
    let builds = house.data().join("builds/api");
    let (from, to) = (builds.join("111111111111-p"), builds.join("222222222222-p"));
    let copied = Program::new("cp").arg("-a").args([from, to]).output(Duration::from_secs(20)).await.unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let said = pushbutton(&house, &["verify"]).await;
    assert!(said.code == Some(1) && said.out.contains("222222222222-p"), "{said:?}");
    house.start().await;
    assert!(!builds.join("222222222222-p").exists());
    let said = pushbutton(&house, &["verify"]).await;
    assert_eq!(said.code, Some(0), "the one that it knows is whole: {said:?}");
}
