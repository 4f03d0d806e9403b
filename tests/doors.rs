//! Doors that stay shut, as a person sees them in a browser: a press that another site sends, one that comes too late, one
//! that the server has no room for, a wrong password, and a house without a stack.

use crate::house::browser::Browser;
use crate::house::{House, Plans};
use assert_cmd::Command;

/// Starts the server over a changed file.
async fn start_again(house: &mut House, changes: &[(&str, &str)]) {
    house.kill_server().await;
    let path = house.dir.path().join("config.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}: {text}");
        text = text.replace(old, new);
    }
    std::fs::write(&path, text).unwrap();
    if changes.iter().any(|(_, new)| new.contains("password")) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushbutton"));
        command.arg("--config").arg(path).args(["user", "add", "kate"]).write_stdin("correct horse\n");
        assert!(command.output().unwrap().status.success());
    }
    house.start().await;
}

#[tokio::test]
async fn what_is_refused_says_why_and_what_to_do() {
    let mut house = House::build(Plans { qa: &["qa1"], prod: &["web001"], ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go("/stacks/web").await;
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;

    // Someone looks at an old page: it was hidden, and is pressed before it is fresh.
    browser.hide(true).await;
    let seen = "return document.querySelector('.stage-next').textContent";
    let before = browser.ask(seen).await;
    house.commit().await;
    assert_eq!(browser.ask(seen).await, before);
    browser.ask("document.querySelector('[data-go=qa]').click()").await;
    browser.says("h1", "Something changed since you looked").await;
    assert!(browser.text("main").await.contains("push again"));
    assert_eq!(browser.text("main a[href=\"/stacks/web\"]").await, "Back to web", "a refusal leads back to its stack");
    browser.glance("moved-on").await;
    assert_eq!(house.get("/api/v1/pushes").await.text.matches("\"id\"").count(), 0, "nothing was pushed");

    // Another site's form.
    let elsewhere =
        format!("data:text/html,<form method=post action={}/stacks/web/stages/qa/push><button>win", house.url);
    browser.page.goto(&elsewhere).await.unwrap();
    browser.click("button").await;
    browser.says("h1", "The request came from another site").await;
    browser.glance("from-elsewhere").await;
    browser.complaints().await; // 403 and 409 were asked for

    // A server with passwords, and without room for a push.
    let changes = [("mode = \"open\"", "mode = \"password\""), ("free_mib = 16", "free_mib = 4000000000")];
    start_again(&mut house, &changes).await;
    browser.page.delete_all_cookies().await.unwrap();
    browser.go("/stacks/web").await;
    browser.says("h1", "Sign in to push").await;
    browser.write("#u", "kate").await;
    browser.write("#p", "battery staple").await;
    browser.click(".card .btn--main").await;
    browser.says("#p-e", "Wrong name or password").await;
    browser.glance("sign-in-wrong").await;
    browser.write("#p", "correct horse").await;
    browser.click(".card .btn--main").await;
    browser.arrives("/stacks/web").await;
    browser.click("[data-go=\"qa\"]:not([aria-disabled])").await;
    browser.says("h1", "The disk of the server is full").await;
    assert!(browser.text("main").await.contains("free space"));
    browser.glance("no-room").await;

    // The last stack's file goes.
    std::fs::remove_file(house.dir.path().join("stacks/web.toml")).unwrap();
    start_again(&mut house, &[]).await;
    browser.go("/").await;
    browser.says("h1", "No stacks yet").await;
    browser.glance("no-stacks").await;
}
