//! A person at a real browser: headless Chromium, the real server, real hosts. The longest of these are so long because
//! they look at many pages (`Browser::pictures`): of the time nine tenths are Chromium's, for the pictures and for axe-core.

use crate::house::browser::Browser;
use crate::house::{House, Plans, kill, let_go, until, waits_for};

/// The lines of a journal as a reader sees them: in order, without colours.
fn lines_of(house: &House, id: i64) -> Vec<String> {
    let lines = house.lines(id);
    assert!(lines.iter().zip(1u64..).all(|(line, n)| line["line"] == n), "the journal numbers its lines");
    lines.iter().map(|line| plain(line["text"].as_str().unwrap())).collect()
}

fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// Presses the button of a stage on the page of its stack, and comes to the page of its push. As a person would: a
/// question that went away, because what it asked about has changed, is asked for again.
async fn press(browser: &Browser, stage: &str, id: i64) {
    browser.go("/stacks/web").await;
    let (button, really) =
        (format!("[data-go=\"{stage}\"]:not([aria-disabled])"), format!(":popover-open [data-really=\"{stage}\"]"));
    until(&format!("push {id} is pressed"), async || {
        if browser.path().await == format!("/pushes/{id}") {
            return Some(());
        }
        for css in [&really, &button] {
            if let Ok(found) = browser.page.find(fantoccini::Locator::Css(css)).await {
                let _ = found.click().await;
                break;
            }
        }
        None
    })
    .await;
}

