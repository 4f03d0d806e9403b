//! Signing in at a provider of accounts: the certified one of npm, which the tests start. The way there and back, and every answer that is not
//! the one that was asked for; who is dropped there is out here within minutes; a provider that is down signs nobody out at once.

use super::provider::{Browser, Company};
use super::tokens::token_of;
use super::*;
use serde_json::json;

const MINUTE: i64 = 60_000;
const CALLBACK: &str = "/sign-in/oidc/callback";

/// Whether an address is the way back from the provider.
fn is_callback(address: &str) -> bool {
    address.contains(CALLBACK)
}

async fn company() -> Company {
    let company = Company::with("").await;
    company.provider.knows("7", "mary", &["web", "ops"]).await;
    company
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_name_and_groups_of_the_provider_and_sign_out_there_too() {
    let company = company().await;
    let page = company.site.get("", "/sign-in?next=/pushes").await;
    assert!(page.text().contains("href=\"/sign-in/oidc?next=/pushes\""), "{}", page.text());
    assert_eq!(company.site.post("", "/sign-in", "name=mary&password=x").await.status, 403, "nobody by a form");

    company.provider.tell(json!({ "present": "7" })).await;
    let mut browser = Browser::default();
    let page = browser.walk(&company.site, "/sign-in/oidc?next=/account").await;
    assert!(page.text().contains("You are signed in as mary."), "{} {}", page.status, page.text());
    assert_eq!(company.sessions().await, ["mary ops,web"]);
    let flow = browser.cookies.keys().find(|name| name.contains("flow"));
    assert_eq!(flow, None, "what bound the sign-in to the browser is gone");
    let kept = company
        .site
        .desk
        .ledger()
        .read(|c| Ok(c.query_row("SELECT provider FROM sessions", [], |r| r.get::<_, String>(0))?));
    assert!(!kept.await.unwrap().contains('.'), "no token as such is in the ledger");

    // The page with the way on: a form may lead to this site alone.
    let out = company.site.post(&browser.jar(), "/sign-out", "").await;
    let text = out.text().replace("&amp;", "&");
    let way = text.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(way.starts_with(&format!("http://{}/session/end?", company.provider.at)), "{way}");
    assert!(way.contains("id_token_hint=ey") && way.contains("post_logout_redirect_uri="), "{way}");
    assert_eq!(browser.step(&way).await.status, 200, "the provider asks whether to sign out");
    assert_eq!(company.site.get(&browser.jar(), "/").await.status, 303);
    assert_eq!(company.audit().await, ["mary: sign in, from 127.0.0.1", "mary: sign out, this browser"]);
    company.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_not_asked_for_by_this_browser_lets_nobody_in() {
    let company = company().await;
    company.provider.tell(json!({ "present": "7" })).await;
    let begin = format!("{}/sign-in/oidc", company.site.origin);
    let back = async |browser: &mut Browser| browser.walk_until(&begin, is_callback).await.err().unwrap();
    let refused = async |browser: &mut Browser, address: &str, what: &str| {
        let answer = browser.step(address).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text());
        assert_eq!(company.sessions().await.len(), 0, "{what}");
        assert!(answer.all("set-cookie").iter().all(|cookie| cookie.contains("flow")), "{what}");
    };

    let mut browser = Browser::default();
    let address = back(&mut browser).await;
    let fresh = browser.clone();
    refused(&mut Browser::default(), &address, "another browser").await;
    let (before, state) = address.split_once("&state=").unwrap();
    let (state, rest) = state.split_once('&').unwrap();
    for (what, other) in [
        ("another state", format!("{before}&state={}&{rest}", state.chars().rev().collect::<String>())),
        ("no state", format!("{before}&{rest}")),
        ("another issuer", address.replace("iss=http", "iss=https")),
        ("no code", format!("{}{CALLBACK}?state={state}", company.site.origin)),
        ("another code", address.replace("code=", "code=x")),
        ("an error", format!("{}{CALLBACK}?state={state}&error=access_denied", company.site.origin)),
    ] {
        refused(&mut fresh.clone(), &other, what).await;
    }
    // One that the provider issued for another sign-in of the same browser: its verifier is another.
    let mut second = fresh.clone();
    let other = back(&mut second).await;
    let of_other = other.split("&state=").nth(1).unwrap().split('&').next().unwrap();
    refused(&mut second.clone(), &format!("{before}&state={of_other}&{rest}"), "the code of another sign-in").await;

    // The nonce was changed on the way there: the provider signs another one.
    let mut browser = Browser::default();
    let address = browser.walk_until(&begin, |address| address.contains("/auth?")).await.err().unwrap();
    let nonce = address.split("nonce=").nth(1).unwrap().split('&').next().unwrap();
    let changed = address.replace(nonce, "of-somebody-else");
    let address = browser.walk_until(&changed, is_callback).await.err().unwrap();
    refused(&mut browser, &address, "another nonce").await;

    // What a good one brought works once.
    let mut browser = Browser::default();
    let address = back(&mut browser).await;
    let copy = browser.clone();
    assert_eq!(browser.step(&address).await.status, 303);
    assert_eq!(company.sessions().await.len(), 1);
    assert_eq!(browser.step(&address).await.status, 403, "again in the same browser");
    let replayed = copy.clone().step(&address).await;
    assert_eq!((replayed.status, company.sessions().await.len()), (403, 1), "again with the cookie of then");
    company.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_cannot_be_used_here_is_refused_with_why_and_other_claims_can_be_chosen() {
    let company = Company::with("name_claim = \"sub\"\ngroups_claim = \"roles\"\n").await;
    company.provider.tell(json!({ "person": "zoe", "claims": { "roles": ["/ops"] } })).await;
    company.provider.tell(json!({ "person": "Zoë Q", "claims": {} })).await;
    company.browser_of("zoe").await;
    // The claim is none of those that this provider gives: it is asked about the person, and does not say.
    assert_eq!(company.sessions().await, ["zoe "]);
    company.provider.tell(json!({ "present": "Zoë Q" })).await;
    let page = Browser::default().walk(&company.site, "/sign-in/oidc").await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains("is not a name that can be used here"), "{}", page.text());
    company.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_dropped_at_the_provider_loses_session_and_stream_and_new_groups_arrive() {
    let company = company().await;
    company.provider.knows("8", "bob", &["web"]).await;
    let (mary, bob) = (company.browser_of("7").await, company.browser_of("8").await);
    let mut stream = company.site.stream(&mary.jar(), "/api/v1/events", "").await;
    let mut of_bob = company.site.stream(&bob.jar(), "/api/v1/events", "").await;
    company.provider.tell(json!({ "gone": "7" })).await;
    company.provider.knows("8", "bob", &["release"]).await;
    company.put_back(3 * MINUTE).await;
    // An open page is enough: nobody asks for anything.
    stream.end().await;
    assert_eq!(company.site.get(&mary.jar(), "/").await.status, 303);
    until("bob's groups", async || (company.sessions().await == ["bob release"]).then_some(())).await;
    // What he may see may be something else now: his page asks anew.
    of_bob.end().await;
    assert_eq!(company.site.get(&bob.jar(), "/").await.status, 200);
    let said = company.audit().await;
    assert!(said.contains(&"mary: sign out, the provider does not confirm it any more".to_owned()), "{said:?}");

    // Who comes back after a while is asked about before anything is done; many requests at once ask once.
    company.provider.tell(json!({ "gone": "8" })).await;
    company.put_back(30 * MINUTE).await;
    let before = company.provider.tell(json!({})).await;
    let jar = bob.jar();
    let answers = futures::future::join_all((0..8).map(|_| company.site.get(&jar, "/api/v1/stacks"))).await;
    assert!(answers.iter().all(|answer| answer.status == 401), "{:?}", answers[0]);
    let after = company.provider.tell(json!({})).await;
    let asked = |value: &Value| value["refresh_token"].as_i64().unwrap();
    assert_eq!(asked(&after) - asked(&before), 1);
    company.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_is_not_by_the_provider_for_us_and_of_now_lets_nobody_in() {
    let company = company().await;
    company.provider.tell(json!({ "present": "7" })).await;
    let forgeries = [
        "expired",
        "for another client",
        "of another issuer",
        "by a key of nobody",
        "by the client's secret",
        "by nobody",
    ];
    for forged in forgeries {
        company.provider.tell(json!({ "forged": forged })).await;
        let page = Browser::default().walk(&company.site, "/sign-in/oidc").await;
        assert_eq!((page.status, company.sessions().await.len()), (403, 0), "{forged}: {}", page.text());
        assert!(page.text().contains("could not be checked"), "{forged}: {}", page.text());
    }
    company.provider.tell(json!({ "forged": "as it is" })).await;
    let mary = company.browser_of("7").await;
    // A session lives no longer by such a token either: what it had stays as it was until an hour is over.
    company.provider.knows("7", "mary", &["release"]).await;
    company.provider.tell(json!({ "forged": "by a key of nobody" })).await;
    company.put_back(30 * MINUTE).await;
    assert_eq!(company.site.get(&mary.jar(), "/").await.status, 200);
    assert_eq!(company.sessions().await, ["mary ops,web"]);

    // New keys of its own are asked for.
    company.provider.tell(json!({ "forged": "", "rotate": true })).await;
    until("mary is in by the new key", async || {
        let page = Browser::default().walk(&company.site, "/sign-in/oidc?next=/account").await;
        page.text().contains("You are signed in as mary.").then_some(())
    })
    .await;
    company.site.close().await;
}

/// The rights of the next test.
const RIGHTS: &str = "\n[rights]\n\"push:web\" = [\"@release\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_the_provider_gives_a_right_to_people_and_their_programs_and_takes_it_away() {
    let company = Company::with(RIGHTS).await;
    let site = &company.site;
    company.provider.knows("7", "mary", &["release"]).await;
    company.provider.knows("8", "bob", &["web"]).await;
    let (mary, bob) = (company.browser_of("7").await, company.browser_of("8").await);
    let plan = async |jar: &str| site.get(jar, "/stacks/web/stages/qa/plan").await.text().to_owned();
    let closed = "bob may not push to web/qa: only members of @release may";
    assert!(!plan(&mary.jar()).await.contains("may not push"));
    assert!(plan(&bob.jar()).await.contains(closed));
    let push = "/api/v1/stacks/web/stages/qa/push";
    let pushed = async |text: &str| {
        let answer = site.program(text, "POST", push, "{}").await;
        let code = answer.code();
        (answer.status, code)
    };
    let ((_, of_mary), (of_bob_token, of_bob)) =
        (token_of(site, "mary", "push:web,see").await, token_of(site, "bob", "push:web,see").await);
    let (_, of_zoe) = token_of(site, "zoe", "push:web,see").await;
    // What is asked for lacks its plan's hash, which is said to who may push alone.
    assert_ne!(pushed(&of_mary).await.0, 403);
    assert_eq!(pushed(&of_bob).await, (403, "no_right".to_owned()));
    assert_eq!(pushed(&of_zoe).await, (401, "token".to_owned()), "whom the provider never confirmed");

    let mut stream = site.stream("", "/api/v1/events", &format!("authorization: Bearer {of_mary}\r\n")).await;
    company.provider.knows("7", "mary", &["web"]).await;
    company.provider.knows("8", "bob", &["release"]).await;
    company.put_back(5 * MINUTE).await;
    assert!(plan(&mary.jar()).await.contains("mary may not push to web/qa: only members of @release may"));
    assert!(!plan(&bob.jar()).await.contains("may not push"));
    assert_eq!(pushed(&of_mary).await, (403, "no_right".to_owned()));
    assert_ne!(pushed(&of_bob).await.0, 403);
    stream.end().await;

    // A week after the provider refused him, unless it confirms him again; nobody else's.
    company.provider.tell(json!({ "gone": "8" })).await;
    company.put_back(5 * MINUTE).await;
    assert_eq!(site.get(&bob.jar(), "/").await.status, 303);
    assert_ne!(pushed(&of_bob).await.0, 401, "a build that runs at night is not stopped at once");
    let page = site.get(&mary.jar(), "/account").await;
    assert_eq!(page.status, 200);
    company.confirmed_days_ago("bob", 30).await;
    assert_eq!(pushed(&of_bob).await, (401, "token".to_owned()));
    assert_ne!(pushed(&of_mary).await.0, 401);
    company.provider.knows("8", "bob", &["release"]).await;
    company.browser_of("8").await;
    assert_ne!(pushed(&of_bob).await.0, 401, "{} is his again", of_bob_token.id);
    company.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_signs_nobody_out_for_an_hour_and_lets_nobody_in() {
    let company = company().await;
    let mary = company.browser_of("7").await;
    company.provider.tell(json!({ "down": true })).await;
    company.put_back(50 * MINUTE).await;
    assert_eq!(company.site.get(&mary.jar(), "/").await.status, 200);
    let mut stream = company.site.stream(&mary.jar(), "/api/v1/events", "").await;
    company.put_back(61 * MINUTE).await;
    stream.end().await;
    assert_eq!(company.site.get(&mary.jar(), "/").await.status, 303, "an hour without its word");
    let mut browser = Browser::default();
    let address = format!("{}/sign-in/oidc/callback?code=x&state=y", company.site.origin);
    assert_eq!(browser.step(&address).await.status, 403);
    // It is there again, and still vouches for her: nothing was thrown away.
    company.provider.tell(json!({ "down": false })).await;
    until("she is in again", async || (company.site.get(&mary.jar(), "/").await.status == 200).then_some(())).await;
    company.site.close().await;

    // From the start on: the page says so, and the next try works.
    let company = self::company().await;
    company.provider.tell(json!({ "down": true, "present": "7" })).await;
    let page = Browser::default().walk(&company.site, "/sign-in/oidc").await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("does not answer. Please try again"), "{}", page.text());
    company.provider.tell(json!({ "down": false })).await;
    company.browser_of("7").await;
    company.site.close().await;
}
