//! Rolls over real hosts behind a load balancer that keeps a book of its own, and questions in the middle of a push.

use crate::cli::pushbutton;
use crate::house::{House, Plans, until};
use pushbutton::journal::HostResult;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const HOSTS: [&str; 6] = ["web1", "web2", "web3", "web4", "web5", "web6"];

/// A load balancer: `lb out HOST` and `lb in HOST`. After each it writes down who is out; taking a host out twice is
/// nothing to it, as with real ones.
const LB: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
exec 9>>lock; flock 9
mkdir -p gone
case $1 in out) touch "gone/$2" ;; in) rm "gone/$2" || exit 1 ;; *) exit 64 ;; esac
echo "$1 $2:" $(ls gone) >>book
"#;

/// What the load balancer wrote down since last asked: what was done, and who was out then.
fn book(lb: &Path) -> Vec<(String, Vec<String>)> {
    let book = lb.join("book");
    let text = std::fs::read_to_string(&book).unwrap_or_default();
    let _ = std::fs::remove_file(book);
    let line = |line: &str| {
        let (deed, out) = line.split_once(':').unwrap();
        (deed.to_owned(), out.split_whitespace().map(str::to_owned).collect())
    };
    text.lines().map(line).collect()
}

fn deeds(book: &[(String, Vec<String>)], kind: &str) -> Vec<String> {
    let mut hosts: Vec<String> =
        book.iter().filter_map(|(deed, _)| deed.strip_prefix(kind)).map(str::to_owned).collect();
    hosts.sort();
    hosts
}

/// A directory with the script that plays the load balancer.
fn load_balancer() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("lb").tempdir().unwrap();
    std::fs::write(dir.path().join("lb"), LB).unwrap();
    dir
}

async fn push(house: &House) -> Value {
    let id = house.press("qa").await;
    house.ended(id).await
}

/// Rows of one command, host by host, after proof that the journal is legal and each command's hosts add up.
fn rows(house: &House, push: &Value, command: i64) -> BTreeMap<String, String> {
    let state = house.folded(push["push"]["id"].as_i64().unwrap());
    assert_eq!(state.question, None);
    let row = push["commands"].as_array().unwrap().iter().find(|row| row["command"] == command).unwrap();
    let results = push["results"].as_array().unwrap().iter().filter(|row| row["command"] == command);
    let rows: BTreeMap<String, String> = results
        .map(|row| (row["host"].as_str().unwrap().to_owned(), row["result"].as_str().unwrap().to_owned()))
        .collect();
    let ok = rows.values().filter(|word| *word == "ok").count();
    assert_eq!((row["ok"].as_u64(), row["hosts"].as_u64()), (Some(ok as u64), Some(rows.len() as u64)), "{push:#}");
    rows
}

fn with(rows: &BTreeMap<String, String>, result: HostResult) -> Vec<&str> {
    rows.iter().filter(|(_, word)| *word == result.word()).map(|(host, _)| host.as_str()).collect()
}

