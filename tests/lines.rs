//! A finished push of 200,000 lines in a real browser: it opens with as little as a small one, and everything in it is
//! found, though the page holds next to nothing of it.

use crate::house::browser::Browser;
use crate::house::{House, Plans, kill, until, waits_for};
use serde_json::{Value, json};

/// Lines that a page holds at most at once, whatever was looked at: the blocks around two places.
const HELD: i64 = 256 * 12;

struct Said {
    command: u64,
    host: String,
    text: String,
}

fn said(house: &House, id: i64) -> Vec<Said> {
    let word = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    house
        .lines(id)
        .iter()
        .map(|line| Said {
            command: line["command"].as_u64().unwrap(),
            host: word(line, "host"),
            text: word(line, "text"),
        })
        .collect()
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

/// Goes to a page as someone who follows a link from elsewhere.
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

/// A house with a push of 200 lines, its first, and one of 200,000, which fails on one of three hosts.
async fn house_with_both() -> (House, i64) {
    let commands = r#"{ run = """n=33; [ {push} = 1 ] || n=33400
      awk -v n=$n 'BEGIN {{ for (i = 1; i <= n; i++) print "product " i " of the shop" }}'
      [ {host} != qa3 ] || echo "no cache for $n" >&2
      awk -v n=$n 'BEGIN {{ for (i = 1; i <= n; i++) print "and again " i }}'
      [ $n = 33 ] || [ {host} != qa3 ]""", name = "Talk" }"#;
    let house = House::build(Plans { qa: &["qa1", "qa2", "qa3"], commands, ..Plans::default() }).await;
    house.push_well("qa").await;
    house.commit().await;
    let id = house.press("qa").await;
    assert_eq!(house.ended(id).await["push"]["state"], "failed");
    (house, id)
}

#[tokio::test]
async fn a_finished_push_of_200_000_lines_opens_like_a_small_one_and_all_of_it_is_found() {
    let (mut house, id) = house_with_both().await;
    let all = said(&house, id);

    // Its index is made when it ends, before anybody looks; and when a server begins that finds none, as after a crash
    // between the two. A push of 200 lines needs none.
    let index = house.push_dir(id).join("journal.index");
    let made = async || until("its index is there", async || index.exists().then_some(())).await;
    made().await;
    house.kill_server().await;
    std::fs::remove_file(&index).unwrap();
    house.start().await;
    made().await;
    assert!(!house.push_dir(1).join("journal.index").exists());
    assert!(all.len() > 200_000, "{}", all.len());
    let place = |what: &dyn Fn(&Said) -> bool| all.iter().position(what).unwrap() + 1;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;

    // It opens at its first error, with a few requests more than a small one and not many bytes.
    open(&browser, "/pushes/1").await;
    let small = asked(&browser).await;
    open(&browser, &format!("/pushes/{id}")).await;
    let wrong = place(&|line| line.host == "qa3" && line.text == "no cache for 33400");
    in_sight(&browser, wrong, "no cache for 33400").await;
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

    // Text that the page does not hold is found, and walked through from where the reader is.
    browser.write(".log-find input", "PRODUCT 31111 of").await;
    browser.says(".log-find output", "3").await;
    let hits: Vec<usize> =
        (1..).zip(&all).filter(|(_, line)| line.text.contains("product 31111 of")).map(|(n, _)| n).collect();
    let ahead = hits.iter().position(|line| *line > 150_010).unwrap_or(0);
    for step in 0..4 {
        browser.click("#b-next").await;
        in_sight(&browser, hits[(ahead + step) % 3], "product 31111 of the shop").await;
    }
    browser.click("#b-prev").await;
    in_sight(&browser, hits[(ahead + 2) % 3], "product 31111 of the shop").await;
    browser.holds("document.querySelectorAll('.ln.is-now').length === 1").await;

    // The lines of one host alone, the server counts them; its number is kept by each line.
    browser.click(".ln.is-now .ln-h").await;
    let host = &all[hits[(ahead + 2) % 3] - 1].host;
    let of_host = all.iter().filter(|line| line.host == *host).count();
    let words = browser.says(".log-chips", " lines").await.replace(',', "");
    assert!(words.contains(&format!("{of_host} of {} lines", all.len())), "{words}");
    browser.says(".log-find output", "1").await;
    browser.ask("document.querySelector('.log-scroll').scrollTop = 0").await;
    let first = place(&|line| line.host == *host);
    in_sight(&browser, first, &all[first - 1].text).await;

    // Without filters again: from the first error to the end of the log.
    // Esc leaves one thing a press: the search, the match, the filters.
    for _ in 0..3 {
        key(&browser, "Escape").await;
    }
    browser.holds("document.querySelector('.log-chips').hidden").await;
    key(&browser, "e").await;
    in_sight(&browser, wrong, "no cache for 33400").await;
    browser.holds("document.querySelector('.ln.is-on')?.dataset.k === 'err'").await;
    key(&browser, "f").await;
    in_sight(&browser, all.len(), &all.last().unwrap().text).await;
    assert!(held(&browser).await < HELD);

    // Errors alone.
    browser.click("#b-err").await;
    browser.says(".log-chips", "1 of").await;
    in_sight(&browser, wrong, "no cache for 33400").await;
    browser.click("#b-err").await;
    copying(&browser, &all, wrong).await;
    folding(&browser, &all).await;

    // One step alone; and on the next page the reader's choice to fold holds.
    let of_step = all.iter().filter(|line| line.command == 2).count();
    browser
        .ask(
            "const step = document.querySelector('#f-step'); step.value = '1'; step.dispatchEvent(new Event('change'))",
        )
        .await;
    browser.says(".log-chips", &format!("{of_step} of")).await;
    browser.holds(&format!("document.querySelectorAll('.log-scroll .ln').length === {of_step}")).await;
    open(&browser, &format!("/pushes/{id}")).await;
    browser.reads(GROUPS, FOLDED).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// What a group of equal output is called.
const GROUPS: &str = ".same[data-s] .same-t b";

/// What they are called when nothing is filtered.
const FOLDED: &[&str] = &["1 host failed and said this", "2 hosts said this"];

/// What a link marks is copied, and what is selected, whether the page has it or not; what is too much is not copied in part.
async fn copying(browser: &Browser, all: &[Said], wrong: usize) {
    browser.ask("location.hash = '#L140000-140010'").await;
    browser.says(".log-box [role=status]", "Copy lines 140,000–140,010").await;
    pictures(browser, "long-push-copy").await;
    browser.click(".log-box [role=status] button").await;
    browser.says(".log-box [role=status]", "11 lines copied").await;
    let text =
        |from: usize, to: usize| all[from - 1..to].iter().map(|line| format!("{}\n", line.text)).collect::<String>();
    assert_eq!(browser.copied().await, text(140_000, 140_010));
    // A page that did not come over HTTPS has no clipboard of its own: a second press does it in the old way.
    let without = "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })";
    browser.ask(&format!("{without}; location.hash = '#L140020-140022'")).await;
    for words in ["Copy lines 140,020–140,022", "Copy 3 lines"] {
        browser.says(".log-box [role=status]", words).await;
        browser.click(".log-box [role=status] button").await;
    }
    browser.says(".log-box [role=status]", "3 lines copied").await;
    browser.ask("delete navigator.clipboard").await;
    assert_eq!(browser.copied().await, text(140_020, 140_022));

    // From within the first error to within a line 30,000 lines behind it, of which two blocks are in the page.
    key(browser, "e").await;
    in_sight(browser, wrong, &all[wrong - 1].text).await;
    let row = |line: usize| {
        format!("[...document.querySelectorAll('.ln')].find((row) => Number(row.firstChild.textContent) === {line})")
    };
    let select = |from: &str, to: &str| {
        format!("getSelection().setBaseAndExtent({from}.lastChild.firstChild, 3, {to}.lastChild.firstChild, 4)")
    };
    browser.ask(&format!("window.begin = {}; {}", row(wrong), select("begin", "begin"))).await;
    let last = wrong + 30_000;
    browser.ask("document.querySelector('.log-scroll').scrollTop += 30000 * document.querySelector('.ln').getBoundingClientRect().height").await;
    browser.holds(&row(last)).await;
    browser.ask(&format!("{}; document.execCommand('copy')", select("begin", &row(last)))).await;
    browser.says(".log-box [role=status]", "30,001 lines copied").await;
    let whole = text(wrong, last);
    let end = whole.trim_end().rfind('\n').unwrap() + 1;
    assert!(browser.copied().await == whole[3..end + 4], "what was selected is what was copied");

    browser
        .ask("getSelection().selectAllChildren(document.querySelector('.log-scroll')); document.execCommand('copy')")
        .await;
    browser.says(".log-box [role=status]", "Too much to copy").await;
    assert!(browser.copied().await == whole[3..end + 4], "nothing was copied");
    browser.ask("getSelection().removeAllRanges()").await;
}

/// Equal output folds by what the server says, as it does on the page of a short push, and by the same rule.
async fn folding(browser: &Browser, all: &[Said]) {
    let rule =
        "const [{ Same }, { kindOf }] = await Promise.all([import('/static/same/same.js'), import('/static/log/line.js')]);
        const said = ({ host, stream, text }) => new Same().blank({ host, text, kind: kindOf({ stream, text }) });
        return examples.map((example) => [example.text, said(example), example.blank]);";
    let examples = include_str!("../src/web/output/same/examples.json");
    let compared = browser.ask(&format!("return (async (examples) => {{ {rule} }})({examples})")).await;
    for example in compared.as_array().unwrap() {
        assert_eq!(example[1], example[2], "{}", example[0]);
    }

    browser.ask("document.querySelector('#b-same').click()").await;
    browser.reads(GROUPS, FOLDED).await;
    browser.reads(".same-who", &["qa3", "qa1, qa2"]).await;
    // A group's first 200 lines come when it is looked at, those of who failed at once.
    let lines = |end: &str| format!("document.querySelectorAll('.same[data-s={end}] .ln').length");
    browser.holds(&format!("{} === 200 && {} === 0", lines("fail"), lines("ok"))).await;
    browser.ask("document.querySelector('.same[data-s=ok]').scrollIntoView()").await;
    browser.holds(&format!("{} === 200", lines("ok"))).await;
    let count = all.iter().filter(|line| line.host == "qa3").count() - 200;
    browser.holds("document.querySelectorAll('.log-same .ln').length > 400").await;
    let more = format!("and {},{:03} more lines", count / 1000, count % 1000);
    browser.says(".same[data-s=fail] .same-more", &more).await;
    pictures(browser, "long-push-same").await;
    browser.click("#b-err").await;
    browser.reads(GROUPS, &["1 host failed and said this"]).await;
    browser.reads(".log-same .ln-x", &["no cache for 33400"]).await;
    browser.click("#b-err").await;
    // The other hosts alone; then the rest of a group, where it stands in the whole.
    browser.click(".same[data-s=ok] .same-who").await;
    browser.says(".log-chips", "qa1, qa2").await;
    let of_both = all.iter().filter(|line| line.host == "qa1" || line.host == "qa2").count();
    let words = browser.text(".log-chips").await.replace(',', "");
    assert!(words.contains(&format!("{of_both} of {} lines", all.len())), "{words}");
    key(browser, "Escape").await;
    let fold = "document.querySelector('#b-same').click()";
    browser.ask(fold).await;
    browser.click(".same[data-s=fail] .same-more").await;
    let (place, next) = all.iter().enumerate().filter(|(_, line)| line.host == "qa3").nth(200).unwrap();
    browser.holds("document.querySelector('.log-same').hidden").await;
    in_sight(browser, place + 1, &next.text).await;
    // What is found, and what is an error, is gone to although the fold draws none of it.
    browser.write(".log-find input", "PRODUCT 31111 of").await;
    browser.says(".log-find output", "3").await;
    browser.ask(fold).await;
    browser.says(".log-find output", "3").await;
    browser.click("#b-next").await;
    browser.holds("document.querySelector('.log-same').hidden && document.querySelector('.ln.is-now .ln-x').textContent === 'product 31111 of the shop'").await;
    browser.ask(fold).await;
    browser.reads(GROUPS, FOLDED).await;
    key(browser, "e").await;
    browser.holds("document.querySelector('.log-same').hidden && document.querySelector('.ln.is-on .ln-x')?.textContent === 'no cache for 33400'").await;
}

/// However a long push ended, its page stands where it matters, and all of it is reached.
#[tokio::test]
async fn a_long_push_that_ended_degraded_cancelled_or_interrupted_is_read_like_any_other() {
    let commands = format!(
        r#"{{ run = """awk -v p={{push}} 'BEGIN {{{{ for (i = 1; i <= 3000; i++) print "line " i " of push " p }}}}'
      [ {{push}} != 1 ] || exec [ {{host}} = qa1 ]
      echo talked; {}""", name = "Talk", on_failure = "continue" }}"#,
        waits_for("go")
    );
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands: &commands, ..Plans::default() }).await;
    let talked = async |id: i64| {
        until("both have talked", async || {
            (said(&house, id).iter().filter(|line| line.text == "talked").count() == 2).then_some(())
        })
        .await;
    };
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;

    for (id, state) in [(1, "degraded"), (2, "cancelled"), (3, "interrupted")] {
        house.commit().await;
        assert_eq!(house.press("qa").await, id);
        if id == 2 {
            talked(id).await;
            let cancel = house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
            assert_eq!(cancel.status, 202, "{}", cancel.text);
        } else if id == 3 {
            talked(id).await;
            kill(house.runner(id).await);
        }
        assert_eq!(house.ended(id).await["push"]["state"], state);
        let all = said(&house, id);
        let spoke = |host: &str, text: &str| {
            all.iter().position(|line| line.host == host && line.text.starts_with(text)).unwrap() + 1
        };

        // At its first error, or at its end when nobody failed.
        open(&browser, &format!("/pushes/{id}")).await;
        let last = spoke("qa2", "line 3000 of");
        let place = if id == 1 { last } else { all.len() };
        in_sight(&browser, place, &all[place - 1].text).await;
        browser.holds("document.querySelectorAll('.log-scroll .ln').length < 3000").await;
        let line = spoke("qa1", "line 77 of");
        browser.ask(&format!("location.hash = '#L{line}'")).await;
        in_sight(&browser, line, &all[line - 1].text).await;
        key(&browser, "e").await;
        let errors = if id == 1 { last } else { line };
        in_sight(&browser, errors, &all[errors - 1].text).await;
        browser.write(".log-find input", "LINE 2345 of").await;
        browser.says(".log-find output", "2").await;
        browser.click("#b-next").await;
        let found = "line 2345 of push";
        browser.holds(&format!("document.querySelector('.ln.is-now .ln-x')?.textContent.startsWith({found:?})")).await;
        browser.ask("document.querySelector('#b-same').click()").await;
        let groups: &[&str] = match id {
            1 => &["1 host failed and said this", "1 host said this"],
            2 => &["All 2 hosts were cancelled and said this"],
            _ => &["All 2 hosts are in an unknown state and said this"],
        };
        browser.reads(GROUPS, groups).await;
        browser.ask("document.querySelector('#b-same').click()").await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// Not a promise but a measurement, for `docs/screen.md`: `cargo nextest run --run-ignored only opening_times --no-capture`.
#[tokio::test]
#[ignore = "measures times: docs/screen.md has its command"]
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
