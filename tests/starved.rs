//! A server that gets no time: it knows nothing new of its hosts, and says nothing bad of them.

use crate::house::{House, Plans, until};
use serde_json::Value;
use std::time::Duration;

/// Longer than a host may be unheard and still be called ready.
const LONG: Duration = Duration::from_secs(17);

#[tokio::test]
async fn a_server_that_was_starved_of_time_never_says_that_healthy_hosts_have_stopped_answering() {
    let config = "check_every_s = 1\nprobe_every_s = 1\n".to_owned();
    let house = House::build(Plans { qa: &["qa1", "qa2", "qa3"], config, ..Plans::default() }).await;
    let is_ready = |ready: &Value| ready["ready"] == 3;
    until("all hosts are ready", async || Some(house.stage("qa").await["ready"].clone()).filter(is_ready)).await;

    // Whole at first, then in short bursts: too short for an answer, but long enough for a page.
    let bursts = std::iter::once(LONG).chain([Duration::from_millis(2400); 7]);
    for frozen in bursts {
        house.freeze_server(true);
        tokio::time::sleep(frozen).await;
        // What is asked meanwhile is answered as soon as it has time again, before any host is heard.
        let ask = async { (house.get("/").await.text, house.stage("qa").await["ready"].clone()) };
        let wake = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            house.freeze_server(false);
        };
        let ((page, ready), ()) = tokio::join!(ask, wake);
        assert_eq!(ready["not_ready"], serde_json::json!([]), "after {frozen:?}: {ready}");
        assert!(!page.contains("stopped answering"), "after {frozen:?}: {page}");
    }
    until("they are still ready", async || Some(house.stage("qa").await["ready"].clone()).filter(is_ready)).await;

    // It does find out what is true.
    house.fleet.host("qa2").unwrap().break_(pushbutton::demo::trouble::How::Hung).await.unwrap();
    let names =
        |ready: &Value| ready["not_ready"].as_array().is_some_and(|them| them.iter().any(|it| it["host"] == "qa2"));
    until("a host that hangs is named", async || Some(house.stage("qa").await["ready"].clone()).filter(names)).await;
}
