//! How a live push stays light in a real browser. What does not vary with a machine's load is a test; `script/bench-screen`
//! runs the same with times and prints them.

use crate::house::browser::Browser;
use crate::house::{House, Plans, until};
use serde_json::Value;
use std::time::{Duration, Instant};

const HOSTS: [&str; 10] = ["qa1", "qa2", "qa3", "qa4", "qa5", "qa6", "qa7", "qa8", "qa9", "qa10"];

/// Watches a page from its first line on: tasks that held it up, frames, memory.
const WATCH: &str = "
    window.seen = { long: [], frames: 0, heap: [] };
    new PerformanceObserver((list) => seen.long.push(...list.getEntries().map((e) => [e.startTime, e.duration])))
      .observe({ entryTypes: ['longtask'] });
    const count = () => { seen.frames++; requestAnimationFrame(count); };
    count();
    setInterval(() => seen.heap.push(performance.memory.usedJSHeapSize / 1048576), 500);";

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
    let journal = String::from_utf8(house.journal(1)).unwrap();
    let records = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let all: Vec<String> = records
        .filter(|record| record["kind"] == "line")
        .map(|record| record["text"].as_str().unwrap().to_owned())
        .collect();
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
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// `script/bench-screen`: prints a table for `docs/screen.md`.
#[tokio::test]
#[ignore = "measures times: script/bench-screen"]
async fn bench_of_a_live_push() {
    let house = house_of_talk(200).await;
    let browser = Browser::traced(&house, "disabled-by-default-devtools.timeline,devtools.timeline,blink.user_timing").await;
    let shown = watch_ten_hosts_talk(&house, &browser).await;
    let events = browser.trace().await;
    std::fs::write("/tmp/live-trace.json", serde_json::to_vec(&events).unwrap()).unwrap();
    let seconds = shown.took.as_secs_f64();
    let numbers = |key: &str| -> Vec<f64> {
        let list = shown.seen[key].as_array().unwrap().iter();
        list.map(|n| n.as_f64().unwrap_or_else(|| n[1].as_f64().unwrap())).collect()
    };
    let (long, heap) = (numbers("long"), numbers("heap"));
    let most = |list: &[f64]| list.iter().copied().fold(0.0, f64::max);
    println!("| what | measured |\n|---|---|");
    println!("| lines, from ten hosts, in order and equal to the journal | {} |", shown.lines);
    println!("| lines a second | {:.0} |", shown.lines as f64 / seconds);
    println!("| tasks over 50 ms | {} (longest {:.0} ms) |", long.len(), most(&long));
    println!("| frames a second | {:.0} |", shown.seen["frames"].as_f64().unwrap() / seconds);
    println!("| heap, first and most | {:.0} MB, {:.0} MB |", heap.first().unwrap_or(&0.0), most(&heap));
    println!("| elements at the end | {} |", shown.elements);
}
