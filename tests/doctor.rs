//! `pushbutton doctor`: over a server, hosts and channels that work everything is well; each thing that is broken is named, with what to
//! do, and keeps nothing else from being looked at.

use crate::cli::{Said, pushbutton};
use crate::house::{Channels, House, Plans, listing};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// The checks of an area, as `what: state: found (cure)`.
async fn checks(house: &House, args: &[&str]) -> (Said, Value) {
    let said = pushbutton(house, &[&["doctor", "--json"], args].concat()).await;
    let json = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    (said, json)
}

fn of<'c>(checks: &'c Value, area: &str) -> Vec<&'c Value> {
    checks["checks"].as_array().unwrap().iter().filter(|check| check["area"] == area).collect()
}

/// Every finding of an area that is not ok.
fn trouble(checks: &Value, area: &str) -> Vec<String> {
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let bad = of(checks, area).into_iter().filter(|check| check["state"] != "ok");
    bad.map(|it| format!("{} {}: {} ({})", text(it, "state"), text(it, "what"), text(it, "found"), text(it, "cure")))
        .collect()
}

#[tokio::test]
async fn all_is_well_where_everything_works_and_nothing_is_changed_or_said() {
    let channels = Channels::open().await;
    let house =
        House::build(Plans { qa: &["qa1"], prod: &["web1"], config: channels.config(), ..Plans::default() }).await;
    house.push_well("qa").await;
    channels.irc_says("succeeded").await;
    channels.mail_says("succeeded").await;
    let (lines, mails) = (channels.witness.lines().len(), channels.mail.readable_mails().len());
    let before = listing(&house.fleet.host("qa1").unwrap().srv_dir());

    let (said, all) = checks(&house, &[]).await;
    assert_eq!((said.code, &all["wrong"]), (Some(0), &Value::from(0)), "{all:#}");
    for area in
        ["configuration", "server", "programs", "keys", "disk", "clock", "isolation", "channels", "stacks", "hosts"]
    {
        assert!(!of(&all, area).is_empty(), "{area}: {all:#}");
    }
    let words = |area: &str| format!("{:?}", of(&all, area));
    assert!(words("channels").contains("in #"), "{}", words("channels"));
    assert!(words("keys").contains("client_key"), "{}", words("keys"));
    assert!(words("hosts").contains("3 of 3 places ok"), "{}", words("hosts"));
    assert!(words("server").contains("answers"), "{}", words("server"));

    // A person reads the same.
    let said = pushbutton(&house, &["doctor", "--offline"]).await;
    assert!(
        said.code == Some(0) && said.out.contains("configuration\n  ok       ") && !said.out.contains("hosts\n"),
        "{said:?}"
    );

    assert_eq!(listing(&house.fleet.host("qa1").unwrap().srv_dir()), before, "nothing on a host is changed");
    let said = channels.witness.lines().split_off(lines);
    assert!(said.iter().all(|line| !line.contains("PRIVMSG")), "nothing is said on IRC: {said:?}");
    assert_eq!(channels.mail.readable_mails().len(), mails, "no mail is sent");
}

#[tokio::test]
async fn each_thing_that_is_broken_is_named_with_its_cure_and_hides_no_other() {
    let gone = "[irc]\nserver = \"127.0.0.1\"\nport = 1\ntls = false\nchannel = \"#push\"\n\
                [email]\nserver = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nfrom = \"p@example.com\"\nto = [\"t@example.com\"]\n";
    let mut house = House::build(Plans { qa: &["qa1"], config: gone.to_owned(), ..Plans::default() }).await;
    house.kill_server().await;
    crate::house::process::end_masters(&house.data());
    let dir = house.dir.path();
    std::fs::write(dir.join("stacks/api.toml"), "source = {").unwrap();
    let key = dir.join("fleet/client_key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let (said, all) = checks(&house, &[]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let has = |area: &str, words: &str| {
        let found = trouble(&all, area);
        assert!(found.iter().any(|it| it.contains(words)), "{area}: {words:?} in {found:#?}");
    };
    has("server", "warning the server: does not run (start it: ");
    has("channels", "wrong IRC: cannot reach 127.0.0.1:1");
    has("channels", "wrong Email: cannot reach 127.0.0.1:1");
    has("keys", "since other users can read it: chmod 600");
    has("stacks", "wrong api: ");
    has("hosts", "wrong web, qa1: ");

    // A file that cannot be used keeps only those from being looked at who need it.
    let config = std::fs::read_to_string(dir.join("config.toml")).unwrap();
    std::fs::write(dir.join("config.toml"), format!("nonsense = 1\n{config}")).unwrap();
    let (said, all) = checks(&house, &[]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let found = trouble(&all, "configuration");
    assert!(found.len() == 1 && found[0].contains("config.toml:1:1: unknown key `nonsense`"), "{found:?}");
    assert!(found[0].contains("`pushbutton check` shows the line") && of(&all, "programs").len() == 3, "{all:#}");

    // Less than a push needs, and soon so.
    std::fs::write(dir.join("config.toml"), config.replace("free_mib = 16", "free_mib = 900000000")).unwrap();
    let (_, all) = checks(&house, &["--offline"]).await;
    let found = trouble(&all, "disk");
    assert!(
        found.len() == 1 && found[0].starts_with("wrong ") && found[0].contains("free, a push needs 94"),
        "{found:?}"
    );

    let missing = crate::cli::said(
        crate::cli::program(&dir.join("stacks"), &["doctor"]).output(crate::house::DEADLINE).await.unwrap(),
    );
    assert!(missing.code == Some(1) && missing.out.contains("it is not there"), "{missing:?}");
}
