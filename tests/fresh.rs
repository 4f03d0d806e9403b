//! The stack's page is right without a reload, whatever changes, and says so when it cannot know.

use crate::house::browser::Browser;
use crate::house::{House, Plans};
use serde_json::json;

#[tokio::test]
async fn the_stack_page_is_fresh_whatever_changes_and_says_when_it_cannot_be() {
    let mut house = House::build(Plans { qa: &["qa1"], princess: &["princess1"], ..Plans::default() }).await;
    house.push_well("qa").await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go("/stacks/web").await;
    browser.says("[data-part=\"stage-qa\"]", "Nothing new").await;
    browser.ask("window.never = 'reloaded'").await;

    // A new commit, while a menu is open.
    browser.click("[popovertarget=\"m-qa\"]").await;
    let sha = house.commit().await;
    browser.says("[data-part=\"stage-qa\"] .stage-next", "1 commit").await;
    browser.says("[data-part=\"files-qa\"]", "file").await;
    let link = browser.ask("return document.querySelector('[data-part=\"stage-qa\"] .stage-next a.num').href").await;
    assert!(link.as_str().unwrap().ends_with(&sha), "the diff link is of the new commit: {link}");
    browser.holds("document.querySelector('#m-qa:popover-open')").await;
    browser.ask("document.querySelector('#m-qa').hidePopover()").await;

    // The list of files stays open, and the focus where it is.
    browser.click("#d-files-qa summary").await;
    house.commit().await;
    browser.says("[data-part=\"rail\"]", "2 commits").await;
    browser.holds("document.querySelector('#d-files-qa[open]')").await;
    browser.holds("document.activeElement?.matches('#d-files-qa > summary')").await;

    // A hold by someone else, while one is being written.
    browser.click("[popovertarget=\"hold-all\"]").await;
    browser.write("#hold-all-w", "half a sent").await;
    let hold = "/api/v1/stacks/web/stages/qa/hold";
    assert_eq!(house.send("PUT", hold, &json!({ "reason": "wait for the graphs" })).await.status, 204);
    browser.says("[data-part=\"notes\"]", "wait for the graphs").await;
    browser.text("[data-go=\"qa\"][aria-disabled]").await;
    browser.holds("document.querySelector('#hold-all:popover-open #hold-all-w').value === 'half a sent'").await;
    browser.holds("document.activeElement?.id === 'hold-all-w'").await;
    browser.pictures("stack-while-writing").await;
    assert_eq!(house.send("DELETE", hold, &json!({})).await.status, 204);
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;
    browser.ask("document.querySelector('#hold-all').hidePopover()").await;

    // A hold that is over by itself: the page says until when, and changes at that moment.
    assert_eq!(house.send("PUT", hold, &json!({ "reason": "a moment", "until": "2s" })).await.status, 204);
    let note = browser.says("[data-part=\"notes\"]", "a moment").await;
    assert!(note.contains("QA is held by mary until "), "{note}");
    browser.text("[data-go=\"qa\"][aria-disabled] small time").await;
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;
    browser.holds("!document.querySelector('.note--hold')").await;

    // A push by someone else.
    house.push_well("qa").await;
    browser.says("[data-part=\"stage-qa\"]", "Nothing new").await;
    browser.says("[data-part=\"recent\"]", "#2").await;
    browser.says("[data-part=\"stage-princess\"] .push", "Push to Princess").await;

    // The stack file.
    let file = house.data().parent().unwrap().join("stacks/web.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("chunks = 3\n{good}")).unwrap();
    browser.says("[data-part=\"notes\"]", "unknown key `chunks`").await;
    std::fs::write(&file, &good).unwrap();
    browser.text("[data-go=\"princess\"]:not([aria-disabled])").await;

    // The laptop sleeps for two minutes, and the server is away when it wakes.
    house.kill_server().await;
    browser.ask("const real = Date.now; Date.now = () => real() + 120000").await;
    browser.says(".stale-note", "This page shows the state of").await;
    browser.holds("document.documentElement.classList.contains('stale')").await;
    browser.pictures("stack-stale").await;
    browser.click(".stale-note .btn").await;
    browser.says(".stale-note", "This page shows the state of").await;
    house.start().await;
    browser.ask("document.querySelector('.stale-note .btn')?.click()").await;
    browser.holds("!document.querySelector('.stale-note')").await;
    assert_eq!(browser.ask("return window.never").await, "reloaded", "the page was never loaded again");

    // One setting for all pictures.
    browser.holds("document.querySelector('.px').getClientRects().length === 1").await;
    browser.ask("document.querySelector('[data-pictures-off]').click()").await;
    browser.holds("document.querySelector('.px').getClientRects().length === 0").await;
    browser.go("/stacks/web").await;
    browser.holds("document.querySelector('.px').getClientRects().length === 0").await;

    let table = house.get("/pushes.csv?stack=web").await;
    let lines: Vec<&str> = table.text.split("\r\n").collect();
    assert!(lines[0].starts_with("push,stack,stage,kind,state,who"), "{}", table.text);
    assert!(lines[1].starts_with("2,web,qa,push,succeeded,mary,"), "{}", table.text);
    assert!(lines[2].starts_with("1,web,qa,push,succeeded,mary,"), "{}", table.text);
    let newer = house.get("/api/v1/pushes?after=1&since=2020-01-01").await;
    assert!(newer.text.contains("\"next_before\":2") && newer.text.contains("\"id\":2"), "{}", newer.text);
    assert_eq!(house.get("/pushes?since=yesterday").await.status, 400);
}
