//! Every screen in every state, in a real browser: axe-core finds nothing wrong, nothing scrolls sideways, the focus is
//! seen, and pictures are left in `CARGO_TARGET_TMPDIR/screens` (open its `index.html`). What a journey of
//! `tests/browser.rs` comes by is looked at there; here are the other ends of a push, and the pages with made-up data.
//! They take long, all of it for Chromium's pictures and for axe-core: each page is held against each rule at each width.

use crate::house::browser::Browser;
use crate::house::{House, Plans, until};
use crate::pages;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Serves the pages of `tests/pages.rs` with the product's own style and scripts, and says where.
pub(crate) fn exhibit(pages: BTreeMap<String, String>) -> String {
    let pages = web::Data::new(pages);
    let page = async |pages: web::Data<BTreeMap<String, String>>, name: web::Path<String>| {
        let csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                   form-action 'self'; require-trusted-types-for 'script'";
        match pages.get(name.as_str()) {
            Some(html) => HttpResponse::Ok()
                .content_type("text/html; charset=utf-8")
                .insert_header((CONTENT_SECURITY_POLICY, csp))
                .body(html.clone()),
            None => HttpResponse::NotFound().finish(),
        }
    };
    let file = async |name: web::Path<String>| match pushbutton::web::pages::asset(&name) {
        Some(file) => HttpResponse::Ok().content_type(file.content_type).body(file.bytes),
        None => HttpResponse::NotFound().finish(),
    };
    let server = HttpServer::new(move || {
        App::new()
            .app_data(pages.clone())
            .route("/static/{name:.+}", web::get().to(file))
            .route("/made-up/{name}", web::get().to(page))
            // Nothing ever changes here.
            .default_service(web::to(async || HttpResponse::NoContent().finish()))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

/// One of each kind: looked at in all four ways; the others only in two.
const CHIEF: [&str; 14] = [
    "announcements",
    "back",
    "dashboard",
    "empty",
    "error-409",
    "log",
    "plan",
    "sign-in",
    "dashboard-asking",
    "push-failed",
    "stack",
    "stack-asking",
    "stack-troubled",
    "stats-8",
];

/// Looks at the pages with made-up data whose names this admits.
async fn walk(admits: impl Fn(&str) -> bool) {
    let mut all = pages::rendered();
    // The page of a sign-out leads elsewhere before anybody could look at it.
    all.retain(|name, _| admits(name) && name != "signed-out");
    let url = exhibit(all.clone());
    let browser = Browser::at(&url).await;
    assert!(!all.is_empty());
    for name in all.keys() {
        browser.go(&format!("/made-up/{name}")).await;
        browser.holds("document.documentElement.classList.contains('js')").await;
        if CHIEF.contains(&name.as_str()) {
            browser.pictures(&format!("page-{name}")).await;
        } else {
            browser.glance(&format!("page-{name}")).await;
        }
        if matches!(name.as_str(), "dashboard" | "stack" | "stack-long" | "log" | "stats-8") {
            browser.wide_pictures(&format!("page-{name}")).await;
        }
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

fn about_the_street(name: &str) -> bool {
    name.starts_with("stack") || name.starts_with("dashboard") || name == "empty"
}

#[actix_web::test]
async fn the_dashboard_and_the_stack_page_stand_every_rule_in_every_state() {
    walk(about_the_street).await;
}

#[actix_web::test]
async fn the_other_pages_stand_every_rule_in_every_state() {
    walk(|name| !about_the_street(name)).await;
}

/// How many parts of the page move.
const MOVING: &str =
    "return [...document.querySelectorAll('*')].flatMap((e) => [e, '::before', '::after'].map((part) =>
    getComputedStyle(e, part === e ? null : part).animationName)).filter((name) => name !== 'none').length";

#[actix_web::test]
async fn who_asked_the_system_for_calm_or_for_their_own_colours_gets_them() {
    let mut all = pages::rendered();
    all.retain(|name, _| matches!(name.as_str(), "dashboard" | "stack-running" | "stack-held"));
    let url = exhibit(all.clone());
    let browser = Browser::at(&url).await;
    for name in all.keys() {
        browser.go(&format!("/made-up/{name}")).await;
        browser.believe("prefers-reduced-motion", "reduce").await;
        assert_eq!(browser.ask(MOVING).await, 0, "{name} keeps still");
        browser.believe("forced-colors", "active").await;
        // A mark is told by its shape: each is still drawn, in one of the system's own colours.
        let faint = "return [...document.querySelectorAll('svg.st')].filter((s) => s.checkVisibility() && !s.getBoundingClientRect().width).length";
        assert_eq!(browser.ask(faint).await, 0, "{name} has its marks");
        browser.forced_picture(name).await;
    }
    browser.go("/made-up/stack-running").await;
    browser.believe("prefers-reduced-motion", "no-preference").await;
    let some = browser.ask(MOVING).await;
    assert!(some.as_u64().unwrap() > 0, "otherwise what runs moves");
}

/// A stack of one stage over hosts that are there already.
struct Plain<'a> {
    name: &'a str,
    hosts: &'a [&'a str],
    /// More lines of the stage.
    stage: &'a str,
    commands: &'a str,
}

impl House {
    fn describe(&self, stack: &Plain<'_>) {
        let text = format!(
            "title = \"Made for looking\"\nsource = {{ git = {:?}, branch = \"main\" }}\n[hosts]\nall = {:?}\n\
             [[stage]]\nname = \"prod\"\nbutton = \"PROD!!!\"\nhosts = \"all\"\n{}\ncommands = [{}]\n",
            self.shop.dir(),
            stack.hosts,
            stack.stage,
            stack.commands
        );
        std::fs::write(self.dir.path().join(format!("stacks/{}.toml", stack.name)), text).unwrap();
    }

    /// Presses the one button of a stack as soon as it offers this revision, and gives the push's number.
    async fn press_one(&self, stack: &str, sha: &str) -> i64 {
        let next = until(&format!("{stack} can be pressed"), async || {
            let got = self.get(&format!("/api/v1/stacks/{stack}")).await;
            let street: Value = serde_json::from_str(&got.text).ok()?;
            let stage = &street["stages"][0];
            (stage["why_not"].is_null() && stage["next"]["sha"] == sha).then(|| stage["next"].clone())
        })
        .await;
        let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] });
        let answer = self.send("POST", &format!("/api/v1/stacks/{stack}/stages/prod/push"), &body).await;
        answer.push_id()
    }
}

