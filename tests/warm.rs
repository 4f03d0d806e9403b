//! The warm fleet: hosts are connected before the press, and the page says which are not, and which run something else.

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::{House, Plans, kill, until};
use pushbutton::demo::trouble::How;
use pushbutton::process::Program;
use serde_json::Value;
use std::os::unix::fs::FileTypeExt as _;
use std::time::{Duration, Instant};

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];

/// A house with three hosts, which looks often; its config goes on within `[limits]`.
async fn house() -> House {
    let config = "check_every_s = 1\nprobe_every_s = 1\n".to_owned();
    House::build(Plans { qa: &HOSTS, config, ..Plans::default() }).await
}

impl House {
    /// Waits until the stage says this of its hosts' readiness.
    async fn ready(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, async || Some(self.stage("qa").await["ready"].clone()).filter(&is_so)).await
    }

    async fn all_ready(&self) {
        self.ready("all hosts are ready", |ready| ready["ready"] == HOSTS.len()).await;
    }

    /// How often someone signed in on each host, as the hosts tell it.
    fn sign_ins(&self) -> Vec<usize> {
        let log = |name: &&str| std::fs::read_to_string(self.fleet.host(name).unwrap().sshd_log()).unwrap();
        HOSTS.iter().map(|name| log(name).matches("Accepted publickey").count()).collect()
    }

    /// The process ids of the masters.
    async fn masters(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        for entry in std::fs::read_dir(self.data().join("ssh")).unwrap().flatten() {
            if entry.file_type().unwrap().is_socket() {
                let check = Program::new("ssh").args(["-F", "none", "-O", "check", "-S"]).arg(entry.path()).arg("any");
                let said = String::from_utf8(check.output(Duration::from_secs(20)).await.unwrap().stderr).unwrap();
                let digits: String = said.chars().filter(char::is_ascii_digit).collect();
                pids.push(digits.parse().unwrap_or_else(|_| panic!("{said}")));
            }
        }
        pids
    }

    /// Puts another link in the place of a host's `current`, as someone on the host would.
    async fn edit_current(&self, host: &str, target: &str) {
        let script = format!("ln -sfn {target} /srv/web/.mine && mv -T /srv/web/.mine /srv/web/current");
        let edited = self.fleet.ssh(host, &script).await.unwrap();
        assert!(edited.status.success(), "{edited:?}");
    }

    /// Waits until the stage's hosts were asked, and say this of the drift.
    async fn drift(&self, what: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        until(what, async || {
            let stage = self.stage("qa").await;
            let drift = stage["drift"].as_array().unwrap().clone();
            (!stage["probed_at"].is_null() && is_so(&drift)).then_some(drift)
        })
        .await
    }
}

#[tokio::test]
async fn hosts_are_connected_before_the_press_and_no_push_signs_in_again() {
    let house = house().await;
    assert!(house.stage("qa").await["ready"].is_null() || house.stage("qa").await["ready"]["total"] == 3);
    house.all_ready().await;
    assert_eq!(house.sign_ins(), [1, 1, 1]);
    let page = house.get("/stacks/web").await.text;
    assert!(page.contains("3/3 hosts ready") && !page.contains("not ready"), "{page}");

    house.push_well("qa").await;
    house.commit().await;
    house.push_well("qa").await;
    house.drift("all run the build", <[Value]>::is_empty).await;
    assert_eq!(house.sign_ins(), [1, 1, 1], "pushes, rsync, checks and probes use the same connections");
}

