//! Statuses of commits: told by who may publish, and by signed webhooks; shown beside commits and under buttons, at once.

use super::hooks::hmac_of;
use super::*;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

#[tokio::test(flavor = "multi_thread")]
async fn a_status_closes_and_opens_the_button_and_open_pages_learn_of_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("github.hook");
    std::fs::write(&secret, "of-github\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let table = format!("[hooks]\ngithub_secret_file = {secret:?}\n");
    let site = Site::at("127.0.0.1", "open", &table, "").await;
    let mary = site.mary().await;
    let file = site.home.0.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"qa\"\n", "name = \"qa\"\nneeds = [\"ci/test\", \"ci/lint\"]\n"))
        .unwrap();
    let sha = site.seen(&mary).await;
    let qa = async || site.get(&mary, "/api/v1/stacks/web").await.json()["stages"][0].clone();
    until("the file", async || qa().await["needs"].is_object().then_some(())).await;
    assert_eq!(qa().await["why_not"], "waiting for ci/test, ci/lint (0 of 2 green)");

    let path = format!("/api/v1/stacks/web/commits/{sha}/status");
    let tell = async |path: &str, context: &str, state: &str| {
        let body = json!({ "context": context, "state": state, "url": "https://ci.example.com/7", "description": "<b>512</b> tests" });
        site.send(&mary, "POST", path, &body.to_string()).await
    };
    let mut viewer = site.stream(&mary, "/api/v1/events", "").await;
    viewer.until(": ").await;
    let told = tell(&path, "ci/test", "success").await;
    assert_eq!((told.status, &told.json()["new"]), (201, &json!(true)), "{}", told.text());
    let began = Instant::now();
    viewer.until("event: changed").await;
    assert!(began.elapsed() < Duration::from_secs(1), "open pages learn of it within a second");
    let again = tell(&path, "ci/test", "success").await;
    assert_eq!((again.status, &again.json()["new"]), (200, &json!(false)));
    assert_eq!(qa().await["why_not"], "waiting for ci/lint (1 of 2 green)");
    // A person's push is refused by the same words.
    let pressed =
        site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &json!({ "seen": sha }).to_string()).await;
    let pressed = pressed.json();
    assert_eq!((&pressed["status"], &pressed["case"]), (&json!(409), &json!("status_waits")));
    assert_eq!(pressed["detail"], "waiting for ci/lint (1 of 2 green)");
    let page = site.get(&mary, "/stacks/web").await;
    for words in
        ["waiting for ci/lint (1 of 2 green)", "ci/test: success, &lt;b&gt;512&lt;/b&gt; tests", "<small>1/1</small>"]
    {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }

    // The same by a webhook, which is believed only when it is signed, and not when it says what was so before.
    let hook = async |state: &str, at: &str, secret: &str| {
        let body = json!({ "sha": sha, "context": "ci/lint", "state": state, "description": "", "target_url": null, "updated_at": at,
            "repository": { "clone_url": format!("file://{}", site.home.repository().display()) } })
        .to_string();
        let signature = format!("sha256={}", hmac_of(secret, &body));
        let lines =
            [("x-github-event", "status"), ("x-hub-signature-256", &signature), ("content-type", "application/json")];
        site.ask("POST", "/api/v1/hooks/github", &lines, &body).await
    };
    assert_eq!(hook("success", "2026-11-30T10:00:02Z", "of-somebody-else").await.status, 401);
    let failed = hook("failure", "2026-11-30T10:00:03Z", "of-github").await;
    assert_eq!((failed.status, &failed.json()["stacks"]), (200, &json!(["web"])), "{}", failed.text());
    let why = format!("ci/lint failed for {}", &sha[..7]);
    assert_eq!(qa().await["why_not"], why);
    hook("success", "2026-11-30T10:00:01Z", "of-github").await;
    assert_eq!(qa().await["why_not"], why, "it came late");
    hook("success", "2026-11-30T10:00:04Z", "of-github").await;
    assert_eq!(qa().await["why_not"], Value::Null);
    let shown = site.get(&mary, &format!("/api/v1/stacks/web/commits/{}/status", &sha[..8])).await.json();
    let shown: Vec<_> =
        shown["statuses"].as_array().unwrap().iter().map(|one| (&one["context"], &one["who"])).collect();
    assert_eq!(shown, [(&json!("ci/lint"), &json!("GitHub webhook")), (&json!("ci/test"), &json!("mary"))]);

    for (path, status) in [
        ("/api/v1/stacks/web/commits/51d0c3e/status", 400),
        ("/api/v1/stacks/web/commits/123456/status", 400),
        ("/api/v1/stacks/none/commits/123456/status", 404),
    ] {
        let refused = tell(path, "ci/test", "success").await;
        assert_eq!(refused.status, status, "{path}: {}", refused.text());
    }
    site.close().await;
}
