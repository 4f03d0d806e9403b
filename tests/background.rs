//! A tab that nobody looks at: it costs next to nothing however long it stays there, sees the end, and knows everything
//! once it is looked at. The browser is a real one whose window is minimized; two days pass in seconds,
//! because the page is given a clock that can be set forward.

use crate::house::browser::Browser;
use crate::house::{House, Plans, let_go, until};

/// A clock that can leap: each timer that comes due on the way is called at its own time, and what it asks of the real
/// server is waited for. Counts streams and what it asked.
const CLOCK: &str = "
    const real = { set: setTimeout.bind(window), clear: clearTimeout.bind(window), now: Date.now, fetch: fetch.bind(window), stream: EventSource };
    const timers = new Map();
    let ahead = 0, last = 0, asking = 0;
    Date.now = () => real.now() + ahead;
    const put = (id, each, call, ms, rest) => {
      const due = Date.now() + Math.max(0, ms || 0);
      const fire = () => {
        real.clear(timers.get(id)?.real);
        timers.delete(id);
        if (each) put(id, each, call, ms, rest);
        call(...rest);
      };
      timers.set(id, { due, fire, real: real.set(fire, Math.max(0, ms || 0)) });
      return id;
    };
    window.setTimeout = (call, ms, ...rest) => put(++last, false, call, ms, rest);
    window.setInterval = (call, ms, ...rest) => put(++last, true, call, ms, rest);
    window.clearTimeout = window.clearInterval = (id) => {
      real.clear(timers.get(id)?.real);
      timers.delete(id);
    };
    window.asked = { requests: 0, bytes: 0 };
    performance.setResourceTimingBufferSize(0); // what the browser itself remembers of them would look like a leak
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) {
        asked.requests++;
        asked.bytes += one.transferSize;
      }
    }).observe({ type: 'resource' });
    window.streams = [];
    let idle = [];
    const wait = (answer) => {
      asking++;
      return answer.finally(() => {
        if (!--asking) idle.splice(0).forEach((go) => go());
      });
    };
    window.fetch = (...what) => wait(real.fetch(...what).then((answer) => {
      const json = answer.json.bind(answer);
      answer.json = () => wait(json());
      return answer;
    }));
    window.EventSource = class extends real.stream {
      constructor(...what) { super(...what); streams.push(this); }
    };
    window.open_streams = () => streams.filter((stream) => stream.readyState < 2).length;
    // a message to itself is not slowed down in a tab that nobody sees
    const breath = () => new Promise((go) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => go();
      port2.postMessage(0);
    });
    window.leap = async (ms) => {
      const target = Date.now() + ms;
      let called = 0;
      for (;;) {
        await 0;
        while (asking) {
          await new Promise((go) => idle.push(go));
          await breath(); // who got the answer may ask on
        }
        const next = [...timers.values()].sort((a, b) => a.due - b.due)[0];
        if (!next || next.due > target) break;
        ahead += Math.max(0, next.due - Date.now());
        called++;
        next.fire();
      }
      ahead += Math.max(0, target - Date.now());
      return called;
    };";

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// Lets time pass in the page; in pieces, since a browser on a busy machine ends a script that takes half a minute.
async fn leap(browser: &Browser, ms: u64) -> u64 {
    let (mut left, mut called) = (ms, 0);
    while left > 0 {
        let piece = left.min(DAY / 8);
        let script = format!("const done = arguments[arguments.length - 1]; leap({piece}).then(done)");
        called += browser.page.execute_async(&script, vec![]).await.unwrap().as_u64().unwrap();
        left -= piece;
    }
    called
}

/// What the page has cost so far, as the browser counts it.
async fn cost(browser: &Browser) -> Cost {
    for _ in 0..2 {
        browser.collect_garbage().await;
    }
    let page = browser
        .ask("return [asked.requests, asked.bytes, open_streams(), document.querySelectorAll('*').length]")
        .await;
    let metrics = browser.metrics().await;
    let number = |key: &str| metrics[key];
    Cost {
        requests: page[0].as_i64().unwrap(),
        bytes: page[1].as_i64().unwrap(),
        streams: page[2].as_i64().unwrap(),
        elements: page[3].as_i64().unwrap(),
        heap: number("JSHeapUsedSize"),
        worked: number("ScriptDuration") + number("LayoutDuration") + number("RecalcStyleDuration"),
        layouts: number("LayoutCount"),
    }
}

#[derive(Debug)]
struct Cost {
    requests: i64,
    bytes: i64,
    streams: i64,
    elements: i64,
    heap: f64,
    /// Seconds that the processor worked on scripts and drawing.
    worked: f64,
    layouts: f64,
}

