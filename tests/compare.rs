//! Any two versions of a stack, compared: by page, by the API, on the command line; what a stage ran at a time, both ways, and who pushed what in
//! between.

use crate::cli::pushbutton;
use crate::house::{House, Plans};
use pushbutton::address::encoded;
use serde_json::Value;

impl House {
    async fn compare(&self, from: &str, to: &str) -> Value {
        let answer = self.get(&format!("/api/v1/stacks/web/compare?from={}&to={}", encoded(from), encoded(to))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }
}

fn shas(of: &Value) -> Vec<&str> {
    of["commits"].as_array().unwrap().iter().map(|commit| commit["sha"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn two_versions_are_compared_by_push_build_revision_stage_and_time() {
    let mut house = House::build(Plans { qa: &["qa1"], prod: &["web001"], ..Plans::default() }).await;
    let first = house.push_well("qa").await;
    let (one, two) = (house.commit().await, house.commit().await);
    house.sign_in("kate").await;
    let second = house.push_well("qa").await;
    let promoted = house.push_well("prod").await;
    let three = house.commit().await;
    let third = house.push_well("qa").await;
    let number = |push: &Value| push["push"]["id"].as_i64().unwrap();
    let text = |push: &Value, key: &str| push["push"][key].as_str().unwrap().to_owned();

    // A push against what the stage runs now; the same by build, by revision, and by the moment at which the first push had ended.
    let sha = text(&first, "sha");
    let all = [
        format!("#{}", number(&first)),
        text(&first, "build"),
        sha[..10].to_owned(),
        format!("qa@{}", text(&first, "ended_at")),
    ];
    for from in &all {
        let compared = house.compare(from, "qa").await;
        assert_eq!(shas(&compared["added"]), [&*three, &*two, &*one], "{from}: {compared:#}");
        assert_eq!((&compared["added"]["count"], &compared["removed"]["count"]), (&3.into(), &0.into()));
        assert_eq!((&compared["from"]["sha"], &compared["to"]["push"]), (&sha.as_str().into(), &number(&third).into()));
        assert!(compared["diff"].as_str().unwrap().ends_with(&format!("{sha}...{three}")), "{compared:#}");
    }
    // The pushes in between: to the stage, where both ends are of it.
    let compared = house.compare(&all[0], "qa").await;
    let pushed: Vec<_> =
        compared["pushes"].as_array().unwrap().iter().map(|push| (&push["id"], &push["who"])).collect();
    let (a, b) = (Value::from(number(&third)), Value::from(number(&second)));
    let kate = Value::from("kate");
    assert_eq!(pushed, [(&a, &kate), (&b, &kate)], "not the one to prod");

    // The other way around everything is removed; and two stages.
    let back = house.compare("qa", &number(&first).to_string()).await;
    assert_eq!((&back["added"]["count"], shas(&back["removed"])), (&0.into(), vec![&*three, &*two, &*one]));
    let stages = house.compare("prod", "qa").await;
    assert_eq!((shas(&stages["added"]), &stages["from"]["push"]), (vec![&*three], &number(&promoted).into()));
    assert_eq!(stages["pushes"].as_array().unwrap().len(), 1, "of any stage, after the one and up to the other");

    // What is not there, and what cannot be read.
    for (from, to, status, words) in [
        ("qa@2001-01-01", "qa", 404, "a build on web/qa at that time does not exist"),
        ("staging@Friday", "qa", 400, "is not a stage of this stack"),
        ("qa@yesterday", "qa", 400, "is not a time"),
        ("99", "qa", 404, "push 99 of web does not exist"),
        ("qa", "", 400, "`to` is missing"),
    ] {
        let answer = house.get(&format!("/api/v1/stacks/web/compare?from={}&to={}", encoded(from), encoded(to))).await;
        assert!(answer.status == status && answer.text.contains(words), "{from}: {} {}", answer.status, answer.text);
    }

    let page = house.get("/stacks/web/compare?from=prod&to=qa").await;
    assert!(
        page.status == 200 && page.text.contains("Added: 1 commit") && page.text.contains(&three[..7]),
        "{}",
        page.text
    );
    assert!(page.text.contains("Release notes (Markdown)") && page.text.contains("in qa, not in prod"));
    assert_eq!(house.get("/stacks/web/compare").await.status, 200);
    let notes = house.get("/api/v1/stacks/web/compare?from=prod&to=qa&format=markdown").await;
    assert!(notes.text.starts_with("# web: prod (`") && notes.text.contains("## 1 commit added"), "{}", notes.text);

    let said = pushbutton(&house, &["compare", "web", &format!("prod@{}", text(&promoted, "ended_at")), "qa"]).await;
    assert!(said.code == Some(0) && said.out.contains("1 commit added:") && said.out.contains(&three[..7]), "{said:?}");
    let said = pushbutton(&house, &["compare", "web", "prod", "qa", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["added"]["count"], 1);
    let said = pushbutton(&house, &["compare", "web", "nowhere@Friday", "qa"]).await;
    assert!(said.code == Some(1) && said.err.contains("is not a stage of this stack"), "{said:?}");
}
