//! Never stuck: what people order reaches its push, and pages are there, when the ledger is locked or full.

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::{House, Plans, until, waits_for};
use serde_json::{Value, json};

impl House {
    async fn orders(&self, push: i64, what: &str, body: Value) -> bool {
        (200..300).contains(&self.send("POST", &format!("/api/v1/pushes/{push}/{what}"), &body).await.status)
    }

    async fn audited(&self) -> Vec<(String, String)> {
        let ledger = rusqlite::Connection::open(self.data().join("pushbutton.db")).unwrap();
        let mut ask = ledger.prepare("SELECT who, what FROM audit ORDER BY id").unwrap();
        let rows = ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

#[tokio::test]
async fn with_a_locked_ledger_all_orders_reach_their_push_every_page_says_what_is_wrong_and_nothing_is_lost() {
    let hosts = ["qa1", "qa2", "qa3"];
    let commands = format!(
        "{{ confirm = \"Graphs calm?\", timeout = \"9m\" }}, {{ run = \"echo begun; {}\" }}, {{ run = \"touch /srv/second\" }}",
        waits_for("go")
    );
    let house = House::build(Plans { qa: &hosts, commands: &commands, stage: "chunk = 1", ..Plans::default() }).await;
    let id = house.press("qa").await;
    house.journal_says(id, "\"kind\":\"asked\"").await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    let lock = rusqlite::Connection::open(house.data().join("pushbutton.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();

    assert!(house.orders(id, "confirm", json!({ "answer": "yes" })).await);
    house.journal_says(id, "\"text\":\"begun\"").await;
    assert!(house.orders(id, "pause", json!({ "reason": "look" })).await);
    house.journal_says(id, "\"kind\":\"paused\"").await;
    let said = pushbutton(&house, &["resume", &id.to_string()]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    house.journal_says(id, "\"kind\":\"resumed\"").await;
    assert!(!said.err.contains("panic"), "{said:?}");

    // All pages, also one that nobody has asked for before, say what is wrong.
    for path in ["/", "/stacks/web", "/pushes", "/stats", "/announcements", &format!("/pushes/{id}")] {
        let words = "Pushbutton cannot write its history";
        let page = until(words, async || {
            let page = house.get(path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            page.text.contains(words).then_some(page.text)
        });
        let page = page.await;
        assert!(
            page.contains("another program has locked it") && page.contains("Running pushes continue"),
            "{path}: {page}"
        );
    }
    browser.go("/stacks/web").await;
    browser.says("[data-part=\"notices\"]", "cannot write its history").await;
    browser.pictures("ledger-locked").await;
    let refused = house.send("PUT", "/api/v1/stacks/web/hold", &json!({ "reason": "later" })).await;
    assert_eq!(refused.status, 503, "{}", refused.text);

    let said = pushbutton(&house, &["cancel", &id.to_string()]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    house.journal_says(id, "\"kind\":\"push_ended\",\"state\":\"cancelled\"").await;
    assert!(!house.fleet.host("qa1").unwrap().srv_dir().join("second").exists());
    assert!(
        !String::from_utf8_lossy(&house.journal(id)).contains("\"host\":\"qa2\",\"stream\""),
        "a cancel starts nobody"
    );

    lock.execute_batch("ROLLBACK").unwrap();
    drop(lock);
    assert_eq!(house.ended(id).await["push"]["state"], "cancelled");
    let orders = [("mary", "answer"), ("mary", "pause"), ("olga", "unpause"), ("olga", "cancel")];
    let all = until("the audit has all orders", async || {
        let all = house.audited().await;
        orders.iter().all(|(who, what)| all.iter().any(|row| row.0 == *who && row.1 == *what)).then_some(all)
    });
    all.await;
    until("pages are calm again", async || {
        let page = house.get("/stacks/web").await.text;
        (!page.contains("cannot write its history")).then_some(())
    })
    .await;
    assert_eq!(pushbutton(&house, &["verify"]).await.code, Some(0));
}
