//! Servers, runners and ssh masters killed at random moments of pushes: what was acknowledged is in the history with an end,
//! nothing is left on hosts, and hosts run what the ledger says. A run says its seed; the same seed (`PUSHBUTTON_SEED`) kills
//! at the same moments. `PUSHBUTTON_ROUNDS` says how often; `script/prove` takes 200.

use crate::cli::pushbutton;
use crate::house::chance::{Dice, seed};
use crate::house::{House, Plans, got, kill, until};
use pushbutton::client::http::{Client, RequestBody};
use pushbutton::web::push_host;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const HOSTS: [&str; 2] = ["qa1", "qa2"];
const COMMANDS: &str = r#"{ release = "/srv/web" }, { run = "M=mark-$PUSH_ID.; sleep 0.3" }, { activate = "/srv/web" },
    { run = "M=mark-$PUSH_ID.; echo after; sleep 0.3" }"#;

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Server,
    Runner,
    Both,
    Masters,
}

/// The ssh processes that keep connections for this data directory, found by their sockets in their arguments.
fn masters(house: &House) -> Vec<i32> {
    let sockets = house.data().join("ssh").display().to_string();
    let of_ours = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&words).into_owned();
        let is_ssh = words.split('\0').next().is_some_and(|program| program == "ssh" || program.ends_with("/ssh"));
        (is_ssh && words.contains(&sockets)).then_some(pid)
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(of_ours).collect()
}

/// Presses as someone who has not pressed yet: nobody may press more than ten times a minute.
async fn press(house: &House, round: u64) -> i64 {
    let next = until("the stage can be pushed", async || {
        let stage = house.stage("qa").await;
        (stage["why_not"].is_null() && !stage["next"].is_null()).then(|| stage["next"].clone())
    })
    .await;
    let socket = push_host::socket_in(&house.data());
    let mut person = Client::on_socket(&socket, (push_host::WHO_NAME, &format!("person{round}")));
    let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] }).to_string();
    let answer = person.send("POST", "/api/v1/stacks/web/stages/qa/push", RequestBody::Json(&body), &[]).await.unwrap();
    let answer = got(answer).await.unwrap();
    answer.push_id()
}

/// The build that each host runs, by its own file system.
fn live(house: &House) -> BTreeMap<&'static str, Option<String>> {
    let of = |host| {
        let link = std::fs::read_link(house.fleet.host(host).unwrap().srv_dir().join("web/current"));
        (host, link.ok().and_then(|to| Some(to.file_name()?.to_str()?.to_owned())))
    };
    HOSTS.into_iter().map(of).collect()
}

async fn one_round(house: &mut House, round: u64, dice: &mut Dice) -> i64 {
    house.commit().await;
    let id = press(house, round).await;
    let victim = [Victim::Server, Victim::Runner, Victim::Both, Victim::Masters][dice.below(4) as usize];
    let records = dice.below(30);
    let wait = Duration::from_millis(dice.below(300));
    until("the moment", async || {
        let journal = std::fs::read(house.push_dir(id).join("journal.jsonl")).unwrap_or_default();
        let has_ended = String::from_utf8_lossy(&journal).contains("\"push_ended\"");
        (has_ended || journal.iter().filter(|byte| **byte == b'\n').count() as u64 >= records).then_some(())
    })
    .await;
    tokio::time::sleep(wait).await; // this is the moment, not a wait for something
    let moment = format!("push {id}: {victim:?} killed after {records} records and {wait:?}");
    println!("{moment}");
    let runner = match victim {
        Victim::Runner | Victim::Both => Some(house.runner(id).await),
        Victim::Server | Victim::Masters => None,
    };
    if let Victim::Server | Victim::Both = victim {
        house.kill_server().await;
    }
    runner.into_iter().for_each(kill);
    if let Victim::Masters = victim {
        masters(house).into_iter().for_each(kill);
    }
    if let Victim::Server | Victim::Both = victim {
        house.start().await;
        house.sign_in("mary").await;
    }
    let push = house.ended(id).await;
    let state = push["push"]["state"].as_str().unwrap();
    let mark = format!("mark-{id}.");
    until(&format!("{moment}: nothing is left on hosts"), async || {
        let left = |host| house.fleet.host(host).unwrap().processes().into_iter().any(|line| line.contains(&mark));
        (!HOSTS.into_iter().any(left)).then_some(())
    })
    .await;
    let (build, live) = (push["push"]["build"].as_str().unwrap(), live(house));
    let have = live.values().filter(|runs| runs.as_deref() == Some(build)).count();
    let said = usize::try_from(push["push"]["hosts_ok"].as_i64().unwrap()).unwrap();
    let results = push["results"].as_array().unwrap();
    let unknown = |host: &str| results.iter().any(|row| row["host"] == host && row["result"] == "unknown");
    let doubted = HOSTS.into_iter().filter(|host| unknown(host)).count();
    assert!((said..=said + doubted).contains(&have), "{moment}: {said} said, {live:?}: {push:#}");
    if state == "succeeded" {
        assert_eq!(have, HOSTS.len(), "{moment}: {live:?}");
        assert_eq!(house.stage("qa").await["current"]["build"], build, "{moment}");
    } else {
        assert!(push["push"]["why"].is_string(), "{moment}: the end says why: {push:#}");
    }
    if house.stack_view().await["hold"].is_object() {
        let path = "/api/v1/stacks/web/hold";
        let released = house.send("DELETE", path, &json!({ "reason": "the hosts were looked at" })).await;
        assert_eq!(released.status, 204, "{moment}: {}", released.text);
    }
    id
}

#[tokio::test]
async fn whoever_is_killed_whenever_each_press_has_an_end_hosts_run_what_the_ledger_says_and_nothing_is_left() {
    let mut dice = Dice(seed() | 1);
    let mut house = House::build(Plans { qa: &HOSTS, commands: COMMANDS, ..Plans::default() }).await;
    let mut acknowledged = Vec::new();
    let rounds = std::env::var("PUSHBUTTON_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for round in 0..rounds.unwrap_or(20) {
        acknowledged.push(one_round(&mut house, round, &mut dice).await);
    }
    for id in &acknowledged {
        let push = house.push(*id).await;
        assert!(push["push"]["ended_at"].is_string(), "{push:#}");
    }
    house.commit().await;
    let last = press(&house, 1_000_000).await;
    let push = house.ended(last).await;
    assert_eq!(push["push"]["state"], "succeeded", "after all that the next push is as any other: {push:#}");
    let build = push["push"]["build"].as_str().unwrap();
    assert!(live(&house).values().all(|runs| runs.as_deref() == Some(build)), "{:?}", live(&house));
    let verified = pushbutton(&house, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
