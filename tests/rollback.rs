//! The rollback, and going on: a rollback puts back byte for byte what was there (promise 14), a resume does what is left
//! and nothing twice; what a bad push leaves in doubt holds the stack until one of them has settled it (promise 15).

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::{Channels, Got, House, Plans, kill, listing, tree, until};
use pushbutton::demo::trouble::How;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];

/// Waits for a file on the host, unless it is there.
const UNLESS_GO: &str = "echo begun; [ -e /srv/go ] || sleep 1000";

impl House {
    fn web(&self, host: &str) -> PathBuf {
        self.fleet.host(host).unwrap().srv_dir().join("web")
    }

    /// The whole tree behind `current` of a host, and which release it is.
    fn live(&self, host: &str) -> (PathBuf, BTreeMap<String, String>) {
        let current = std::fs::read_link(self.web(host).join("current")).unwrap();
        let tree = tree(&self.web(host).join(&current));
        (current, tree)
    }

    fn go(&self, host: &str) {
        std::fs::write(self.fleet.host(host).unwrap().srv_dir().join("go"), "").unwrap();
    }

    fn stop(&self, host: &str) {
        std::fs::remove_file(self.fleet.host(host).unwrap().srv_dir().join("go")).unwrap();
    }

    pub async fn roll_back(&self, stage: &str, body: &Value) -> Got {
        self.send("POST", &format!("/api/v1/stacks/web/stages/{stage}/rollback"), body).await
    }

    async fn resume(&self, push: i64) -> Got {
        self.send("POST", &format!("/api/v1/pushes/{push}/resume"), &json!({})).await
    }

    /// The hosts on which each command was begun, by the push's journal.
    fn begun(&self, push: i64) -> BTreeMap<i64, Vec<String>> {
        let mut begun: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for record in self.records(push) {
            if record["kind"] == "host_started" {
                let host = record["host"].as_str().unwrap_or_default().to_owned();
                begun.entry(record["command"].as_i64().unwrap()).or_default().push(host);
            }
        }
        begun.values_mut().for_each(|hosts| hosts.sort());
        begun
    }
}

fn hosts_that(push: &Value, command: i64, result: &str) -> usize {
    let rows = push["results"].as_array().unwrap();
    rows.iter().filter(|row| row["command"] == command && row["result"] == result && row["host"] != "").count()
}

#[tokio::test]
async fn a_rollback_puts_back_every_byte_without_bringing_it_and_says_so_everywhere() {
    let channels = Channels::open().await;
    let config = channels.config();
    let house = House::build(Plans { qa: &HOSTS, prod: &["web001"], config, ..Plans::default() }).await;
    let first = house.push_well("qa").await;
    let before: Vec<_> = HOSTS.iter().map(|host| house.live(host)).collect();
    let taken_back = house.commit().await;
    house.push_well("qa").await;
    // The branch moves on, and someone has laid hands on the old release of one host.
    house.commit().await;
    let (old, files) = &before[2];
    let name = files.keys().find(|name| name.ends_with(".css")).unwrap();
    let touched = house.web("qa3").join(old).join(name);
    let bytes = std::fs::read(&touched).unwrap();
    std::fs::remove_file(&touched).unwrap();
    std::fs::write(&touched, vec![b'x'; bytes.len()]).unwrap();
    let inode = std::fs::metadata(house.web("qa1").join(old).join(name)).unwrap().ino();

    let page = house.get("/stacks/web/stages/qa/rollback").await.text;
    let sha = first["push"]["sha"].as_str().unwrap();
    assert!(page.contains(&format!("Roll QA back to {}", &sha[..7])), "{page}");
    assert!(page.contains(&taken_back[..7]), "the commit that will be gone is named");
    let menu = house.get("/stacks/web").await.text;
    assert!(menu.contains(&format!("Roll back to {}", &sha[..7])), "the menu says where it goes");
    let refused = house.roll_back("qa", &json!({})).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("needs a reason"), "{}", refused.text);

    let id = house.roll_back("qa", &json!({"reason": "the shop is grey"})).await.push_id();
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", house.log(id).await);
    assert_eq!((&push["push"]["kind"], &push["push"]["build"]), (&json!("rollback"), &first["push"]["build"]));
    assert_eq!(push["commits"][0]["sha"], taken_back.as_str());
    for (host, (release, tree)) in HOSTS.iter().zip(&before) {
        assert_eq!(house.live(host), (release.clone(), tree.clone()), "{host} has every byte again");
    }
    let log = house.log(id).await;
    assert_eq!(
        log.matches("is already there, verified again").count(),
        2,
        "nothing is brought where all is well: {log}"
    );
    assert_eq!(log.matches("but has changed: uploading it again").count(), 1, "{log}");
    assert_eq!(std::fs::metadata(house.web("qa1").join(old).join(name)).unwrap().ino(), inode, "the very files");
    assert!(!log.contains("check out"), "a rollback never builds: {log}");

    // The street goes on from here: prod takes what qa runs now, and there is nothing further back.
    assert_eq!(house.button("prod").await["seen"], first["push"]["build"]);
    let no_way = house.get("/api/v1/stacks/web/stages/qa/rollback").await;
    assert_eq!(no_way.status, 409, "{}", no_way.text);

    let words = format!("mary rolled QA back to {}", &sha[..7]);
    let line = channels.irc_says(&words).await;
    assert!(line.contains("succeeded, 3 hosts") && line.contains("1 commit rolled back · the shop is grey"), "{line}");
    channels.mail_says(&format!("rolled back to {} by mary", &sha[..7])).await;
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains(&format!("QA was rolled back to {}", &sha[..7])), "{page}");
}

