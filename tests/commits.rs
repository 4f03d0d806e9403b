//! `$PUSH_COMMITS`: what a push brings or takes away, as data for every command on the push host, isolated or the operator's own; and the
//! example of the docs, which makes links of tickets.

use crate::house::{DEADLINE, House};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// The example of docs/stack-file.md.
const TICKETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hooks/tickets.py");

/// The documents that a push's commands printed, by the command's own mark: `BUILD {…}`.
fn printed(log: &str, mark: &str) -> Value {
    let start = format!("out | {mark} {{");
    let line = log.lines().find_map(|line| Some(&line[line.find(&start)? + start.len() - 1..]));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no {mark} in {log}"))).unwrap()
}

#[tokio::test]
async fn every_command_on_the_push_host_is_told_the_commits_that_a_push_brings_or_takes_away() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["qa1"]).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let tickets = dir.path().join("tickets.py");
    std::fs::copy(TICKETS, &tickets).unwrap();
    std::fs::set_permissions(&tickets, PermissionsExt::from_mode(0o755)).unwrap();
    let show = |mark: &str| format!("echo {mark} $(cat $PUSH_COMMITS)");
    let stack = format!(
        "source = {{ git = {:?}, branch = \"main\" }}\nbuild = [{:?}, \"echo x >>$PUSH_COMMITS || echo cannot be written\"]\n\
         diff = \"https://git.example.com/web/compare/{{old_sha}}...{{sha}}\"\n\
         [[stage]]\nname = \"qa\"\nhosts = [\"qa1\"]\n\
         before = [{{ local = \"{} https://tickets.example.com/browse/\", as = \"operator\" }}]\n\
         commands = [{:?}, {{ release = \"/srv/web\" }}, {{ activate = \"/srv/web\" }}]\nfinally = [{:?}]\n",
        shop.dir(),
        show("BUILD"),
        tickets.display(),
        show("LOCAL"),
        show("FINALLY"),
    );
    let house = House::raise(dir, fleet, shop, &stack, "", None).await;
    let first = house.push_well("qa").await;
    let log = house.log(1).await;
    let file = printed(&log, "BUILD");
    assert!(file["from"].is_null() && file["to"] == first["push"]["sha"], "{file:#}");

    // Two commits, one of which names a ticket; what they say is data.
    let says = ["commit", "--quiet", "--allow-empty", "-m", "WEB-214: Wrap gifts, \"twice\" $(id) 'x'"];
    let git = Program::new("git").arg("-C").arg(house.shop.dir()).args([
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.com",
    ]);
    assert!(git.args(says).output(DEADLINE).await.unwrap().status.success());
    let head = house.commit().await;
    house.push_well("qa").await;
    let log = house.log(2).await;
    assert!(log.contains("cannot be written"), "{log}");
    let all = ["BUILD", "LOCAL", "FINALLY"].map(|mark| printed(&log, mark));
    assert!(all[0] == all[1] && all[1] == all[2], "{all:#?}");
    let file = &all[0];
    let plain = ["stack", "stage", "who", "kind", "to", "from"].map(|key| file[key].as_str().unwrap().to_owned());
    assert_eq!(plain, ["web", "qa", "mary", "push", &head, first["push"]["sha"].as_str().unwrap()]);
    assert_eq!((&file["push"], &file["rollback"], &file["count"]), (&2.into(), &false.into(), &2.into()));
    assert!(file["url"].as_str().unwrap().ends_with("/pushes/2") && file["diff"].as_str().unwrap().ends_with(&head));
    let commits = file["commits"].as_array().unwrap();
    assert_eq!(commits.len(), 2);
    assert_eq!(commits[1]["subject"], "WEB-214: Wrap gifts, \"twice\" $(id) 'x'");
    assert!(commits.iter().all(|commit| commit["removed"] == false && commit["email"].as_str().unwrap().contains('@')));
    let page = house.get("/pushes/2").await.text;
    assert!(page.contains("https://tickets.example.com/browse/WEB-214"), "the push keeps the link");
    let plan = house.get("/api/v1/stacks/web/stages/qa/plan").await.text;
    assert!(!plan.contains("WEB-214") && !plan.contains("commits.json"), "the plan says what is done: {plan}");
    assert!(!house.push_dir(2).join("commits.json").exists(), "it ends with the push");

    let body = serde_json::json!({ "reason": "the fair" });
    let back = house.send("POST", "/api/v1/stacks/web/stages/qa/rollback", &body).await.push_id();
    assert_eq!(house.ended(back).await["push"]["state"], "succeeded");
    let log = house.log(back).await;
    let file = printed(&log, "LOCAL");
    assert_eq!((&file["kind"], &file["rollback"], &file["count"]), (&"rollback".into(), &true.into(), &2.into()));
    assert_eq!(file["from"], head);
    assert!(file["commits"].as_array().unwrap().iter().all(|commit| commit["removed"] == true), "{file:#}");
    assert!(log.contains("link: WEB-214 (open again) https://tickets.example.com/browse/WEB-214"), "{log}");
}
