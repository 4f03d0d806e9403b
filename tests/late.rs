//! A host that does not answer holds nobody up where its stage may lose it, and joins in when it does.

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
