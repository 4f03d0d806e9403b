//! Hosts that are broken in every way we know, several at once in one push, on real hosts: under each policy every host ends
//! with its own result, the counts add up, and nothing flips that may not.

use crate::house::{Channels, House, Plans, served, tree};
use crate::policy::{results, with};
use pushbutton::demo::trouble::How;
use pushbutton::journal::HostResult;
use serde_json::{Value, json};
use std::path::PathBuf;

const EIGHT: [&str; 8] = ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"];

/// Bring, prove that it is well, flip; a host that hangs is noticed while its command runs.
const ROLL_OUT: &str = r#"
  { release = "/srv/web" },
  { run = "echo begun {host}; [ ! -e /srv/go-on ] && sleep 2; [ ! -e /srv/fail ]", timeout = "20s" },
  { activate = "/srv/web" },
"#;

impl House {
    fn srv(&self, host: &str) -> PathBuf {
        self.fleet.host(host).unwrap().srv_dir()
    }

    /// The build that a host serves; none when it serves nothing.
    fn live_build(&self, host: &str) -> Option<String> {
        let link = std::fs::read_link(self.srv(host).join("web/current")).ok()?;
        Some(link.to_str().unwrap().trim_start_matches("releases/").to_owned())
    }

    async fn break_all(&self, troubles: &[(&str, How)]) {
        for (host, how) in troubles {
            self.fleet.host(host).unwrap().break_(*how).await.unwrap();
        }
    }

    async fn mend_all(&self, hosts: &[&str]) {
        for host in hosts {
            self.fleet.host(host).unwrap().mend().await.unwrap();
        }
    }

    async fn push_once(&self) -> Value {
        let id = self.press("qa").await;
        self.ended(id).await
    }

    async fn resume_of(&self, push: &Value) -> Value {
        let answer = self.send("POST", &format!("/api/v1/pushes/{}/resume", push["push"]["id"]), &json!({})).await;
        let id = answer.push_id();
        self.ended(id).await
    }

    /// The hosts among these on which the push's build is live.
    fn flipped<'a>(&self, push: &Value, hosts: &[&'a str]) -> Vec<&'a str> {
        let build = push["push"]["build"].as_str().unwrap();
        hosts.iter().copied().filter(|host| self.live_build(host).as_deref() == Some(build)).collect()
    }
}

fn why(push: &Value) -> &str {
    push["push"]["why"].as_str().unwrap_or_default()
}

/// What the first rows of a host say that are not good.
fn reason<'a>(push: &'a Value, host: &str) -> &'a str {
    let rows = push["results"].as_array().unwrap();
    let bad = rows.iter().find(|row| row["host"] == host && row["result"] != "ok" && row["result"] != "skipped");
    bad.and_then(|row| row["why"].as_str()).unwrap_or_default()
}

#[tokio::test]
async fn at_stop_no_fault_of_one_of_24_hosts_lets_any_host_flip() {
    let names: Vec<String> = (1..=24).map(|n| format!("w{n}")).collect();
    let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
    // All at once, so that each fault is met in one push.
    let house = House::build(Plans { qa: &hosts, commands: ROLL_OUT, stage: "chunk = 24", ..Plans::default() }).await;

    house.break_all(&[("w2", How::Rekeyed)]).await;
    let ended = house.push_once().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Unreachable), ["w2"]);
    assert_eq!(with(&found, HostResult::Skipped).len(), 23);
    assert!(why(&ended).contains("no host was touched") && why(&ended).contains("host key of w2 has changed"));
    assert!(house.flipped(&ended, &hosts).is_empty() && !house.srv("w1").join("web").exists());
    house.mend_all(&["w2"]).await;

    house.break_all(&[("w3", How::Full), ("w4", How::Readonly), ("w5", How::Torn)]).await;
    let ended = house.push_once().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Failed), ["w3", "w4", "w5"], "{ended:#}");
    assert!(reason(&ended, "w3").contains("No space left"), "{}", reason(&ended, "w3"));
    assert!(reason(&ended, "w4").contains("Read-only"), "{}", reason(&ended, "w4"));
    assert!(!reason(&ended, "w5").is_empty());
    assert!(house.flipped(&ended, &hosts).is_empty());
    house.mend_all(&["w3", "w4", "w5"]).await;

    let id = house.press("qa").await;
    for host in ["w6", "w7"] {
        house.journal_says(id, &format!("begun {host}\"")).await;
    }
    house.break_all(&[("w6", How::Hung), ("w7", How::Dead)]).await;
    let ended = house.ended(id).await;
    house.mend_all(&["w6", "w7"]).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Unknown), ["w6", "w7"], "{ended:#}");
    assert!(house.flipped(&ended, &hosts).is_empty());
    assert_eq!(house.stack_view().await["hold"]["push"], id);

    // The torn release of w5 was never taken for a whole one, and all of them are well again.
    hosts.iter().for_each(|host| std::fs::write(house.srv(host).join("go-on"), "").unwrap());
    let again = house.resume_of(&ended).await;
    assert_eq!(again["push"]["state"], "succeeded", "{again:#}");
    assert_eq!(house.flipped(&again, &hosts), hosts);
    assert_eq!(served(&house.fleet, "w5"), served(&house.fleet, "w1"));
}