#[tokio::test]
async fn a_push_whose_runner_was_killed_is_resumed_where_it_was_and_its_hold_is_gone() {
    let commands = format!(r#"{{ release = "/srv/web" }}, {{ run = "{UNLESS_GO}" }}, {{ activate = "/srv/web" }}"#);
    let house = House::build(Plans { qa: &HOSTS, commands: &commands, ..Plans::default() }).await;
    house.go("qa1");
    let id = house.press("qa").await;
    for host in HOSTS {
        house.journal_says(id, &format!("\"command\":5,\"host\":\"{host}\",\"stream\":\"out\"")).await;
    }
    house.journal_says(id, "\"kind\":\"host_ended\",\"command\":5,\"host\":\"qa1\"").await;
    kill(house.runner(id).await);
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "interrupted", "{push:#}");
    let left: Vec<i64> =
        push["rest"]["commands"].as_array().unwrap().iter().map(|row| row["left"].as_i64().unwrap()).collect();
    assert_eq!(left, [2, 3, 3], "two hosts of command 5, all of command 6, and what they run: {}", push["rest"]);
    assert!(house.get(&format!("/pushes/{id}")).await.text.contains("Resume from step 5"));
    let refused = house.send("DELETE", "/api/v1/stacks/web/hold", &json!({})).await;
    assert_eq!(refused.status, 400, "it is not let go in silence: {}", refused.text);

    HOSTS[1..].iter().for_each(|host| house.go(host));
    let resumed = house.resume(id).await.push_id();
    let again = house.ended(resumed).await;
    assert_eq!(again["push"]["state"], "succeeded", "{again:#}\n{}", house.log(resumed).await);
    assert_eq!((&again["push"]["kind"], &again["push"]["resumes"]), (&json!("resume"), &json!(id)));
    assert_eq!(again["push"]["build"], push["push"]["build"], "the very build");
    let all = HOSTS.map(str::to_owned).to_vec();
    let begun = BTreeMap::from([(5, all[1..].to_vec()), (6, all.clone()), (7, all)]);
    assert_eq!(house.begun(resumed), begun, "nothing is done twice");
    for command in 4..=7 {
        assert_eq!(hosts_that(&again, command, "ok"), 3, "each host has one result for command {command}");
    }
    assert_eq!(again["push"]["hosts_ok"], 3);
    assert!(house.stack_view().await["hold"].is_null(), "nothing is in doubt any more");
    assert_eq!(house.stage("qa").await["current"]["push"], resumed);
    let late = house.resume(id).await;
    assert_eq!(late.status, 409, "{}", late.text);
}

