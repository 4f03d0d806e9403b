//! Many tabs of one browser: they share one stream, so that a browser's six connections are never used up.

use crate::house::browser::Browser;
use crate::house::{House, Plans, let_go, until};

/// Opens one more tab, goes to a page in it, and answers its handle.
async fn open_tab(browser: &Browser, path: &str) -> fantoccini::wd::WindowHandle {
    let tab = browser.page.new_window(true).await.unwrap().handle;
    browser.page.switch_to_window(tab.clone()).await.unwrap();
    browser.go(path).await;
    tab
}

#[tokio::test]
async fn with_ten_tabs_open_each_shows_every_line_and_cancel_works() {
    let commands = "{ run = \"echo one; while [ ! -e /tmp/two ]; do sleep 0.05; done; echo two; \
                    while [ ! -e /tmp/three ]; do sleep 0.05; done; echo three; sleep 1000\" }";
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    assert_eq!(house.press("qa").await, 1);
    let first = browser.page.window().await.unwrap();
    browser.go("/pushes/1").await;
    browser.says(".log-scroll", "one").await;
    let mut last = first.clone();
    for n in 0..9 {
        last = open_tab(&browser, if n % 3 == 0 { "/stacks/web" } else { "/pushes/1" }).await;
        if n % 3 != 0 {
            browser.says(".log-scroll", "one").await;
            browser.says(".conn", "Live").await;
        }
    }
    assert_eq!(browser.page.windows().await.unwrap().len(), 10);
    let_go(&house, "two", &["qa1"]);
    browser.says(".log-scroll", "two").await;

    // The tab that holds the stream goes; another one takes over, and nothing is lost.
    browser.page.switch_to_window(first).await.unwrap();
    browser.says(".log-scroll", "two").await;
    browser.page.close_window().await.unwrap();
    browser.page.switch_to_window(last).await.unwrap();
    let_go(&house, "three", &["qa1"]);
    // The command's own line holds these words too.
    until("all three are said, each once", async || {
        let said: Vec<String> = browser.lines().await.into_iter().filter(|line| line.len() <= 5).collect();
        (said == ["one", "two", "three"]).then_some(())
    })
    .await;

    browser.click("#b-cancel").await;
    browser.write("#ca-w", "ten tabs").await;
    browser.click("#dlg-cancel form .btn--fail").await;
    assert_eq!(house.ended(1).await["push"]["state"], "cancelled");
    for tab in browser.page.windows().await.unwrap() {
        browser.page.switch_to_window(tab).await.unwrap();
        if browser.path().await == "/stacks/web" {
            browser.holds("!document.querySelector('.stage-run')").await;
        } else {
            browser.says("main", "ancelled").await;
        }
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
