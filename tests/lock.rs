//! At most one push at a time per stack.

use crate::house::{House, Plans};
use serde_json::Value;

#[tokio::test]
async fn of_two_simultaneous_presses_one_is_accepted_and_the_other_is_told_who_holds_the_lock() {
    let mut house = House::build(Plans { qa: &["qa1"], commands: r#"{ run = "sleep 2" }"#, ..Plans::default() }).await;
    let next = house.button("qa").await;
    house.sign_in("kate").await;
    let presses = futures::future::join_all((0..8).map(|_| house.press_with("qa", &next))).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = presses.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(accepted.len(), 1, "exactly one is accepted");
    assert_eq!(refused.len(), 7);
    let push: Value = serde_json::from_str(&accepted[0].text).unwrap();
    for answer in refused {
        assert_eq!(answer.status, 409);
        let error: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(error["error"]["code"], "locked");
        assert_eq!(error["error"]["who"], "kate");
        assert_eq!(error["error"]["push"], push["id"]);
        assert!(error["error"]["message"].as_str().unwrap().contains("kate is pushing web to qa"));
    }
    let ended = house.ended(push["id"].as_i64().unwrap()).await;
    assert_eq!(ended["push"]["state"], "succeeded");
}
