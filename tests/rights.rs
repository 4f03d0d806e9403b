//! Rights and tokens in a real browser, by keyboard alone, on a wide screen and a phone, light and dark: who may not is told who may, who
//! may pushes, and a program's token is created, used and revoked.

use crate::house::browser::Browser;
use crate::house::{House, Plans, let_go, until, waits_for};

const ENTER: &str = "\u{e007}";

#[tokio::test]
async fn rights_and_tokens_are_used_by_keyboard_on_a_wide_screen_and_a_phone() {
    let config = "[groups]\nrelease = [\"pete\", \"nina\"]\n[rights]\npush = []\n\"push:web/qa\" = [\"@release\"]\n\
                  rollback = [\"@release\"]\nhold = [\"@release\"]\n";
    let commands =
        format!("{{ release = \"/srv/web\" }}, {{ run = {:?} }}, {{ activate = \"/srv/web\" }}", waits_for("go"));
    let plans =
        Plans { qa: &["qa1"], prod: &["web001"], commands: &commands, config: config.to_owned(), ..Plans::default() };
    let house = House::build(plans).await;
    let browser = Browser::open(&house).await;

    // Vera looks on: each button says who may.
    browser.sign_in("vera").await;
    browser.go("/stacks/web").await;
    let only = "vera may not push to web/qa: only nina and pete (@release) may";
    browser.says("[data-go=\"qa\"]", only).await;
    assert_eq!(
        browser.ask("return document.querySelector('[data-go=qa]').getAttribute('aria-disabled')").await,
        "true"
    );
    browser.says("[data-go=\"prod\"]", "nobody may").await;
    browser.pictures("rights-stack").await;
    browser.go("/stacks/web/stages/qa/plan").await;
    browser.says("main", only).await;
    browser.pictures("rights-plan").await;

    // Pete is one of them, and needs no mouse.
    browser.go("/account").await;
    browser.tab_to("form[action=\"/account/sign-out-everywhere\"] button").await;
    browser.keys(ENTER).await;
    browser.arrives("/sign-in").await;
    browser.sign_in("pete").await;
    browser.go("/stacks/web").await;
    browser.says("[data-go=\"qa\"]", "Push to QA").await;
    browser.tab_to("[data-go=\"qa\"]").await;
    browser.keys(ENTER).await;
    browser.arrives("/pushes/1").await;
    browser.tab_to("#f-pause button").await;
    let_go(&house, "go", &["qa1"]);
    browser.says("h1", "web to QA").await;
    until("the end", async || {
        let push = house.get("/api/v1/pushes/1").await.json()["push"].clone();
        assert!(push["state"] == "running" || push["state"] == "succeeded", "{push:#}");
        (push["state"] == "succeeded").then_some(())
    })
    .await;

    // A program of his, with what he may and no more.
    browser.go("/account").await;
    browser.tab_to("#t-name").await;
    browser.keys("ci").await;
    browser.tab_to("#t-may").await;
    browser.keys("see,push").await;
    browser.keys(ENTER).await;
    browser.says("main", "pb_").await;
    browser.pictures("rights-token").await;
    browser.go("/account").await;
    browser.tab_to("form[action$=\"/revoke\"] button").await;
    browser.keys(ENTER).await;
    browser.holds("location.pathname === '/account' && !document.querySelector('form[action$=\"/revoke\"]')").await;
}
