//! A failure is told everywhere in the same words: page, history, IRC, mail.

use crate::house::{Channels, House, Plans};

#[tokio::test]
async fn a_failing_command_on_one_of_24_hosts_ends_failed_and_everybody_learns_which_and_why() {
    let channels = Channels::open().await;
    let names: Vec<String> = (1..=24).map(|n| format!("web{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let commands = r#"
        { release = "/srv/web" },
        { run = "if [ {host} = web017 ]; then echo 'no space left on device' >&2; exit 7; fi; echo fine" },
        { activate = "/srv/web" },
    "#;
    let house = House::build(Plans { qa: &names, commands, config: channels.config(), ..Plans::default() }).await;
    let id = house.press("qa").await;
    let push = house.ended(id).await;

    assert_eq!(push["push"]["state"], "failed");
    let why = push["push"]["why"].as_str().unwrap();
    assert!(why.contains("web017") && why.contains("exited with 7: no space left on device"), "{why}");
    let bad: Vec<&str> = push["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["result"] == "failed")
        .map(|row| row["host"].as_str().unwrap())
        .collect();
    assert_eq!(bad, ["web017"]);
    let commands = push["commands"].as_array().unwrap();
    let flip = commands.iter().find(|row| row["title"].as_str().unwrap().starts_with("activate")).unwrap();
    assert!(flip["started_at"].is_null(), "no host was flipped: {flip}");
    for name in &names {
        assert!(!house.fleet.host(name).unwrap().srv_dir().join("web/current").exists(), "{name}");
    }
    let page = house.get(&format!("/pushes/{id}")).await.text;
    assert!(page.contains("web017") && page.contains("no space left on device"));
    let history = house.get("/pushes?state=failed").await.text;
    assert!(history.contains(&format!("/pushes/{id}")));

    let line = channels.irc_says("FAILED").await;
    assert!(line.contains("web017") && line.contains(&format!("/pushes/{id}")), "{line}");
    let told = channels.mail_says("FAILED").await;
    assert!(told.contains("web017"), "{told}");
}
