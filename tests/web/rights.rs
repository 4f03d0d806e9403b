//! Rights: every route, asked by every kind of person and program from everywhere; what may not be seen is not there; and a closed
//! button says who could.

use super::tokens::token;
use super::*;
use futures::StreamExt;
use pushbutton::stack::Verb;

/// Who may what on the two stages of `web`.
const RIGHTS: &str = r#"
[groups]
shop = ["vera", "otto", "pete", "andy", "ada", "mary"]
[rights]
admin = ["ada"]
see = ["@shop"]
push = []
"push:web/qa" = ["pete", "mary"]
"push:*/prod" = ["otto"]
rollback = []
"rollback:web/qa" = ["pete"]
approve = ["andy"]
hold = ["pete"]
"hold:web/prod" = ["otto", "pete"]
publish = ["pete"]
"#;

/// A server with rights.
async fn site() -> Site {
    Site::at("127.0.0.1", "open", "", RIGHTS).await
}

/// What a person may, told apart from what the server believes: `web/qa`, all of `web`, or the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Stage,
    Stack,
    Server,
}

fn may(name: &str, verb: Verb, on: On) -> bool {
    match (name, verb, on) {
        ("stranger", _, _) => false,
        (_, Verb::See, _) => true,
        // Hosts of a stack are looked at by who may push one of its stages.
        ("otto", Verb::Push, On::Stack) | ("pete" | "mary", Verb::Push, On::Stage | On::Stack) => true,
        ("pete", Verb::Rollback, On::Stage) | ("pete", Verb::Hold | Verb::Publish, _) | ("andy", Verb::Approve, _) => {
            true
        }
        _ => false,
    }
}

/// These take an empty body and would change what the others ask of, where they are let through.
const DONE: [&str; 11] = [
    "/cancel",
    "/pause",
    "/unpause",
    "/release-hold",
    "/sign-out",
    "/sign-out-everywhere",
    "/look",
    "/check",
    "/reconnect",
    "/take-over",
    "/events",
];

fn on(row: &Entry) -> On {
    match (
        ["{stage}", "{id}", "{announcement}"].iter().any(|part| row.path.contains(part)),
        row.path.contains("{stack}"),
    ) {
        (true, _) => On::Stage,
        (false, true) => On::Stack,
        (false, false) => On::Server,
    }
}

