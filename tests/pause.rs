//! Pause: no new host starts, those that run end, and the same push goes on; with a server, without one, over its death.

use crate::cli::{ended, program, pushbutton};
use crate::house::{Channels, House, Plans, until};
use serde_json::{Value, json};

const UNLESS_GO: &str =
    r#"{ run = "echo begun; while [ ! -e /srv/go ]; do sleep 0.05; done" }, { run = "echo second" }"#;

impl House {
    fn lets(&self, host: &str) {
        std::fs::write(self.fleet.host(host).unwrap().srv_dir().join("go"), "").unwrap();
    }

    async fn ask(&self, push: i64, what: &str, body: Value) -> (u16, Value) {
        let answer = self.send("POST", &format!("/api/v1/pushes/{push}/{what}"), &body).await;
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    /// The hosts that began a command before the push was paused for the first time, during that pause, and after it.
    fn begun_around_the_pause(&self, push: i64) -> [Vec<String>; 3] {
        let (mut begun, mut part) = ([const { Vec::new() }; 3], 0);
        for record in self.records(push) {
            match record["kind"].as_str().unwrap() {
                "paused" => part = 1,
                "resumed" => part = 2,
                "host_started" if record["host"].is_string() => {
                    begun[part].push(format!("{} {}", record["command"], record["host"].as_str().unwrap()));
                }
                _ => {}
            }
        }
        begun
    }

    async fn speaks(&self, push: i64, host: &str) {
        self.journal_says(push, &format!("\"host\":\"{host}\",\"stream\":\"out\",\"line\"")).await;
    }

    async fn host_ended(&self, push: i64, host: &str) {
        self.journal_says(push, &format!("\"kind\":\"host_ended\",\"command\":4,\"host\":\"{host}\"")).await;
    }

    fn has_record(&self, push: i64, kind: &str) -> bool {
        self.records(push).iter().any(|record| record["kind"] == kind)
    }
}

#[tokio::test]
async fn a_paused_push_starts_no_host_survives_the_server_and_goes_on_as_itself() {
    let channels = Channels::open().await;
    let config = channels.config();
    let hosts = ["qa1", "qa2", "qa3", "qa4"];
    let plans = Plans { qa: &hosts, commands: UNLESS_GO, stage: "chunk = 2", config, ..Plans::default() };
    let mut house = House::build(plans).await;
    let id = house.press("qa").await;
    assert_eq!(house.ask(id, "unpause", json!({})).await.0, 409, "it is not paused");
    for host in &hosts[..2] {
        house.speaks(id, host).await;
    }
    let (status, answer) = house.ask(id, "pause", json!({ "reason": "graphs look odd" })).await;
    assert_eq!((status, &answer["state"], &answer["paused"]["who"]), (200, &json!("running"), &json!("mary")));
    let (status, again) = house.ask(id, "pause", json!({})).await;
    assert_eq!(status, 409);
    assert!(again["error"]["message"].as_str().unwrap().contains("is paused already, by mary since"), "{again}");
    hosts.iter().for_each(|host| house.lets(host));
    for host in &hosts[..2] {
        house.host_ended(id, host).await;
    }

    house.kill_server().await;
    house.start().await;
    house.sign_in("joe").await;
    let push = house.push(id).await;
    assert_eq!(push["push"]["paused"]["reason"], "graphs look odd", "it is paused still: {push:#}");
    let since = push["push"]["paused"]["at"].as_str().unwrap()[11..16].to_owned();
    for (page, words) in [
        (format!("/pushes/{id}"), "Paused by <span>mary</span> since <time"),
        (format!("/pushes/{id}"), "“graphs look odd”"),
        (format!("/pushes/{id}"), "<title>Paused: web to QA"),
        ("/".to_owned(), "Paused by mary since <time"),
        ("/stacks/web".to_owned(), &format!("Paused by mary since {since} UTC: no new host starts.")),
    ] {
        let html = house.get(&page).await.text;
        assert!(html.contains(words), "{page} does not say {words:?}:\n{html}");
    }
    let status = pushbutton(&house, &["status"]).await;
    assert!(status.out.contains("it is paused by mary since"), "{}", status.out);

    // The same call goes on with a push that did not end well, as a new one; this one is its own.
    let (status, answer) = house.ask(id, "resume", json!({})).await;
    assert_eq!((status, &answer["id"], &answer["paused"]), (200, &json!(id), &Value::Null));
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}");
    let [before, meanwhile, after] = house.begun_around_the_pause(id);
    assert_eq!((before.len(), meanwhile.len(), after.len()), (2, 0, 6), "{before:?} {meanwhile:?} {after:?}");

