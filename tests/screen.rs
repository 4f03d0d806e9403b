//! How a live push stays light in a real browser. What does not vary with a machine's load is a test; `script/bench-screen`
//! runs the same with times and prints them.

mod trace;

use crate::house::browser::Browser;
use crate::house::{House, Plans, until};
use serde_json::Value;
use std::time::{Duration, Instant};

const HOSTS: [&str; 10] = ["qa1", "qa2", "qa3", "qa4", "qa5", "qa6", "qa7", "qa8", "qa9", "qa10"];

/// Watches a page from its first line on: frames, memory.
const WATCH: &str = "
    window.seen = { frames: 0, heap: [] };
    const count = () => { seen.frames++; requestAnimationFrame(count); };
    count();
    setInterval(() => seen.heap.push(performance.memory.usedJSHeapSize / 1048576), 500);";

/// Twenty times 500 lines for one window, drawn at once: how many drawings it took, how many rows were made, and how many fit.
const RUSH: &str = "
    const { LogView } = await import('/static/log/log.js');
    const view = new LogView(document.querySelector('.log'), { stepTitle: () => 'Talk', stepNote: () => '', hooks: {} });
    view.settle();
    const made = new MutationObserver(() => {});
    made.observe(view.scroller, { childList: true, subtree: true });
    let n = 0, paints = 0;
    for (let round = 0; round < 20; round++) {
      view.append(Array.from({ length: 500 }, () => ({ n: ++n, t: 0, step: 0, host: 'qa1', kind: 'out', text: `line ${n}` })));
      for (; view.done < view.list.shown.length; paints++) view.paint();
    }
    const nodes = made.takeRecords().flatMap((record) => [...record.addedNodes]);
    return { paints, rows: nodes.filter((node) => node.className === 'ln').length, fit: view.fit };";

/// What a live push of many talking hosts did to a page.
struct Shown {
    lines: usize,
    took: Duration,
    elements: i64,
    seen: Value,
}

/// Ten hosts say `turns` times 50 lines, a tenth of a second apart; the window must have each of them, in order.
async fn watch_ten_hosts_talk(house: &House, browser: &Browser) -> Shown {
    browser.sign_in("kate").await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    browser.says(".log-scroll", "ready").await;
    browser.ask(WATCH).await;
    browser.ask("performance.mark('begun')").await;
    for host in HOSTS {
        std::fs::write(house.fleet.host(host).unwrap().tmp_dir().join("go"), "").unwrap();
    }
    let begun = Instant::now();
    house.ended(1).await;
    let took = begun.elapsed();
    browser.says(".prog-txt", "Pushed in").await;
    let seen = browser.ask("performance.mark('ended'); return window.seen").await; // before the test's own questions keep the page busy
    let all: Vec<String> = house.lines(1).iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    until("the window has all lines of the journal, each once, in order", async || {
        (browser.lines().await == all).then_some(())
    })
    .await;
    let elements = browser.ask("return document.querySelectorAll('*').length").await.as_i64().unwrap();
    Shown { lines: all.len(), took, elements, seen }
}

async fn house_of_talk(turns: u32) -> House {
    let commands = format!(
        r#"{{ run = """echo ready; while [ ! -e /tmp/go ]; do sleep 0.05; done; i=0; while [ $i -lt {turns} ]; do
           awk -v t=$i 'BEGIN {{{{ for (k = 0; k < 50; k++) print "request " t * 50 + k " answered with 200 in 12 ms" }}}}';
           i=$((i+1)); sleep 0.1; done""" }}"#
    );
    House::build(Plans { qa: &HOSTS, commands: &commands, ..Plans::default() }).await
}

#[tokio::test]
async fn ten_hosts_that_talk_at_once_are_shown_whole_with_few_elements() {
    let house = house_of_talk(20).await;
    let browser = Browser::open(&house).await;
    let shown = watch_ten_hosts_talk(&house, &browser).await;
    assert!(shown.lines >= 10_000, "{}", shown.lines);
    assert!(shown.elements < 8_000, "few elements for many lines: {}", shown.elements);

    // Of lines that rush by, those that fit the window become elements and no other; a drawing is one layout.
    let before = browser.metrics().await["LayoutCount"];
    let drawn = browser.ask(&format!("return (async () => {{ {RUSH} }})()")).await;
    let [paints, rows, fit] = ["paints", "rows", "fit"].map(|key| drawn[key].as_f64().unwrap());
    let layouts = browser.metrics().await["LayoutCount"] - before;
    assert!((20.0 * fit..=20.0 * (fit + 1.0)).contains(&rows), "{rows} rows for 20 windows of {fit}");
    assert!(layouts <= paints + 10.0, "{layouts} layouts for {paints} drawings");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// `script/bench-screen`: prints a table for `docs/screen.md`.
#[tokio::test]
#[ignore = "measures times: script/bench-screen"]
async fn bench_of_a_live_push() {
    let house = house_of_talk(200).await;
    let browser = Browser::traced(&house, trace::CATEGORIES).await;
    let shown = watch_ten_hosts_talk(&house, &browser).await;
    let events = browser.trace().await;
    if let Ok(file) = std::env::var("PUSHBUTTON_TRACE_TO") {
        std::fs::write(file, serde_json::to_vec(&events).unwrap()).unwrap();
    }
    let main = trace::Main::of(&events);
    let seconds = shown.took.as_secs_f64();
    let heap: Vec<f64> = shown.seen["heap"].as_array().unwrap().iter().map(|mb| mb.as_f64().unwrap()).collect();
    let frames = shown.seen["frames"].as_f64().unwrap();
    println!("| what | measured |\n|---|---|");
    println!("| lines, from ten hosts, in order and equal to the journal | {} |", shown.lines);
    println!("| lines a second | {:.0} |", shown.lines as f64 / seconds);
    println!(
        "| tasks over 50 ms of the processor | {} (longest {:.0} ms) |",
        main.over(|task| task.worked),
        main.most(|task| task.worked)
    );
    println!(
        "| tasks over 50 ms by the clock | {} (longest {:.0} ms) |",
        main.over(|task| task.lasted),
        main.most(|task| task.lasted)
    );
    println!("| frames a second | {:.0} |", frames / seconds);
    println!(
        "| main thread: worked, and was in tasks by the clock | {:.0} %, {:.0} % |",
        main.worked() / seconds / 10.0,
        main.lasted() / seconds / 10.0
    );
    println!(
        "| heap, first and most | {:.0} MB, {:.0} MB |",
        heap.first().unwrap_or(&0.0),
        heap.iter().copied().fold(0.0, f64::max)
    );
    println!("| elements at the end | {} |", shown.elements);
    println!("\n| the main thread's work | ms a second of the processor | times a frame |\n|---|---|---|");
    for (what, worked, times) in main.parts() {
        println!("| {what} | {:.1} | {:.1} |", worked / seconds, times as f64 / frames);
    }
}
