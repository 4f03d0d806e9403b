//! An announcement that someone sends again: by its button and by the API, for who may push to its stage; it waits anew, under its key, and the
//! audit says who did it.

use super::*;
use pushbutton::ledger::audit;
use pushbutton::ledger::outbox::{DeliveryState, again};

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_is_sent_again_by_who_may_push_there_and_the_audit_says_who() {
    let rights = "[webhook]\nurl = \"http://127.0.0.1:9/\"\n[rights]\npush = [\"mary\"]\n";
    let site = Site::at("127.0.0.1", "open", "", rights).await;
    let (mary, vera) = (site.mary().await, site.sign_in("name=vera").await);
    let journal = site.press(&mary).await;
    let there = async || site.desk.ledger().read(|connection| again::get(connection, 1)).await.unwrap().map(drop);
    until("the start is announced", there).await;
    let state = async || site.desk.ledger().read(|connection| again::get(connection, 1)).await.unwrap().unwrap().state;
    let give_up = async || {
        let spoil = |tx: &rusqlite::Transaction<'_>| outbox::failed(tx, 1, "500 <b>no</b>", None);
        site.desk.ledger().write(spoil).await.unwrap();
    };
    let button = "action=\"/announcements/1/redeliver\"";
    assert!(!site.get(&mary, "/announcements").await.text().contains(button), "what nobody has tried is sent anyway");
    give_up().await;
    let page = site.get(&mary, "/announcements").await;
    assert!(page.text().contains(button) && page.text().contains("500 &lt;b&gt;no"), "{}", page.text());
    assert!(!site.get(&vera, "/announcements").await.text().contains(button), "only who may push there");
    assert_eq!(site.post(&vera, "/announcements/1/redeliver", "").await.status, 403);
    assert_eq!(state().await, DeliveryState::GivenUp);

    let sent = site.post(&mary, "/announcements/1/redeliver", "").await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/announcements")));
    assert_eq!(state().await, DeliveryState::Waiting);
    give_up().await;
    let sent = site.send(&mary, "POST", "/api/v1/announcements/1/redeliver", "").await;
    assert_eq!(sent.status, 202);
    assert_eq!(sent.json(), serde_json::json!({ "id": 1, "channel": "webhook", "key": "push-1-started" }));
    assert_eq!(state().await, DeliveryState::Waiting);
    assert_eq!(site.send(&mary, "POST", "/api/v1/announcements/7/redeliver", "").await.status, 404);
    let noted = site.desk.ledger().read(|connection| audit::in_order(connection, "redeliver")).await.unwrap();
    assert_eq!(noted.len(), 2);
    assert!(noted[0].contains("announcement 1 (push-1-started) to webhook, which was given up"), "{noted:?}");
    give_up().await;
    site.finish(journal).await;
    until("the button on the page of the push that has ended", async || {
        site.get(&mary, "/pushes/1").await.text().contains(button).then_some(())
    })
    .await;
    let sent = site.post(&mary, "/announcements/1/redeliver", "push=1").await;
    assert_eq!(sent.header("location"), Some("/pushes/1"));
    assert!(!site.get(&mary, "/pushes/1").await.text().contains(button), "it waits already");
    site.close().await;
}
