//! Hosts that were left behind are brought to the build of their stage: exactly these, by a push of its own kind, which leaves
//! what the stage runs, and what later stages may take, as they were.

use crate::cli::pushbutton;
use crate::house::{House, Plans, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];
const PATH: &str = "/api/v1/stacks/web/stages/qa/catch-up";

fn often() -> String {
    "check_every_s = 1\nprobe_every_s = 1\n".to_owned()
}

impl House {
    /// Waits until just these hosts are behind, and gives what the button would do.
    async fn behind(&self, hosts: &[&str]) -> Value {
        until(&format!("{hosts:?} are behind"), async || {
            let catch_up = self.stage("qa").await["catch_up"].clone();
            let left = catch_up["hosts"].as_array()?.clone();
            let names: Vec<&str> = left.iter().map(|left| left["host"].as_str().unwrap()).collect();
            (names == hosts).then_some(catch_up)
        })
        .await
    }

    async fn nobody_behind(&self) {
        until("nobody is behind", async || self.stage("qa").await["catch_up"].is_null().then_some(())).await;
    }

    /// Writes the stack file anew with other hosts of qa.
    fn list_hosts(&self, hosts: &[&str]) {
        let path = self.dir.path().join("stacks/web.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(|line| match line.starts_with("qa = ") {
            true => format!("qa = {hosts:?}\n"),
            false => format!("{line}\n"),
        });
        std::fs::write(&path, lines.collect::<String>()).unwrap();
    }

    fn link(&self, host: &str) -> std::path::PathBuf {
        std::fs::read_link(self.fleet.host(host).unwrap().srv_dir().join("web/current")).unwrap()
    }

    /// The hosts that a push touched, by its journal.
    fn touched(&self, push: i64) -> BTreeSet<String> {
        let started = self.records(push).into_iter().filter(|record| record["kind"] == "host_started");
        started.filter_map(|record| Some(record["host"].as_str()?.to_owned())).collect()
    }
}

fn names(hosts: &[&str]) -> BTreeSet<String> {
    hosts.iter().map(|host| (*host).to_owned()).collect()
}

#[tokio::test]
async fn exactly_the_odd_and_the_new_hosts_are_brought_and_the_street_stays_as_it_was() {
    let house = House::build(Plans { qa: &HOSTS, prod: &["web001"], config: often(), ..Plans::default() }).await;
    house.list_hosts(&HOSTS[..2]);
    until("the file counts", async || (house.stage("qa").await["hosts"].as_array()?.len() == 2).then_some(())).await;
    let first = house.push_well("qa").await["push"]["build"].clone();
    house.commit().await;
    let second = house.push_well("qa").await;
    let build = second["push"]["build"].as_str().unwrap();
    house.nobody_behind().await;
    let nothing = house.send("POST", PATH, &json!({})).await;
    assert!(nothing.status == 409 && nothing.text.contains("every host of qa has"), "{}", nothing.text);

    // One is changed behind our back, another is new in the file.
    let script = format!("ln -sfn releases/{} /srv/web/current", first.as_str().unwrap());
    assert!(house.fleet.ssh("qa2", &script).await.unwrap().status.success());
    house.behind(&["qa2"]).await;
    house.list_hosts(&HOSTS);
    let shown = house.behind(&["qa2", "qa3"]).await;
    let current = house.stage("qa").await["current"].clone();
    assert_eq!((&current["hosts_ok"], &current["hosts_total"]), (&json!(1), &json!(3)), "{current}");
    let page = house.get("/stacks/web").await.text;
    for words in ["Update 2 hosts to", "name=\"hosts\" value=\"qa2 qa3\"", "qa2 runs"] {
        assert!(page.contains(words), "{words}: {page}");
    }

    let body = json!({"seen": shown["build"], "plan_hash": "0".repeat(64), "hosts": ["qa2"]});
    assert_eq!(house.send("POST", PATH, &body).await.status, 409, "not what was shown");
    let body = json!({"hosts": ["web001"]});
    assert_eq!(house.send("POST", PATH, &body).await.status, 400, "no host of this stage");
    let body =
        json!({"seen": shown["build"], "plan_hash": shown["plan_hash"], "hosts": ["qa2", "qa3"], "nonce": "once"});
    let id = house.send("POST", PATH, &body).await.push_id();
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", house.log(id).await);
    assert_eq!((&push["push"]["kind"], &push["push"]["hosts_total"]), (&json!("catch-up"), &json!(2)));
    assert_eq!(push["hosts"], json!(["qa2", "qa3"]), "frozen");
    assert_eq!(house.touched(id), names(&["qa2", "qa3"]));
    for host in HOSTS {
        assert_eq!(house.link(host), Path::new("releases").join(build), "{host}");
    }
    assert_eq!(house.send("POST", PATH, &body).await.push_id(), id, "the same press is the same push");
    house.nobody_behind().await;
    let current = house.get("/api/v1/stacks/web/stages/qa/current").await.text;
    let current: Value = serde_json::from_str(&current).unwrap();
    assert_eq!((&current["push"], &current["build"]), (&second["push"]["id"], &json!(build)), "what it ran");
    assert_eq!((&current["hosts_ok"], &current["hosts_total"]), (&json!(3), &json!(3)), "{current}");
    assert_eq!(house.button("prod").await["seen"], json!(build));
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("qa2 and qa3 of QA updated to") && page.contains("Catch-up"), "{page}");
    let way: Value = serde_json::from_str(&house.get("/api/v1/stacks/web/stages/qa/rollback").await.text).unwrap();
    assert_eq!(way["to"]["build"], first, "undo goes where it went before");
}

