//! What failures on some hosts do to a push, on real hosts that are broken in real ways; and what stands around a push:
//! checks, `before`, `finally`.

use crate::house::{House, Plans, own_address, until};
use pushbutton::demo::trouble::How;
use pushbutton::journal::{Ended, HostResult, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HOSTS: [&str; 6] = ["web1", "web2", "web3", "web4", "web5", "web6"];

const ROLL_OUT: &str = r#"
  { release = "/srv/web" },
  { run = "test ! -e /srv/fail", chunk = [1, 2, 10] },
  { activate = "/srv/web" },
"#;

/// What became of each host, after proof that every command's hosts and the whole list add up.
pub fn results(house: &House, push: &Value) -> BTreeMap<String, HostResult> {
    let id = push["push"]["id"].as_i64().unwrap();
    for command in push["commands"].as_array().unwrap().iter().filter(|row| row["hosts"] != 0) {
        let number = command["command"].as_i64().unwrap();
        let rows = push["results"].as_array().unwrap().iter().filter(|row| row["command"] == number);
        let words: Vec<&str> = rows.map(|row| row["result"].as_str().unwrap()).collect();
        let hosts = usize::try_from(command["hosts"].as_i64().unwrap()).unwrap();
        if command["started_at"].is_null() {
            continue;
        }
        assert_eq!(words.len(), hosts, "each host of command {number} has one result: {push:#}");
        let ok = words.iter().filter(|word| **word == "ok").count();
        let counted = [&command["ok"], &command["not_ok"]].map(|n| usize::try_from(n.as_i64().unwrap()).unwrap());
        assert_eq!(counted, [ok, hosts - ok], "command {number}: {push:#}");
    }
    let state = house.folded(id);
    let results = in_the_end(&state);
    let hosts: Vec<&str> = push["hosts"].as_array().unwrap().iter().map(|host| host.as_str().unwrap()).collect();
    assert_eq!(results.len(), hosts.len());
    assert_eq!(push["push"]["hosts_ok"], state.holding(), "{push:#}");
    results
}

/// What became of each host of the frozen list in the end: the first result that was not good; `ok` where the push came to the end of its
/// list; `skipped` where it ended before that. A host that has left is `dropped`, unless nobody knows its state.
fn in_the_end(state: &State) -> BTreeMap<String, HostResult> {
    let to_the_end = matches!(state.ended, Some(Ended::Succeeded | Ended::Degraded));
    let rest = if to_the_end { HostResult::Ok } else { HostResult::Skipped };
    let result = |host: &String| {
        let place = Some(host.clone());
        let results = state.commands.values().filter_map(|command| command.hosts.get(&place));
        let mut known = results.map(|at| at.ended.unwrap_or(HostResult::Unknown));
        match known.find(|result| !matches!(result, HostResult::Ok | HostResult::Skipped)) {
            Some(bad) if bad != HostResult::Unknown && state.dropped.contains(host) => HostResult::Dropped,
            Some(bad) => bad,
            None => rest,
        }
    };
    state.hosts.iter().map(|host| (host.clone(), result(host))).collect()
}

/// The hosts with a result.
pub fn with(results: &BTreeMap<String, HostResult>, wanted: HostResult) -> Vec<&str> {
    results.iter().filter(|(_, result)| **result == wanted).map(|(host, _)| host.as_str()).collect()
}

/// The hosts on which this push's build is live.
fn flipped(house: &House, push: &Value) -> Vec<&'static str> {
    let build = format!("releases/{}", push["push"]["build"].as_str().unwrap());
    let live = |host: &&str| {
        let current = house.fleet.host(host).unwrap().srv_dir().join("web/current");
        std::fs::read_link(current).is_ok_and(|link| link.to_str() == Some(&build))
    };
    HOSTS.into_iter().filter(live).collect()
}

fn all_but<'a>(host: &str) -> Vec<&'a str> {
    HOSTS.into_iter().filter(|name| *name != host).collect()
}

async fn push(house: &House) -> Value {
    let id = house.press("qa").await;
    house.ended(id).await
}

