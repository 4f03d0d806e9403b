//! A host that does not answer holds nobody up where its stage may lose it, and joins in when it does.

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::{House, Plans, until};
use pushbutton::demo::trouble::How;

#[tokio::test]
async fn a_hung_host_that_may_be_lost_holds_nobody_up_and_joins_when_it_answers() {
    let hosts = ["qa1", "qa2", "qa3", "qa4"];
    let commands = r#"{ run = "echo well" }"#;
    let house = House::build(Plans { qa: &hosts, commands, stage: "max_failed = 1", ..Plans::default() }).await;
    house.button("qa").await;
    let hung = house.fleet.host("qa2").unwrap();
    hung.break_(How::Hung).await.unwrap();
    let id = house.press("qa").await;
    until("the others are done", async || {
        let journal = String::from_utf8(house.journal(id)).unwrap_or_default();
        let ended = |host: &str| {
            let line = |line: &str| line.contains("\"host_ended\"") && line.contains(&format!("\"host\":\"{host}\""));
            journal.lines().any(line)
        };
        assert!(!ended("qa2"), "it hangs: {journal}");
        hosts.iter().filter(|host| **host != "qa2").all(|host| ended(host)).then_some(())
    })
    .await;
    hung.mend().await.unwrap();
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", house.log(id).await);
    assert_eq!(push["push"]["hosts_ok"], 4, "{push:#}");
}

#[tokio::test]
async fn connecting_is_a_step_of_its_own_that_names_who_is_waited_for_and_who_did_not_come() {
    // Nobody keeps the hosts connected, so that the push itself connects.
    let config = "warm_hosts = 0\n".to_owned();
    let commands = r#"{ run = "echo well" }"#;
    let house = House::build(Plans { qa: &["qa1", "qa2", "qa3"], commands, config, ..Plans::default() }).await;
    house.button("qa").await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    let qa2 = house.fleet.host("qa2").unwrap();
    qa2.break_(How::Hung).await.unwrap();
    let id = house.press("qa").await;
    browser.go(&format!("/pushes/{id}")).await;
    browser.says("#connect", "2 of 3 hosts; waiting for qa2").await;
    let progress = browser.says(".prog-txt", "Connecting · 2 of 3 hosts · ").await;
    assert!(progress.contains(" s · waiting for qa2"), "{progress}");
    let connecting = house.push(id).await["connecting"].clone();
    assert_eq!((&connecting["state"], &connecting["connected"]), (&"under_way".into(), &2.into()), "{connecting}");
    assert_eq!(connecting["waits_for"], serde_json::json!(["qa2"]));
    qa2.mend().await.unwrap();
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", house.log(id).await);
    assert_eq!((&push["connecting"]["state"], &push["connecting"]["connected"]), (&"done".into(), &3.into()));
    browser.says("#connect", "Connected").await;
    browser.go(&format!("/pushes/{id}")).await;
    browser.says(".wf > div", "Connected to 3 hosts").await;
    browser.pictures("push-connected").await;
    let (log, told) = (house.log(id).await, pushbutton(&house, &["follow", &id.to_string()]).await);
    for line in
        ["connecting to 3 hosts", "connecting: 2 of 3 hosts after ", ", waiting for qa2", "connected to 3 hosts in "]
    {
        assert!(log.contains(line) && told.out.contains(line), "{line}: {log}\n{}", told.out);
    }
    let time =
        |text: &str| text.lines().find_map(|line| Some(line.split_once("connected to 3 hosts in ")?.1.to_owned()));
    assert_eq!(time(&log), time(&told.out), "everywhere the same time");

    qa2.break_(How::Dead).await.unwrap();
    let id = house.press("qa").await;
    let push = house.ended(id).await;
    assert_eq!((&push["push"]["state"], &push["connecting"]["missing"][0]["host"]), (&"failed".into(), &"qa2".into()));
    assert!(house.log(id).await.contains("connected to 2 of 3 hosts in "), "{}", house.log(id).await);
    assert!(house.log(id).await.contains("; not reached: qa2 ("), "{}", house.log(id).await);
    browser.go(&format!("/pushes/{id}")).await;
    browser.says(".wf > div", "Connected to 2 of 3 hosts").await;
    browser.says(".wf > div small", "not reached: qa2 (").await;
    browser.pictures("push-not-all-connected").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
