//! A question that someone else must answer than who started the push, asked by a real runner.

use crate::cli::pushbutton;
use crate::house::{House, Plans, until};
use serde_json::json;

#[tokio::test]
async fn who_started_a_push_does_not_answer_a_question_that_is_for_another() {
    let commands = r#"{ confirm = { ask = "Fine?", by = "another" } }, { run = "true", chunk = [1, 2], confirm = { ask = "Grow?", by = "another" } }"#;
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    house.journal_says(id, "\"question\":\"Fine?\"").await;
    let address = format!("/api/v1/pushes/{id}/confirm");
    for answer in ["yes", "no"] {
        let own = house.send("POST", &address, &json!({ "answer": answer })).await;
        assert!(own.status == 409 && own.text.contains("another_answers"), "{}", own.text);
    }
    let asked = until("the ledger has the question", async || house.push(id).await["questions"].get(0).cloned()).await;
    assert_eq!((&asked["another"], &asked["answer"]), (&json!(true), &json!(null)));
    let number = id.to_string();
    let said = pushbutton(&house, &["confirm", &number, "--as", "joe"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    house.journal_says(id, "\"question\":\"Grow?\"").await;
    until("the ledger has it, too", async || house.push(id).await["questions"].get(1).map(|_| ())).await;
    let said = pushbutton(&house, &["confirm", &number, "--as", "mary"]).await;
    assert!(said.code == Some(1) && said.err.contains("someone else"), "{said:?}");
    let said = pushbutton(&house, &["confirm", &number, "--as", "joe"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let push = house.ended(id).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}");
    assert_eq!(push["questions"][1]["who"], "joe");
}
