//! Pages that stay open while stacks and stages come and go: what is on them is what a reload would show.

use crate::house::House;
use crate::house::browser::Browser;

#[tokio::test]
async fn stacks_and_stages_that_come_and_go_do_so_on_open_pages_and_what_was_typed_stays() {
    let house = House::plain().await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go("/").await;
    browser.write("#find", "ap").await;
    browser
        .holds("document.querySelector('[data-name=web]').hidden && !document.getElementById('no-stack').hidden")
        .await;

    let file = |name: &str| house.dir.path().join(format!("stacks/{name}.toml"));
    let text = std::fs::read_to_string(file("web")).unwrap().replace("/srv/web", "/srv/other");
    std::fs::write(file("api"), &text).unwrap();
    std::fs::write(file("other"), text.replace("/srv/other", "/srv/third")).unwrap();
    browser.says("[data-part=\"stack-api\"]", "never pushed").await;
    browser.holds("document.querySelector('[data-name=other]').hidden").await;
    let shown =
        "return [...document.querySelectorAll('.brow[data-name]:not([hidden])')].map((row) => row.dataset.name).join()";
    assert_eq!(browser.ask(shown).await, "api", "what a person looks for stays found");
    assert_eq!(browser.ask("return document.getElementById('find').value").await, "ap");
    assert_eq!(browser.ask("return document.activeElement.id").await, "find", "and whoever types goes on typing");

    std::fs::remove_file(file("other")).unwrap();
    browser.write("#find", "\u{e003}\u{e003}").await; // Backspace
    browser.says("[data-part=\"stack-other\"]", "its file has errors").await;
    browser.holds("!document.querySelector('.brow[hidden]')").await;

    browser.go("/stacks/api").await;
    browser.holds("document.querySelectorAll('section.stage').length == 3").await;
    std::fs::write(file("api"), text.replace("name = \"princess\"", "name = \"canary\"")).unwrap();
    browser.holds("document.getElementById('st-canary') && !document.getElementById('st-princess')").await;
    // What is open, chosen and typed outlives a change of what stands around it; the change is there when it is closed.
    browser.click("[popovertarget=\"hold-all\"]").await;
    browser.write("#hold-all-w", "let us sleep on it").await;
    browser.click("#hold-all-u option[value=\"4h\"]").await;
    std::fs::write(file("api"), text.replace("name = \"princess\"", "name = \"beta\"")).unwrap();
    browser.says("[data-part=\"rail\"]", "Beta").await;
    browser.holds("document.querySelector('#hold-all:popover-open')").await;
    let typed = "return document.getElementById('hold-all-w').value + document.getElementById('hold-all-u').value";
    assert_eq!(browser.ask(typed).await, "let us sleep on it4h");
    browser.click("#hold-all [popovertargetaction=\"hide\"]").await;
    browser.holds("document.getElementById('st-beta') && !document.getElementById('st-canary')").await;
    assert_eq!(browser.ask(typed).await, "let us sleep on it4h");
    browser.click("[popovertarget=\"m-beta\"]").await;
    browser.holds("document.querySelector('#m-beta:popover-open')").await;
    assert_eq!(browser.complaints().await, [""; 0]);
}