#[tokio::test]
async fn at_continue_each_fault_costs_its_own_host_and_no_other() {
    let stage = "on_failure = \"continue\"";
    let house = House::build(Plans { qa: &EIGHT, commands: ROLL_OUT, stage, ..Plans::default() }).await;
    let next = house.button("qa").await;
    let troubles = [("w3", How::Rekeyed), ("w4", How::Full), ("w5", How::Readonly), ("w6", How::Torn)];
    house.break_all(&troubles).await;
    let answer = house.press_with("qa", &next).await;
    let id = answer.push_id();
    house.journal_says(id, "begun w7\"").await;
    house.break_all(&[("w7", How::Hung)]).await;
    let ended = house.ended(id).await;
    house.mend_all(&["w3", "w4", "w5", "w6", "w7"]).await;
    assert_eq!(ended["push"]["state"], "degraded", "{ended:#}");
    assert!(why(&ended).contains("5 of 8 hosts did not complete the push"), "{}", why(&ended));
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Unreachable), ["w3"]);
    assert_eq!(with(&found, HostResult::Failed), ["w4", "w5", "w6"]);
    assert_eq!(with(&found, HostResult::Unknown), ["w7"]);
    assert_eq!(with(&found, HostResult::Ok), ["w1", "w2", "w8"]);
    assert_eq!(house.flipped(&ended, &EIGHT), ["w1", "w2", "w8"]);

    let again = house.resume_of(&ended).await;
    assert_eq!(again["push"]["state"], "succeeded", "{again:#}");
    assert_eq!(house.flipped(&again, &EIGHT), EIGHT);
}

