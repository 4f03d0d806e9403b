//! What people do: presses and holds, by form and by API.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_press_is_one_push_however_often_its_form_is_sent() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let journal = site.press(&mary).await;
    let seen = site.get(&mary, "/api/v1/pushes/1").await.json()["push"]["sha"].as_str().unwrap().to_owned();
    let again = site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n1")).await;
    assert_eq!((again.status, again.header("location")), (303, Some("/pushes/1")), "the same form");
    let other = site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n2")).await;
    assert_eq!(other.status, 409);
    assert!(other.text().contains("mary is pushing web to qa right now (push 1)"), "{}", other.text());
    let api = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &format!("{{\"seen\":\"{seen}\"}}")).await;
    assert_eq!((api.status, api.code().as_str()), (409, "locked"));
    assert_eq!(api.json()["error"]["push"], 1);
    let page = site.get(&mary, "/pushes/1").await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<b>first</b>"), "a commit's subject is text");
    site.finish(journal).await;
    let path = "/api/v1/stacks/web/stages/qa/current";
    until("the end", async || (site.get(&mary, path).await.status == 200).then_some(())).await;
    assert_eq!(site.get(&mary, path).await.json()["sha"], *seen);
    let list = site.get(&mary, "/api/v1/pushes?who=mary&state=succeeded").await.json();
    assert_eq!((list["pushes"][0]["id"].as_i64(), list["next_before"].is_null()), (Some(1), true));
    for path in ["/", "/stacks/web", "/pushes", "/pushes?word=first", "/pushes/1"] {
        let page = site.get(&mary, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let head = site.ask("HEAD", path, &[("cookie", &mary)], "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
    // What is no name is no push's, on the page, in the API and in the table.
    for filter in ["stack=a/b", "stage=Q%20A", "stack=web&stage=.."] {
        let list = site.get(&mary, &format!("/api/v1/pushes?{filter}")).await.json();
        assert_eq!(list, serde_json::json!({ "pushes": [], "next_before": null, "next_after": null }), "{filter}");
        let table = site.get(&mary, &format!("/pushes.csv?{filter}")).await;
        assert_eq!((table.status, table.text().lines().count()), (200, 1), "{filter}: its head alone");
        let page = site.get(&mary, &format!("/pushes?{filter}")).await;
        assert_eq!(page.status, 200, "{filter}");
        assert!(page.text().contains("No push matches these filters"), "{filter}");
    }
    assert_eq!(site.get(&mary, "/pushes?stack=a/b&state=lost").await.status, 400, "a state is one of a few words");
    let page = site.get(&mary, "/announcements?state=lost").await;
    assert!(page.text().contains("No announcement matches these filters"), "nothing is in a state that there is not");
    // A press through the API answers with the push it made.
    let api = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &format!("{{\"seen\":\"{seen}\"}}")).await;
    assert_eq!((api.status, api.header("location")), (201, Some("/api/v1/pushes/2")), "{}", api.text());
    assert_eq!(api.json()["url"], format!("{}/pushes/2", site.origin));
    // Refused ones cost nothing: nobody who looked at an old page too often is kept from what matters.
    for _ in 0..12 {
        assert_eq!(site.post(&mary, "/stacks/web/stages/qa/push", "seen=x").await.status, 409);
    }
    // Ten accepted ones a minute, repeats of a form among them; rollback, cancel, hold and resume are not counted with them.
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n1")).await.status);
    }
    assert!(statuses[0] == 303 && statuses[10] == 429, "{statuses:?}");
    for (path, body) in [
        ("/api/v1/stacks/web/stages/qa/rollback", r#"{"reason":"x"}"#),
        ("/api/v1/pushes/2/resume", "{}"),
        ("/api/v1/pushes/2/cancel", "{}"),
        ("/api/v1/pushes/2/confirm", r#"{"answer":"yes"}"#),
    ] {
        let answer = site.send(&mary, "POST", path, body).await;
        assert_ne!(answer.status, 429, "{path}: {}", answer.text());
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_set_and_released_by_form_and_by_api() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let holder = async |pointer: &str| {
        let street = site.get(&mary, "/api/v1/stacks/web").await.json();
        street.pointer(pointer).and_then(|hold| hold["reason"].as_str().map(str::to_owned))
    };
    let (stack, stage) = ("/hold", "/stages/1/hold");
    assert_eq!(site.post(&mary, "/stacks/web/hold", "reason=+").await.status, 400, "a reason is needed");
    let held = site.post(&mary, "/stacks/web/hold", "reason=the%0Acat").await;
    assert_eq!((held.status, held.header("location")), (303, Some("/stacks/web")));
    assert_eq!(holder(stack).await.as_deref(), Some("the cat"));
    let seen = site.seen(&mary).await;
    let refused = site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("the cat"));
    assert_eq!(site.post(&mary, "/stacks/web/release-hold", "").await.status, 303);
    assert_eq!(holder(stack).await, None);
    assert_eq!(site.post(&mary, "/stacks/web/stages/prod/hold", "reason=x").await.status, 303);
    assert_eq!(holder(stage).await.as_deref(), Some("x"));
    assert_eq!(site.post(&mary, "/stacks/web/stages/prod/release-hold", "").await.status, 303);
    assert_eq!(holder(stage).await, None);
    for (path, pointer) in [("/api/v1/stacks/web/hold", stack), ("/api/v1/stacks/web/stages/prod/hold", stage)] {
        assert_eq!(site.send(&mary, "PUT", path, "{\"reason\":\"y\"}").await.status, 204);
        assert_eq!(holder(pointer).await.as_deref(), Some("y"));
        assert_eq!(site.send(&mary, "DELETE", path, "").await.status, 204);
        assert_eq!(holder(pointer).await, None);
    }
    assert_eq!(site.send(&mary, "PUT", "/api/v1/stacks/web/hold", "{").await.code(), "bad_request");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_with_a_bad_end_is_told_why_and_keeps_what_was_typed() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let until = async |pointer: &str| {
        let street = site.get(&mary, "/api/v1/stacks/web").await.json();
        street.pointer(pointer).and_then(|hold| hold["until"].as_str().map(|until| until.parse::<At>().unwrap()))
    };
    for (end, why) in [
        ("until=at&at=", "choose the time when the hold ends"),
        ("until=at&at=2020-01-01T10:00", "1 Jan 2020 10:00:00 UTC is past"),
        ("until=at&at=2999-01-01T10:00&zone=60", "1 Jan 2999 09:00:00 UTC is later"),
        ("until=at&at=soon%3Cb%3E", "soon&lt;b&gt;"),
        ("until=later", "is not a valid end of a hold"),
    ] {
        let typed = format!("reason=the+%22cat%22&{end}");
        let page = site.post(&mary, "/stacks/web/stages/prod/hold", &typed).await;
        assert_eq!(page.status, 400, "{end}");
        let text = page.text();
        assert!(text.contains(why), "{end}: {text}");
        assert!(text.contains("name=\"reason\" value=\"the &quot;cat&quot;\""), "{end}: {text}");
        assert!(
            text.contains("action=\"/stacks/web/stages/prod/hold\"") && text.contains("Hold Prod</button>"),
            "{end}: {text}"
        );
    }
    let page = site.post(&mary, "/stacks/web/hold", "reason=x&until=at&at=2020-01-01T10:00").await.text().to_owned();
    assert!(page.contains("value=\"at\" selected") && page.contains("value=\"2020-01-01T10:00\""), "{page}");
    for bad in ["soon", "0s", "31d", "2020-01-01T10:00Z"] {
        let body = format!("{{\"reason\":\"y\",\"until\":\"{bad}\"}}");
        let refused = site.send(&mary, "PUT", "/api/v1/stacks/web/hold", &body).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{bad}");
    }
    assert_eq!(until("/hold").await, None);

    let far = At::from_millis(At::now().millis() + 3_600_000).to_string();
    let body = format!("{{\"reason\":\"y\",\"until\":\"{far}\"}}");
    assert_eq!(site.send(&mary, "PUT", "/api/v1/stacks/web/hold", &body).await.status, 204);
    assert_eq!(until("/hold").await.unwrap().to_string(), far);
    let seen = site.seen(&mary).await;
    let press = format!("{{\"seen\":\"{seen}\"}}");
    let refused = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &press).await;
    assert_eq!((refused.code().as_str(), refused.json()["error"]["until"].as_str()), ("held", Some(far.as_str())));
    let words = refused.json()["error"]["message"].to_string();
    assert!(words.contains("web is held by mary until ") && words.contains(" UTC: y"), "{words}");
    let page = site.get(&mary, "/stacks/web").await.text().to_owned();
    assert!(page.contains(&format!("web is held by mary until <time datetime=\"{far}\"")), "{page}");
    assert!(page.contains("<small>by mary until <time"), "the button says it too: {page}");
    assert!(site.get(&mary, "/").await.text().contains("Held by mary until <time"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_lacks_misspells_or_mistypes_something_is_told_what_with_an_example_and_does_nothing() {
    let site = Site::open().await;
    let mary = site.mary().await;
    site.seen(&mary).await;
    let (qa, web) = ("/api/v1/stacks/web/stages/qa", "/api/v1/stacks/web");
    for (method, path, body, case, words) in [
        ("POST", format!("{qa}/push"), "{}", "missing", "`seen` or `sha` is missing; for example {\"seen\": \"51d0c3e"),
        ("POST", format!("{qa}/push"), "", "missing", "`seen` or `sha` is missing"),
        ("POST", format!("{qa}/push"), "null", "missing", "`seen` or `sha` is missing"),
        ("POST", format!("{qa}/push"), r#"{"seen":" ","sha":null}"#, "missing", "`seen` or `sha` is missing"),
        ("POST", format!("{qa}/push"), r#"{"seen":5}"#, "bad_request", "`seen` must be a text, and is a number"),
        ("POST", format!("{qa}/push"), r#"{"sen":"x"}"#, "bad_request", "no field `sen` here; there are `seen`, `sha`"),
        ("POST", format!("{qa}/push"), "seen=x", "bad_request", "is not valid JSON"),
        ("POST", format!("{qa}/rollback"), "{}", "missing", "a rollback needs a reason"),
        ("POST", format!("{qa}/rollback"), r#"{"reason":" "}"#, "missing", "`reason` is missing; for example"),
        ("POST", format!("{qa}/catch-up"), r#"{"hosts":"qa1"}"#, "bad_request", "`hosts` must be a list of texts"),
        ("POST", format!("{qa}/catch-up"), r#"{"host":["qa1"]}"#, "bad_request", "no field `host` here"),
        ("PUT", format!("{web}/hold"), "{}", "missing", "a hold needs a reason"),
        ("PUT", format!("{qa}/hold"), r#"{"until":"2h"}"#, "missing", "a hold needs a reason"),
        ("PUT", format!("{qa}/hold"), r#"{"reason":"x","till":"2h"}"#, "bad_request", "no field `till` here"),
        ("DELETE", format!("{web}/hold"), r#"{"reasn":"x"}"#, "bad_request", "no field `reasn` here"),
        ("DELETE", format!("{qa}/hold"), "x", "bad_request", "is not valid JSON"),
        (
            "POST",
            "/api/v1/pushes/1/confirm".into(),
            "{}",
            "missing",
            "`answer` is missing; for example {\"answer\": \"yes\"}",
        ),
        ("POST", "/api/v1/pushes/1/confirm".into(), r#"{"answer":"maybe"}"#, "bad_request", "expected `yes` or `no`"),
        ("POST", "/api/v1/pushes/1/confirm".into(), r#"{"answer":true}"#, "bad_request", "`answer` must be a text"),
        ("POST", "/api/v1/pushes/1/resume".into(), "[]", "bad_request", "is a list, and must be an object"),
        ("POST", "/api/v1/pushes/1/resume".into(), r#"{"why":"x"}"#, "bad_request", "no field `why` here"),
        ("POST", "/api/v1/pushes/1/pause".into(), "{", "bad_request", "is not valid JSON"),
        (
            "POST",
            format!("{web}/hosts/check"),
            r#"{"host":["web1"]}"#,
            "bad_request",
            "no field `host` here; there are `hosts`",
        ),
        (
            "POST",
            format!("{web}/hosts/reconnect"),
            r#"{"hosts":"web1"}"#,
            "bad_request",
            "`hosts` must be a list of texts",
        ),
        ("POST", "/api/v1/pushes/1/cancel".into(), r#"{"reason":["x"]}"#, "bad_request", "`reason` must be a text"),
        (
            "POST",
            format!("{web}/builds"),
            "",
            "missing",
            "a build is sent as a tar, or named by its address: `artifact_url` is missing",
        ),
        (
            "POST",
            format!("{web}/builds?ref=main"),
            "",
            "missing",
            "a build is sent as a tar, or named by its address: `artifact_url` is missing",
        ),
    ] {
        let answer = site.send(&mary, method, &path, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{path} {body}: {}", answer.text());
        let error = answer.json()["error"].clone();
        assert_eq!(error["case"], case, "{path} {body}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words) && message.contains("; for example "), "{path} {body}: {message}");
    }
    // As curl sends JSON that nobody says is JSON.
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let lines = [("cookie", mary.as_str()), ("origin", site.origin.as_str()), kind];
    for row in ROUTES.iter().filter(|row| row.path.starts_with("/api/") && row.method != "GET") {
        let takes_none = ["/builds", "/uploads", "/hosts/look", "/unpause", "/hooks", "/redeliver"]
            .iter()
            .any(|part| row.path.contains(part));
        if !takes_none {
            let answer = site.ask(row.method.as_str(), &address(row), &lines, "{\"reason\":\"x\"}").await;
            assert_eq!(answer.status, 400, "{} {}: {}", row.method, row.path, answer.text());
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("send it with Content-Type: application/json"), "{}: {message}", row.path);
        }
    }
    // The forms of the pages: by a page.
    for (path, form, words) in [
        ("/stacks/web/stages/qa/push", "nonce=n", "does not have the version that the button showed"),
        ("/stacks/web/stages/qa/push", "seen=+&sha=", "does not have the version that the button showed"),
        ("/pushes/1/confirm", "reason=x", "missing field"),
    ] {
        let page = site.post(&mary, path, form).await;
        assert_eq!(page.status, 400, "{path} {form}");
        assert!(page.text().contains("Something is missing") && page.text().contains(words), "{}", page.text());
    }
    let json = [("cookie", mary.as_str()), ("origin", site.origin.as_str()), ("content-type", "application/json")];
    let page = site.ask("POST", "/stacks/web/stages/qa/push", &json, "{}").await;
    assert!(page.status == 400 && page.text().contains("this address takes a form"), "{}", page.text());

    let street = site.get(&mary, "/api/v1/stacks/web").await.json();
    assert!(street["hold"].is_null() && street["stages"][0]["hold"].is_null() && street["lock"].is_null(), "{street}");
    assert_eq!(site.get(&mary, "/api/v1/pushes").await.json()["pushes"], serde_json::json!([]));
    site.close().await;
}