#[tokio::test]
async fn the_host_that_a_degraded_push_missed_makes_the_stage_whole_when_it_is_brought() {
    let commands = r#"{ release = "/srv/web" }, { activate = "/srv/web" }, { run = "test ! -e /srv/bad" }"#;
    let stage = "on_failure = \"continue\"";
    let plans = Plans { qa: &HOSTS, prod: &["web001"], commands, stage, config: often(), ..Plans::default() };
    let house = House::build(plans).await;
    let good = house.push_well("qa").await;
    house.commit().await;
    let bad: Vec<_> = ["qa2", "qa3"].iter().map(|host| house.fleet.host(host).unwrap().srv_dir().join("bad")).collect();
    bad.iter().for_each(|bad| std::fs::write(bad, "").unwrap());
    let id = house.press("qa").await;
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "degraded", "{push:#}");
    let shown = house.behind(&["qa2", "qa3"]).await;
    assert_eq!(shown["hosts"][0]["why"], format!("push {id} was not completed there"), "it runs it all the same");
    let stage = house.stage("qa").await;
    assert_eq!(stage["current"]["build"], good["push"]["build"]);
    assert_eq!(
        (&stage["partly"]["hosts_ok"], &stage["partly"]["hosts_total"]),
        (&json!(3), &json!(3)),
        "all flipped: {stage:#}"
    );
    assert_eq!(push["push"]["hosts_ok"], 3, "the very number: {push:#}");

    // One of the two, from the command line: the stage is in pieces still.
    bad.iter().for_each(|bad| std::fs::remove_file(bad).unwrap());
    let cli = async |args: &[&str]| {
        let said = pushbutton(&house, args).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    let out = cli(&["catch-up", "web", "qa", "qa3", "--follow"]).await;
    assert!(out.contains("qa3 of qa of web to"), "{out}");
    house.behind(&["qa2"]).await;
    let stage = house.stage("qa").await;
    assert_eq!((&stage["current"]["build"], &stage["partly"]["hosts_ok"]), (&good["push"]["build"], &json!(3)));
    assert!(house.get("/stacks/web").await.text.contains("3 of 3 hosts"), "the page says it");
    assert_eq!(house.button("prod").await["seen"], good["push"]["build"], "prod does not get it");
    assert_eq!(stage["back"]["build"], good["push"]["build"], "undo goes to what the stage ran");

    cli(&["catch-up", "web", "qa", "--follow"]).await;
    house.nobody_behind().await;
    let stage = house.stage("qa").await;
    assert_eq!((&stage["current"]["build"], &stage["partly"]), (&push["push"]["build"], &Value::Null), "{stage:#}");
    assert_eq!((&stage["current"]["hosts_ok"], &stage["current"]["hosts_total"]), (&json!(3), &json!(3)));
    assert_eq!(house.button("prod").await["seen"], push["push"]["build"], "now prod may have it");
    assert_eq!(stage["back"]["build"], good["push"]["build"]);
}