/// Changes the stack file, as a person would, and waits until the button knows it.
async fn edit(house: &House, from: &str, to: &str) {
    let before = house.button("qa").await["plan_hash"].clone();
    let file = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
    until("the button knows the new stack file", async || {
        let next = house.button("qa").await;
        (next["plan_hash"] != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_roll_takes_whole_batches_through_and_who_fails_inside_stays_out() {
    let dir = load_balancer();
    let lb = dir.path();
    let commands = format!(
        "{{ release = \"/srv/web\" }}, {{ activate = \"/srv/web\" }},\n\
         {{ roll = [{{ local = \"/bin/sh {lb} out {{host}}\", as = \"operator\" }}, {{ run = \"echo $PUSH_ID >>/srv/restarts; test ! -e /srv/fail\", name = \"restart\" }},\n\
         {{ check = {{ run = \"test -s /srv/restarts\" }} }}, {{ local = \"/bin/sh {lb} in {{host}}\", as = \"operator\" }}], chunk = 2, max_failed = 0, name = \"Rolling\" }},\n\
         {{ run = \"echo done >/srv/after\" }},",
        lb = lb.join("lb").display()
    );
    let house = House::build(Plans { qa: &HOSTS, commands: &commands, ..Plans::default() }).await;
    let srv = |host: &str| house.fleet.host(host).unwrap().srv_dir();
    // 1 to 3 make the build, 4 and 5 bring and flip it, 6 to 9 are the roll.
    let (out, restart, check, back, after) = (6, 7, 8, 9, 10);

    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{ended:#}");
    let seen = book(lb);
    assert_eq!((deeds(&seen, "out ").len(), deeds(&seen, "in ").len()), (6, 6), "{seen:?}");
    for (deed, out) in &seen {
        assert!(out.len() <= 2, "never more than a batch is out: {deed} {out:?}");
    }
    for (place, batch) in HOSTS.chunks(2).enumerate() {
        let theirs = &seen[place * 4..place * 4 + 4];
        assert!(
            theirs.iter().all(|(deed, _)| batch.iter().any(|host| deed.ends_with(host))),
            "whole batches: {seen:?}"
        );
    }
    let titles: Vec<&str> =
        ended["commands"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(titles[6], "Rolling › restart");
    assert_eq!(with(&rows(&house, &ended, back), HostResult::Ok), HOSTS);

    std::fs::write(srv("web3").join("fail"), "").unwrap();
    house.commit().await;
    let ended = push(&house).await;
    let id = ended["push"]["id"].as_i64().unwrap();
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains("command 7 (Rolling › restart) failed on web3"), "{why}");
    let seen = book(lb);
    assert_eq!(deeds(&seen, "out "), ["web1", "web2", "web3", "web4"], "the third batch never begins");
    assert_eq!(deeds(&seen, "in "), ["web1", "web2", "web4"], "who failed stays out");
    assert_eq!(with(&rows(&house, &ended, out), HostResult::Skipped), ["web5", "web6"]);
    assert_eq!(with(&rows(&house, &ended, restart), HostResult::Failed), ["web3"]);
    assert_eq!(with(&rows(&house, &ended, check), HostResult::Ok), ["web1", "web2", "web4"]);
    assert_eq!(with(&rows(&house, &ended, back), HostResult::Skipped), ["web3", "web5", "web6"]);
    let rest = ended["rest"]["commands"].as_array().unwrap();
    assert_eq!((&rest[0]["command"], &rest[0]["left"]), (&json!(out), &json!(3)), "{rest:?}");

    std::fs::remove_file(srv("web3").join("fail")).unwrap();
    let answer = house.send("POST", &format!("/api/v1/pushes/{id}/resume"), &json!({})).await;
    let ended = house.ended(answer.push_id()).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{ended:#}");
    let seen = book(lb);
    assert_eq!(deeds(&seen, "out "), ["web3", "web5", "web6"], "a host half-way through walks the whole roll again");
    assert_eq!(with(&rows(&house, &ended, restart), HostResult::Ok), HOSTS);
    for host in HOSTS {
        let restarts = std::fs::read_to_string(srv(host).join("restarts")).unwrap();
        let times = if host == "web3" { 3 } else { 2 };
        assert_eq!(restarts.lines().count(), times, "{host}: {restarts}");
    }

    edit(&house, "max_failed = 0", "max_failed = 1").await;
    std::fs::write(srv("web3").join("fail"), "").unwrap();
    HOSTS.iter().for_each(|host| std::fs::remove_file(srv(host).join("after")).unwrap());
    house.commit().await;
    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "degraded", "{ended:#}");
    let seen = book(lb);
    assert_eq!(
        deeds(&seen, "in "),
        ["web1", "web2", "web4", "web5", "web6"],
        "at max_failed = 1 the next batch begins"
    );
    assert!(seen.iter().all(|(_, out)| out.len() <= 3), "a batch, and the one that stays out: {seen:?}");
    assert_eq!(with(&rows(&house, &ended, after), HostResult::Ok), ["web1", "web2", "web4", "web5", "web6"]);
    assert!(!srv("web3").join("after").exists(), "who failed takes no later command");
}

async fn answer(house: &House, id: i64, body: Value) -> (u16, String) {
    let got = house.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &body).await;
    (got.status, got.text)
}

/// The open question of a push, once the ledger has it.
async fn asked(house: &House, id: i64, ask: u64) -> Value {
    until("the push asks", async || {
        let push = house.push(id).await;
        push["questions"].as_array()?.iter().find(|one| one["ask"] == ask && one["answer"].is_null()).cloned()
    })
    .await
}

/// The hosts on which the canary of a push was.
fn touched(house: &House, id: i64) -> Vec<&'static str> {
    let canary = |host: &&str| {
        let path = house.fleet.host(host).unwrap().srv_dir().join("canary");
        std::fs::read_to_string(path).is_ok_and(|text| text.trim() == id.to_string())
    };
    HOSTS[..3].iter().copied().filter(canary).collect()
}

#[tokio::test]
async fn a_push_that_asks_goes_on_only_after_a_yes() {
    let commands = r#"
      { release = "/srv/web" },
      { run = "echo $PUSH_ID >/srv/canary", chunk = [1, 10], confirm = { ask = "Canary fine?", timeout = "5m" } },
      { confirm = "Graphs calm?", timeout = "6m" },
      { activate = "/srv/web" },
    "#;
    let irc = "[irc]\nserver = \"127.0.0.1\"\nport = 1\ntls = false\nnick = \"push\"\nchannel = \"#push\"\n";
    let mut house = House::build(Plans { qa: &HOSTS[..3], commands, config: irc.to_owned(), ..Plans::default() }).await;

    // Yes, twice: the canary by API, after the server was killed and came back; the other one by the command line.
    let id = house.press("qa").await;
    let question = asked(&house, id, 1).await;
    assert_eq!((&question["question"], &question["command"]), (&json!("Canary fine?"), &json!(5)));
    assert_eq!(touched(&house, id), ["web1"], "the rest waits for the answer");
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("Canary fine?") && page.contains("Yes, continue"), "{page}");
    let told = house.push(id).await["announcements"].clone();
    assert!(told.as_array().unwrap().iter().any(|row| row["event"] == "asked-1"), "{told:#}");
    house.kill_server().await;
    house.start().await;
    let (status, text) = answer(&house, id, json!({ "answer": "yes", "question": 2 })).await;
    assert_eq!(status, 409, "what was not asked cannot be answered: {text}");
    let (status, text) = answer(&house, id, json!({ "answer": "perhaps" })).await;
    assert_eq!(status, 400, "{text}");
    let (status, text) = answer(&house, id, json!({ "answer": "yes", "question": 1, "reason": "flat lines" })).await;
    assert_eq!(status, 202, "{text}");
    asked(&house, id, 2).await;
    let (status, _) = answer(&house, id, json!({ "answer": "no", "question": 1 })).await;
    assert_eq!(status, 409, "an answer to an old question does nothing");
    let said = pushbutton(&house, &["confirm", &id.to_string()]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{ended:#}");
    assert_eq!(ended["questions"][0]["who"], "mary");
    assert_eq!(ended["questions"][0]["reason"], "flat lines");
    assert_eq!((&ended["questions"][1]["who"], &ended["questions"][1]["answer"]), (&json!("olga"), &json!("yes")));
    assert!(house.log(id).await.contains("answered: yes by mary: flat lines"));
    assert!(house.get(&format!("/pushes/{id}")).await.text.contains("Asked"));

    // No: as a cancel, with words.
    house.commit().await;
    let id = house.press("qa").await;
    asked(&house, id, 1).await;
    let (status, text) = answer(&house, id, json!({ "answer": "no", "reason": "errors rise" })).await;
    assert_eq!(status, 202, "{text}");
    let ended = house.ended(id).await;
    assert_eq!(
        (&ended["push"]["state"], &ended["push"]["ended_by"]),
        (&json!("cancelled"), &json!("mary")),
        "{ended:#}"
    );
    assert_eq!(ended["push"]["why"], "mary answered “Canary fine?” with no: errors rise");
    assert_eq!(touched(&house, id), ["web1"]);
    assert_eq!(with(&rows(&house, &ended, 5), HostResult::Skipped), ["web2", "web3"]);
    let (status, _) = answer(&house, id, json!({ "answer": "yes" })).await;
    assert_eq!(status, 409, "it is over");

    // A cancel works while it waits.
    let id = house.press("qa").await;
    asked(&house, id, 1).await;
    house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "cancelled", "{ended:#}");
    assert_eq!((&ended["questions"][0]["answer"], &ended["questions"][0]["who"]), (&json!("nobody"), &Value::Null));

    // Nobody answers: nothing was confirmed.
    edit(&house, "timeout = \"5m\"", "timeout = \"1s\"").await;
    house.commit().await;
    let id = house.press("qa").await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert_eq!(ended["push"]["why"], "nobody answered “Canary fine?” within 1.0 s, so nothing was confirmed");
    assert_eq!(touched(&house, id), ["web1"]);
}

#[tokio::test]
async fn a_roll_that_failed_is_taken_back_through_the_roll_batch_by_batch_where_it_had_begun() {
    let dir = load_balancer();
    let lb = dir.path();
    let commands = format!(
        "{{ release = \"/srv/web\" }},\n\
         {{ roll = [{{ local = \"/bin/sh {lb} out {{host}}\", as = \"operator\" }}, {{ activate = \"/srv/web\" }},\n\
         {{ run = \"[ ! -e /srv/fail ] || [ {{sha}} = $(cat /srv/good) ]\", name = \"restart\" }}, {{ local = \"/bin/sh {lb} in {{host}}\", as = \"operator\" }}],\n\
         chunk = [1, 2], confirm = \"Canary fine?\", name = \"Rolling\" }},",
        lb = lb.join("lb").display()
    );
    let stage = "on_failure = \"rollback\"\nchunk = 2";
    let house = House::build(Plans { qa: &HOSTS, commands: &commands, stage, ..Plans::default() }).await;
    let srv = |host: &str| house.fleet.host(host).unwrap().srv_dir();
    let live = |host: &&str| std::fs::read_link(srv(host).join("web/current")).unwrap().display().to_string();
    let confirmed = async || {
        let id = house.press("qa").await;
        asked(&house, id, 1).await;
        let (status, text) = answer(&house, id, json!({ "question": 1, "answer": "yes" })).await;
        assert_eq!(status, 202, "{text}");
        house.ended(id).await
    };

    let good = confirmed().await;
    assert_eq!(good["push"]["state"], "succeeded", "{good:#}");
    let (sha, before) = (good["push"]["sha"].as_str().unwrap(), HOSTS.iter().map(live).collect::<Vec<_>>());
    book(lb);

    HOSTS.iter().for_each(|host| std::fs::write(srv(host).join("good"), sha).unwrap());
    std::fs::write(srv("web3").join("fail"), "").unwrap();
    house.commit().await;
    let ended = confirmed().await;
    assert_eq!(ended["push"]["state"], "rolled back", "{ended:#}");
    assert!(ended["push"]["why"].as_str().unwrap().ends_with("is back on all 6 hosts that were touched"), "{ended:#}");
    assert_eq!(HOSTS.iter().map(live).collect::<Vec<_>>(), before, "everybody runs what ran before");
    let seen = book(lb);
    let order: Vec<&str> = seen.iter().map(|(deed, _)| deed.as_str()).collect();
    assert_eq!(order[..2], ["out web1", "in web1"], "the canary: {seen:?}");
    assert_eq!(
        deeds(&seen, "out "),
        ["web1", "web1", "web2", "web2", "web3", "web3"],
        "web4 and on never began: {seen:?}"
    );
    assert!(seen.last().unwrap().1.is_empty(), "nobody is left out: {seen:?}");
    assert!(seen.iter().all(|(_, out)| out.len() <= 2), "never more out than a batch and who failed: {seen:?}");
    rows(&house, &ended, 7);
}