const LONG_HOST: &str = "web003-with-the-long-name-that-came-with-the-merger";
const HOSTS: [&str; 3] = ["web001", "web002", LONG_HOST];

/// Fails once where the host is told to be broken: what is put back then goes well.
const FAILS: &str = r#"{ release = "/srv/NAME" },
  { run = "echo checking {host}; printf '\\033[32mok\\033[0m\\n'; test ! -e /tmp/broken || test -e /tmp/failed-NAME || { touch /tmp/failed-NAME; echo 'disk full: No space left on device' >&2; exit 28; }", name = "Look at the disk" },
  { activate = "/srv/NAME" }, { run = "echo reloaded" }"#;

#[tokio::test]
async fn every_end_of_a_push_and_its_question_stand_every_rule() {
    let mut house = House::build(Plans { qa: &["qa1"], prod: &HOSTS, ..Plans::default() }).await;
    let drop = "on_failure = \"drop\"\nmax_dropped = 1\ndrop = [{ local = \"echo {host} is out\", name = \"Out of the balancer\" }]";
    let stages = [
        ("failing", ""),
        ("uneven", "on_failure = \"continue\""),
        ("undoing", "on_failure = \"rollback\""),
        ("dropping", drop),
    ];
    for (name, stage) in stages {
        house.describe(&Plain { name, hosts: &HOSTS, stage, commands: &FAILS.replace("NAME", name) });
    }
    let commands = r#"{ run = "echo about to ask; seq 1 40" }, { confirm = "Are the graphs calm, and has the warehouse been told?" }, { run = "echo after" }"#;
    house.describe(&Plain { name: "asking", hosts: &HOSTS, stage: "", commands });

    let first = house.button("qa").await["sha"].as_str().unwrap().to_owned();
    let asking = house.press_one("asking", &first).await;
    let good = house.press_one("undoing", &first).await;
    assert_eq!(house.ended(good).await["push"]["state"], "succeeded");
    std::fs::write(house.fleet.host("web002").unwrap().tmp_dir().join("broken"), "").unwrap();
    let second = house.commit().await;
    let mut ends = Vec::new();
    for (stack, end) in
        [("failing", "failed"), ("uneven", "degraded"), ("undoing", "rolled back"), ("dropping", "degraded")]
    {
        ends.push((stack, end, house.press_one(stack, &second).await));
    }
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    for (stack, end, id) in ends {
        let ended = house.ended(id).await;
        assert_eq!(ended["push"]["state"], end, "{stack}: {ended:#}");
        browser.go(&format!("/pushes/{id}")).await;
        browser.says(".conn", "Ended").await;
        let why = if stack == "dropping" { "dropped" } else { "No space left on device" };
        assert!(browser.text("main").await.contains(why), "{stack} says why");
        browser.pictures(&format!("ended-{stack}")).await;
    }
    browser.go("/stacks/failing").await;
    browser.says("[data-part=\"recent\"]", "#").await;
    browser.says(".stage-now", "no push has succeeded yet").await;
    browser.pictures("stack-failed").await;
    browser.go("/stacks/undoing/stages/prod/plan").await;
    browser.says("h1", "What a push to Prod will do").await;
    browser.pictures("plan").await;
    browser.go("/pushes?state=failed").await;
    let log = browser.text("[data-part=\"log\"]").await;
    assert!(log.contains("failing") && !log.contains("uneven"), "only what failed: {log}");
    browser.go("/stats").await;
    browser.says("main", "Pushes").await;
    browser.pictures("stats").await;
    browser.go("/stacks/nothing").await;
    browser.says("h1", "").await;
    assert!(browser.text("main").await.contains("404"));
    // A button that was seen before the world moved.
    browser.go("/stacks/web").await;
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;
    // In one breath: the page would soon bring what it knows up to date.
    browser
        .ask(
            "for (const seen of document.querySelectorAll('[name=seen]')) seen.value = seen.value.replace(/./g, 'a');
             document.querySelector('[data-go=\"qa\"]').click()",
        )
        .await;
    assert!(browser.says("main", "409").await.to_lowercase().contains("nothing was pushed"));

    browser.complaints().await; // 404 and 409 were asked for
    browser.go(&format!("/pushes/{asking}")).await;
    browser.says(".ask-q", "Are the graphs calm").await;
    browser.says(".prog-txt", "Waits for an answer").await;
    browser.says(".log-scroll", "40").await;
    browser.pictures("live-asks").await;
    browser.forced_picture("live").await;
    browser.believe("prefers-reduced-motion", "reduce").await;
    assert_eq!(browser.ask(MOVING).await, 0, "a live push keeps still, too");
    browser.be("light").await;

    // The server goes: at first nothing is made of it, then the page says since when it knows nothing.
    house.kill_server().await;
    browser.says(".conn", "Reconnecting").await;
    // A cancel that cannot reach it says so, and the page stays.
    browser.click("#b-cancel").await;
    browser.click("#dlg-cancel form .btn--fail").await;
    browser.says("#cancel-words", "No connection: nothing was done.").await;
    browser.pictures("cancel-in-vain").await;
    browser.click("#dlg-cancel [type=button]").await;
    browser.ask("const real = Date.now; Date.now = () => real() + 34000").await;
    browser.says("#conn-note", "No connection to Pushbutton for").await;
    browser.holds("document.querySelector('main').classList.contains('is-stale')").await;
    browser.pictures("live-lost").await;
    // It is back, and has forgotten who this was.
    browser.page.delete_all_cookies().await.unwrap();
    house.start().await;
    browser.click("#b-retry").await;
    browser.says("#out-note", "You are signed out.").await;
    browser.pictures("live-signed-out").await;
    browser.click("#out-note a").await;
    browser.says("h1", "Who are you?").await;
    browser.write("#u", "kate").await;
    browser.click(".card .btn--main").await;
    browser.arrives(&format!("/pushes/{asking}")).await;
    // By the page's script: without it the answer would lead to the page of a push that has ended.
    browser.says(".prog-txt", "Waits for an answer").await;
    browser.click("#ask [value=yes]").await;
    browser.says(".prog-txt", "Pushed in").await;

    // A stack file that is broken while someone looks.
    browser.go("/stacks/asking").await;
    browser.text("[data-go=\"prod\"]").await;
    std::fs::write(house.dir.path().join("stacks/asking.toml"), "title = \"Web\"\nchunks = 3\n").unwrap();
    browser.says("[data-part=\"notes\"]", "asking.toml has errors").await;
    browser.pictures("stack-broken").await;
}