#[tokio::test]
async fn at_rollback_what_was_live_goes_back_onto_what_was_touched_and_everybody_is_told() {
    let channels = Channels::open().await;
    let config = channels.config();
    let commands = r#"
      { release = "/srv/web" },
      { activate = "/srv/web" },
      { run = "echo {sha} >>/srv/restarts; [ ! -e /srv/fail ] || [ {sha} = $(cat /srv/good) ]", chunk = 2 },
    "#;
    let stage = "on_failure = \"rollback\"\nfinally = [\"echo it $PUSH_RESULT\"]";
    let house = House::build(Plans { qa: &EIGHT, commands, stage, config, ..Plans::default() }).await;
    let fail = |host: &str| house.srv(host).join("fail");

    std::fs::write(fail("w2"), "").unwrap();
    std::fs::write(house.srv("w2").join("good"), "none").unwrap();
    let ended = house.push_once().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert!(
        why(&ended).starts_with("no other build was live before, so the links went back as they were on all 8 hosts"),
        "{}",
        why(&ended)
    );
    std::fs::remove_file(fail("w2")).unwrap();
    let good = house.push_once().await;
    assert_eq!(good["push"]["state"], "succeeded", "{good:#}");
    let (sha, build) = (good["push"]["sha"].as_str().unwrap(), good["push"]["build"].as_str().unwrap());
    let before: Vec<_> = EIGHT.iter().map(|host| tree(&house.srv(host).join("web/releases").join(build))).collect();
    EIGHT.iter().for_each(|host| std::fs::write(house.srv(host).join("good"), sha).unwrap());

    // One host of the second chunk fails after all have flipped: all go back, and run it again.
    house.commit().await;
    std::fs::write(fail("w3"), "").unwrap();
    let plan = house.get("/api/v1/stacks/web/stages/qa/plan").await.text;
    assert!(plan.contains("\"rollback: activate /srv/web\"") && plan.contains("\"part\":\"undo\""), "{plan}");
    let ended = house.push_once().await;
    let id = ended["push"]["id"].as_i64().unwrap();
    let log = house.log(id).await;
    assert_eq!(ended["push"]["state"], "rolled back", "{ended:#}\n{log}");
    let bad = ended["push"]["sha"].as_str().unwrap();
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Failed), ["w3"]);
    assert_eq!(with(&found, HostResult::Skipped).len(), 7, "nobody has the new build");
    assert!(why(&ended).ends_with(&format!("{} is back on all 8 hosts that were touched", &sha[..7])), "{ended:#}");
    for (host, before) in EIGHT.iter().zip(&before) {
        assert_eq!(house.live_build(host).as_deref(), Some(build), "{host}");
        assert_eq!(&tree(&house.srv(host).join("web/releases").join(build)), before, "{host}, byte for byte");
        let restarts = std::fs::read_to_string(house.srv(host).join("restarts")).unwrap();
        assert!(restarts.trim().ends_with(sha), "{host} runs what it serves: {restarts}");
    }
    assert!(!std::fs::read_to_string(house.srv("w8").join("restarts")).unwrap().contains(bad));
    assert!(log.contains(&format!("rolls back to {build} on 8 hosts: command 6")), "{log}");
    assert!(log.contains("rollback: activate /srv/web") && log.contains("out | it rolled back"), "{log}");
    assert_eq!(house.stage("qa").await["current"]["build"], build);
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("was rolled back") && page.contains("rollback: release /srv/web"), "{page}");
    let refused = house.send("POST", &format!("/api/v1/pushes/{id}/resume"), &json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let words = format!("ROLLED BACK to {}, 0 of 8 hosts", &sha[..7]);
    channels.irc_says(&words).await;
    channels.mail_says("[push] ROLLED BACK web Qa").await;
    std::fs::remove_file(fail("w3")).unwrap();

    // Someone has put other things at `current` of two hosts: each host goes back to exactly what it had.
    for (host, script) in
        [("w5", "mkdir -p /srv/by-hand && ln -sfn /srv/by-hand /srv/web/current"), ("w6", "rm /srv/web/current")]
    {
        assert!(house.fleet.ssh(host, script).await.unwrap().status.success());
    }
    std::fs::write(fail("w3"), "").unwrap();
    let ended = house.push_once().await;
    std::fs::remove_file(fail("w3")).unwrap();
    let id = ended["push"]["id"].as_i64().unwrap();
    assert_eq!(ended["push"]["state"], "rolled back", "{ended:#}\n{}", house.log(id).await);
    let current = |host: &str| std::fs::read_link(house.srv(host).join("web/current")).ok();
    assert_eq!((current("w5"), current("w6")), (Some("/srv/by-hand".into()), None), "{}", house.log(id).await);
    for host in ["w1", "w2", "w3", "w4", "w7", "w8"] {
        assert_eq!(house.live_build(host).as_deref(), Some(build), "{host}");
    }
    let words = "w5 as it was (the link is back, current -> /srv/by-hand), w6 as it was (the link is back, there is no current)";
    assert!(why(&ended).ends_with(words), "{}", why(&ended));
    assert_eq!(ended["push"]["hosts_ok"], 0, "{ended:#}");
    let left = |push: &Value, host: &str| {
        push["left_with"].as_array().unwrap().iter().find(|left| left["host"] == host).unwrap().clone()
    };
    assert_eq!((&left(&ended, "w1")["state"], &left(&ended, "w1")["build"]), (&json!("rolled back"), &json!(build)));
    assert_eq!(left(&ended, "w5")["why"], "as it was: current -> /srv/by-hand");
    assert_eq!(left(&ended, "w6")["build"], Value::Null);
    let good = house.push_once().await;
    assert_eq!(good["push"]["state"], "succeeded", "{good:#}");

    // A rollback by hand that fails behind its flip says what is true on each host, wherever it is told.
    std::fs::write(fail("w3"), "").unwrap();
    std::fs::write(house.srv("w3").join("good"), "none").unwrap();
    let pressed = house.roll_back("qa", &json!({ "reason": "grey" })).await;
    let id = pressed.json()["id"].as_i64().unwrap();
    let back = house.ended(id).await;
    assert_eq!((&back["push"]["state"], &back["push"]["kind"]), (&json!("failed"), &json!("rollback")), "{back:#}");
    let words = format!(
        "{} is back on all 8 hosts, with a failure on w3 (the link is back; command 3 failed after it)",
        &sha[..7]
    );
    assert!(why(&back).starts_with(&words), "{}", why(&back));
    assert_eq!(back["push"]["hosts_ok"], 8, "{back:#}");
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("What each host had") && page.contains(&words), "{page}");
    assert!(page.contains(&format!("has {build}; after that, ")), "{page}");
    assert!(house.log(id).await.contains(&words), "the command line shows the same record");
    channels.irc_says(&words).await;
    channels.mail_says(&words).await;

    // So does the rollback of a push by itself.
    std::fs::remove_file(fail("w3")).unwrap();
    let again = house.push_once().await;
    assert_eq!(again["push"]["state"], "succeeded", "{again:#}");
    house.commit().await;
    std::fs::write(fail("w3"), "").unwrap();
    let ended = house.push_once().await;
    std::fs::remove_file(fail("w3")).unwrap();
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let words = "is back, with a failure on 1 of 8 touched hosts: w3 (the link is back; command 11 failed after it";
    assert!(why(&ended).contains(words) && why(&ended).contains("; back: w1, w2, w4"), "{}", why(&ended));
    let good = house.push_once().await;
    assert_eq!(good["push"]["state"], "succeeded", "{good:#}");
    let build = good["push"]["build"].as_str().unwrap();

    // What fails before any flip leaves nothing to put back.
    house.break_all(&[("w4", How::Full), ("w5", How::Torn), ("w6", How::Readonly)]).await;
    let ended = house.push_once().await;
    house.mend_all(&["w4", "w5", "w6"]).await;
    assert_eq!(ended["push"]["state"], "rolled back", "{ended:#}");
    assert!(why(&ended).contains("no host had been changed"), "{}", why(&ended));
    assert_eq!(with(&results(&house, &ended), HostResult::Failed), ["w4", "w5", "w6"]);
    let undone = ended["commands"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["title"].as_str().unwrap().contains("rollback: "));
    assert!(undone.clone().count() == 4 && undone.clone().all(|row| row["started_at"].is_null()), "{ended:#}");

    // Who cannot be reached at all: nothing is touched, so nothing goes back.
    house.break_all(&[("w2", How::Rekeyed), ("w7", How::Dead)]).await;
    let ended = house.push_once().await;
    house.mend_all(&["w2", "w7"]).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert_eq!(with(&results(&house, &ended), HostResult::Unreachable), ["w2", "w7"]);
    assert!(EIGHT.iter().all(|host| house.live_build(host).as_deref() == Some(build)), "{ended:#}");
}

