//! Programs with tokens: what lets them in, where their scopes let them go, and how they are named.

use super::*;
use futures::StreamExt;
use pushbutton::ledger::tokens::{self, Token};
use pushbutton::stack::Verb;

/// A token of mary's with these scopes, written down as the command line does it.
pub async fn token(site: &Site, name: &str, scopes: &str) -> (Token, String) {
    issued(site, "mary", name, scopes).await
}

/// A token of someone's.
pub async fn token_of(site: &Site, owner: &str, scopes: &str) -> (Token, String) {
    issued(site, owner, "ci", scopes).await
}

async fn issued(site: &Site, owner: &str, name: &str, scopes: &str) -> (Token, String) {
    let (token, text) = Token::new(&owner.parse().unwrap(), name, scopes, "1h", At::now()).unwrap();
    let (made, shown) = (token.clone(), text.reveal());
    assert!(site.desk.ledger().write(move |tx| tokens::issue(tx, "mary", &made, &text, None)).await.unwrap());
    (token, shown)
}

impl Site {
    /// Asks as a program does: with a token, without a cookie, from no page.
    pub async fn program(&self, token: &str, method: &str, path: &str, json: &str) -> Answer {
        self.ask(
            method,
            path,
            &[("authorization", &format!("Bearer {token}")), ("content-type", "application/json")],
            json,
        )
        .await
    }
}

/// From where a program may seem to come.
const ELSEWHERE: [&[(&str, &str)]; 3] =
    [&[], &[("origin", "https://evil.example")], &[("sec-fetch-site", "cross-site")]];