#[tokio::test]
async fn what_failed_on_one_of_four_hosts_is_mended_there_and_resumed_there() {
    let commands = r#"
        { release = "/srv/web" },
        { run = "[ {host} != qa3 ] || [ -e /srv/go ] || { echo 'no disk' >&2; exit 7; }" },
        { activate = "/srv/web" },
    "#;
    let house = House::build(Plans { qa: &["qa1", "qa2", "qa3", "qa4"], commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    let push = house.ended(id).await;
    assert_eq!((&push["push"]["state"], hosts_that(&push, 5, "failed")), (&json!("failed"), 1), "{push:#}");

    // Not fixed yet: it fails again, in the same place, and what is done stays done.
    let second = house.resume(id).await.push_id();
    assert_eq!(house.ended(second).await["push"]["state"], "failed");
    assert_eq!(house.begun(second), BTreeMap::from([(5, vec!["qa3".to_owned()])]));

    house.go("qa3");
    let third = house.resume(second).await.push_id();
    let done = house.ended(third).await;
    assert_eq!(done["push"]["state"], "succeeded", "{done:#}");
    let begun = house.begun(third);
    assert_eq!(
        begun.iter().map(|(command, hosts)| (*command, hosts.len())).collect::<Vec<_>>(),
        [(5, 1), (6, 4), (7, 4)]
    );
    assert_eq!(hosts_that(&done, 5, "ok"), 4);
    let nothing = house.resume(third).await;
    assert_eq!(nothing.status, 409, "{}", nothing.text);
}

#[tokio::test]
async fn a_rollback_goes_under_the_hold_of_an_interrupted_push_and_settles_it() {
    let commands = format!(r#"{{ release = "/srv/web" }}, {{ activate = "/srv/web" }}, {{ run = "{UNLESS_GO}" }}"#);
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands: &commands, ..Plans::default() }).await;
    let hosts = ["qa1", "qa2"];
    hosts.iter().for_each(|host| house.go(host));
    let good = house.push_well("qa").await;
    let before: Vec<_> = hosts.iter().map(|host| house.live(host)).collect();
    hosts.iter().for_each(|host| house.stop(host));
    house.commit().await;
    let id = house.press("qa").await;
    for host in hosts {
        house.journal_says(id, &format!("\"command\":6,\"host\":\"{host}\",\"stream\":\"out\"")).await;
    }
    kill(house.runner(id).await);
    assert_eq!(house.ended(id).await["push"]["state"], "interrupted");
    assert_ne!(house.live("qa1"), before[0], "the bad build is live");
    let held = house.press_with("qa", &house.stage("qa").await["next"]).await;
    assert_eq!(held.status, 409, "{}", held.text);

    hosts.iter().for_each(|host| house.go(host));
    let sha = good["push"]["sha"].as_str().unwrap();
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains(&format!("Roll back to {}", &sha[..7])), "to what was there before the bad push: {page}");
    let back = house.roll_back("qa", &json!({"reason": "the runner died"})).await.push_id();
    let push = house.ended(back).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", house.log(back).await);
    for (host, before) in hosts.iter().zip(before) {
        assert_eq!(house.live(host), before, "{host}");
    }
    assert!(house.stack_view().await["hold"].is_null(), "every host is known again");
    house.button("qa").await;
}