#[tokio::test]
async fn hosts_that_die_or_hang_after_their_flip_are_not_called_back_and_a_resume_does_not_trust_what_went_back() {
    let commands = r#"
      { release = "/srv/web" },
      { activate = "/srv/web" },
      { run = "echo begun {host}; while [ -e /srv/wait ]; do sleep 0.1; done", timeout = "20s" },
    "#;
    let hosts = &EIGHT[..4];
    let stage = "on_failure = \"rollback\"";
    let house = House::build(Plans { qa: hosts, commands, stage, ..Plans::default() }).await;
    let good = house.push_once().await;
    assert_eq!(good["push"]["state"], "succeeded", "{good:#}");
    house.commit().await;
    ["w2", "w3"].iter().for_each(|host| std::fs::write(house.srv(host).join("wait"), "").unwrap());
    let id = house.press("qa").await;
    house.journal_says(id, "begun w2\"").await;
    house.journal_says(id, "begun w3\"").await;
    house.break_all(&[("w2", How::Dead), ("w3", How::Hung)]).await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert!(why(&ended).contains("is not back on 2 of 4 touched hosts: w2 (w2 refuses connections"), "{}", why(&ended));
    assert!(why(&ended).contains("w3 (no answer within"), "{}", why(&ended));
    let found = results(&house, &ended);
    assert_eq!((with(&found, HostResult::Unknown), with(&found, HostResult::Skipped).len()), (vec!["w2", "w3"], 2));
    assert_eq!(house.flipped(&ended, hosts), ["w2", "w3"], "the others are back");
    assert_eq!(house.stack_view().await["hold"]["push"], id);

    house.mend_all(&["w2", "w3"]).await;
    ["w2", "w3"].iter().for_each(|host| std::fs::remove_file(house.srv(host).join("wait")).unwrap());
    let again = house.resume_of(&ended).await;
    assert_eq!(again["push"]["state"], "succeeded", "{again:#}");
    assert_eq!(house.flipped(&again, hosts), hosts, "what went back was done again");
    assert!(house.stack_view().await["hold"].is_null());
}

