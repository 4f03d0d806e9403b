//! A reader in the command window: only they let go of the end and only they fold; every key does what the list of keys
//! says; what they look for is found, linked and copied. The design's rules F, L, B and Keys, at a real browser with a
//! real push whose host says what the test writes into a pipe.

use crate::house::browser::Browser;
use crate::house::{House, Plans, until};
use serde_json::Value;
use std::fs::File;
use std::io::Write;

const HOSTS: [&str; 2] = ["qa1", "qa2"];
const CONTROL: char = '\u{e009}';
const ENTER: &str = "\u{e007}";
const ESC: &str = "\u{e00c}";
const END: &str = "\u{e010}";
const RIGHT: &str = "\u{e014}";

/// Three steps: one that is long, has colours and a line that is wider than any window; one that says little; one that
/// says what it reads from a pipe, and fails on one host when that is closed.
const COMMANDS: &str = r#"
  { run = '''seq 1 300 | sed 's/^/prepared /'; printf '\033[32mgr\033[1meen\033[0m light\n'; printf 'wide %0900d\n' 7; seq 1 60''', name = "Prepare" },
  { run = "echo in between", name = "Between" },
  { run = '''mkfifo /tmp/say; while IFS= read -r line; do echo "$line"; done < /tmp/say; [ {host} != qa1 ] || {{ echo no room left >&2; exit 3; }}''', name = "Talk" },
"#;

/// What a host says, line by line, until it is dropped.
struct Voice(File);

impl Voice {
    async fn of(house: &House, host: &str) -> Self {
        let pipe = house.fleet.host(host).unwrap().tmp_dir().join("say");
        until("the host listens", async || pipe.exists().then_some(())).await;
        Self(File::options().write(true).open(pipe).unwrap())
    }

    /// Says these lines, and waits until the page has the last of them.
    async fn say(&mut self, browser: &Browser, what: &str, count: usize) {
        let lines: String = (1..=count).map(|n| format!("{what} {n} of {count}\n")).collect();
        self.0.write_all(lines.as_bytes()).unwrap();
        browser
            .holds(&format!("document.querySelector('.log-scroll').textContent.includes('{what} {count} of {count}')"))
            .await;
        browser.frames().await;
    }
}

async fn house() -> House {
    House::build(Plans { qa: &HOSTS, commands: COMMANDS, ..Plans::default() }).await
}

const IN_SIGHT: &str = "document.querySelector('.log').scrollIntoView({ block: 'end' });";

/// Whether the window follows: what its button says, and where it stands.
const FOLLOWS: &str = "(() => { const s = document.querySelector('.log-scroll');
    return document.querySelector('#b-follow').getAttribute('aria-pressed') === 'true' && s.scrollHeight - s.scrollTop - s.clientHeight < 2; })()";
const LETS_GO: &str = "document.querySelector('#b-follow').getAttribute('aria-pressed') === 'false'";

/// The first line in sight and how far its top is from the window's, in hundredths of a pixel.
const PLACE: &str = "
    const log = document.querySelector('.log-scroll').getBoundingClientRect();
    const row = [...document.querySelectorAll('.ln')].find((row) => row.getBoundingClientRect().top >= log.top);
    return row && [row.querySelector('.ln-n').textContent.trim(), Math.round((row.getBoundingClientRect().top - log.top) * 100)];";

/// Still follows, when all that came is drawn: never let go, and stands at the end as soon as what came into sight has its
/// height.
async fn still_follows(browser: &Browser, whatever: &str) {
    browser.frames().await;
    let let_go = browser.ask(&format!("return {LETS_GO}")).await;
    assert_eq!(let_go, false, "{whatever} does not let go of the end");
    browser.holds(FOLLOWS).await;
}

/// Lets go of the end as most do, and is well above it.
async fn scroll_up(browser: &Browser) {
    browser.wheel(".log-scroll", -400).await;
    browser.holds(LETS_GO).await;
    browser.frames().await;
}