#[tokio::test]
async fn from_mixed_versions_pruned_releases_and_a_forced_branch_every_host_gets_every_byte_back() {
    let commands = r#"
        { release = "/srv/web", keep = 1, shared = ["log/"] },
        { run = "[ ! -e /srv/forget ] || rm -f /srv/web/.verified/*" },
        { activate = "/srv/web" },
        { run = "test ! -e /srv/bad" },
    "#;
    let config = "check_every_s = 1\nprobe_every_s = 1\n".to_owned();
    let house = House::build(Plans { qa: &HOSTS, commands, config, ..Plans::default() }).await;
    let srv = |host: &str| house.fleet.host(host).unwrap().srv_dir();
    let good = house.push_well("qa").await;
    let build = good["push"]["build"].as_str().unwrap().to_owned();
    let release = |host: &str| house.web(host).join("releases").join(&build);
    let before: Vec<_> = HOSTS.iter().map(|host| listing(&release(host))).collect();

    // Two pushes go bad behind their flip: what undo needs is neither live nor the one before, and `keep` is 1.
    std::fs::write(srv("qa1").join("bad"), "").unwrap();
    for _ in 0..2 {
        house.commit().await;
        let id = house.press("qa").await;
        assert_eq!(house.ended(id).await["push"]["state"], "failed");
    }
    // The third flips two hosts of three. The branch is forced to something else.
    std::fs::write(srv("qa2").join("forget"), "").unwrap();
    let bad = house.commit().await;
    let id = house.press("qa").await;
    let mixed = house.ended(id).await;
    assert_eq!(mixed["push"]["state"], "failed", "{mixed:#}");
    assert_ne!(house.live("qa1").0, house.live("qa2").0, "mixed versions");
    for host in HOSTS {
        assert_eq!(listing(&release(host)), before[0], "pruning never takes what undo needs: {host}");
    }
    let git = Program::new("git").args(["commit", "--quiet", "--amend", "--allow-empty", "-m", "Forced"]);
    let git = ["AUTHOR", "COMMITTER"].iter().fold(git.dir(house.shop.dir()), |git, who| {
        git.env(format!("GIT_{who}_NAME"), "Mary").env(format!("GIT_{who}_EMAIL"), "mary@example.com")
    });
    assert!(git.output(Duration::from_secs(20)).await.unwrap().status.success());
    // Someone made room on one host by hand.
    std::fs::remove_dir_all(release("qa3")).unwrap();
    std::fs::remove_file(house.web("qa3").join(".verified").join(&build)).unwrap();
    for host in ["qa1", "qa2"] {
        let _ = std::fs::remove_file(srv(host).join("bad"));
        let _ = std::fs::remove_file(srv(host).join("forget"));
    }

    let undo = until("the hosts have said what they hold", async || {
        let way: Value = serde_json::from_str(&house.get("/api/v1/stacks/web/stages/qa/rollback").await.text).unwrap();
        let undo = way["undo"].clone();
        (undo["ready"] == 1).then_some(undo)
    })
    .await;
    let missing = json!({"host": "qa3", "why": "not there, will be uploaded"});
    assert!(undo["total"] == 3 && undo["not_ready"].as_array().unwrap().contains(&missing), "{undo}");
    let page = house.get("/stacks/web/stages/qa/rollback").await.text;
    assert!(page.contains("qa3: not there, will be uploaded") && page.contains(&bad[..7]), "{page}");

    let back = house.roll_back("qa", &json!({"reason": "three times bad"})).await.push_id();
    let push = house.ended(back).await;
    let log = house.log(back).await;
    assert_eq!((&push["push"]["state"], &push["push"]["build"]), (&json!("succeeded"), &json!(build)), "{log}");
    for (host, before) in HOSTS.iter().zip(&before) {
        assert_eq!(house.live(host).0, PathBuf::from(format!("releases/{build}")), "{host}");
        assert_eq!(&listing(&release(host)), before, "{host} has every byte, mode and link again");
    }
    // qa1 held it verified; qa2 held it, but had forgotten; qa3 had lost it. Bytes of files went to qa3 alone.
    assert_eq!(log.matches("is already there, verified again").count(), 1, "{log}");
    let sent: Vec<&str> = log.lines().filter(|line| line.contains("index.html")).collect();
    assert!(!sent.is_empty() && sent.iter().all(|line| line.contains("qa3")), "{sent:?}");
    assert!(push["skew_ms"].as_u64().is_some_and(|ms| ms < 60_000), "the skew is measured: {push:#}");
    assert!(house.get(&format!("/pushes/{back}")).await.text.contains("From the first flip to the last:"));
}

