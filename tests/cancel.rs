//! Promise 6: a cancelled command leaves nothing running on a host, or the page names the host. Cancels at random moments over
//! commands of every temper; the hosts' own process lists and logs are the witnesses. A run says its seed; the same
//! moments come again with `PUSHBUTTON_SEED`.

use crate::house::browser::Browser;
use crate::house::chance::{Dice, seed};
use crate::house::{House, Plans, got, until};
use pushbutton::client::http::{Client, RequestBody};
use pushbutton::web::push_host;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];
/// Cancels of each temper.
const CANCELS: usize = 5;
/// By then nothing of a cancelled push runs any more (TRUST promise 6).
const GONE_BY: Duration = Duration::from_secs(10);

/// What a command is like. Each is called `m-STACK-PUSH.` in the host's list of processes, and never ends by itself.
const TEMPERS: [(&str, &str); 6] = [
    ("traps", r#"exec sh -c 'trap "" TERM INT HUP; echo up; while :; do sleep 0.2; done' "$M""#),
    (
        "forks-twice",
        r#"( ( sh -c 'trap "" TERM; while :; do sleep 0.2; done' "$M" & ) & ); echo up; exec sh -c 'sleep 1000; :' "$M""#,
    ),
    ("setsid", r#"setsid sh -c 'while :; do sleep 0.2; done' "$M" & echo up; exec sh -c 'sleep 1000; :' "$M""#),
    ("silent", r#"exec sh -c 'while :; do sleep 0.2; done' "$M""#),
    ("endless", r#"exec sh -c 'while :; do echo and on; sleep 0.01; done' "$M""#),
    ("stopped", r#"exec sh -c 'kill -STOP $$; sleep 1000; :' "$M""#),
];

/// What the hosts themselves say of a push: the processes that are left of it.
fn left(house: &House, mark: &str) -> Vec<(&'static str, String)> {
    let of = |host: &'static str| {
        let processes = house.fleet.host(host).unwrap().processes();
        processes.into_iter().filter(|line| line.contains(mark)).map(move |line| (host, line)).collect::<Vec<_>>()
    };
    HOSTS.into_iter().flat_map(of).collect()
}

/// The hosts on which a push has begun its command, as they wrote it down themselves.
fn begun(house: &House, mark: &str) -> Vec<&'static str> {
    let wrote = |host: &&str| {
        let path = house.fleet.host(host).unwrap().srv_dir().join("starts");
        std::fs::read_to_string(path).unwrap_or_default().lines().any(|line| line == mark)
    };
    HOSTS.into_iter().filter(wrote).collect()
}

/// Presses the one button of a stack as soon as it can be pressed.
async fn press(house: &House, person: &mut Client, stack: &str) -> i64 {
    let next = until(&format!("{stack} can be pressed"), async || {
        let street = house.get(&format!("/api/v1/stacks/{stack}")).await;
        let street: Value = serde_json::from_str(&street.text).ok()?;
        let stage = &street["stages"][0];
        (stage["why_not"].is_null() && !stage["next"].is_null()).then(|| stage["next"].clone())
    })
    .await;
    let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] });
    let path = format!("/api/v1/stacks/{stack}/stages/qa/push");
    let answer =
        got(person.send("POST", &path, RequestBody::Json(&body.to_string()), &[]).await.unwrap()).await.unwrap();
    answer.push_id()
}