/// A row with this text that stands at a third of the window, where links and matches are shown.
fn at_a_third(text: &str) -> String {
    format!(
        "(() => {{ const log = document.querySelector('.log-scroll').getBoundingClientRect();
           const row = [...document.querySelectorAll('.ln')].find((row) => row.querySelector('.ln-x').textContent === {text:?});
           return row && Math.abs(row.getBoundingClientRect().top - log.top - log.height / 3) < 24; }})()"
    )
}

/// A row with this text that is wholly in sight.
fn in_sight(text: &str) -> String {
    format!(
        "(() => {{ const log = document.querySelector('.log-scroll').getBoundingClientRect();
           const row = [...document.querySelectorAll('.ln')].find((row) => row.querySelector('.ln-x').textContent === {text:?});
           const box = row?.getBoundingClientRect();
           return box && box.top >= log.top - 1 && box.bottom <= log.bottom + 1; }})()"
    )
}

/// The number of the line with this text, as its row says it.
async fn number_of(browser: &Browser, text: &str) -> i64 {
    let script = format!(
        "const row = [...document.querySelectorAll('.ln')].find((row) => row.querySelector('.ln-x').textContent === {text:?});
         return row && Number(row.querySelector('.ln-n').textContent);"
    );
    until(&format!("{text:?} has a row"), async || browser.ask(&script).await.as_i64()).await
}

/// Clicks the number of the line with this text, with Shift or without.
async fn click_number(browser: &Browser, text: &str, shift: bool) {
    let script = format!(
        "const row = [...document.querySelectorAll('.ln')].find((row) => row.querySelector('.ln-x').textContent === {text:?});
         row.querySelector('.ln-n').dispatchEvent(new MouseEvent('click', {{ bubbles: true, shiftKey: {shift} }}))"
    );
    number_of(browser, text).await;
    browser.ask(&script).await;
}

async fn nothing_has_the_focus(browser: &Browser) {
    browser.ask("document.activeElement?.blur()").await;
}

/// What a tab that is watched in the background does, in a test's time: what waits 20 or 30 s waits a fraction of one.
/// Streams, questions and notifications are kept where the test can see them.
const IN_THE_BACKGROUND: &str = "
    const later = window.setTimeout, Stream = window.EventSource, ask = window.fetch;
    window.setTimeout = (does, ms, ...more) => later(does, ms === 20000 || ms === 30000 ? ms / 100 : ms, ...more);
    window.streams = [];
    window.EventSource = class extends Stream { constructor(...at) { super(...at); streams.push(this); } };
    window.asked = 0;
    window.fetch = (at, ...more) => { if (String(at).endsWith('/api/v1/pushes/1')) asked++; return ask(at, ...more); };
    window.rung = [];
    window.permissions = 0;
    window.Notification = class {
      static async requestPermission() { permissions++; return 'granted'; }
      constructor(title, { tag }) { rung.push([title, tag]); }
    };
    window.titles = [];
    addEventListener('DOMContentLoaded', () =>
      new MutationObserver(() => titles.push([performance.now(), document.title])).observe(document.querySelector('title'), { childList: true }));";