#[tokio::test]
async fn at_stop_one_bad_host_of_six_means_no_flip_anywhere() {
    let house = House::build(Plans { qa: &HOSTS, commands: ROLL_OUT, ..Plans::default() }).await;
    let canary = house.fleet.host("web1").unwrap();
    std::fs::write(canary.srv_dir().join("fail"), "").unwrap();
    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "failed");
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Failed), ["web1"]);
    assert_eq!(with(&found, HostResult::Skipped), all_but("web1"), "the chunk had not grown yet");
    assert!(flipped(&house, &ended).is_empty());
    std::fs::remove_file(canary.srv_dir().join("fail")).unwrap();

    let broken = house.fleet.host("web3").unwrap();
    for (how, result) in
        [(How::Full, HostResult::Failed), (How::Readonly, HostResult::Failed), (How::Dead, HostResult::Unreachable)]
    {
        broken.break_(how).await.unwrap();
        let ended = push(&house).await;
        assert_eq!(ended["push"]["state"], "failed", "{how}: {ended:#}");
        let found = results(&house, &ended);
        assert_eq!(with(&found, result), ["web3"], "{how}: {ended:#}");
        assert_eq!(with(&found, HostResult::Skipped), all_but("web3"), "{how}");
        assert!(flipped(&house, &ended).is_empty(), "{how}");
        broken.mend().await.unwrap();
    }
    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{ended:#}");
    assert_eq!(flipped(&house, &ended), HOSTS);
    assert_eq!(with(&results(&house, &ended), HostResult::Ok), HOSTS);
}

#[tokio::test]
async fn at_continue_the_others_flip_and_the_push_is_degraded_never_green() {
    let stage = "on_failure = \"continue\"";
    let house = House::build(Plans { qa: &HOSTS, princess: &["p1"], commands: ROLL_OUT, stage, ..Plans::default() });
    let house = house.await;
    let broken = house.fleet.host("web3").unwrap();
    let expect = async |what: &str, result| {
        let ended = push(&house).await;
        assert_eq!(ended["push"]["state"], "degraded", "{what}: {ended:#}");
        let why = ended["push"]["why"].as_str().unwrap();
        assert!(why.contains("1 of 6 hosts did not complete the push: web3"), "{what}: {why}");
        let found = results(&house, &ended);
        assert_eq!(with(&found, result), ["web3"], "{what}: {ended:#}");
        assert_eq!(with(&found, HostResult::Ok), all_but("web3"), "{what}");
        assert_eq!(flipped(&house, &ended), all_but("web3"), "{what}");
        ended
    };
    std::fs::write(broken.srv_dir().join("fail"), "").unwrap();
    let ended = expect("a command that fails", HostResult::Failed).await;
    assert!(house.stage("qa").await["current"].is_null(), "what is degraded is not what the stage runs");
    assert!(house.stage("princess").await["next"].is_null(), "the next stage takes only what succeeded");
    let street = house.get("/stacks/web").await.text;
    assert!(street.contains("5 of 6 hosts"), "the page says that some hosts have it:\n{street}");
    let page = house.get(&format!("/pushes/{}", ended["push"]["id"])).await.text;
    assert!(page.contains("not everywhere") && page.contains("web3"), "{page}");
    std::fs::remove_file(broken.srv_dir().join("fail")).unwrap();
    for (how, result) in
        [(How::Full, HostResult::Failed), (How::Readonly, HostResult::Failed), (How::Dead, HostResult::Unreachable)]
    {
        broken.break_(how).await.unwrap();
        expect(&how.to_string(), result).await;
        broken.mend().await.unwrap();
    }
}

/// A push in the middle of which one host freezes.
async fn hung(stage: &str) -> (House, Value) {
    let commands = r#"
      { release = "/srv/web" },
      { run = "echo begun {host}; sleep 2", timeout = "4s" },
      { activate = "/srv/web" },
    "#;
    let house = House::build(Plans { qa: &HOSTS, commands, stage, ..Plans::default() }).await;
    let id = house.press("qa").await;
    house.journal_says(id, "begun web3\"").await;
    house.fleet.host("web3").unwrap().break_(How::Hung).await.unwrap();
    let ended = house.ended(id).await;
    house.fleet.host("web3").unwrap().mend().await.unwrap();
    assert_eq!(with(&results(&house, &ended), HostResult::Unknown), ["web3"], "{ended:#}");
    assert_eq!(house.stack_view().await["hold"]["push"], id, "what nobody knows holds the stack");
    (house, ended)
}

#[tokio::test]
async fn a_host_that_hangs_is_unknown_and_at_stop_nothing_flips() {
    let (house, ended) = hung("").await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert!(flipped(&house, &ended).is_empty());
}

#[tokio::test]
async fn a_host_that_hangs_is_given_up_within_max_failed() {
    let (house, ended) = hung("max_failed = \"17%\"").await;
    assert_eq!(ended["push"]["state"], "degraded", "{ended:#}");
    assert_eq!(flipped(&house, &ended), all_but("web3"));
}