#[tokio::test]
async fn an_engineer_signs_in_presses_the_three_buttons_and_watches() {
    let commands = format!(
        r#"{{ release = "/srv/web" }}, {{ run = "echo warming up {{host}}; {}; echo warm", name = "Warm up" }}, {{ activate = "/srv/web" }}"#,
        waits_for("go")
    );
    let house = House::build(Plans {
        qa: &["qa1"],
        princess: &["princess1"],
        prod: &["web001", "web002", "web003"],
        commands: &commands,
        ..Plans::default()
    })
    .await;
    let browser = Browser::open(&house).await;
    browser.go("/").await;
    assert!(browser.path().await.starts_with("/sign-in"), "{}", browser.path().await);
    browser.pictures("sign-in").await;
    browser.sign_in("kate").await;
    browser.says("[data-part=\"stack-web\"]", "never pushed").await;
    browser.pictures("dashboard-new").await;
    browser.click("[data-part=\"stack-web\"] .bname a").await;
    browser.arrives("/stacks/web").await;
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;
    browser.pictures("stack-new").await;

    let stages: [(&str, &[&str]); 3] =
        [("qa", &["qa1"]), ("princess", &["princess1"]), ("prod", &["web001", "web002", "web003"])];
    for ((stage, hosts), id) in stages.into_iter().zip(1..) {
        if stage == "prod" {
            // What changes elsewhere on the page does not close the question.
            browser.go("/stacks/web").await;
            browser.click("[data-go=\"prod\"]:not([aria-disabled])").await;
            house.commit().await;
            browser.says("[data-part=\"stage-qa\"]", "would be pushed").await;
            browser.holds("document.querySelector('#go-prod:popover-open')").await;
            browser.pictures("question").await;
        }
        press(&browser, stage, id).await;
        for host in hosts {
            browser.says(".log-scroll", &format!("warming up {host}")).await;
        }
        let shown = browser.text(".log-scroll").await;
        assert!(shown.contains(". Warm up"), "its name: {shown}");
        assert!(shown.contains(&format!("$ echo warming up {}", hosts[0])), "the very command: {shown}");
        assert_eq!(browser.text(".conn").await, "Live");
        assert_eq!(browser.ask("return document.getElementById('b-result').hidden").await, true, "it runs");
        if stage == "prod" {
            browser.pictures("live").await;
            browser.click("#f-pause button").await;
            browser.says("#pause-note", "Paused by kate since").await;
            browser.says(".prog-txt", "paused").await;
            browser.pictures("live-paused").await;
            browser.go("/").await;
            browser.says("[data-part=\"now\"]", "Paused by kate since").await;
            browser.pictures("dashboard-paused").await;
            browser.go(&format!("/pushes/{id}")).await;
            browser.click("#f-unpause button").await;
            browser.holds("document.querySelector('#pause-note').hidden").await;
            browser.go("/stacks/web").await;
            browser.says("[data-part=\"stage-prod\"]", "kate is pushing").await;
            browser.pictures("stack-running").await;
            browser.go("/").await;
            browser.pictures("dashboard-running").await;
            browser.go(&format!("/pushes/{id}")).await;
        }
        let_go(&house, "go", hosts);
        browser.says(".prog-txt", "Pushed in").await;
        assert!(browser.text(".log-scroll").await.contains("warm"));
        browser.tab_says("✓ web to ", "ok.svg", "M9 16.5l5 5").await;
        browser.holds("!document.querySelector('.nowpush')").await;
        if stage == "prod" {
            browser.pictures("live-ended").await;
        }
        browser.click("#b-result").await;
        browser.says("h1", "web is on").await;
        browser.says(".conn", "Ended").await;
    }
    browser.pictures("push").await;
    browser.go("/stacks/web").await;
    browser.pictures("stack").await;
    let proofs = browser.ask("return [...document.querySelectorAll('.proof code')].map((code) => code.title)").await;
    let builds = browser.ask("return [...document.querySelectorAll('.proof a')].map((a) => a.textContent)").await;
    let (proofs, builds) = (proofs.as_array().unwrap(), builds.as_array().unwrap());
    assert_eq!((proofs.len(), builds.len()), (3, 3));
    assert_eq!(proofs[0].as_str().unwrap().len(), 64, "{proofs:?}");
    assert!(proofs.iter().all(|root| *root == proofs[0]), "{proofs:?}");
    assert!(builds.iter().all(|build| *build == builds[0]), "{builds:?}");
    browser.go("/pushes").await;
    browser.pictures("push-log").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_live_window_shows_exactly_the_journal() {
    let talk =
        |from: u32, to: u32| format!("i={from}; while [ $i -lt {to} ]; do echo line $i of {{host}}; i=$((i+1)); done");
    let commands = format!(
        r#"{{ run = "{}; {}; {}; {}; {}" }}, {{ run = "echo the end of {{host}}" }}"#,
        talk(0, 600),
        waits_for("one"),
        talk(600, 1200),
        waits_for("two"),
        talk(1200, 1300)
    );
    let hosts = ["qa1", "qa2", "qa3"];
    let mut house = House::build(Plans { qa: &hosts, commands: &commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    press(&browser, "qa", 1).await;
    for host in hosts {
        house.journal_says(1, &format!("line 599 of {host}")).await;
    }
    until("the window has the first half", async || (browser.lines().await == lines_of(&house, 1)).then_some(())).await;

    house.kill_server().await;
    browser.says(".conn", "Reconnecting").await;
    browser.tab_says("… web to QA", "off.svg", "stroke-dasharray=\"6 5\"").await;
    browser.pictures("reconnecting").await;
    let_go(&house, "one", &hosts);
    for host in hosts {
        house.journal_says(1, &format!("line 1199 of {host}")).await;
    }
    house.start().await;
    browser.says(".conn", "Live").await;
    browser.holds("document.getElementById('say').textContent.includes('Connected again. Nothing is missing')").await;
    until("the window has caught up", async || (browser.lines().await == lines_of(&house, 1)).then_some(())).await;

    let first = browser.page.window().await.unwrap();
    let late = browser.page.new_window(false).await.unwrap().handle;
    browser.page.switch_to_window(late).await.unwrap();
    browser.go("/pushes/1").await;
    until("a late window has it all", async || (browser.lines().await == lines_of(&house, 1)).then_some(())).await;
    let_go(&house, "two", &hosts);
    browser.says(".prog-txt", "Pushed in").await;
    let all = lines_of(&house, 1);
    assert!(all.len() > 3900, "{}", all.len());
    until("the late window is whole", async || (browser.lines().await == all).then_some(())).await;
    browser.page.switch_to_window(first).await.unwrap();
    until("the cut window is whole", async || (browser.lines().await == all).then_some(())).await;
    browser.says(".prog-txt", "Pushed in").await;
    browser.click("#b-result").await;
    browser.says(".conn", "Ended").await;
    until("the page of what is past is whole", async || (browser.lines().await == all).then_some(())).await;
}

#[tokio::test]
async fn output_is_shown_right_whatever_it_is() {
    let commands = r#"
        { run = '''printf '<script>window.hacked=1</script>\n<img src=x onerror="window.hacked=2">\n&lt;i&gt; <b>\n' ''' },
        { run = '''printf '\033[31mred\033[0m \033[1;32mbold green\033[0m plain\n\033[2J\033[5;5Hmoved\033[1A up\n' ''' },
        { run = '''printf '\033]0;a title\007after a title\n\033]8;;http://evil.example/\007a link\033]8;;\007\n' ''' },
        { run = '''printf 'caf\351 \303\251\n'; printf 'txt\342\200\256gpj.exe\n'; printf 'a\000b\001c\n' ''' },
        { run = '''for p in 10 50 100; do printf '\r%s %%' $p; done; echo; echo 'warned of it' >&2''' },
        { run = '''head -c 1048576 /dev/zero | tr '\0' x''' },
        { run = '''printf '\033[33mnever closed'; exit 3''' },
    "#;
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    press(&browser, "qa", 1).await;
    browser.says(".prog-txt", "Failed after").await;
    for page in ["live", "past"] {
        if page == "past" {
            browser.click("#b-result").await;
            browser.says(".conn", "Ended").await;
        }
        let all = lines_of(&house, 1);
        until("all is shown", async || (browser.lines().await == all).then_some(())).await;
        for line in [
            r"<script>window.hacked=1</script>",
            r#"<img src=x onerror="window.hacked=2">"#,
            "&lt;i&gt; <b>",
            "red bold green plain",
            "moved up",
            "after a title",
            "a link",
            "caf\u{fffd} é",
            "txt⟨U+202E⟩gpj.exe",
            "abc",
            "10 %",
            "50 %",
            "100 %",
            "warned of it",
            "never closed",
        ] {
            assert!(all.iter().any(|shown| shown == line), "{line:?} is not among {:?}", &all[..all.len().min(40)]);
        }
        let long: Vec<usize> = all.iter().filter(|line| line.starts_with("xxxx")).map(String::len).collect();
        assert_eq!(long, [16 * 1024; 64], "a megabyte, in pieces");
        assert_eq!(browser.ask("return typeof window.hacked").await, "undefined");
        let made = "return document.querySelectorAll('.log-scroll :is(script, img, a, b, i)').length";
        assert_eq!(browser.ask(made).await, 0, "no markup of the output's");
        browser.write(".log-scroll", "\u{e011}").await; // the key Home
        if page == "past" {
            // What went well is folded where something failed.
            browser.click(".log-step:nth-child(5) button").await;
        }
        let class = |text: &str| {
            format!(
                "[...document.querySelectorAll('.ln-x span')].find((s) => s.textContent === '{text}')?.className.split(' ').sort().join(' ')"
            )
        };
        browser.holds(&format!("{} === 'f1'", class("red"))).await;
        browser.holds(&format!("{} === 'b1 f2'", class("bold green"))).await;
        browser.pictures(&format!("odd-output-{page}")).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_hundred_thousand_lines_are_shown_and_the_page_stays_usable() {
    let commands =
        r#"{ run = '''awk 'BEGIN {{ for (i = 1; i <= 100000; i++) print "product " i " of the shop" }}' ''' }"#;
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    press(&browser, "qa", 1).await;
    browser.says(".prog-txt", "Pushed in").await;
    let all = lines_of(&house, 1);
    assert!(all.len() > 100_000);
    until("all of them are there", async || {
        let last = "return [...document.querySelectorAll('.ln-n')].map((n) => Number(n.textContent)).pop()";
        (browser.ask(last).await == all.len()).then_some(())
    })
    .await;
    assert!(browser.lines().await == all, "each of them, in order");
    let in_sight = |text: &str| {
        format!(
            "[...document.querySelectorAll('.ln')].some((row) => {{
               const box = row.getBoundingClientRect(), log = document.querySelector('.log-scroll').getBoundingClientRect();
               return row.textContent.includes('{text}') && box.top >= log.top - 1 && box.bottom <= log.bottom + 1;
             }})"
        )
    };
    browser.holds(&in_sight(all.last().unwrap())).await;
    browser.write(".log-find input", "product 77777 of").await;
    browser.says(".log-find output", "1").await;
    browser.click("#b-next").await;
    browser.holds(&in_sight("product 77777 of")).await;
    browser.pictures("many-lines-found").await;

    browser.go("/pushes").await;
    browser.go("/pushes/1#L50000").await;
    browser.says(".conn", "Ended").await;
    browser.holds(&in_sight(&all[49_999])).await;
    browser.holds("document.querySelector('.ln.is-on .ln-n')?.textContent.trim() === '50000'").await;
    let elements = browser.ask("return document.querySelectorAll('*').length").await;
    assert!(elements.as_i64().unwrap() < 20_000, "few elements for many lines: {elements}");
    browser.pictures("many-lines-link").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_person_cancels_a_push_in_the_browser() {
    let commands =
        r#"{ release = "/srv/web" }, { run = "echo sleeping on {host}; sleep 1000" }, { activate = "/srv/web" }"#;
    let hosts = ["qa1", "qa2"];
    let house = House::build(Plans { qa: &hosts, commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    press(&browser, "qa", 1).await;
    for host in hosts {
        browser.says(".log-scroll", &format!("sleeping on {host}")).await;
    }
    browser.click("#b-cancel").await;
    browser.says("#dlg-cancel", "Cancel this push?").await;
    browser.says("#so-far", "0 of 2 hosts have").await;
    browser.pictures("cancel-question").await;
    browser.click("#dlg-cancel [type=button]").await;
    browser.holds("!document.querySelector('#dlg-cancel:popover-open')").await;
    assert_eq!(house.push(1).await["push"]["state"], "running", "it asked, and was told no");

    browser.click("#b-cancel").await;
    browser.write("#ca-w", "wrong button").await;
    browser.click("#dlg-cancel form .btn--fail").await;
    let push = house.ended(1).await;
    assert_eq!(push["push"]["state"], "cancelled", "{push:#}");
    browser.go("/pushes/1").await;
    let result = browser.says(".result", "ancelled").await;
    assert!(result.contains("kate"), "who: {result}");
    assert!(result.contains("step 5 of 7"), "where: {result}");
    assert!(result.contains("wrong button"), "why: {result}");
    browser.pictures("cancelled").await;
    for host in hosts {
        let machine = house.fleet.host(host).unwrap();
        until(&format!("nothing is left on {host}"), async || machine.processes().is_empty().then_some(())).await;
        assert!(!machine.srv_dir().join("web/current").exists(), "{host} was not flipped");
    }

    // Then nobody is to push until tomorrow at nine, as the clock on the reader's wall says it.
    browser.be_in("America/New_York").await;
    browser.go("/stacks/web").await;
    browser.click("[popovertarget=\"hold-all\"]").await;
    browser.write("#hold-all-w", "let us sleep on it").await;
    browser.click("#hold-all-u option[value=\"tomorrow\"]").await;
    assert_eq!(browser.text("#hold-all-u option:checked").await, "Until tomorrow 9:00");
    browser.click("#hold-all .btn--main").await;
    browser.says(".note--hold", "09:00 since").await;
    let until = house.stack_view().await["hold"]["until"].clone();
    assert_eq!(browser.ask(&format!("return new Date({until}).getHours()")).await, 9, "{until}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_pages_work_without_javascript() {
    let commands = format!(r#"{{ run = "seq 1 300; echo working on {{host}}; {}; echo done" }}"#, waits_for("go"));
    let house =
        House::build(Plans { qa: &["qa1"], princess: &["princess1"], commands: &commands, ..Plans::default() }).await;
    let (browser, still) = tokio::join!(Browser::without_scripts(&house), Browser::with_scripts_blocked(&house));
    browser.sign_in("kate").await;
    browser.pictures("plain-dashboard").await;
    press(&browser, "qa", 1).await;
    browser.says(".log-scroll", "working on qa1").await;
    browser.pictures("plain-live").await;
    // It is only ever a page: the last 200 lines, and itself again after 5 s.
    let tail =
        browser.ask("return [...document.querySelectorAll('.log-scroll .ln-x')].map((line) => line.textContent)").await;
    let tail: Vec<String> = serde_json::from_value(tail).unwrap();
    assert_eq!((tail.len(), tail[199].as_str(), tail[198].as_str()), (200, "working on qa1", "300"));
    browser.holds("document.querySelector('meta[http-equiv=refresh]').content === '5'").await;

    // The same pages as axe-core sees them, which needs a browser that runs its own script and none of theirs.
    still.go("/").await;
    still.stands_without_scripts("still-sign-in").await;
    still.sign_in("kate").await;
    for (path, name) in [("/", "dashboard"), ("/stacks/web", "stack"), ("/pushes/1", "live"), ("/pushes", "push-log")] {
        still.go(path).await;
        still.stands_without_scripts(&format!("still-{name}")).await;
    }
    let_go(&house, "go", &["qa1"]);
    // The page comes again by itself.
    browser.says("h1", "web is on QA").await;
    assert!(browser.text(".log-scroll").await.contains("done"));
    browser.pictures("plain-push").await;
    still.go("/pushes/1").await;
    still.stands_without_scripts("still-push").await;
    still.go("/stacks/web").await;
    still.click("[data-go=\"princess\"]").await;
    still.text(":popover-open [data-really=\"princess\"]").await;
    still.stands_without_scripts("still-question").await;
    browser.go("/stacks/web/stages/princess/plan").await;
    browser.says("h1", "What a push to Princess will do").await;
    browser.pictures("plain-plan").await;
    browser.go("/stacks/web").await;
    // A hold: what cannot be taken comes back as it was typed; then it stands, and is released.
    browser.click("[popovertarget=\"hold-all\"]").await;
    browser.write("#hold-all-w", "the database is being moved").await;
    browser.click("#hold-all-u option[value=\"at\"]").await;
    browser.click("#hold-all .btn--main").await;
    browser.says(".note--fail", "choose the time when the hold ends").await;
    browser.says("option[value=\"at\"]", "in UTC").await;
    browser.pictures("plain-hold").await;
    browser.click("#hold-u option[value=\"4h\"]").await;
    browser.click("form .btn--main").await;
    browser.arrives("/stacks/web").await;
    let note = browser.says(".note--hold", "the database is being moved").await;
    assert!(note.starts_with("web is held by kate until "), "{note}");
    browser.text("[data-go=\"princess\"][aria-disabled]").await;
    browser.click(".note--hold button").await;
    browser.text("[data-go=\"princess\"]:not([aria-disabled])").await;
    assert!(house.stack_view().await["hold"].is_null(), "the hold is released");
    // The last stage asks first: a dialog that needs no script. Cancel has a page of its own, which does not come again.
    browser.text(".stage img[src*=\"castle\"]").await;
    press(&browser, "princess", 2).await;
    browser.says(".log-scroll", "working on princess1").await;
    browser.click("noscript a[href$=\"/cancel\"]").await;
    browser.write("#ca-w", "not today").await;
    browser.click("form .btn--fail").await;
    browser.says(".result", "not today").await;
    browser.go("/stacks/web").await;
    browser.text(".stage img[src*=\"dragon\"]").await;
    browser.pictures("plain-stack").await;
    press(&browser, "princess", 3).await;
    let_go(&house, "go", &["princess1"]);
    browser.says("h1", "web is on Princess").await;
    browser.go("/stacks/web").await;
    browser.text(".stage img[src*=\"castle\"]").await;
}

#[tokio::test]
async fn a_killed_runner_is_told_on_the_page() {
    let commands = r#"{ run = "echo begun on {host}; sleep 1000" }"#;
    let hosts = ["qa1", "qa2"];
    let house = House::build(Plans { qa: &hosts, commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    press(&browser, "qa", 1).await;
    for host in hosts {
        browser.says(".log-scroll", &format!("begun on {host}")).await;
    }
    kill(house.runner(1).await);
    browser.says(".prog-txt", "Interrupted after").await;
    browser.tab_says("? web to QA", "lost.svg", "M16 1l15 15-15 15L1 16z").await;
    browser.pictures("interrupted-live").await;
    browser.click("#b-result").await;
    let doubt = browser.says(".note--warn", "in doubt").await;
    assert!(doubt.contains("qa1") && doubt.contains("qa2"), "{doubt}");
    browser.says(".conn", "Ended").await;
    browser.pictures("interrupted").await;

    browser.go("/stacks/web").await;
    browser.says(".note--hold", "is held by").await;
    browser.text("[data-go=\"qa\"][aria-disabled]").await;
    browser.pictures("held").await;
    browser.click(".note--hold a.btn").await;
    browser.click("[popovertarget=\"close-it\"]").await;
    browser.write("#close-it-w", "looked at every host").await;
    browser.click("#close-it .btn--main").await;
    browser.arrives("/stacks/web").await;
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;
    assert!(house.stack_view().await["hold"].is_null(), "the hold is released");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