/// One push of a temper, cancelled at some moment; what the hosts and the page say then.
async fn cancelled_at_some_moment(house: &House, person: &mut Client, stack: &str, dice: &mut Dice) {
    let id = press(house, person, stack).await;
    let (records, wait) = (dice.below(26), Duration::from_millis(dice.below(400)));
    until("the moment", async || {
        let journal = std::fs::read(house.push_dir(id).join("journal.jsonl")).unwrap_or_default();
        let far_enough = journal.iter().filter(|byte| **byte == b'\n').count() as u64 >= records;
        // Some say nothing from here on.
        let both_run = String::from_utf8_lossy(&journal).contains("\"command\":3,\"host\":\"qa2\"");
        (far_enough || both_run).then_some(())
    })
    .await;
    tokio::time::sleep(wait).await; // this is the moment, not a wait for something
    let cancel = house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
    let moment = format!("{stack}: push {id} cancelled after {records} records and {wait:?}");
    assert_eq!(cancel.status, 202, "{moment}: {}", cancel.text);
    let mark = format!("m-{stack}-{id}.");
    let answered = Instant::now();
    // Before its end a command that was just begun may not be in any list yet.
    let push = house.ended(id).await;
    // Whatever is left then must be named.
    let left = until("nothing is left, or its time is over", async || {
        Some(left(house, &mark)).filter(|left| left.is_empty() || answered.elapsed() >= GONE_BY)
    })
    .await;
    assert_eq!(push["push"]["state"], "cancelled", "{moment}: {push:#}");
    let page = house.get(&format!("/pushes/{id}")).await.text;
    let results = push["results"].as_array().unwrap();
    for (host, line) in left {
        let named = results.iter().any(|row| {
            row["host"] == host
                && (row["result"] == "unknown" || row["why"].as_str().unwrap_or("").contains("could not be ended"))
        });
        assert!(named && page.contains(host), "{moment}: {host} runs {line:?}, and nobody says so: {push:#}");
    }
    // Two at a time, and none of the two ever ends by itself: the third may not begin, whenever the cancel came.
    assert!(begun(house, &mark).iter().all(|host| *host != HOSTS[2]), "{moment}: a new host began");
    if results.iter().any(|row| row["command"] == 3) {
        let of = |result: &str| results.iter().filter(|row| row["command"] == 3 && row["result"] == result).count();
        assert_eq!((of("cancelled") + of("unknown") + of("skipped"), of("ok")), (3, 0), "{moment}: {push:#}");
        assert!(page.contains("was not started on"), "{moment}: the page says what is known of each host: {page}");
    }
}

#[tokio::test]
async fn a_push_cancelled_at_any_moment_leaves_no_process_on_any_host_or_the_page_names_it() {
    let seed = seed();
    let house = House::build(Plans { qa: &HOSTS, ..Plans::default() }).await;
    for (temper, script) in TEMPERS {
        let stack = format!(
            "source = {{ git = {:?}, branch = \"main\" }}\n[hosts]\nqa = {HOSTS:?}\n[[stage]]\nname = \"qa\"\nhosts = \"qa\"\n\
             chunk = 2\ncommands = [\n  {{ run = '''M=m-$PUSH_STACK-$PUSH_ID.; echo $M >>/srv/starts; {script}''' }},\n\
             {{ run = \"echo never\" }},\n]\n",
            house.shop.dir()
        );
        std::fs::write(house.dir.path().join(format!("stacks/{temper}.toml")), stack).unwrap();
    }
    let all = TEMPERS.iter().zip(0_u64..).map(async |((temper, _), place)| {
        let mut dice = Dice(seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
        // A person each: nobody may press more than ten times a minute.
        let socket = push_host::socket_in(&house.data());
        let mut person = Client::on_socket(&socket, (push_host::WHO_NAME, temper));
        for _ in 0..CANCELS {
            cancelled_at_some_moment(&house, &mut person, temper, &mut dice).await;
        }
    });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn who_cancels_is_told_how_many_hosts_have_what_and_can_go_on_to_the_way_back() {
    let commands = r#"{ release = "/srv/web" }, { activate = "/srv/web" }, { run = "[ ! -e /srv/slow ] || { echo slow on {host}; sleep 1000; }" }"#;
    let hosts = ["qa1", "qa2"];
    let house = House::build(Plans { qa: &hosts, commands, ..Plans::default() }).await;
    let good = house.push_well("qa").await["push"]["sha"].as_str().unwrap()[..7].to_owned();
    for host in hosts {
        std::fs::write(house.fleet.host(host).unwrap().srv_dir().join("slow"), "").unwrap();
    }
    let bad = house.commit().await[..7].to_owned();
    let id = house.press("qa").await;
    house.journal_says(id, "slow on qa2").await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go(&format!("/pushes/{id}")).await;
    browser.says(".log-scroll", "slow on qa2").await;
    browser.click("#b-cancel").await;
    let told = browser.says("#so-far", "is done on").await;
    assert_eq!(told, format!("2 of 2 hosts have {bad}. Step 6 is done on 0 of 2."));
    let drawn = house.get(&format!("/pushes/{id}/cancel")).await.text;
    assert!(drawn.contains(&told), "without scripts it is told the same: {drawn}");
    browser.glance("cancel-question-back").await;
    browser.write("#ca-w", "it is slow").await;
    browser.click("#dlg-cancel [value=\"back\"]").await;
    browser.says("h1", &format!("Roll QA back to {good}")).await;
    browser.text("main form button:not([disabled])").await;
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "cancelled", "{push:#}");
    assert!(push["push"]["why"].as_str().unwrap().contains("it is slow"), "{push:#}");
}