#[tokio::test]
async fn a_rollback_whose_health_check_fails_says_that_the_link_is_back_in_the_terminal_on_the_page_and_in_the_api() {
    let commands = r#"
      { release = "/srv/web" },
      { activate = "/srv/web" },
      { check = { run = "test ! -e /srv/sick" }, tries = 1 },
    "#;
    let stage = "on_failure = \"rollback\"";
    let house = House::build(Plans { qa: &HOSTS[..2], commands, stage, ..Plans::default() }).await;
    let first = house.push_well("qa").await;
    let sha = first["push"]["sha"].as_str().unwrap()[..7].to_owned();
    let build = first["push"]["build"].as_str().unwrap().to_owned();
    house.commit().await;
    let sick = house.fleet.host("qa2").unwrap().srv_dir().join("sick");
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    // Whatever is told of a push, in each of the three places.
    let told = async |id: i64, terminal: &str, words: &str| {
        assert!(terminal.contains(words), "the terminal: {terminal}");
        let push = house.push(id).await;
        let why = push["push"]["why"].as_str().unwrap_or_default();
        assert!(why.contains(words), "the API: {push:#}");
        let left = push["left_with"].as_array().unwrap().iter().find(|left| left["host"] == "qa2").unwrap().clone();
        assert_eq!(left["build"], build.as_str(), "{left:#}");
        browser.go(&format!("/pushes/{id}")).await;
        browser.says("main", words).await;
        browser.says("[aria-labelledby=\"lw\"]", "its health check (step ").await;
        assert!(left["why"].as_str().unwrap().starts_with("its health check (step "), "{left:#}");
        browser.pictures(&format!("push-what-each-host-has-{id}")).await;
        push
    };

    // By itself: the new build's check fails, the old one goes back, and its check fails on the same host.
    std::fs::write(&sick, "").unwrap();
    let said = pushbutton(&house, &["push", "web", "qa", "--follow"]).await;
    assert_eq!(said.code, Some(10), "{said:?}");
    let words = "is back, with a failure on 1 of 2 touched hosts: qa2 (the link is back; its health check failed after it: command ";
    for host in &HOSTS[..2] {
        assert!(house.live(host).0.ends_with(&build), "{host} has the old build");
    }

    // By hand, over a good push, which is made while a person reads of the one before.
    std::fs::remove_file(&sick).unwrap();
    let (push, _) = tokio::join!(told(2, &said.out, words), house.push_well("qa"));
    assert_eq!((&push["push"]["state"], &push["push"]["hosts_ok"]), (&json!("failed"), &json!(0)), "{push:#}");
    std::fs::write(&sick, "").unwrap();
    let said = pushbutton(&house, &["rollback", "web", "qa", "--reason", "grey", "--follow"]).await;
    assert_eq!(said.code, Some(10), "{said:?}");
    let words = format!(
        "{sha} is back on all 2 hosts, with a failure on qa2 (the link is back; its health check failed after it)"
    );

    // A host that was not reached took no time, wherever times stand. Its tries take 13 s or so, in which a person reads of that rollback.
    house.fleet.host("qa2").unwrap().break_(How::Dead).await.unwrap();
    let (push, said) = tokio::join!(told(4, &said.out, &words), pushbutton(&house, &["push", "web", "qa", "--follow"]));
    assert_eq!((&push["push"]["state"], &push["push"]["kind"]), (&json!("failed"), &json!("rollback")), "{push:#}");
    assert_eq!(push["push"]["hosts_ok"], 2, "both have it: {push:#}");
    assert!(said.code == Some(10) && said.out.contains("qa2 ✗ unreachable"), "{said:?}");
    assert!(said.out.contains("✗ 0 ok, 2 not ok\n"), "{}", said.out);
    let push = house.push(5).await;
    let row = push["results"].as_array().unwrap().iter().find(|row| row["host"] == "qa2").unwrap();
    assert_eq!((&row["result"], &row["duration_ms"]), (&json!("unreachable"), &Value::Null), "{row:#}");
    browser.go("/pushes/5").await;
    let line = browser.says(".hrow--fail", "qa2").await;
    assert!(!line.contains("0.0 s"), "{line}");
    let step = browser.says(".wf [data-s=fail]", "release /srv/web").await;
    assert!(!step.contains("0.0 s"), "{step}");
    browser.pictures("push-not-reached").await;
}