#[tokio::test]
async fn only_the_reader_lets_go_of_the_end_and_takes_hold_of_it_again() {
    let house = house().await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.begin_with(IN_THE_BACKGROUND).await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    let (mut qa1, mut qa2) = (Voice::of(&house, "qa1").await, Voice::of(&house, "qa2").await);
    browser.ask(IN_SIGHT).await;
    qa1.say(&browser, "fast", 2000).await;
    still_follows(&browser, "fast output").await;
    browser.holds("/^\\d+% web to QA$/.test(document.title)").await;
    browser.holds("/favicon-run\\d+.svg/.test(document.querySelector('link[rel=icon]').href)").await;

    // What the page does, or what a reader does elsewhere in it, never lets go.
    browser.ask("document.querySelector('.log-scroll').scrollLeft = 300").await;
    still_follows(&browser, "a scroll sideways").await;
    browser.ask("document.querySelector('.log-step button').click()").await; // a driver's click would scroll up to it
    still_follows(&browser, "a step that is folded").await;
    browser.resize(1280, 620).await;
    still_follows(&browser, "a window of another size").await;
    browser.resize(1280, 800).await;
    browser.ask(IN_SIGHT).await;
    browser.click(".hc[data-h=qa1]").await;
    still_follows(&browser, "a filter").await;
    browser.ask("document.querySelector('#pause-note').hidden = false").await;
    still_follows(&browser, "a note that is shown").await;
    nothing_has_the_focus(&browser).await;
    browser.keys(ESC).await;
    browser.holds("document.querySelector('.log-chips').hidden").await;
    qa2.say(&browser, "meanwhile", 3).await;
    still_follows(&browser, "more output").await;
    let folded = "return [...document.querySelectorAll('.log-step')].filter((step) => step.querySelector('[aria-expanded=false]')).length";
    assert!(browser.ask(folded).await.as_i64().unwrap() >= 1, "what was folded stays so");

    // Let go: the text does not move by a pixel, and the pill counts.
    scroll_up(&browser).await;
    let place = browser.ask(PLACE).await;
    qa1.say(&browser, "unseen", 700).await;
    browser.says(".log-pill", "700 new lines").await;
    assert_eq!(browser.ask(PLACE).await, place, "the text stands still");
    browser.pictures("reader-let-go").await;
    browser.ask(IN_SIGHT).await;

    // The ways back.
    browser.click(".log-pill").await;
    browser.holds(FOLLOWS).await;
    scroll_up(&browser).await;
    browser.click("#b-follow").await;
    browser.holds(FOLLOWS).await;
    scroll_up(&browser).await;
    nothing_has_the_focus(&browser).await;
    browser.keys("f").await;
    browser.holds(FOLLOWS).await;
    scroll_up(&browser).await;
    browser.ask("document.querySelector('.log-scroll').focus()").await;
    browser.keys(END).await;
    browser.holds(FOLLOWS).await;
    scroll_up(&browser).await;
    browser.wheel(".log-scroll", 30_000).await;
    browser.holds(FOLLOWS).await;

    // A pressed button of the mouse holds the text still, and lets it run on.
    browser.mouse(Some(".log-scroll")).await;
    let place = browser.ask(PLACE).await;
    qa1.say(&browser, "held", 50).await;
    assert_eq!(browser.ask(PLACE).await, place, "nobody can select what moves");
    browser.mouse(None).await;
    browser.holds(FOLLOWS).await;

    // Selected text lets go, and is left as it is however much comes.
    browser.ask("getSelection().selectAllChildren([...document.querySelectorAll('.ln')].at(-1).lastChild)").await;
    browser.holds(LETS_GO).await;
    qa1.say(&browser, "later", 1500).await;
    assert_eq!(browser.ask("return String(getSelection())").await, "held 50 of 50");
    browser.ask("getSelection().removeAllRanges()").await;
    browser.click("#b-follow").await;
    browser.holds(FOLLOWS).await;

    // So do a match and a link.
    browser.keys("/").await;
    browser.keys(&format!("unseen 300 of{ENTER}")).await;
    browser.says(".log-find output", "1/1").await;
    browser.holds(LETS_GO).await;
    browser.holds(&at_a_third("unseen 300 of 700")).await;
    browser.click("#b-follow").await;
    browser.holds(FOLLOWS).await;
    click_number(&browser, "later 1500 of 1500", false).await;
    browser.holds(LETS_GO).await;

    // In the background nothing is drawn, the stream goes back, and whether it has ended is asked now and then.
    browser.click("#b-follow").await;
    browser.holds(FOLLOWS).await;
    browser.click("#b-bell").await;
    browser.holds("document.querySelector('#b-bell').getAttribute('aria-pressed') === 'true'").await;
    assert_eq!(browser.ask("return permissions").await, 1, "asked when it was pressed, not before");
    browser.hide(true).await;
    let drawn = "return document.querySelector('.log-scroll').textContent.length";
    let before = browser.ask(drawn).await;
    qa1.0.write_all(b"in the background\n").unwrap();
    house.journal_says(1, "in the background").await;
    browser.says(".conn", "Asleep").await;
    browser.holds("streams.every((stream) => stream.readyState === EventSource.CLOSED)").await;
    browser.holds("asked >= 2").await;
    assert_eq!(browser.ask(drawn).await, before);
    browser.hide(false).await;
    browser.says(".conn", "Live").await;
    browser.holds("document.querySelector('.log-scroll').textContent.includes('in the background')").await;
    browser.holds(FOLLOWS).await;

    // Its end: told by a notification only since nobody looks; the window stays at the end.
    browser.hide(true).await;
    browser.says(".conn", "Asleep").await;
    drop((qa1, qa2));
    browser.tab_says("✕ web to QA", "fail.svg", "<rect").await;
    let rung = browser.ask("return rung").await;
    assert_eq!(rung.as_array().unwrap().len(), 1, "{rung}");
    assert!(rung[0][0].as_str().unwrap().starts_with("web to QA: Failed after"), "{rung}");
    assert_eq!(rung[0][1], "/pushes/1", "a notification a push");
    browser.hide(false).await;
    browser.says(".prog-txt", "Failed after").await;
    browser.holds(FOLLOWS).await;
    let titles: Vec<(f64, String)> = serde_json::from_value(browser.ask("return titles").await).unwrap();
    let twitches = titles.windows(2).filter(|two| two[1].1.contains('%') && two[0].1.contains('%'));
    assert!(twitches.clone().all(|two| two[1].0 - two[0].0 > 700.0), "at most once a second: {titles:?}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// The heading of the step at a third of the window.
const STEP: &str = "(() => { const log = document.querySelector('.log-scroll').getBoundingClientRect();
    return [...document.querySelectorAll('.log-step')].findLast((step) => step.getBoundingClientRect().top <= log.top + log.height / 3 + 2)
      ?.querySelector('h3').textContent ?? ''; })()";

