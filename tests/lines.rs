//! A finished push of 200,000 lines in a real browser: it opens with as little as a small one, and everything in it is
//! found, though the page holds next to nothing of it.

use crate::house::browser::Browser;
use crate::house::{House, Plans};
use serde_json::Value;

/// Lines that a page holds at most at once, whatever was looked at: the blocks around two places.
const HELD: i64 = 256 * 12;

struct Said {
    host: String,
    text: String,
}

fn said(house: &House, id: i64) -> Vec<Said> {
    let journal = String::from_utf8(house.journal(id)).unwrap();
    let records = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines = records.filter(|record| record["kind"] == "line");
    let word = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    lines.map(|line| Said { host: word(&line, "host"), text: word(&line, "text") }).collect()
}

/// What the page has asked the API for, as counts: requests, and bytes as they came over the wire.
async fn asked(browser: &Browser) -> (i64, i64) {
    let script =
        "const own = performance.getEntriesByType('resource').filter((e) => e.name.includes('/api/v1/pushes/'));
                  return [own.length, own.reduce((sum, e) => sum + e.encodedBodySize, 0)];";
    serde_json::from_value(browser.ask(script).await).unwrap()
}

/// Waits until a line is in sight, at its own number.
async fn in_sight(browser: &Browser, line: usize, text: &str) {
    let expression = format!(
        "[...document.querySelectorAll('.ln')].some((row) => {{
           const box = row.getBoundingClientRect(), log = document.querySelector('.log-scroll').getBoundingClientRect();
           return Number(row.querySelector('.ln-n').textContent) === {line} && row.querySelector('.ln-x').textContent === {text:?}
             && box.top >= log.top - 1 && box.bottom <= log.bottom + 1;
         }})"
    );
    browser.holds(&expression).await;
}

/// Goes to a page as somebody who follows a link from elsewhere.
async fn open(browser: &Browser, path: &str) {
    browser.go("/pushes").await;
    browser.go(path).await;
    browser.says(".conn", "Ended").await;
    browser.ask("document.querySelector('.log').scrollIntoView({ block: 'end' })").await;
}

async fn key(browser: &Browser, key: &str) {
    browser
        .ask(&format!("document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"))
        .await;
}

/// Keeps pictures, and brings the window back into sight: a window that nobody sees lets its lines go.
async fn pictures(browser: &Browser, name: &str) {
    browser.pictures(name).await;
    browser.ask("document.querySelector('.log').scrollIntoView({ block: 'end' })").await;
}

async fn held(browser: &Browser) -> i64 {
    browser.ask("return document.querySelectorAll('.ln').length").await.as_i64().unwrap()
}

