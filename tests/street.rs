//! The one-way street: a later stage takes exactly the build that its predecessor runs.

use crate::house::{House, served, tree};

#[tokio::test]
async fn prod_gets_exactly_the_bytes_of_princess_although_commits_were_made_since() {
    let house = House::plain().await;
    let qa = house.push_well("qa").await;
    let princess = house.push_well("princess").await;
    let before = served(&house.fleet, "princess1");

    // The world goes on: two commits, one of them on QA already.
    house.commit().await;
    house.commit().await;
    house.push_well("qa").await;
    house.commit().await;
    let prod = house.push_well("prod").await;

    assert_eq!(prod["push"]["build"], qa["push"]["build"]);
    assert_eq!(prod["push"]["root"], princess["push"]["root"]);
    assert_eq!(served(&house.fleet, "web001"), before, "prod serves princess's bytes");
    assert_ne!(served(&house.fleet, "qa1"), before, "qa moved on");
    let build = house.data().join("builds/web").join(qa["push"]["build"].as_str().unwrap()).join("tree");
    assert_eq!(tree(&build), before, "and they are the build's");
    for stage in ["princess", "prod"] {
        let current = house.stage(stage).await["current"].clone();
        assert_eq!(current["root"], qa["push"]["root"], "{stage} shows the root");
        assert_eq!(current["sha"], qa["push"]["sha"], "{stage} shows the revision");
    }
}

#[tokio::test]
async fn a_press_on_what_has_moved_since_pushes_nothing() {
    let house = House::plain().await;
    let old = house.button("qa").await;
    let new = house.commit().await;
    let answer = house.press_with("qa", &old).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.text.contains("moved"), "{}", answer.text);
    assert!(answer.text.contains(new.as_str()), "what could be pushed now: {}", answer.text);
    assert!(house.stage("qa").await["last"].is_null(), "nothing was pushed");
}