/// Filters by the step that talks.
const ONLY_TALK: &str = "const steps = document.querySelector('#f-step');
    steps.value = [...steps.options].find((option) => option.text.includes('Talk')).value; steps.dispatchEvent(new Event('change'))";

async fn pressed(browser: &Browser, button: &str, is: bool) {
    browser.holds(&format!("document.querySelector('{button}').getAttribute('aria-pressed') === '{is}'")).await;
}

/// What the clipboard holds.
async fn copied(browser: &Browser) -> Value {
    let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (why) => done(String(why)))";
    browser.page.execute_async(read, vec![]).await.unwrap()
}

#[tokio::test]
async fn every_key_does_what_the_list_of_keys_says_and_what_is_looked_for_is_found() {
    let house = house().await;
    let browser = Browser::open(&house).await;
    browser.permit(&["clipboardReadWrite", "clipboardSanitizedWrite"]).await;
    browser.sign_in("kate").await;
    house.press("qa").await;
    browser.go("/pushes/1").await;
    let (mut qa1, mut qa2) = (Voice::of(&house, "qa1").await, Voice::of(&house, "qa2").await);
    qa1.say(&browser, "word", 97).await;
    qa2.say(&browser, "said", 3).await;
    // The hosts: h, then arrows and Enter, one after the other; nothing of it while Control is held or keys are off.
    browser.keys_with(CONTROL, 'h').await;
    browser.holds("!document.activeElement.matches('.hc')").await;
    browser.keys("h").await;
    browser.keys(&format!("{RIGHT}{ENTER}")).await;
    browser.says(".log-chips", "qa2").await;
    browser.ask("document.querySelector('.hc[data-h=qa1]').click()").await;
    browser.says(".log-chips", "qa2, qa1").await;
    drop((qa1, qa2));
    browser.says(".prog-txt", "Failed after").await;
    browser.click("#b-result").await;
    browser.says(".conn", "Ended").await;
    browser.ask(IN_SIGHT).await;

    // A push that failed opens at its first error, with the good steps folded.
    browser.holds(&in_sight("no room left")).await;
    let shut = "return [...document.querySelectorAll('.log-step')].map((step) => [step.querySelector('h3').textContent, !!step.querySelector('[aria-expanded=false]')])";
    let shut: Vec<(String, bool)> = serde_json::from_value(browser.ask(shut).await).unwrap();
    assert!(shut.iter().all(|(step, shut)| *shut != step.contains("Talk")), "{shut:?}");
    nothing_has_the_focus(&browser).await;

    // Find: all lines that pass, also in folded steps and across colours; n and N walk.
    browser.keys("/").await;
    browser.holds("document.activeElement.matches('.log-find input')").await;
    browser.keys(&format!("word{ENTER}")).await;
    browser.says(".log-find output", "/97").await;
    pressed(&browser, "#b-wrap", false).await; // the w of it was typed
    browser.holds("document.querySelectorAll('.ln.is-now').length === 1").await;
    nothing_has_the_focus(&browser).await;
    let at = browser.text(".log-find output").await;
    browser.keys("nn").await;
    let further = browser.text(".log-find output").await;
    assert_ne!(at, further);
    browser.keys("NN").await;
    browser.says(".log-find output", &at).await;
    let ticks = "(() => { const c = document.querySelector('.log-rail'), probe = document.createElement('i');
        probe.style.color = getComputedStyle(document.querySelector('.log')).getPropertyValue('--con-hit'); document.body.append(probe);
        const hit = getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3).map(Number); probe.remove();
        const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
        for (let i = 0; i < data.length; i += 4) if (hit.every((part, k) => Math.abs(part - data[i + k]) < 3)) return true; })()";
    browser.holds(ticks).await;
    browser.pictures("reader-found").await;
    browser.ask(IN_SIGHT).await;
    browser.ask("document.querySelector('.log-find input').value = ''").await;
    browser.keys("/").await;
    browser.keys(&format!("green light{ENTER}")).await;
    browser.says(".log-find output", "1/2").await;
    browser.holds(&at_a_third("green light")).await;
    browser.keys(ESC).await;
    browser.says(".log-find output", "").await;

    // Esc leaves the search and gives the log its focus back; `y` links to the match, wherever the reader looks by then, and also
    // when they typed and went nowhere.
    browser.keys(&format!("/word 88 of{ENTER}")).await;
    browser.says(".log-find output", "1/1").await;
    let found = number_of(&browser, "word 88 of 97").await;
    browser.keys(ESC).await;
    browser.says(".log-find output", "").await;
    browser.holds("document.activeElement.matches('.log-scroll')").await;
    browser.holds("document.querySelector('.ln.is-now .ln-x')?.textContent === 'word 88 of 97'").await;
    browser.ask("document.querySelector('.log-scroll').scrollTop = 0").await;
    browser.frames().await;
    browser.keys("y").await;
    browser.holds(&format!("location.hash === '#L{found}'")).await;
    browser.holds(&in_sight("word 88 of 97")).await;
    let link = copied(&browser).await;
    assert!(link.as_str().unwrap().ends_with(&format!("/pushes/1#L{found}")), "{link}");
    browser.keys(&format!("/word 89 of{ESC}y")).await;
    let found = number_of(&browser, "word 89 of 97").await;
    browser.holds(&format!("location.hash === '#L{found}'")).await;

    // One thing a press: the menu, what is looked for, the match, the filters.
    browser.ask(ONLY_TALK).await;
    browser.says(".log-chips", "step ").await;
    browser.keys(&format!("/word 90 of{ENTER}")).await;
    browser.says(".log-find output", "1/1").await;
    let left = async |looked_for: &str, matches: usize, filtered: bool| {
        browser.keys(ESC).await;
        browser.frames().await;
        let is =
            "return [!!document.querySelector('#m-user:popover-open'), document.querySelector('.log-find input').value,
            document.querySelectorAll('.ln.is-now').length, !document.querySelector('.log-chips').hidden]";
        assert_eq!(browser.ask(is).await, serde_json::json!([false, looked_for, matches, filtered]));
    };
    browser.click("[popovertarget=m-user]").await;
    browser.holds("document.querySelector('#m-user:popover-open')").await;
    left("word 90 of", 1, true).await;
    left("", 1, true).await;
    left("", 0, true).await;
    left("", 0, false).await;
    browser.holds("document.activeElement.matches('.log-scroll')").await;

    // Errors, steps, the end.
    nothing_has_the_focus(&browser).await;
    browser.keys("e").await;
    browser.holds("document.querySelector('.ln.is-on')?.dataset.k === 'err'").await;
    browser.keys("E").await;
    browser.holds(&in_sight("no room left")).await;
    browser.keys("[").await;
    browser.holds(&format!("{STEP}.includes('Between')")).await;
    browser.keys("[").await;
    browser.holds(&format!("{STEP}.includes('Prepare')")).await;
    browser.keys("]").await;
    browser.holds(&format!("{STEP}.includes('Between')")).await;
    browser.keys("]").await;
    browser.holds("document.querySelector('.log-scroll').textContent.includes('word 1 of 97')").await;
    browser.keys("f").await;
    browser.holds(FOLLOWS).await;

    // Links: to a line, from one to another; they clear filters, unfold the step and stand at a third.
    click_number(&browser, "word 40 of 97", false).await;
    let from = number_of(&browser, "word 40 of 97").await;
    browser.holds(&format!("location.hash === '#L{from}'")).await;
    click_number(&browser, "word 44 of 97", true).await;
    let to = number_of(&browser, "word 44 of 97").await;
    browser.holds(&format!("location.hash === '#L{from}-{to}'")).await;
    browser.holds(&format!("document.querySelectorAll('.ln.is-on').length === {}", to - from + 1)).await;
    browser.keys("y").await;
    let link = copied(&browser).await;
    assert!(link.as_str().unwrap().ends_with(&format!("/pushes/1#L{from}")), "{link}");
    click_number(&browser, "word 50 of 97", false).await;
    let text = "const rows = [...document.querySelectorAll('.ln')].filter((row) => /^word 5[012] of/.test(row.lastChild.textContent));
        getSelection().setBaseAndExtent(rows[0].lastChild, 0, rows[2].lastChild, 1)";
    browser.ask(text).await;
    browser.keys_with(CONTROL, 'c').await;
    let copy = copied(&browser).await;
    let lines: Vec<&str> = copy.as_str().unwrap().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["word 50 of 97", "word 51 of 97", "word 52 of 97"], "without the gutter");
    browser.ask("getSelection().removeAllRanges()").await;
    browser.keys("e").await;
    let early = browser.ask("return document.querySelector('.ln.is-on .ln-n').textContent.trim()").await;
    assert_ne!(early, "150");
    browser.click("#b-err").await;
    browser.says(".log-chips", "errors only").await;
    browser.ask("location.hash = '#L150'").await;
    browser.holds("document.querySelector('.log-chips').hidden").await;
    browser.holds("document.querySelector('.ln.is-on .ln-n')?.textContent.trim() === '150'").await;
    let line = browser.ask("return document.querySelector('.ln.is-on .ln-x').textContent").await;
    browser.holds(&at_a_third(line.as_str().unwrap())).await;

    // Filters: a step, then hosts too; each can be taken away alone, and the place is kept.
    browser.ask(ONLY_TALK).await;
    let words = browser.says(".log-chips", "step ").await;
    assert!(words.contains(" of ") && words.contains(" lines"), "{words}");
    click_number(&browser, "word 60 of 97", false).await;
    let place = number_of(&browser, "word 60 of 97").await;
    browser.ask(&format!("location.hash = ''; location.hash = '#L{place}'")).await;
    browser.holds(&at_a_third("word 60 of 97")).await;
    browser.click(".log-chips .chip button").await;
    browser.holds("document.querySelector('.log-chips').hidden").await;
    browser.holds(&format!(
        "[...document.querySelectorAll('.ln')].some((row) => Number(row.querySelector('.ln-n').textContent) === {place}
           && row.getBoundingClientRect().top > document.querySelector('.log-scroll').getBoundingClientRect().top
           && row.getBoundingClientRect().bottom < document.querySelector('.log-scroll').getBoundingClientRect().bottom)"
    ))
    .await;

    // Wrap and times: remembered, and the place is kept.
    browser.keys("t").await;
    pressed(&browser, "#b-times", true).await;
    browser.holds("/^ *\\d+:\\d\\d\\.\\d/.test(document.querySelector('.ln .ln-t').textContent)").await;
    browser.keys("w").await;
    pressed(&browser, "#b-wrap", true).await;
    browser.keys(&format!("{ESC}/")).await;
    browser.keys(&format!("wide 000{ENTER}")).await;
    let hangs = "(() => { const text = [...document.querySelectorAll('.ln-x')].find((text) => text.textContent.startsWith('wide 0'));
        const range = new Range(); range.selectNodeContents(text);
        const boxes = [...range.getClientRects()], { left } = text.getBoundingClientRect();
        return boxes.some((box) => box.top > boxes[0].bottom - 2) && boxes.every((box) => box.left > left - 2); })()";
    browser.holds(hangs).await;
    browser.pictures("reader-wraps").await;
    browser.ask(IN_SIGHT).await;
    browser.go("/pushes/1").await;
    pressed(&browser, "#b-wrap", true).await;
    pressed(&browser, "#b-times", true).await;
    browser.says(".conn", "Ended").await;
    let place = "(() => { const log = document.querySelector('.log-scroll').getBoundingClientRect();
        return Number([...document.querySelectorAll('.ln')].find((row) => row.getBoundingClientRect().bottom > log.top + 1)?.querySelector('.ln-n').textContent); })()";
    browser.ask("location.hash = '#L310'").await;
    browser.holds("document.querySelector('.ln.is-on .ln-n')?.textContent.trim() === '310'").await;
    browser.frames().await;
    let first = browser.ask(&format!("return {place}")).await.as_i64().unwrap();
    browser.keys("w").await;
    browser.frames().await;
    let then = browser.ask(&format!("return {place}")).await.as_i64().unwrap();
    assert!((first - then).abs() <= 1, "the place is kept: {first}, then {then}");

    // A key behind g leads away and does nothing else; a menu takes Esc for itself; keys can be turned off.
    browser.click("[popovertarget=m-user]").await;
    browser.holds("document.querySelector('#m-user:popover-open')").await;
    browser.keys(ESC).await;
    browser.holds("!document.querySelector('#m-user:popover-open')").await;
    nothing_has_the_focus(&browser).await;
    browser.keys("gt").await;
    browser.arrives("/stats").await;
    assert_eq!(browser.ask("return localStorage.getItem('pushbutton-times')").await, "on");
    browser.keys("?").await;
    browser.holds("document.querySelector('#keys:popover-open')").await;
    browser.click("[data-keys]").await;
    browser.keys(ESC).await;
    browser.go("/pushes/1").await;
    browser.says(".conn", "Ended").await;
    browser.keys("w?gs").await;
    pressed(&browser, "#b-wrap", false).await;
    browser.holds("!document.querySelector('#keys:popover-open')").await;
    assert_eq!(browser.path().await, "/pushes/1");

    // On a telephone lines wrap until the reader says otherwise, and the gutter names the host alone.
    browser.ask("localStorage.clear()").await;
    browser.resize(375, 812).await;
    browser.go("/pushes/1").await;
    pressed(&browser, "#b-wrap", true).await;
    browser.says(".conn", "Ended").await;
    browser.ask(IN_SIGHT).await;
    browser.holds("document.querySelector('.ln-n') && !document.querySelector('.ln-n').offsetWidth").await;
    browser.holds("document.querySelector('.ln-h').offsetWidth > 0").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
