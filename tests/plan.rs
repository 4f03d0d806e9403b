//! What a press would do is shown before it is done, and is what is done: files, bytes, hosts, time, hash.

use crate::house::{House, Plans, served, until};
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::time::Duration;

impl House {
    async fn plan(&self, stage: &str) -> Value {
        self.button(stage).await;
        let plan = self.get(&format!("/api/v1/stacks/web/stages/{stage}/plan")).await;
        assert_eq!(plan.status, 200, "{}", plan.text);
        serde_json::from_str(&plan.text).unwrap()
    }
}

#[tokio::test]
async fn a_plan_tells_the_files_the_bytes_and_the_time_before_the_press() {
    let commands = r#"
        { release = "/srv/web" },
        { activate = "/srv/web" },
        { run = "true", chunk = [1, 10] },
    "#;
    let plans = Plans { qa: &["qa1"], princess: &["p1", "p2", "p3"], commands, ..Plans::default() };
    let house = House::build(plans).await;

    let first = house.plan("qa").await;
    assert!(first["changes"].is_null() && first["usual"].is_null(), "nobody knows yet: {first:#}");
    let page = house.get("/stacks/web/stages/qa/plan").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("no history yet") && page.text.contains("known when the build is made"),
        "{}",
        page.text
    );
    house.push_well("qa").await;

    let princess = house.plan("princess").await;
    let changes = &princess["changes"];
    let build = house.data().join("builds/web").join(princess["build"].as_str().unwrap()).join("tree");
    let files = served(&house.fleet, "qa1");
    let size: u64 = files.keys().map(|path| std::fs::metadata(build.join(path)).unwrap().len()).sum();
    assert_eq!((&changes["of"], &changes["counts"]), (&json!("builds"), &json!([files.len(), 0, 0])));
    assert_eq!(changes["bytes"], json!({ "each_host": size, "in_all": 3 * size }));
    let steps = princess["commands"].as_array().unwrap();
    assert_eq!(steps[1]["chunks"], json!([["p1", "p2", "p3"]]), "the flip goes to all at once");
    assert_eq!(
        (&steps[2]["chunks"], &steps[2]["pace"]),
        (&json!([["p1"], ["p2", "p3"]]), &json!("1 first, then the other 2 at once"))
    );
    house.push_well("princess").await;

    // A commit changes one file of the repository; what the build makes of it is known when it is made.
    house.commit().await;
    let qa = house.plan("qa").await;
    assert_eq!(
        (&qa["changes"]["of"], &qa["changes"]["changed"]),
        (&json!("commits"), &json!(["products.csv"])),
        "{qa:#}"
    );
    assert!(qa["changes"]["bytes"].is_null() && qa["usual"]["pushes"] == 1, "{qa:#}");
    house.push_well("qa").await;
    let princess = house.plan("princess").await;
    let mut brought: Vec<&str> = ["changed", "added"]
        .into_iter()
        .flat_map(|kind| princess["changes"][kind].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    brought.sort_unstable();
    let (before, after) = (served(&house.fleet, "p1"), served(&house.fleet, "qa1"));
    let differ: Vec<&str> =
        after.iter().filter(|(path, hash)| before.get(*path) != Some(hash)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(brought, differ, "the very files that differ between what the two stages have");

    let pushed = house.push_well("princess").await;
    assert_eq!(pushed["push"]["plan_hash"], princess["plan_hash"], "what was shown is what was done");
    assert_eq!(served(&house.fleet, "p3"), after);
    let again = house.plan("princess").await;
    assert_eq!(again["changes"]["counts"], json!([0, 0, 0]));

    // A branch that cannot stand in a path is refused where the plan is shown, and at the press, before a push has a number.
    let git = Program::new("git").args(["branch", "feature/x"]).dir(house.shop.dir());
    assert!(git.output(Duration::from_secs(20)).await.unwrap().status.success());
    let file = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("branch = \"main\"", "branch = \"feature/x\"");
    let rsync = "{ rsync = \"./\", to = \"/srv/refs/{ref}/\" },\n        { release = \"/srv/web\" },";
    std::fs::write(&file, text.replace("{ release = \"/srv/web\" },", rsync)).unwrap();
    let bad = until("the plan is of the other branch", async || {
        let plan = house.get("/api/v1/stacks/web/stages/qa/plan").await;
        let plan: Value = serde_json::from_str(&plan.text).unwrap_or_default();
        plan["why_not"].as_str().is_some_and(|why| why.contains("{ref}")).then_some(plan)
    })
    .await;
    let words = "{ref} in the path /srv/refs/{ref}/ is `feature/x`";
    assert!(bad["why_not"].as_str().unwrap().starts_with(words), "{bad:#}");
    let page = house.get("/stacks/web/stages/qa/plan").await.text;
    assert!(
        page.contains("Not now:") && page.contains("is `feature&#x2F;x`") || page.contains("is `feature/x`"),
        "{page}"
    );
    let refused = house.press_with("qa", &bad).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let said: Value = serde_json::from_str(&refused.text).unwrap();
    assert!(said.to_string().contains("path_value") && said.to_string().contains(words), "{said:#}");
    assert_eq!(house.stage("qa").await["last"]["state"], "succeeded", "no push was made of it");
}

#[tokio::test]
async fn a_branch_that_cannot_stand_in_a_path_is_said_on_the_page_of_the_rollback_and_refused_before_a_push_has_a_number()
 {
    let house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    let git = Program::new("git").args(["branch", "feature/x"]).dir(house.shop.dir());
    assert!(git.output(Duration::from_secs(20)).await.unwrap().status.success());
    let file = house.dir.path().join("stacks/web.toml");
    let main = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, main.replace("branch = \"main\"", "branch = \"feature/x\"")).unwrap();
    until("the stack is of the other branch", async || {
        (house.stack_view().await["branch"] == "feature/x").then_some(())
    })
    .await;
    let first = house.push_well("qa").await;
    std::fs::write(&file, &main).unwrap();
    until("the stack is of main", async || (house.stack_view().await["branch"] == "main").then_some(())).await;
    house.commit().await;
    let second = house.push_well("qa").await;

    // From now on the branch stands in a path.
    let rsync = "{ rsync = \"./\", to = \"/srv/refs/{ref}/\" },\n        { release = \"/srv/web\" },";
    std::fs::write(&file, main.replace("{ release = \"/srv/web\" },", rsync)).unwrap();
    let words = "{ref} in the path /srv/refs/{ref}/ is `feature/x`";
    let way = until("the rollback is planned with it", async || {
        let way: Value = serde_json::from_str(&house.get("/api/v1/stacks/web/stages/qa/rollback").await.text).ok()?;
        way["why_not"].as_str().is_some_and(|why| why.starts_with(words)).then_some(way)
    })
    .await;
    assert_eq!(way["to"]["build"], first["push"]["build"], "{way:#}");
    let page = house.get("/stacks/web/stages/qa/rollback").await;
    let said = page.text.replace("&#x2F;", "/");
    assert!(page.status == 200 && said.contains("is `feature/x`, and must be one plain name there"), "{said}");
    let refused = house.send("POST", "/api/v1/stacks/web/stages/qa/rollback", &json!({ "reason": "grey" })).await;
    assert!(
        refused.status == 400 && refused.text.contains("path_value") && refused.text.contains(words),
        "{}",
        refused.text
    );
    let last = house.stage("qa").await["last"].clone();
    assert_eq!(last["id"], second["push"]["id"], "no push was made of it: {last:#}");
}