#[tokio::test]
async fn a_host_that_dies_is_named_with_the_reason_and_is_ready_again_when_it_is_mended() {
    let house = house().await;
    house.all_ready().await;
    // Another stack goes to qa2 as well, with a dozen stages: it is one host all the same.
    let stage =
        |n: usize| format!("[[stage]]\nname = \"s{n}\"\nhosts = [\"qa2\"]\ncommands = [{{ run = \"true\" }}]\n");
    let stages: String = (1..=12).map(stage).collect();
    let many = format!("source = {{ git = {:?}, branch = \"main\" }}\n{stages}", house.shop.dir());
    std::fs::write(house.dir.path().join("stacks/many.toml"), many).unwrap();
    until("its stages are ready", async || {
        let got = house.get("/api/v1/stacks/many").await;
        let stack: Value = serde_json::from_str(&got.text).ok()?;
        stack["stages"].as_array()?.iter().all(|stage| stage["ready"]["ready"] == 1).then_some(())
    })
    .await;
    assert_eq!(house.sign_ins(), [1, 1, 1], "thirteen stages share one connection");
    let qa2 = house.fleet.host("qa2").unwrap();
    qa2.break_(How::Dead).await.unwrap();
    let refused = |ready: &Value| ready["not_ready"][0]["why"].as_str().is_some_and(|why| why.contains("refuses"));
    let ready = house.ready("qa2 is not ready", refused).await;
    assert_eq!((&ready["ready"], &ready["total"]), (&Value::from(2), &Value::from(3)), "{ready}");
    assert_eq!(ready["not_ready"][0]["host"], "qa2");
    assert_eq!(ready["not_ready"].as_array().unwrap().len(), 1, "{ready}");
    let board = until("the page of all stacks says so", async || {
        Some(house.get("/").await.text).filter(|page| page.contains("qa2 refuses connections"))
    })
    .await;
    assert_eq!(board.matches("qa2 refuses").count(), 1, "one note for one host: {board}");
    assert!(board.contains(": 13 stages<"), "{board}");
    let page = house.get("/stacks/web").await.text;
    assert!(page.contains("2/3 hosts ready") && page.contains("1 host of QA is not ready"), "{page}");
    assert!(page.contains("qa2 refuses connections"), "{page}");
    let check = async || {
        let got = house.send("POST", "/api/v1/stacks/web/hosts/check", &serde_json::json!({ "hosts": ["qa2"] })).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()["hosts"][0].clone()
    };
    let dead = check().await;
    assert!(dead["ready"] == false && dead["why"].as_str().unwrap().contains("qa2 refuses"), "{dead}");
    qa2.mend().await.unwrap();
    assert_eq!(check().await["ready"], true, "who asks need not wait for the next try");
    house.all_ready().await;
    house.push_well("qa").await;
    let unknown = serde_json::json!({ "hosts": ["qa9"] });
    assert_eq!(house.send("POST", "/api/v1/stacks/web/hosts/check", &unknown).await.status, 404);
    // A new session on one host; the others keep theirs.
    let before = house.sign_ins();
    let got = house.send("POST", "/api/v1/stacks/web/hosts/reconnect", &serde_json::json!({ "hosts": ["qa1"] })).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(house.sign_ins(), [before[0] + 1, before[1], before[2]]);
    house.push_well("qa").await;
    assert_eq!(house.sign_ins(), [before[0] + 1, before[1], before[2]]);

    // The same two questions on the command line: all hosts or some, and the code says whether all answer.
    let all = pushbutton(&house, &["hosts", "check", "web"]).await;
    assert_eq!((all.code, all.out.as_str()), (Some(0), "qa1: ready\nqa2: ready\nqa3: ready\n3 of 3 hosts ready\n"));
    let before = house.sign_ins();
    let some = pushbutton(&house, &["hosts", "reconnect", "web", "qa3", "qa1"]).await;
    assert_eq!((some.code, some.out.lines().last()), (Some(0), Some("2 of 2 hosts ready")), "{some:?}");
    assert_eq!(house.sign_ins(), [before[0] + 1, before[1], before[2] + 1]);
    let unknown = pushbutton(&house, &["hosts", "check", "web", "qa9"]).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("host qa9 of web does not exist"), "{unknown:?}");
    let look = house.send("POST", "/api/v1/stacks/web/hosts/look", &Value::Null).await;
    let look: Value = serde_json::from_str(&look.text).unwrap();
    assert_eq!((&look["must"], look["places"].as_array().unwrap().len()), (&Value::from(0), 4), "{look:#}");
    let known: Value = serde_json::from_str(&house.get("/api/v1/stacks/web/hosts").await.text).unwrap();
    assert_eq!(known["last"]["at"], look["at"], "what the last look found is kept");

    // A dead host is told by all of them.
    qa2.break_(How::Dead).await.unwrap();
    let check = pushbutton(&house, &["hosts", "check", "web"]).await;
    assert!(check.code == Some(1) && check.out.contains("qa2 refuses connections"), "{check:?}");
    assert!(check.out.ends_with("2 of 3 hosts ready\n"), "{check:?}");
    let check = pushbutton(&house, &["check", "--hosts"]).await;
    assert!(check.code == Some(1) && check.out.contains("qa2: no answer"), "{check:?}");
}