#[tokio::test]
async fn at_drop_hosts_leave_as_long_as_they_may_and_the_rest_go_on() {
    let stage = r#"
on_failure = "drop"
max_dropped = 5
drop = [{ local = "/bin/sh -c 'echo $0 >>$HOME/left; [ ! -e $HOME/stuck ]' {host}", as = "operator", name = "out of the balancer" }]"#;
    let house = House::build(Plans { qa: &EIGHT, commands: ROLL_OUT, stage, ..Plans::default() }).await;
    let left = || {
        let text = std::fs::read_to_string(house.dir.path().join("left")).unwrap_or_default();
        let mut hosts: Vec<String> = text.lines().map(str::to_owned).collect();
        hosts.sort();
        hosts
    };

    // One cannot be reached, three cannot take the release, one hangs later: they leave in three goes.
    let next = house.button("qa").await;
    let troubles = [("w2", How::Rekeyed), ("w3", How::Readonly), ("w4", How::Full), ("w5", How::Torn)];
    house.break_all(&troubles).await;
    let answer = house.press_with("qa", &next).await;
    let id = answer.push_id();
    house.journal_says(id, "begun w6\"").await;
    house.break_all(&[("w6", How::Hung)]).await;
    let ended = house.ended(id).await;
    house.mend_all(&["w2", "w3", "w4", "w5", "w6"]).await;
    assert_eq!(ended["push"]["state"], "degraded", "{ended:#}\n{}", house.log(id).await);
    let found = results(&house, &ended);
    assert_eq!(with(&found, HostResult::Dropped), ["w2", "w3", "w4", "w5"], "{ended:#}");
    assert_eq!(with(&found, HostResult::Unknown), ["w6"], "that it left says nothing of what runs there");
    assert_eq!(with(&found, HostResult::Ok), ["w1", "w7", "w8"]);
    assert_eq!(house.flipped(&ended, &EIGHT), ["w1", "w7", "w8"]);
    assert_eq!(left(), ["w2", "w3", "w4", "w5", "w6"]);
    assert!(why(&ended).contains("5 of 8 hosts did not complete the push: w2 (dropped: "), "{}", why(&ended));
    assert_eq!(house.stack_view().await["hold"]["push"], id, "w6 is unknown");
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("not everywhere") && page.contains("drop: out of the balancer"), "{page}");
    assert!(house.log(id).await.contains("4 w4 note | dropped from the push"));

    // What is left of it goes onto those that left, once they are well.
    let again = house.resume_of(&ended).await;
    assert_eq!(again["push"]["state"], "succeeded", "{again:#}");
    assert_eq!(house.flipped(&again, &EIGHT), EIGHT);

    // More than may leave: nobody does, and the push stops as it does at `stop`.
    house.commit().await;
    EIGHT.iter().for_each(|host| std::fs::write(house.srv(host).join("go-on"), "").unwrap());
    EIGHT[..6].iter().for_each(|host| std::fs::write(house.srv(host).join("fail"), "").unwrap());
    let ended = house.push_once().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert_eq!(with(&results(&house, &ended), HostResult::Failed), EIGHT[..6]);
    assert!(house.flipped(&ended, &EIGHT).is_empty());
    assert_eq!(left().len(), 5, "nobody left");

    // A host that cannot leave has failed, and none may.
    EIGHT[1..6].iter().for_each(|host| std::fs::remove_file(house.srv(host).join("fail")).unwrap());
    std::fs::write(house.dir.path().join("stuck"), "").unwrap();
    let ended = house.push_once().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert_eq!(with(&results(&house, &ended), HostResult::Failed), ["w1"]);
    assert!(why(&ended).starts_with("could not drop w1 (command 5 failed"), "{}", why(&ended));
    assert!(why(&ended).contains("not removed from service: command 8 failed: exited with 1"), "{}", why(&ended));
    assert!(house.flipped(&ended, &EIGHT).is_empty());
}