/// A server that says 503 twice, then 200, and tells what it was asked.
async fn warming_up() -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let address = own_address().replace(":8090", ":8091");
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for status in ["503 Not Yet", "503 Not Yet", "200 Fine"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let first = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            asked.push(first);
            let body = "the cache is cold\n";
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (address, asked)
}

#[tokio::test]
async fn a_check_asks_until_the_answer_is_good_and_tells_status_and_body() {
    let (address, asked) = warming_up().await;
    let commands = format!(
        "{{ check = \"http://{address}/health/{{host}}?sha={{sha}}\", tries = 4 }},\n\
         {{ run = \"n=$(cat /srv/n 2>/dev/null || echo 0); echo $((n+1)) >/srv/n; test $n -ge 1\", tries = 3 }},\n\
         {{ check = {{ run = \"test -e /srv/n\" }}, tries = 1 }},\n\
         {{ check = \"http://{address}/gone\", tries = 2, name = \"ask once more\" }},"
    );
    let house = House::build(Plans { qa: &["qa1"], commands: &commands, ..Plans::default() }).await;
    let ended = push(&house).await;
    let log = house.log(ended["push"]["id"].as_i64().unwrap()).await;
    assert_eq!(ended["push"]["state"], "failed", "{log}");
    let sha = ended["push"]["sha"].as_str().unwrap();
    assert_eq!(asked.await.unwrap()[2], format!("GET /health/qa1?sha={sha} HTTP/1.1"));
    for words in [
        "try 1 of 4: answered 503: the cache is cold; again in 1 s",
        "try 2 of 4: answered 503",
        "note | answered 200",
        "try 1 of 3: exited with 1; again in 1 s",
        "try 1 of 2: no answer",
    ] {
        assert!(log.contains(words), "{words:?} is missing:\n{log}");
    }
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains("ask once more") && why.contains("no answer"), "{why}");
}

#[tokio::test]
async fn before_may_veto_and_finally_always_runs() {
    let stage = r#"
before = [
  { local = "echo 'link: Ticket OPS-7 https://tickets.example.com/OPS-7'; echo 'link: bad javascript:alert(1)'" },
  { run = "test ! -e /srv/veto" },
]
finally = [
  { local = "sleep 0.3; echo it $PUSH_RESULT" },
  { run = "echo $PUSH_RESULT >/srv/told; test ! -e /srv/spoil" },
]"#;
    let commands = r#"{ release = "/srv/web" }, { run = "while test -e /srv/wait; do sleep 0.1; done" }, { activate = "/srv/web" }"#;
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands, stage, ..Plans::default() }).await;
    let srv = house.fleet.host("qa1").unwrap().srv_dir();
    let told = || std::fs::read_to_string(srv.join("told")).unwrap_or_default().trim().to_owned();

    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{ended:#}");
    assert_eq!(told(), "succeeded");
    assert_eq!(ended["links"], json!([{ "title": "Ticket OPS-7", "url": "https://tickets.example.com/OPS-7" }]));
    let page = house.get(&format!("/pushes/{}", ended["push"]["id"])).await.text;
    assert!(
        page.contains("<a href=\"https://tickets.example.com/OPS-7\" rel=\"noreferrer\">Ticket OPS-7</a>"),
        "{page}"
    );

    std::fs::write(srv.join("veto"), "").unwrap();
    house.commit().await;
    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "failed");
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.starts_with("vetoed: command 5") && why.contains("on qa1"), "{why}");
    assert_eq!(told(), "failed");
    assert!(!srv.join("web/releases").join(ended["push"]["build"].as_str().unwrap()).exists());
    std::fs::remove_file(srv.join("veto")).unwrap();

    std::fs::write(srv.join("wait"), "").unwrap();
    let id = house.press("qa").await;
    house.journal_says(id, "\"kind\":\"host_started\",\"command\":7,\"host\":\"qa1\"").await;
    house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "cancelled", "{ended:#}");
    assert_eq!(told(), "cancelled");
    assert!(house.log(id).await.contains("out | it cancelled"), "not cut short by the cancel");
    assert_eq!(ended["push"]["ended_by"], "mary");
    std::fs::remove_file(srv.join("wait")).unwrap();

    std::fs::write(srv.join("spoil"), "").unwrap();
    until("the lock is free", async || house.stack_view().await["lock"].is_null().then_some(())).await;
    let ended = push(&house).await;
    assert_eq!(ended["push"]["state"], "degraded", "a failure at the end spoils a success: {ended:#}");
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains("at the end, command 11") && why.contains("qa1"), "{why}");
}