/// A house with a push of 200 lines, its first, and one of 200,000, which fails on one of two hosts.
async fn house_with_both() -> (House, i64) {
    let commands = r#"{ run = """n=50; [ {push} = 1 ] || n=50050
      awk -v n=$n 'BEGIN {{ for (i = 1; i <= n; i++) print "product " i " of the shop" }}'
      echo "no cache for $n" >&2
      awk -v n=$n 'BEGIN {{ for (i = 1; i <= n; i++) print "and again " i }}'
      [ $n = 50 ] || [ {host} = qa1 ]""", name = "Talk" }"#;
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands, ..Plans::default() }).await;
    house.push_well("qa").await;
    house.commit().await;
    let id = house.press("qa").await;
    assert_eq!(house.ended(id).await["push"]["state"], "failed");
    (house, id)
}

#[tokio::test]
async fn a_finished_push_of_200_000_lines_opens_like_a_small_one_and_all_of_it_is_found() {
    let (house, id) = house_with_both().await;
    let all = said(&house, id);
    assert!(all.len() > 200_000, "{}", all.len());
    let place = |what: &dyn Fn(&Said) -> bool| all.iter().position(what).unwrap() + 1;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;

    // It opens at its first error, with a few requests more than a small one and not many bytes.
    open(&browser, "/pushes/1").await;
    let small = asked(&browser).await;
    open(&browser, &format!("/pushes/{id}")).await;
    let wrong = place(&|line| line.host == "qa2" && line.text == "no cache for 50050");
    in_sight(&browser, wrong, "no cache for 50050").await;
    let large = asked(&browser).await;
    println!("requests and bytes: {small:?} of a small push, {large:?} of a large one");
    assert!(large.0 <= small.0 + 8, "{large:?} against {small:?}");
    assert!(large.1 < 128 * 1024, "{large:?} against {small:?}");
    assert!(held(&browser).await < HELD, "{}", held(&browser).await);
    browser.says("#b-err b", "1").await;
    pictures(&browser, "long-push-error").await;

    // A link opens at its lines.
    open(&browser, &format!("/pushes/{id}#L150000-150010")).await;
    in_sight(&browser, 150_000, &all[149_999].text).await;
    in_sight(&browser, 150_010, &all[150_009].text).await;
    browser.holds("document.querySelectorAll('.ln.is-on').length === 11").await;
    assert!(held(&browser).await < HELD);
    pictures(&browser, "long-push-link").await;

    // Text that the page does not hold is found, and walked through from where the reader is.
    browser.write(".log-find input", "PRODUCT 44444 of").await;
    browser.says(".log-find output", "2").await;
    let hits: Vec<usize> =
        (1..).zip(&all).filter(|(_, line)| line.text.contains("product 44444 of")).map(|(n, _)| n).collect();
    let ahead = hits.iter().position(|line| *line > 150_010).unwrap_or(0);
    for step in 0..3 {
        browser.click("#b-next").await;
        in_sight(&browser, hits[(ahead + step) % 2], "product 44444 of the shop").await;
    }
    browser.click("#b-prev").await;
    in_sight(&browser, hits[(ahead + 1) % 2], "product 44444 of the shop").await;
    browser.holds("document.querySelectorAll('.ln.is-now').length === 1").await;
    pictures(&browser, "long-push-found").await;

    // The lines of one host alone, the server counts them; its number is kept by each line.
    browser.click(".ln.is-now .ln-h").await;
    let host = &all[hits[(ahead + 1) % 2] - 1].host;
    let of_host = all.iter().filter(|line| line.host == *host).count();
    let words = browser.says(".log-chips", " lines").await.replace(',', "");
    assert!(words.contains(&format!("{of_host} of {} lines", all.len())), "{words}");
    browser.says(".log-find output", "1").await;
    browser.ask("document.querySelector('.log-scroll').scrollTop = 0").await;
    let first = place(&|line| line.host == *host);
    in_sight(&browser, first, &all[first - 1].text).await;
    pictures(&browser, "long-push-host").await;

    // Without filters again: from the first error to the end of the log.
    key(&browser, "Escape").await;
    browser.holds("document.querySelector('.log-chips').hidden").await;
    key(&browser, "e").await;
    in_sight(&browser, wrong, "no cache for 50050").await;
    browser.holds("document.querySelector('.ln.is-on')?.dataset.k === 'err'").await;
    key(&browser, "f").await;
    in_sight(&browser, all.len(), &all.last().unwrap().text).await;
    assert!(held(&browser).await < HELD);

    // Errors alone.
    browser.click("#b-err").await;
    browser.says(".log-chips", "1 of").await;
    in_sight(&browser, wrong, "no cache for 50050").await;
    pictures(&browser, "long-push-errors").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// Not a promise but a measurement, for `docs/screen.md`: `cargo nextest run --run-ignored only opening_times --no-capture`.
#[tokio::test]
#[ignore = "measures times"]
async fn opening_times() {
    let (house, id) = house_with_both().await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    let watch =
        "const look = () => document.querySelector('.ln') && document.querySelector('.conn').textContent === 'Ended'
        ? setTimeout(() => (window.openedAt = performance.now())) : requestAnimationFrame(look);
        addEventListener('DOMContentLoaded', look);";
    browser.begin_with(watch).await;
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..9 {
        for (place, push) in [1, id].into_iter().enumerate() {
            open(&browser, &format!("/pushes/{push}")).await;
            browser.holds("window.openedAt").await;
            took[place].push(browser.ask("return Math.round(window.openedAt)").await.as_i64().unwrap());
        }
    }
    for (what, took) in ["200 lines", "200,000 lines"].iter().zip(&mut took) {
        println!("{what}: first {} ms, then {:?} ms", took[0], &took[1..]);
    }
}