/// Asks a route with a token of one scope: it must answer as its row says. What would change something is refused for what it lacks.
async fn lets_in(site: &Site, row: &Entry, (verb, on, text): (Verb, &str, &str), lines: &[(&str, &str)]) {
    let (method, path) = (row.method.as_str(), address(row));
    let on_stage = ["{stage}", "{id}", "{announcement}"].iter().any(|part| row.path.contains(part));
    let (about, on_stack) = (on_stage || row.path.contains("{stack}"), !on_stage && row.path.contains("{stack}"));
    let scoped = match (on, row.may) {
        ("", _) => true,
        (":web", _) => about,
        // A stack is seen, and its hosts are looked at, by who may that on one of its stages.
        (":web/qa", May::With(Verb::See | Verb::Push)) => about,
        (":web/prod", May::With(Verb::See | Verb::Push)) => on_stack,
        (":web/qa", _) => on_stage,
        _ => false,
    };
    // These take an empty body, and would change the push of which the other rows ask.
    let orders = ["/cancel", "/pause", "/unpause"];
    if orders.iter().any(|order| path.ends_with(order)) && verb == Verb::Push && scoped {
        return;
    }
    let bearer = format!("bearer {text}");
    let lines = [lines, &[("authorization", bearer.as_str()), ("content-type", "application/json")]].concat();
    let answer = site.ask(method, &path, &lines, "[]").await;
    let code = if answer.status < 400 || !path.starts_with("/api/") { String::new() } else { answer.code() };
    let name = format!("{method} {path} with {}{on} and {lines:?}: {} {code}", verb.word(), answer.status);
    match row.may {
        May::Anybody if !row.path.starts_with("/sign-in") => assert!(answer.status < 400, "{name}"),
        // Pages are for persons, and an error of a page is a page.
        _ if !path.starts_with("/api/") => assert_eq!(answer.status, 403, "{name}"),
        May::Anybody => unreachable!("{name}"),
        May::Person | May::PersonWith(_) | May::Admin => {
            assert_eq!((answer.status, code.as_str()), (403, "scope"), "{name}")
        }
        May::Visible if path.ends_with("/stacks") => {
            let shown = answer.json()["stacks"].as_array().unwrap().len();
            assert_eq!(shown, usize::from(verb == Verb::See && on != ":api"), "{name}");
        }
        May::Visible => assert_eq!(answer.status, 200, "{name}"),
        May::With(wanted) if wanted == verb && scoped => {
            assert!(!matches!(answer.status, 401 | 403) && code != "scope", "{name}");
        }
        May::With(_) => {
            let named = matches!(on, "" | ":web" | ":web/qa") || (on == ":web/prod" && on_stack);
            let expected = if named { (403, "scope") } else { (404, "unknown") };
            assert_eq!((answer.status, code.as_str()), expected, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_exactly_the_tokens_that_its_row_names_from_wherever_they_come() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let journal = site.press(&mary).await;
    site.announced().await;
    let mut all = Vec::new();
    for verb in Verb::ALL {
        // On everything, on the stack, on the stage, on another stage and another stack.
        for on in ["", ":web", ":web/qa", ":web/prod", ":api"] {
            let scope = format!("{}{on}", verb.word());
            all.push((verb, on, token(&site, "ci", &scope).await.1));
        }
    }
    let asks = ROUTES.iter().filter(|row| !row.path.ends_with("/events") && !is_signed(row));
    let asks = asks.flat_map(|row| all.iter().flat_map(move |token| ELSEWHERE.map(|lines| (row, token, lines))));
    let asked = asks.map(|(row, (verb, on, text), lines)| lets_in(&site, row, (*verb, on, text), lines));
    futures::stream::iter(asked).buffer_unordered(16).collect::<Vec<()>>().await;
    let state = site.get(&mary, "/api/v1/stacks/web").await.json();
    assert!(state["hold"].is_null() && state["stages"][0]["hold"].is_null(), "something was changed: {state:#}");
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_may_not_see_is_answered_as_if_it_were_not_there() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let journal = site.press(&mary).await;
    let (_, api) = token(&site, "ci", "see:api").await;
    for (hidden, missing) in [
        ("/api/v1/stacks/web", "/api/v1/stacks/nothing"),
        ("/api/v1/stacks/web/builds", "/api/v1/stacks/nothing/builds"),
        ("/api/v1/stacks/web/stages/qa/current", "/api/v1/stacks/nothing/stages/qa/current"),
        ("/api/v1/pushes/1", "/api/v1/pushes/99"),
        ("/api/v1/pushes/1/log", "/api/v1/pushes/99/log"),
    ] {
        let (hidden, missing) =
            (site.program(&api, "GET", hidden, "").await, site.program(&api, "GET", missing, "").await);
        let plain = |answer: &Answer| answer.text().replace("nothing", "web").replace("99", "1");
        assert_eq!((hidden.status, plain(&hidden)), (404, plain(&missing)));
    }
    assert_eq!(site.program(&api, "GET", "/api/v1/pushes?stack=api", "").await.json()["pushes"], serde_json::json!([]));
    let all = site.program(&api, "GET", "/api/v1/pushes", "").await;
    assert_eq!((all.status, &all.json()["pushes"]), (200, &serde_json::json!([])), "{}", all.text());
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_pushes_without_a_page_and_is_named_with_whom_to_ask() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let seen = site.seen(&mary).await;
    let (made, text) = token(&site, "ci", "push:web/qa,see:web").await;
    let body = format!("{{\"seen\": \"{seen}\", \"reason\": \"nightly\"}}");
    let pressed = site.program(&text, "POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
    assert_eq!(pressed.status, 201, "{}", pressed.text());
    let journal = site.play(1).await;
    let push = site.program(&text, "GET", "/api/v1/pushes/1", "").await.json();
    assert_eq!(push["push"]["who"], "ci (token of mary)");
    assert!(site.get(&mary, "/pushes/1").await.text().contains("ci (token of mary)"));
    let found = site.get(&mary, "/api/v1/pushes?who=ci+%28token+of+mary%29").await.json();
    assert_eq!(found["pushes"].as_array().unwrap().len(), 1);
    // Its stream ends with it.
    let authorization = format!("authorization: Bearer {text}\r\n");
    let mut viewer = site.stream("", "/api/v1/pushes/1/events", &authorization).await;
    viewer.until("push_started").await;
    let id = made.id.clone();
    site.desk.ledger().write(move |tx| tokens::revoke(tx, "mary", &id, None)).await.unwrap();
    viewer.end().await;
    let after = site.program(&text, "GET", "/api/v1/pushes/1", "").await;
    assert_eq!((after.status, after.code().as_str()), (401, "token"));
    assert_eq!(after.header("www-authenticate"), Some("Bearer realm=\"pushbutton\""));
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_alone_and_whole_and_nobody_can_call_themselves_a_program() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let (_, text) = token(&site, "ci", "see").await;
    let bearer = format!("Bearer {text}");
    let with_cookie = site.ask("GET", "/api/v1/stacks", &[("authorization", &bearer), ("cookie", &mary)], "").await;
    assert_eq!((with_cookie.status, with_cookie.code().as_str()), (400, "bad_request"));
    let twice = site.ask("GET", "/api/v1/stacks", &[("authorization", &bearer), ("authorization", &bearer)], "").await;
    assert_eq!(twice.status, 400);
    for wrong in ["x", "pb_", &text[..text.len() - 1], &format!("{text}0"), &text.to_uppercase()] {
        let answer = site.program(wrong, "GET", "/api/v1/stacks", "").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "token"), "{wrong:?}");
    }
    // A proxy's own sign-in is none of our matter.
    for others in ["Basic bWFyeTp4", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
        let lines = [("authorization", others), ("cookie", mary.as_str())];
        assert_eq!(site.ask("GET", "/api/v1/stacks", &lines, "").await.status, 200, "{others}");
        assert_eq!(site.ask("GET", "/", &lines, "").await.status, 200, "{others}");
        assert_eq!(
            site.ask("GET", "/", &lines[..1], "").await.status,
            303,
            "{others}: a first visit leads to signing in"
        );
    }
    let named = site.post("", "/sign-in", "name=ci+%28token+of+mary%29").await;
    assert_eq!(named.status, 403, "{}", named.text());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_makes_rotates_and_revokes_ones_own_tokens_on_the_page_and_sees_each_once() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let joe = site.sign_in("name=joe").await;
    let shown = |page: &str| {
        let at = page.find("pb_")?;
        Some(page[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>())
    };
    let made = site.post(&mary, "/account/tokens", "name=ci&may=see%3Aweb&expires=30d").await;
    assert_eq!(made.status, 200);
    let first = shown(made.text()).unwrap();
    assert_eq!(site.program(&first, "GET", "/api/v1/stacks/web", "").await.status, 200);
    assert_eq!(shown(site.get(&mary, "/account").await.text()), None, "it is shown once");
    let id = first.split('_').nth(1).unwrap();
    for (what, session, status) in [("rotate", &joe, 404), ("revoke", &joe, 404), ("rotate", &mary, 200)] {
        let answer = site.post(session, &format!("/account/tokens/{id}/{what}"), "").await;
        assert_eq!(answer.status, status, "{what}");
        if let Some(second) = shown(answer.text()) {
            assert_ne!(first, second);
            for text in [&first, &second] {
                assert_eq!(
                    site.program(text, "GET", "/api/v1/stacks/web", "").await.status,
                    200,
                    "both hold for a day"
                );
            }
        }
    }
    assert_eq!(site.post(&mary, &format!("/account/tokens/{id}/revoke"), "").await.status, 303);
    assert_eq!(site.program(&first, "GET", "/api/v1/stacks/web", "").await.status, 401);
    for (form, why) in [
        ("name=ci&may=sea&expires=30d", "is none of see, push"),
        ("name=c+i&may=see&expires=30d", "it must be 1 to 64 of letters"),
        ("name=ci&may=see&expires=9999d", "1h to 366d"),
        ("name=ci&may=&expires=30d", "1 to 50 scopes"),
    ] {
        let refused = site.post(&mary, "/account/tokens", form).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(why), "{why}: {}", refused.text());
        let typed = form.split(&['=', '&'][..]).nth(1).unwrap().replace('+', " ");
        assert!(refused.text().contains(&format!("value=\"{typed}\"")), "what was typed stays: {}", refused.text());
    }
    site.close().await;
}
