//! `finally` after the runner's death: never by itself, but first in what follows, whatever that is (TRUST section 2).

use crate::house::{House, Plans, kill};
use serde_json::{Value, json};

const HOSTS: [&str; 2] = ["qa1", "qa2"];
const COMMANDS: &str = r#"
  { run = "echo begun; while [ ! -e /srv/go ]; do sleep 0.05; done", chunk = 1 },
  { release = "/srv/web" },
  { activate = "/srv/web" },
"#;
const STAGE: &str = r#"
finally = [
  { local = "echo it was push {push} of $PUSH_BUILD, $PUSH_RESULT; ls REVISION index.html 2>/dev/null || true" },
  { run = "echo $PUSH_ID $PUSH_RESULT >>/srv/told; [ $PUSH_RESULT != interrupted ] || [ ! -e /srv/spoil ]", name = "Tell" },
]"#;

impl House {
    fn told(&self, host: &str) -> Vec<String> {
        let path = self.fleet.host(host).unwrap().srv_dir().join("told");
        std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn mark(&self, host: &str, name: &str) -> std::path::PathBuf {
        let path = self.fleet.host(host).unwrap().srv_dir().join(name);
        std::fs::write(&path, "").unwrap();
        path
    }

    /// A push to qa whose runner is killed while qa1 alone is at work.
    async fn killed_at_the_first_host(&self) -> i64 {
        let id = self.press("qa").await;
        self.journal_says(id, "\"command\":4,\"host\":\"qa1\",\"stream\":\"out\"").await;
        kill(self.runner(id).await);
        assert_eq!(self.ended(id).await["push"]["state"], "interrupted");
        id
    }

    async fn goes_on(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, body).await;
        let id = answer.push_id();
        self.ended(id).await
    }
}

#[tokio::test]
async fn finally_of_a_push_whose_runner_died_runs_first_in_resume_and_in_rollback_and_only_once() {
    let house = House::build(Plans { qa: &HOSTS, commands: COMMANDS, stage: STAGE, ..Plans::default() }).await;
    let first = house.killed_at_the_first_host().await;
    assert!(HOSTS.iter().all(|host| house.told(host).is_empty()), "never by itself");
    let rest = house.push(first).await["rest"]["commands"].clone();
    let owed: Vec<(&Value, &Value)> =
        rest.as_array().unwrap()[..3].iter().map(|c| (&c["owed_by"], &c["left"])).collect();
    assert_eq!(owed, [(&json!(1), &json!(1)), (&json!(1), &json!(1)), (&Value::Null, &json!(2))], "{rest:#}");
    let page = house.get(&format!("/pushes/{first}")).await.text;
    assert!(page.contains("first runs the “finally” of push 1, which its runner could not"), "{page}");
    assert!(page.contains("Resume from step 4"), "{page}");

    HOSTS.iter().for_each(|host| drop(house.mark(host, "go")));
    let resumed = house.goes_on(&format!("/api/v1/pushes/{first}/resume"), &json!({})).await;
    assert_eq!(resumed["push"]["state"], "succeeded", "{resumed:#}");
    let titles: Vec<&str> =
        resumed["commands"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
    assert!(titles[0].starts_with("finally of push 1: echo it was push 1 of"), "{titles:?}");
    assert_eq!(titles[1], "finally of push 1: Tell");
    assert_eq!(house.told("qa1"), ["1 interrupted", "2 succeeded"], "first what the dead push owed, then its own");
    assert_eq!(house.told("qa2"), ["2 succeeded"], "the dead push had not touched it");
    let log = house.log(2).await;
    let build = resumed["push"]["build"].as_str().unwrap();
    assert!(log.contains(&format!("out | it was push 1 of {build}, interrupted")), "{log}");

    // The same before a rollback, which must do its work even where the earlier finally fails.
    house.commit().await;
    for host in HOSTS {
        std::fs::remove_file(house.fleet.host(host).unwrap().srv_dir().join("go")).unwrap();
    }
    let third = house.killed_at_the_first_host().await;
    let way = house.get("/stacks/web/stages/qa/rollback").await.text;
    assert!(way.contains("finally of push 3: Tell"), "the page shows it before the press: {way}");
    HOSTS.iter().for_each(|host| drop(house.mark(host, "go")));
    house.mark("qa1", "spoil");
    let path = "/api/v1/stacks/web/stages/qa/rollback";
    let back = house.goes_on(path, &json!({ "reason": "the runner died" })).await;
    assert_eq!(house.told("qa1")[2..], ["3 interrupted", "4 degraded"]);
    assert_eq!(house.told("qa2")[1..], ["4 degraded"]);
    assert_eq!(back["push"]["state"], "degraded", "{back:#}");
    assert_eq!(back["push"]["hosts_ok"], 2, "{back:#}");
    let why = back["push"]["why"].as_str().unwrap();
    assert!(why.starts_with("at the start, command 2 (finally of push 3: Tell) failed on qa1"), "{why}");
    let live = std::fs::read_link(house.fleet.host("qa1").unwrap().srv_dir().join("web/current")).unwrap();
    assert!(live.ends_with(build), "the rollback went its way: {live:?} after {third}");

    // It failed there, so it is owed still; what was done is not done again.
    std::fs::remove_file(house.fleet.host("qa1").unwrap().srv_dir().join("spoil")).unwrap();
    let last = house.goes_on("/api/v1/pushes/4/resume", &json!({})).await;
    assert_eq!(last["push"]["state"], "succeeded", "{last:#}");
    assert_eq!(house.told("qa1")[4..], ["3 interrupted", "5 succeeded"]);
    let log = house.log(5).await;
    assert!(!log.contains("it was push 3"), "done in push 4: {log}");
    assert!(house.push(5).await["rest"].is_null(), "nothing is left");
}

#[tokio::test]
async fn a_push_of_something_new_after_a_dead_runner_first_runs_what_that_one_owed() {
    let house = House::build(Plans { qa: &HOSTS, commands: COMMANDS, stage: STAGE, ..Plans::default() }).await;
    house.killed_at_the_first_host().await;
    HOSTS.iter().for_each(|host| drop(house.mark(host, "go")));
    house.commit().await;
    let released = house.send("DELETE", "/api/v1/stacks/web/hold", &json!({ "reason": "the runner died" })).await;
    assert_eq!(released.status, 204, "{}", released.text);
    let plan = house.get("/stacks/web/stages/qa/plan").await.text;
    assert!(plan.contains("finally of push 1: Tell"), "the page shows it before the press: {plan}");
    let ended = house.push_well("qa").await;
    assert_eq!(house.told("qa1"), ["1 interrupted", "2 succeeded"], "{ended:#}");
    assert_eq!(house.told("qa2"), ["2 succeeded"]);
    house.commit().await;
    let ended = house.push_well("qa").await;
    assert_eq!(house.told("qa1")[2..], ["3 succeeded"], "owed once, run once: {ended:#}");
}