/// Asks a route as someone, from somewhere: it must answer as its row and the rights say.
async fn asks(site: &Site, row: &Entry, (name, session): (&str, &str), from: &[(&str, &str)], own: bool) {
    let (method, path) = (row.method.as_str(), address(row));
    let (is_api, reads) = (path.starts_with("/api/"), method == "GET");
    let allowed = match row.may {
        May::Anybody | May::Person | May::Visible => true,
        May::PersonWith(verb) | May::With(verb) => may(name, verb, on(row)),
        May::Admin => name == "ada",
    };
    let passes = reads || own;
    let changes = DONE.iter().any(|done| path.ends_with(done)) || path.starts_with("/sign-in") || method == "DELETE";
    if changes && passes && allowed {
        return;
    }
    let kind = if is_api { "application/json" } else { "application/x-www-form-urlencoded" };
    let lines = [from, &[("cookie", session), ("content-type", kind)]].concat();
    let answer = site.ask(method, &path, &lines, "[]").await;
    let code = if answer.status < 400 || !is_api { String::new() } else { answer.code() };
    let said = format!("{method} {path} as {name} with {from:?}: {} {code}", answer.status);
    let sees = name != "stranger" || on(row) == On::Server || !matches!(row.may, May::PersonWith(_) | May::With(_));
    match (passes, allowed, sees) {
        (false, ..) => assert_eq!((answer.status, code.as_str()), (403, if is_api { "foreign" } else { "" }), "{said}"),
        (true, true, _) => assert!(!matches!(answer.status, 401 | 403), "{said}"),
        (true, false, false) => assert_eq!(answer.status, 404, "{said}"),
        (true, false, true) if is_api => {
            let expected = if row.may == May::Admin { "admin" } else { "no_right" };
            assert_eq!((answer.status, code.as_str()), (403, expected), "{said}");
        }
        (true, false, true) => assert_eq!(answer.status, 403, "{said}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_does_for_each_person_what_the_rights_say_and_nothing_from_another_site() {
    let site = site().await;
    let mary = site.mary().await;
    let journal = site.press(&mary).await;
    site.announced().await;
    let mut people = Vec::new();
    for name in ["stranger", "vera", "otto", "pete", "andy", "ada"] {
        people.push((name, site.sign_in(&format!("name={name}")).await));
    }
    let own = [("origin", site.origin.as_str())];
    let from: [(&[(&str, &str)], bool); 3] =
        [(&[], false), (&own, true), (&[("origin", "https://evil.example")], false)];
    let rows = ROUTES.iter().filter(|row| !is_signed(row));
    let all = rows.flat_map(|row| people.iter().flat_map(move |person| from.map(|from| (row, person, from))));
    let asked = all.map(|(row, (name, session), (lines, own))| asks(&site, row, (name, session), lines, own));
    futures::stream::iter(asked).buffer_unordered(16).collect::<Vec<()>>().await;
    let state = site.get(&mary, "/api/v1/stacks/web").await.json();
    assert!(state["hold"].is_null() && state["stages"][0]["hold"].is_null(), "something was changed: {state:#}");
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_may_not_see_is_nowhere() {
    let rights = "[rights]\nsee = [\"mary\"]\n\"see:web/prod\" = [\"*\"]\npush = []\n\"push:web/qa\" = [\"mary\"]\n";
    let site = Site::at("127.0.0.1", "open", "", rights).await;
    let mary = site.mary().await;
    let journal = site.press(&mary).await;
    let joe = site.sign_in("name=joe").await;
    // Joe knows of prod alone: not of qa, its push, its commits, nor who pushes.
    let board = site.get(&joe, "/").await;
    assert!(board.text().contains("/stacks/web") && !board.text().contains("mary is"), "{}", board.text());
    for path in ["/stacks/web", "/pushes", "/pushes.csv", "/stats", "/announcements", "/account"] {
        let page = site.get(&joe, path).await;
        assert_eq!(page.status, 200, "{path}");
        for hidden in ["mary is", "by mary", "/pushes/1\"", "st-qa"] {
            assert!(!page.text().contains(hidden), "{path} shows {hidden}: {}", page.text());
        }
    }
    let stack = site.get(&joe, "/api/v1/stacks/web").await.json();
    assert_eq!(stack["stages"].as_array().unwrap().len(), 1, "{stack:#}");
    assert_eq!((&stack["stages"][0]["name"], &stack["lock"]), (&"prod".into(), &Value::Null));
    let why = stack["stages"][0]["why_not"].as_str().unwrap();
    assert!(why.contains("is being pushed"), "{why}");
    for path in
        ["/api/v1/pushes/1", "/api/v1/pushes/1/events", "/api/v1/events?push=1", "/api/v1/stacks/web/stages/qa/plan"]
    {
        let hidden = site.get(&joe, path).await;
        let missing = site.get(&joe, &path.replace("push=1", "push=7").replace("/1", "/7").replace("qa", "q7")).await;
        let plain = |answer: &Answer| answer.text().replace("q7", "qa").replace('7', "1");
        assert_eq!((hidden.status, plain(&hidden)), (404, plain(&missing)), "{path}");
    }
    assert_eq!(site.get(&joe, "/api/v1/pushes").await.json()["pushes"], serde_json::json!([]));
    site.finish(journal).await;
    assert_eq!(site.get(&joe, "/api/v1/pushes?state=succeeded").await.json()["pushes"], serde_json::json!([]));
    assert_eq!(site.get(&mary, "/api/v1/pushes").await.json()["pushes"].as_array().unwrap().len(), 1);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_button_says_why_and_who_can() {
    let site = site().await;
    let vera = site.sign_in("name=vera").await;
    site.seen(&vera).await;
    let page = site.get(&vera, "/stacks/web").await;
    let words = "vera may not push to web/qa: only pete and mary may";
    assert!(page.text().contains(words), "{}", page.text());
    assert!(!page.text().contains("action=\"/stacks/web/stages/qa/push\""), "{}", page.text());
    let hold = "vera may not hold web: only pete may";
    assert!(page.text().contains(hold), "{}", page.text());
    let plan = site.get(&vera, "/stacks/web/stages/qa/plan").await;
    assert!(plan.text().contains(words) && plan.text().contains("disabled"), "{}", plan.text());
    let refused = site.send(&vera, "POST", "/api/v1/stacks/web/stages/qa/push", "{\"seen\": \"x\"}").await;
    let error = &refused.json()["error"];
    assert_eq!((refused.status, &error["code"], &error["message"]), (403, &"no_right".into(), &words.into()));
    assert_eq!((&error["verb"], &error["on"]), (&"push".into(), &"web/qa".into()));
    let page = site.post(&vera, "/stacks/web/stages/qa/push", "seen=x").await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains("You do not have the right to do that") && page.text().contains(words));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_never_does_what_its_owner_may_not() {
    let site = site().await;
    let mary = site.mary().await;
    site.seen(&mary).await;
    let (_, text) = token(&site, "ci", "push,see,hold").await;
    let bearer = format!("Bearer {text}");
    let ask = async |method: &str, path: &str| {
        let lines = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        site.ask(method, path, &lines, "[]").await
    };
    // Mary may push qa, and nothing else.
    assert_eq!(ask("POST", "/api/v1/stacks/web/stages/qa/push").await.status, 400);
    for (path, words) in [
        ("/api/v1/stacks/web/stages/prod/push", "ci (token of mary) may not push to web/prod: only otto may"),
        ("/api/v1/stacks/web/stages/qa/hold", "ci (token of mary) may not hold web/qa: only pete may"),
    ] {
        let method = if path.ends_with("push") { "POST" } else { "PUT" };
        let refused = ask(method, path).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "no_right"), "{}", refused.text());
        assert_eq!(refused.json()["error"]["message"], words);
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_change_hold_at_once_and_a_broken_file_changes_none() {
    let site = site().await;
    let vera = site.sign_in("name=vera").await;
    site.seen(&vera).await;
    let path = "/api/v1/stacks/web/stages/qa/push";
    let file = site.home.0.path().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut stream = site.stream(&vera, "/api/v1/events", "").await;
    std::fs::write(&file, text.replace("push = []", "pusch = []")).unwrap();
    until("the notice", async || {
        let page = site.get(&vera, "/").await;
        page.text().contains("the rights stay as they were").then_some(())
    })
    .await;
    assert_eq!(site.send(&vera, "POST", path, "{}").await.status, 403);
    std::fs::write(&file, text.replace("\"pete\", \"mary\"]", "\"pete\", \"mary\", \"vera\"]")).unwrap();
    until("the right", async || (site.send(&vera, "POST", path, "{}").await.status == 400).then_some(())).await;
    // Who watches is judged anew.
    stream.end().await;
    assert!(!site.get(&vera, "/").await.text().contains("the rights stay as they were"));
    std::fs::write(&file, text.replace("\"vera\", \"otto\"", "\"otto\"")).unwrap();
    until("nothing to see", async || (site.get(&vera, "/api/v1/stacks/web").await.status == 404).then_some(())).await;
    site.close().await;
}