    let paused = channels.irc_says("mary paused push 1").await;
    assert!(paused.contains("[web] mary paused push 1 to QA: no new host starts · graphs look odd · http"), "{paused}");
    channels.irc_says("[web] joe resumed push 1 of mary to QA after a pause of ").await;
    // The channel hears a line a moment before its sending is noted.
    until("the page says that both were sent", async || {
        let page = house.get(&format!("/pushes/{id}")).await.text;
        (page.contains("pause: sent") && page.contains("resumed: sent")).then_some(())
    })
    .await;
    let audit = rusqlite::Connection::open(house.data().join("pushbutton.db")).unwrap();
    let deeds: Vec<String> = audit
        .prepare("SELECT who || ' ' || what || ' ' || detail FROM audit WHERE what LIKE '%pause' ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(deeds, ["mary pause push 1: graphs look odd", "joe unpause push 1"]);
    assert_eq!(house.ask(id, "pause", json!({})).await.0, 409, "it has ended");
}

#[tokio::test]
async fn a_push_is_paused_and_goes_on_without_a_server_and_a_paused_one_can_be_cancelled() {
    let stage = "chunk = 1\nfinally = [ { run = \"echo $PUSH_RESULT >>/srv/told\" } ]";
    let plans = Plans { qa: &["qa1", "qa2"], commands: UNLESS_GO, stage, ..Plans::default() };
    let mut house = House::build(plans).await;
    let told = |house: &House, host: &str| {
        std::fs::read_to_string(house.fleet.host(host).unwrap().srv_dir().join("told")).unwrap_or_default()
    };
    let id = house.press("qa").await;
    house.speaks(id, "qa1").await;
    house.kill_server().await;
    let paused = pushbutton(&house, &["pause", "1", "--reason", "lunch"]).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    assert!(house.has_record(id, "paused"), "it is in the journal when the command ends");
    house.lets("qa1");
    house.host_ended(id, "qa1").await;
    let again = pushbutton(&house, &["pause", "1"]).await;
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("paused already, by olga"), "{}", again.err);
    assert!(!house.has_record(id, "resumed"));
    let resumed = program(house.dir.path(), &["resume", "1"]).start().unwrap();
    house.speaks(id, "qa2").await;
    house.lets("qa2");
    let resumed = ended(resumed).await;
    assert_eq!(resumed.code, Some(0), "followed to its end: {resumed:?}");
    assert!(resumed.out.contains("push 1: continues after its pause"), "{}", resumed.out);
    let [before, meanwhile, after] = house.begun_around_the_pause(id);
    assert_eq!((before.len(), meanwhile.len(), after[0].as_str()), (1, 0, "4 qa2"), "{meanwhile:?} {after:?}");

    for host in ["qa1", "qa2"] {
        std::fs::remove_file(house.fleet.host(host).unwrap().srv_dir().join("go")).unwrap();
    }
    house.start().await;
    house.sign_in("mary").await;
    house.commit().await;
    let id = house.press("qa").await;
    house.speaks(id, "qa1").await;
    assert_eq!(house.ask(id, "pause", json!({})).await.0, 200);
    assert_eq!(house.ask(id, "cancel", json!({})).await.0, 202);
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "cancelled", "{push:#}");
    assert_eq!(push["push"]["paused"], Value::Null, "what has ended is not paused");
    assert_eq!(told(&house, "qa1").lines().last(), Some("cancelled"), "finally runs in spite of the pause");
    assert_eq!(told(&house, "qa2").lines().count(), 1, "the cancelled push never touched it");
}