#[tokio::test]
async fn connections_outlive_the_server_and_one_that_is_killed_is_made_again() {
    let mut house = house().await;
    house.all_ready().await;
    house.kill_server().await;
    house.start().await;
    house.all_ready().await;
    assert_eq!(house.sign_ins(), [1, 1, 1], "they belong to nobody, so another server finds them");

    for master in house.masters().await {
        kill(master);
    }
    house.ready("all are connected again", |ready| ready["ready"] == 3 && house.sign_ins() == [2, 2, 2]).await;
    house.push_well("qa").await;
    assert_eq!(house.sign_ins(), [2, 2, 2]);
}

#[tokio::test]
async fn a_host_whose_current_somebody_edits_is_shown_until_it_runs_the_build_again() {
    let house = house().await;
    let first = house.push_well("qa").await["push"]["build"].clone();
    house.commit().await;
    let second = house.push_well("qa").await["push"]["build"].clone();
    house.drift("all run the build", <[Value]>::is_empty).await;

    house.edit_current("qa2", &format!("releases/{}", first.as_str().unwrap())).await;
    let drift = house.drift("qa2 is odd", |drift| drift.len() == 1).await;
    assert_eq!((&drift[0]["host"], &drift[0]["runs"], &drift[0]["instead"]), (&"qa2".into(), &first, &second));
    let page = house.get("/stacks/web").await.text;
    let words = format!("qa2 runs {} instead of {} since", first.as_str().unwrap(), second.as_str().unwrap());
    assert!(page.contains(&words), "{page}");

    // A second way of being odd, on another host; the first is known since before.
    house.edit_current("qa3", "/tmp").await;
    let both = house.drift("qa3 is odd, too", |drift| drift.len() == 2).await;
    assert_eq!(both[0], drift[0], "known since then");
    assert_eq!(both[1]["runs"], "/tmp");

    // As someone sees it, who looks on while a third host dies and is fixed.
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go("/stacks/web").await;
    browser.says("main", "3/3 hosts ready").await;
    assert!(browser.text("main").await.contains(&words));
    let qa1 = house.fleet.host("qa1").unwrap();
    qa1.break_(How::Dead).await.unwrap();
    browser.says("main", "qa1 refuses connections").await;
    browser.says("main", "2/3 hosts ready").await;
    browser.pictures("stack-drift-and-dead-host").await;
    qa1.mend().await.unwrap();
    browser.says("main", "3/3 hosts ready").await;

    house.push_well("qa").await;
    house.drift("a push brings them back", <[Value]>::is_empty).await;
}

/// How long a person waits who has just put the key back.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Nearly all of it is real waiting for pauses that nobody can set: 15 s for which the host counts as just heard, 8 tries with up to 10 s
/// between them before it is asked seldom, and 15 s in which it is not asked once.
#[tokio::test]
async fn a_host_that_refused_our_key_for_minutes_is_ready_within_20_s_of_taking_it_again_while_somebody_looks() {
    let house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    house.ready("qa1 is ready", |ready| ready["ready"] == 1).await;
    let qa1 = house.fleet.host("qa1").unwrap();
    let keys = qa1.sshd_log().with_file_name("authorized_keys");
    let ours = std::fs::read(&keys).unwrap();
    // sshd's own lines of refused tries.
    let refused = || std::fs::read_to_string(qa1.sshd_log()).unwrap().matches("by authenticating user").count();
    assert_eq!(refused(), 0);
    std::fs::write(&keys, "").unwrap();
    for master in house.masters().await {
        kill(master);
    }

    // Nobody has a page open: after some tries it is asked seldom, and not once within the pause that was. While it counts as just
    // heard, tries do not add up.
    for tries in [4, 9] {
        until("the host refuses us again and again", async || (refused() >= tries).then_some(())).await;
    }
    let quiet = until("an sshd that refuses our key is not pestered", async || {
        let before = refused();
        tokio::time::sleep(Duration::from_secs(15)).await;
        (refused() == before).then_some(before)
    });
    let (tries, browser) = tokio::join!(quiet, Browser::open(&house));
    assert!(tries <= 12, "{tries} tries before the pauses grew");

    // Someone comes to look, sees why, and gives the key back.
    browser.sign_in("kate").await;
    browser.go("/stacks/web").await;
    browser.says("main", "qa1 refuses our key").await;
    let came = Instant::now();
    until("the long pause is over since someone looks", async || (refused() > tries).then_some(())).await;
    assert!(came.elapsed() < READY_WITHIN, "{:?}", came.elapsed());
    std::fs::write(&keys, &ours).unwrap();
    let given_back = Instant::now();
    browser.says("main", "1/1 hosts ready").await;
    let waited = given_back.elapsed();
    assert!(waited < READY_WITHIN, "ready after {waited:?}");
    house.push_well("qa").await;
}