/// Minimizes the window: the browser then hides its page as it does one behind another tab.
async fn hide(browser: &Browser) {
    browser.page.minimize_window().await.unwrap();
    browser.holds("document.hidden").await;
}

/// Looks at the page again.
async fn show(browser: &Browser) {
    browser.unminimize().await;
    browser.holds("!document.hidden").await;
}

fn lines_of(house: &House) -> Vec<String> {
    house.lines(1).iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_hidden_tab_costs_next_to_nothing_for_two_days_and_knows_everything_when_it_is_shown() {
    let talk = "i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); echo tick $i; sleep 0.02; done";
    let house =
        House::build(Plans { qa: &["qa1"], commands: &format!("{{ run = \"{talk}\" }}"), ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.begin_with(CLOCK).await;
    browser.sign_in("kate").await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    browser.says(".log-scroll", "tick 5").await;
    browser.says(".conn", "Live").await;
    let icon = "return document.querySelector('link[rel=\"icon\"]').href";
    assert!(browser.ask(icon).await.as_str().unwrap().contains("favicon-run"));

    // Half a minute after it was hidden, it gives its stream back.
    hide(&browser).await;
    assert_eq!(cost(&browser).await.streams, 1);
    leap(&browser, 31_000).await;
    let asleep = cost(&browser).await;
    assert_eq!(asleep.streams, 0);
    let last = browser.lines().await.len();
    leap(&browser, 5 * MINUTE).await;
    let after_five = cost(&browser).await;
    assert!(after_five.requests > asleep.requests + 8, "at first it asks each 20 s: {after_five:?}");
    leap(&browser, 2 * DAY).await;
    let later = cost(&browser).await;
    println!("in two days the processor worked {:.3} s", later.worked - asleep.worked);
    println!("hidden, asleep: {asleep:?}\nfive minutes on: {after_five:?}\ntwo days on: {later:?}");
    let asked = later.requests - asleep.requests;
    assert!((100..=700).contains(&asked), "{asked} requests in two days");
    assert!(later.bytes - asleep.bytes < 4 * 1024 * asked, "{} bytes", later.bytes - asleep.bytes);
    assert_eq!((later.streams, later.elements), (0, asleep.elements));
    assert_eq!(later.layouts, asleep.layouts, "nothing is drawn");
    assert!(later.heap < asleep.heap + 4.0 * 1048576.0, "{later:?}");
    assert_eq!(browser.lines().await.len(), last, "lines of two days are not fetched for nobody");

    // Shown, it has each line once, in order, and stands at the newest.
    show(&browser).await;
    browser.says(".conn", "Live").await;
    until("the window has what the journal had", async || {
        let journal = lines_of(&house);
        let shown = browser.lines().await;
        (shown.len() > last && shown.len() + 50 > journal.len() && journal.starts_with(&shown[..])).then_some(())
    })
    .await;
    browser
        .holds("(({ scrollTop, clientHeight, scrollHeight }) => scrollHeight - scrollTop - clientHeight < 40)(document.querySelector('.log-scroll'))")
        .await;

    // It ends while nobody looks: title and icon tell, and then nothing is asked any more.
    hide(&browser).await;
    leap(&browser, MINUTE).await;
    assert_eq!(cost(&browser).await.streams, 0);
    let_go(&house, "end", &["qa1"]);
    house.ended(1).await;
    leap(&browser, MINUTE).await;
    browser.holds("document.title.startsWith('✓ web to ')").await;
    assert!(browser.ask(icon).await.as_str().unwrap().contains("favicon-ok"));
    let over = cost(&browser).await;
    leap(&browser, 60 * MINUTE).await;
    assert_eq!(cost(&browser).await.requests, over.requests, "a push that has ended is not asked for again");
    show(&browser).await;
    browser.says(".prog-txt", "Pushed in").await;
    assert_eq!(browser.lines().await, lines_of(&house));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn hidden_pages_that_keep_themselves_fresh_give_the_stream_back_and_ask_for_nothing() {
    let house = House::plain().await;
    let browser = Browser::open(&house).await;
    browser.begin_with(CLOCK).await;
    browser.sign_in("kate").await;
    for path in ["/", "/stacks/web"] {
        browser.go(path).await;
        browser.holds("open_streams() === 1").await;
        hide(&browser).await;
        leap(&browser, 31_000).await;
        let asleep = cost(&browser).await;
        leap(&browser, 2 * DAY).await;
        let later = cost(&browser).await;
        println!("{path}: {asleep:?}, two days on: {later:?}");
        assert_eq!((later.streams, later.requests), (0, asleep.requests));
        show(&browser).await;
        browser.holds("open_streams() === 1").await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
