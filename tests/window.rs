//! The command window at a real browser: equal output of many hosts is folded, and what a reader chooses holds.

use crate::house::browser::Browser;
use crate::house::{House, Plans, let_go, until, waits_for};
use serde_json::Value;

/// The number of the first line of a host with this text.
fn line_of(house: &House, host: &str, text: &str) -> u64 {
    let said = |line: &&Value| line["host"] == host && line["text"] == text;
    house.lines(1).iter().find(said).unwrap()["line"].as_u64().unwrap()
}

#[tokio::test]
async fn equal_output_of_many_hosts_folds() {
    let commands = format!(
        r#"{{ run = "echo hello from {{host}}; echo ready; [ {{host}} != qa4 ] || echo an odd one", name = "Greet" }},
           {{ run = "echo going; {}; [ {{host}} != qa2 ] || {{{{ echo broken >&2; exit 3; }}}}", name = "Try" }}"#,
        waits_for("go")
    );
    let hosts = ["qa1", "qa2", "qa3", "qa4"];
    let house = House::build(Plans { qa: &hosts, commands: &commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    for host in hosts {
        browser.says(".log-scroll", &format!("hello from {host}")).await;
    }
    until("all of them are going", async || {
        let going = browser.lines().await.iter().filter(|line| *line == "going").count();
        (going == hosts.len()).then_some(())
    })
    .await;

    browser.write("body", "=").await;
    let groups = ".same[data-s] .same-t b";
    browser.reads(groups, &["1 host said this", "3 hosts said this", "All 4 hosts said this so far"]).await;
    browser.reads(".same-who", &["qa4", "qa1, qa2, qa3", "qa1, qa2, qa3, qa4"]).await;
    let odd = browser.texts(".same:has(.same-t b) .ln-x").await;
    assert_eq!(odd.iter().filter(|line| line.starts_with("hello from")).count(), 2, "each group once: {odd:?}");
    browser.pictures("same-live").await;
    let_go(&house, "go", &hosts);
    let ended = ["1 host said this", "3 hosts said this", "1 host failed and said this", "3 hosts said this"];
    browser.reads(groups, &ended).await;
    assert_eq!(browser.texts(".log-same .ln[data-k=err] .ln-x").await, ["broken"]);

    // The reader's choice holds on the next page; it finds, filters, and lets a link to one host's line through.
    browser.click("#b-result").await;
    browser.says(".conn", "Ended").await;
    browser.reads(groups, &ended).await;
    browser.pictures("same-past").await;
    browser.write(".log-find input", "hello").await;
    // Twice in what they said, twice in the command.
    browser.says(".log-find output", "4").await;
    browser.click("#b-next").await;
    browser.says(".log-find output", "1/4").await;
    browser.click("#b-err").await;
    browser.reads(groups, &["1 host failed and said this"]).await;
    browser.click("#b-err").await;
    browser.reads(groups, &ended).await;
    browser.click(".same[data-s=fail] .same-t").await;
    browser.holds("!document.querySelector('.same[data-s=fail] .ln')").await;
    let number = line_of(&house, "qa3", "ready");
    browser.ask(&format!("location.hash = '#L{number}'")).await;
    browser.holds(&format!("document.querySelector('.ln.is-on .ln-n')?.textContent.trim() === '{number}'")).await;
    browser.holds("document.querySelector('.log-same').hidden").await;
    browser.click("#b-same").await;
    browser.click(".same[data-s=fail] .same-who").await;
    browser.says(".log-chips", "qa2").await;
    let all = browser.says(".log-chips", " of ").await;
    assert!(all.contains("lines"), "{all}");
    browser.holds("document.querySelector('.log-same').hidden").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// What the window holds, as text, wherever its first lines are.
const HELD: &str = "return [...document.querySelectorAll('.log-scroll .lc')].flatMap((block) => block.querySelector('pre')
    ? block.textContent.split('\\n').slice(0, -1) : [...block.querySelectorAll('.ln-x')].map((line) => line.textContent))";

#[tokio::test]
async fn a_page_keeps_a_bounded_number_of_lines_and_says_what_it_left_to_the_raw_output() {
    let talk = |from: u32, to: u32| format!("awk 'BEGIN {{{{ for (i = {from}; i <= {to}; i++) print \"line \" i }}}}'");
    let commands = format!(
        r#"{{ run = """echo one that failed >&2; false || true; {}""" }}, {{ run = """{}; {}; {}""" }}"#,
        talk(1, 3000),
        waits_for("go"),
        talk(3001, 6000),
        waits_for("end")
    );
    let mut house = House::build(Plans { qa: &["qa1"], commands: &commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    house.journal_says(1, "line 3000").await;
    browser.says(".conn", "Live").await;
    browser.ask("import('/static/log/list.js').then((list) => (list.limits.lines = 2000))").await;
    let_go(&house, "go", &["qa1"]);
    house.journal_says(1, "line 6000").await;
    let held: Vec<String> = until("the window has come to the end", async || {
        let held: Vec<String> = serde_json::from_value(browser.ask(HELD).await).ok()?;
        (held.last()? == "line 6000").then_some(held)
    })
    .await;
    assert!(held.len() <= 2000, "{}", held.len());
    let first = 6000 - held.len() as u32 + 1;
    let kept: Vec<&String> = held.iter().filter(|line| line.starts_with("line ")).collect();
    let wanted: Vec<String> = (6000 - kept.len() as u32 + 1..=6000).map(|i| format!("line {i}")).collect();
    assert!(kept.iter().zip(&wanted).all(|(kept, wanted)| *kept == wanted), "the newest, in order, from {first} on");
    browser.says(".log-left", "older lines are no longer on this page").await;
    browser.pictures("left-to-raw").await;

    // The server comes back with other scripts and another style: the old tab says so.
    browser.ask("document.documentElement.dataset.assets = 'older'").await;
    house.kill_server().await;
    browser.says(".conn", "Reconnecting").await;
    house.start().await;
    browser.says("#upgraded", "Pushbutton was upgraded").await;
    browser.pictures("old-tab-live").await;
    let_go(&house, "end", &["qa1"]);
    browser.says(".prog-txt", "Pushed in").await;
    browser.click("#upgraded button").await;
    browser.says(".conn", "Ended").await;
}

/// Gives the grid of the page a thousand hosts: twelve run, two have failed, the rest is done. Such a fleet cannot be had
/// in a test; how its cells look and how one is found can.
const A_THOUSAND: &str = "
    const { Grid } = await import('/static/live/grid.js');
    const waits = { state: 'wait', word: 'waiting' };
    const states = (host) => {
      const n = Number(host.slice(3));
      const [state, word] = [118, 742].includes(n) ? ['fail', 'failed'] : n > 988 ? ['run', 'running'] : ['ok', 'done'];
      return { state, word, took: 0 };
    };
    window.picked = [];
    const grid = new Grid(document.querySelector('.hosts'), waits, { hostState: states, pick: () => {}, pickMany: (hosts) => window.picked.push(hosts) });
    grid.setHosts(Array.from({ length: 1000 }, (_, i) => `web${String(i + 1).padStart(4, '0')}`));
    grid.draw('Hosts, step 1: a thousand of them');
    return document.querySelectorAll('.hgrid .hc').length;";

#[tokio::test]
async fn a_thousand_hosts_are_readable_and_one_is_found_by_its_name() {
    let commands = format!("{{ run = \"echo here; {}\" }}", waits_for("go"));
    let house = House::build(Plans { qa: &["qa1"], commands: &commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    browser.says(".log-scroll", "here").await;
    browser.holds("document.querySelector('.hfind').hidden").await;
    let_go(&house, "go", &["qa1"]);
    browser.says(".prog-txt", "Pushed in").await;
    let script = format!("return (async () => {{ {A_THOUSAND} }})()");
    assert_eq!(browser.ask(&script).await, 1000);
    browser.holds("document.querySelector('.hgrid .hc').offsetWidth === 14").await;
    browser.holds("document.querySelector('.hgrid').scrollWidth <= document.querySelector('.hosts').clientWidth").await;
    browser.pictures("live-thousand-hosts").await;
    browser.write(".hfind", "0742").await;
    browser.says(".hname", "web0742 failed").await;
    browser.holds("document.querySelectorAll('.hc.is-far').length === 999").await;
    browser.pictures("live-host-found").await;
    browser.write(".hfind", "\u{e007}").await;
    assert_eq!(browser.ask("return window.picked").await, serde_json::json!([["web0742"]]));
}