const ENTER: &str = "\u{e007}";
const ESC: &str = "\u{e00c}";

#[tokio::test]
async fn with_the_keyboard_alone_one_signs_in_pushes_follows_and_cancels() {
    let commands = r#"{ run = "seq 1 300; echo waiting on {host}; while [ ! -e /tmp/go ]; do sleep 0.05; done" }"#;
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let browser = Browser::open(&house).await;
    browser.be_in("America/New_York").await;
    browser.go("/").await;
    browser.holds("document.activeElement.id === 'u'").await;
    browser.keys(&format!("kate{ENTER}")).await;
    browser.text("[data-part=\"stack-web\"]").await;
    browser.keys("?").await;
    browser.holds("document.querySelector('#keys:popover-open')").await;
    browser.pictures("keys").await;
    // Right behind the end of the panel, while the focus is still in its box.
    browser.tab_to("[data-keys]").await;
    browser.keys(&format!("{ESC}gp")).await;
    browser.arrives("/pushes").await;
    browser.keys("gs").await;
    browser.arrives("/").await;
    browser.tab_to(".bname a").await;
    browser.keys(ENTER).await;
    browser.arrives("/stacks/web").await;
    browser.text("[data-go=\"qa\"]:not([aria-disabled])").await;
    browser.tab_to("[data-go=\"qa\"]").await;
    browser.keys(ENTER).await;
    browser.holds("document.querySelector('#go-qa:popover-open')").await;
    let focused = "return document.activeElement.textContent";
    assert_eq!(browser.ask(focused).await, "Cancel", "the question begins at the harmless answer");
    browser.tab_to("[data-really]").await;
    browser.keys(ENTER).await;
    browser.arrives("/pushes/1").await;
    browser.says(".log-scroll", "waiting on qa1").await;
    browser.holds("/Step \\d/.test(document.getElementById('say').textContent)").await;

    // The reader lets go of the end and takes hold again.
    let follows = |is: bool| format!("document.querySelector('#b-follow').getAttribute('aria-pressed') === '{is}'");
    browser.holds(&follows(true)).await;
    browser.tab_to(".log-scroll").await;
    browser.keys("\u{e011}").await; // Home
    browser.holds(&follows(false)).await;
    browser.holds("document.querySelector('.log-scroll').scrollTop === 0").await;
    browser.keys("f").await;
    browser.holds(&follows(true)).await;
    browser.keys("h").await;
    browser.holds("document.activeElement.matches('.hc[data-h=\"qa1\"]')").await;

    // Times are the viewer's, and say what they are in UTC.
    let times = browser
        .ask("return [...document.querySelectorAll('main time[datetime]')].map((t) => [t.textContent, t.title])")
        .await;
    let times: Vec<(String, String)> = serde_json::from_value(times).unwrap();
    assert!(!times.is_empty() && times.iter().all(|(_, title)| title.contains("UTC")), "{times:?}");
    assert!(
        times.iter().any(|(_, title)| title.contains("GMT-") || title.contains("ES") || title.contains("ED")),
        "{times:?}"
    );

    browser.ask("document.activeElement.blur(); scrollTo(0, 0)").await;
    browser.tab_to("#b-cancel").await;
    browser.keys(ENTER).await;
    browser.holds("document.querySelector('#dlg-cancel:popover-open')").await;
    assert_eq!(browser.ask(focused).await, "Keep pushing");
    browser.keys(ENTER).await;
    browser.holds("!document.querySelector('#dlg-cancel:popover-open')").await;
    assert_eq!(house.push(1).await["push"]["state"], "running");
    browser.tab_to("#b-cancel").await;
    browser.keys(ENTER).await;
    browser.tab_to("#dlg-cancel .btn--fail").await;
    browser.keys(ENTER).await;
    assert_eq!(house.ended(1).await["push"]["state"], "cancelled");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
