//! Every refusal over HTTP has the title and the cure of its own case, on its page and in the answer of the API alike; and every
//! page has a title of its own.

use super::*;
use crate::house::pages::every_page;
use pushbutton::desk::{Case, Row};
use pushbutton::run::{NOT_PAUSED, PAUSED};
use pushbutton::web::Fault;
use std::collections::BTreeSet;
use tokio::net::UnixListener;

/// Cases that are not caused here, and why.
const NOT_HERE: &[(&str, &str)] = &[
    ("signature", "needs a webhook's secret: tests/web/hooks.rs"),
    ("no_right", "needs rights: tests/web/rights.rs"),
    ("admin", "needs rights: tests/web/rights.rs"),
    ("locked_waits", "needs a real push that is paused: tests/anger.rs"),
    ("not_fetched", "the moment before the first fetch"),
    ("keeps_moving", "a race that a press loses three times: src/desk/press/accept.rs"),
    ("fewer_hosts", "needs a push to hosts that a command lists: tests/hosts.rs"),
    ("other_branch", "needs commits of other branches: tests/source.rs"),
    ("still_runs", "the lock says it first"),
    ("repeated", "the web's keys name person and button beside the form, so that none is met twice"),
    ("same_content", "needs real builds: tests/rollback.rs"),
    ("went_back", "needs a push that rolls back by itself: tests/faults.rs"),
    ("nobody_behind", "needs hosts that say what they run: tests/catch_up.rs"),
    ("seen_newer", "needs hosts that have seen pushes: tests/moved.rs"),
    ("needs_approval", "needs a stage that asks for approval, as do the next six: tests/web/approval.rs"),
    ("approval_waits", "tests/desk/approval.rs"),
    ("approval_void", "tests/desk/approval.rs"),
    ("approval_expired", "tests/desk/approval.rs"),
    ("declined", "tests/desk/approval.rs"),
    ("own_approval", "tests/web/approval.rs"),
    ("asked_already", "tests/desk/approval.rs"),
    ("status_waits", "needs a stage that asks for a status: tests/web/statuses.rs"),
    ("status_failed", "tests/desk/auto.rs"),
    ("too_many_statuses", "needs a hundred of them: src/ledger/builds/statuses.rs"),
    ("override_reason", "needs an admin: tests/docs/runs.rs"),
    ("marked_bad", "needs a build: tests/desk/marks.rs"),
    ("not_marked_good", "needs a stage that asks for it: tests/desk/marks.rs"),
    ("never_ran_there", "needs a build of another stage: tests/desk/marks.rs"),
    ("another_answers", "needs a real push that asks: tests/another.rs"),
    ("ambiguous", "needs two commits that begin alike: src/desk/press/named.rs"),
    ("text", "the web says it first, as a bad request"),
    ("hold_reason", "the API says it first, as what is missing; a page shows its form again"),
    ("number_reason", "the API says it first, as what is missing"),
    ("path_value", "needs a stack with rsync into a path of a branch: tests/release.rs"),
    ("fewer_files", "needs published builds: tests/published.rs"),
    ("pushed", "needs published builds: tests/published.rs"),
    ("taken", "needs published builds: tests/published.rs"),
    ("artifact_address", "needs a stack with published builds: tests/web/artifacts.rs"),
    ("artifact_fetch", "needs a server of artifacts: tests/web/artifacts.rs"),
    ("uploads", "needs uploads: tests/web/uploads.rs"),
    ("upload_offset", "needs an upload: tests/web/uploads.rs"),
    ("disk_full", "needs a server that wants more room than there is: tests/doors.rs"),
    ("stopping", "the moment in which a server stops"),
    ("broke", "a bug"),
    ("ledger", "damage: the web's own row of the same name is caused here"),
    ("ledger_row", "damage"),
    ("not_kept", "a disk that takes no file: tests/reserve.rs"),
    ("under_way", "needs a request that takes long: tests/web/repeated.rs"),
    ("busy", "many at once: tests/attacks/guesses.rs"),
    ("broken", "a bug"),
];

/// Who asks, and which cases have been met.
struct Asker<'a> {
    site: &'a Site,
    session: String,
    met: BTreeSet<&'static str>,
    /// What was answered otherwise.
    wrong: Vec<String>,
}

impl Asker<'_> {
    /// Sends a form from one of our pages, and gets the page of this case.
    async fn form(&mut self, row: &'static Row, path: &str, form: &str) {
        let answer = self.site.post(&self.session, path, form).await;
        self.page(row, &format!("POST {path} {form}"), &answer);
    }

    /// Calls the API, and is answered with this case.
    async fn call(&mut self, row: &'static Row, method: &str, path: &str, json: &str) {
        let answer = self.site.send(&self.session, method, path, json).await;
        self.answer(row, &format!("{method} {path} {json}"), &answer);
    }

    fn page(&mut self, row: &'static Row, what: &str, answer: &Answer) {
        let text = answer.text().replace("&#x27;", "'").replace("&quot;", "\"").replace("&#39;", "'");
        let Row { title, cure, .. } = row;
        let (first, rest) = cure.split_at(1);
        for part in [
            format!("<title>{title} - Pushbutton</title>"),
            format!("<h1>{title}</h1>"),
            format!("<p>{}{rest}.</p>", first.to_uppercase()),
        ] {
            if answer.status < 400 || !text.contains(&part) {
                let said = text.split("<h1>").nth(1).unwrap_or(&text).split("<div").next().unwrap_or_default();
                self.wrong.push(format!("{what}, {}: {part} is not in {} {said}", row.name, answer.status));
            }
        }
        self.met.insert(row.name);
    }

    fn answer(&mut self, row: &'static Row, what: &str, answer: &Answer) {
        let error = answer.json()["error"].clone();
        let said =
            [&error["case"], &error["title"], &error["cure"]].map(|said| said.as_str().unwrap_or_default().to_owned());
        if answer.status < 400 || said != [row.name, row.title, row.cure] {
            self.wrong.push(format!("{what}, {}: {} {error}", row.name, answer.status));
        }
        self.met.insert(row.name);
    }
}

/// Lets somebody answer the orders for a push as its runner would.
fn runner_says(site: &Site, push: i64, words: &'static str) -> JoinHandle<()> {
    let at = site.dir(push).control();
    let _ = std::fs::remove_file(&at);
    let listener = UnixListener::bind(at).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut order = [0; 1024];
            let _ = stream.read(&mut order).await;
            let _ = stream.write_all(format!("{words}\n").as_bytes()).await;
        }
    })
}

/// Stacks that are closed in their own ways.
fn write_more_stacks(site: &Site) {
    let stacks = site.home.0.path().join("stacks");
    let repository = site.home.0.path().join("repository").display().to_string();
    let stage = |more: &str| format!("[[stage]]\nname = \"qa\"\ncommands = [\"true\"]\n{more}\n");
    let git = format!("source = {{ git = \"{repository}\", branch = \"main\" }}\n");
    for (name, text) in [
        ("wrong", "butto = 1\n".to_owned()),
        ("gone", format!("source = {{ dir = \"/nowhere/at/all\" }}\n{}", stage("hosts = [\"qa1\"]"))),
        ("listed", format!("{git}[hosts]\nall = {{ command = \"false\" }}\n{}", stage("hosts = \"all\""))),
        ("built", format!("source = {{ published = true }}\n{}", stage("hosts = [\"qa1\"]"))),
    ] {
        std::fs::write(stacks.join(format!("{name}.toml")), text).unwrap();
    }
}

/// What is wrong with a request, whatever the desk may think of it.
async fn bad_requests(asker: &mut Asker<'_>) {
    let (site, session) = (asker.site, asker.session.clone());
    let cookie = ("cookie", session.as_str());
    let own = ("origin", site.origin.as_str());
    let (form, json) = ("/stacks/web/hold", "/api/v1/stacks/web/hold");
    let kind = ("content-type", "application/x-www-form-urlencoded");

    let page = site.get(&session, "/nothing").await;
    asker.page(Fault::Unknown.row(), "an address that is none", &page);
    for (at, json) in ["{}", "{\"hosts\": []}"].into_iter().enumerate() {
        let lines = [cookie, own, ("content-type", "application/json"), ("idempotency-key", "k")];
        let answer = site.ask("POST", "/api/v1/stacks/web/hosts/check", &lines, json).await;
        match at {
            0 => assert_eq!(answer.status, 200, "{}", answer.text()),
            _ => asker.answer(Fault::OtherRequest.row(), "another request with the same key", &answer),
        }
    }
    asker.call(Fault::Unknown.row(), "GET", "/api/v1/nothing", "").await;
    asker.call(Case::Unknown.row(), "POST", "/api/v1/pushes/99/cancel", "{}").await;
    asker.form(Case::Unknown.row(), "/pushes/99/cancel", "").await;
    let page = site.get(&session, "/pushes?before=x").await;
    asker.page(Fault::BadRequest.row(), "a bad query", &page);
    asker.call(Fault::BadRequest.row(), "PUT", json, "{").await;
    asker.form(Fault::Missing.row(), "/stacks/web/stages/qa/push", "nonce=n").await;
    asker.call(Fault::Missing.row(), "PUT", json, "{}").await;
    let stranger = site.get("", "/api/v1/stacks").await;
    asker.answer(Fault::SignedOut.row(), "a stranger", &stranger);
    let bearer = |token: &str| format!("Bearer {token}");
    let nobodys = site.ask("GET", "/api/v1/stacks", &[("authorization", &bearer("pb_x"))], "").await;
    asker.answer(Fault::Token.row(), "a token of nobody", &nobodys);
    let (_, token) = tokens::token(site, "ci", "see:api").await;
    let bearer = bearer(&token);
    for (method, path) in [("POST", "/api/v1/take-over"), ("GET", "/")] {
        let beyond = site.ask(method, path, &[("authorization", &bearer)], "").await;
        match path {
            "/" => asker.page(Fault::Scope.row(), "a page for a program", &beyond),
            _ => asker.answer(Fault::Scope.row(), "what persons alone may do", &beyond),
        }
    }
    for path in [form, json] {
        let method = if path == form { "POST" } else { "PUT" };
        let long = format!("{{\"reason\": \"{}\"}}", "x".repeat(64 * 1024));
        let chunked = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncookie: {session}\r\norigin: {}\r\ntransfer-encoding: chunked\r\n\
             connection: close\r\n\r\n0\r\n\r\n",
            site.at, site.origin
        );
        for (row, answer) in [
            (Fault::Foreign.row(), site.ask(method, path, &[cookie], "reason=x").await),
            (Fault::WrongMethod.row(), site.ask("PATCH", path, &[cookie, own], "").await),
            (Fault::Encoded.row(), site.ask(method, path, &[cookie, own, ("content-encoding", "gzip")], "x").await),
            (Fault::TooLarge.row(), site.ask(method, path, &[cookie, own, kind], &long).await),
            (Fault::NoLength.row(), site.raw(chunked.as_bytes()).await),
        ] {
            match path.starts_with("/api/") {
                true => asker.answer(row, path, &answer),
                false => asker.page(row, path, &answer),
            }
        }
    }
    // Another name, whose cure is its own: the address to open, and the proxy's line.
    let elsewhere = site.raw(b"GET /api/v1/stacks HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").await;
    let error = elsewhere.json()["error"].clone();
    assert_eq!((&error["case"], &error["title"]), (&"misdirected".into(), &Fault::Misdirected.row().title.into()));
    assert!(error["cure"].as_str().unwrap().contains(&site.origin), "{error}");
    asker.met.insert(Fault::Misdirected.row().name);
}

/// What a stage that nobody has pushed cannot do, and what other stacks cannot.
async fn before_any_push(asker: &mut Asker<'_>) {
    let (qa, api) = ("/stacks/web/stages/qa", "/api/v1/stacks/web/stages/qa");
    let reason = r#"{"reason": "odd"}"#;
    asker.form(Case::Moved.row(), &format!("{qa}/push"), "seen=abc").await;
    asker.call(Case::Moved.row(), "POST", &format!("{api}/push"), r#"{"seen": "abc"}"#).await;
    asker.form(Case::StageBefore.row(), "/stacks/web/stages/prod/push", "seen=x").await;
    asker.call(Case::NoWayBack.row(), "POST", &format!("{api}/rollback"), reason).await;
    asker.form(Case::NoWayBack.row(), &format!("{qa}/rollback"), "reason=odd").await;
    asker.form(Case::BackReason.row(), &format!("{qa}/rollback"), "reason=").await;
    asker.call(Case::NeverPushed.row(), "POST", &format!("{api}/catch-up"), "{}").await;
    asker.form(Case::NeverPushed.row(), &format!("{qa}/catch-up"), "").await;
    asker.call(Case::Version.row(), "POST", &format!("{api}/push"), r#"{"sha": "-x"}"#).await;
    asker.form(Case::Version.row(), &format!("{qa}/push"), "sha=-x").await;
    asker.call(Case::NotAsked.row(), "POST", &format!("{api}/approval/approve"), r#"{"plan_hash": "ab"}"#).await;
    asker.form(Case::NotAsked.row(), &format!("{qa}/approve"), "plan_hash=ab").await;
    asker.form(Case::DeclineReason.row(), &format!("{qa}/decline"), "plan_hash=ab&reason=").await;
    let seen = asker.site.seen(&asker.session).await;
    let ask = format!(r#"{{"seen": "{seen}"}}"#);
    asker.call(Case::NoAuto.row(), "PUT", &format!("{api}/auto"), "{}").await;
    asker.form(Case::NoAuto.row(), &format!("{qa}/auto-on"), "").await;
    asker.call(Case::NoApproval.row(), "POST", &format!("{api}/approval"), &ask).await;
    let bad = "/stacks/web/builds/0000000-9";
    asker.call(Case::NotMarked.row(), "DELETE", &format!("/api/v1{bad}/bad"), reason).await;
    asker.form(Case::NotMarked.row(), &format!("{bad}/not-bad"), "reason=odd").await;
    asker.form(Case::MarkReason.row(), &format!("{bad}/bad"), "reason=").await;
    asker.call(Case::NotHeld.row(), "DELETE", "/api/v1/stacks/web/hold", "{}").await;
    asker.form(Case::NotHeld.row(), "/stacks/web/release-hold", "").await;
    let end = r#"{"reason": "x", "until": "soon"}"#;
    asker.call(Case::HoldEnd.row(), "PUT", "/api/v1/stacks/web/hold", end).await;
    asker.call(Case::NumbersFit.row(), "POST", "/api/v1/stacks/web/numbers", reason).await;
    asker.form(Case::NumbersFit.row(), "/stacks/web/numbers", "reason=odd").await;
    asker.call(Case::NoCopy.row(), "POST", "/api/v1/take-over", reason).await;
    asker.form(Case::NoCopy.row(), "/take-over", "reason=odd").await;
    asker
        .call(
            Case::NotPublished.row(),
            "POST",
            "/api/v1/stacks/web/builds?sha=1111111111111111111111111111111111111111",
            "",
        )
        .await;

    for (row, stack) in [
        (Case::BadStack.row(), "wrong"),
        (Case::Source.row(), "gone"),
        (Case::NoHosts.row(), "listed"),
        (Case::NothingPublished.row(), "built"),
    ] {
        let path = format!("/stacks/{stack}/stages/qa/push");
        let api = format!("/api/v1{path}");
        // Sources and commands are looked at in the background.
        until(row.name, async || {
            let answer = asker.site.send(&asker.session, "POST", &api, "{\"seen\": \"x\"}").await;
            // What is there in the end is judged below.
            let case = answer.json()["error"]["case"].to_string();
            (!["\"not_fetched\"", "\"unknown\""].contains(&case.as_str())).then_some(())
        })
        .await;
        asker.call(row, "POST", &api, "{\"seen\": \"x\"}").await;
        asker.form(row, &path, "seen=x").await;
    }
    let built = "/api/v1/stacks/built/builds?sha=1111111111111111111111111111111111111111";
    asker.call(Case::PublishedWords.row(), "POST", &format!("{built}&ref=-x"), "x").await;
    asker.call(Case::Upload.row(), "POST", built, "no tar").await;
}

/// What a push that runs keeps others from, and what cannot be ordered of it.
async fn while_one_runs(asker: &mut Asker<'_>, seen: &str) {
    let (site, session) = (asker.site, asker.session.clone());
    let (qa, api, seen) = ("/stacks/web/stages/qa", "/api/v1/stacks/web/stages/qa", format!("seen={seen}"));
    asker.form(Case::Locked.row(), &format!("{qa}/push"), &seen).await;
    asker.call(Case::Locked.row(), "POST", &format!("{api}/push"), r#"{"seen": "x"}"#).await;
    asker.form(Case::CancelFirst.row(), &format!("{qa}/rollback"), "reason=odd").await;
    asker.call(Case::CancelFirst.row(), "POST", &format!("{api}/rollback"), r#"{"reason": "odd"}"#).await;
    let lines = site.get(&session, "/api/v1/pushes/1/lines").await;
    asker.answer(Fault::Running.row(), "the lines by number", &lines);
    asker.form(Case::RunnerSilent.row(), "/pushes/1/pause", "").await;
    asker.call(Case::RunnerSilent.row(), "POST", "/api/v1/pushes/1/confirm", r#"{"answer": "yes"}"#).await;
    for (row, what, words) in [
        (Case::Paused.row(), "pause", PAUSED),
        (Case::NotPaused.row(), "unpause", NOT_PAUSED),
        (Case::Order.row(), "pause", "the push is being stopped"),
        (Case::AsksNothing.row(), "confirm", "this is not asked now"),
    ] {
        let runner = runner_says(site, 1, words);
        let (form, json) = if what == "confirm" { ("answer=yes", r#"{"answer": "yes"}"#) } else { ("", "{}") };
        asker.form(row, &format!("/pushes/1/{what}"), form).await;
        asker.call(row, "POST", &format!("/api/v1/pushes/1/{what}"), json).await;
        runner.abort();
    }
}

/// What holds and ends keep people from.
async fn after_pushes(asker: &mut Asker<'_>, seen: &str) {
    let site = asker.site;
    let (qa, api) = ("/stacks/web/stages/qa", "/api/v1/stacks/web/stages/qa");
    let (form, json) = (format!("seen={seen}"), format!("{{\"seen\": \"{seen}\"}}"));
    let push = async |asker: &Asker<'_>, form: &str| {
        let pushed = site.post(&asker.session, &format!("{qa}/push"), form).await;
        assert_eq!(pushed.status, 303, "{}", pushed.text());
    };
    let ended = async |push: i64| {
        let ask = "SELECT ended_at IS NOT NULL FROM pushes WHERE id = ?1";
        until("the end", async || {
            let has =
                site.desk.ledger().read(move |c| Ok(c.query_row(ask, [push], |row| row.get::<_, bool>(0))?)).await;
            has.unwrap().then_some(())
        })
        .await;
    };
    ended(1).await;
    asker.form(Case::Ended.row(), "/pushes/1/cancel", "").await;
    asker.call(Case::Ended.row(), "POST", "/api/v1/pushes/1/cancel", "{}").await;
    asker.form(Case::NothingLeft.row(), "/pushes/1/resume", "").await;
    asker.call(Case::NothingLeft.row(), "POST", "/api/v1/pushes/1/resume", "{}").await;
    site.announced().await;
    asker.form(Case::NoChannel.row(), "/announcements/1/redeliver", "").await;
    asker.call(Case::NoChannel.row(), "POST", "/api/v1/announcements/1/redeliver", "").await;
    asker.call(Case::StrangeHost.row(), "POST", &format!("{api}/catch-up"), r#"{"hosts": ["web9"]}"#).await;
    let held = site.post(&asker.session, "/stacks/web/hold", "reason=lunch").await;
    assert_eq!(held.status, 303);
    asker.form(Case::Held.row(), &format!("{qa}/push"), &form).await;
    asker.call(Case::Held.row(), "POST", &format!("{api}/push"), &json).await;
    assert_eq!(site.post(&asker.session, "/stacks/web/release-hold", "").await.status, 303);

    // Its runner ends before it began.
    push(asker, &form).await;
    let go = site.dir(2).dir().join("go");
    until_so("the runner's start", || go.exists()).await;
    site.let_go(2).await;
    ended(2).await;
    asker.form(Case::HeldByPush.row(), &format!("{qa}/push"), &form).await;
    asker.call(Case::HeldByPush.row(), "POST", &format!("{api}/push"), &json).await;
    asker.form(Case::ReleaseReason.row(), "/stacks/web/release-hold", "").await;
    asker.call(Case::ReleaseReason.row(), "DELETE", "/api/v1/stacks/web/hold", "{}").await;
    assert_eq!(site.post(&asker.session, "/stacks/web/release-hold", "reason=looked").await.status, 303);

    push(asker, &form).await;
    let journal = site.play(3).await;
    site.end_well(3, journal).await;
    ended(3).await;
    asker.form(Case::NewerCame.row(), "/pushes/2/resume", "").await;
    asker.call(Case::NewerCame.row(), "POST", "/api/v1/pushes/2/resume", "{}").await;
    for (row, push) in [(Case::RunsAlready.row(), 3), (Case::BuildGone.row(), 1), (Case::NotGood.row(), 2)] {
        let to = site.get(&asker.session, &format!("/api/v1/pushes/{push}")).await.json()["push"]["build"].clone();
        let to = to.as_str().unwrap();
        asker.form(row, &format!("{qa}/rollback"), &format!("reason=odd&to={to}")).await;
        let json = format!("{{\"reason\": \"odd\", \"to\": \"{to}\"}}");
        asker.call(row, "POST", &format!("{api}/rollback"), &json).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_that_can_be_caused_has_the_title_and_the_cure_of_its_case_on_its_page_and_in_the_api() {
    let site = Site::open().await;
    let mut asker = Asker { site: &site, session: site.mary().await, met: BTreeSet::new(), wrong: Vec::new() };
    let seen = site.seen(&asker.session).await;
    write_more_stacks(&site);
    // A body that does not come takes a while to be refused: meanwhile all that is quick.
    let slow = |path: &str, kind: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {}\r\nconnection: close\r\ncontent-type: {kind}\r\n\
             content-length: 9\r\n\r\nrea",
            site.at, site.origin, asker.session
        );
        let site = &site;
        async move { site.raw(head.as_bytes()).await }
    };
    let page = slow("/stacks/web/hold", "application/x-www-form-urlencoded");
    let api = slow("/api/v1/pushes/1/cancel", "application/json");
    let quick = async {
        bad_requests(&mut asker).await;
        before_any_push(&mut asker).await;
    };
    let (page, api, ()) = tokio::join!(page, api, quick);
    asker.page(Fault::TooSlow.row(), "a slow form", &page);
    asker.answer(Fault::TooSlow.row(), "a slow call", &api);

    let journal = site.press(&asker.session).await;
    while_one_runs(&mut asker, &seen).await;
    site.finish(journal).await;
    after_pushes(&mut asker, &seen).await;

    // Somebody whose session cannot be read.
    let bob = site.sign_in("name=bob").await;
    let damage = "UPDATE sessions SET made_at = 'x' WHERE who = 'bob'";
    site.desk.ledger().write(move |tx| Ok(tx.execute(damage, [])?)).await.unwrap();
    let (page, api) = (site.get(&bob, "/").await, site.get(&bob, "/api/v1/stacks").await);
    asker.page(Fault::Ledger.row(), "a damaged session", &page);
    asker.answer(Fault::Ledger.row(), "a damaged session", &api);
    let mut statuses = 0;
    while site.post(&asker.session, "/stacks/web/stages/qa/push", "seen=x").await.status != 429 {
        statuses += 1;
        assert!(statuses < 200, "it goes on for ever");
    }
    asker.form(Fault::TooOften.row(), "/stacks/web/stages/qa/push", "seen=x").await;
    asker.call(Fault::TooOften.row(), "POST", "/api/v1/stacks/web/stages/qa/push", r#"{"seen": "x"}"#).await;

    assert_eq!(asker.wrong, [""; 0], "answered otherwise");
    let all = Case::ALL.iter().map(|case| case.row().name).chain(Fault::ALL.iter().map(|fault| fault.row().name));
    let left: BTreeSet<&str> = NOT_HERE.iter().map(|(name, _)| *name).collect();
    let missing: Vec<&str> = all.filter(|name| !asker.met.contains(name) && !left.contains(name)).collect();
    assert_eq!(missing, [""; 0], "caused by nobody, and without a reason why not");
    let twice: Vec<&&str> = asker.met.iter().filter(|name| left.contains(*name) && **name != "ledger").collect();
    assert_eq!(twice, [&""; 0], "caused here after all");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_a_title_that_says_what_it_shows() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let title = async |session: &str, path: &str| {
        let page = site.get(session, path).await;
        let text = page.text().to_owned();
        assert_eq!(text.matches("<title>").count(), 1, "{path}: {text}");
        let (_, rest) = text.split_once("<title>").unwrap();
        rest.split_once("</title>").unwrap().0.to_owned()
    };
    assert_eq!(title("", "/sign-in").await, "Sign in - Pushbutton");
    let journal = site.press(&mary).await;
    let mut titles = Vec::new();
    for path in every_page("qa", 1) {
        titles.push((path.clone(), title(&mary, &path).await));
    }
    site.finish(journal).await;
    assert_eq!(
        titles.iter().map(|(path, title)| (path.as_str(), title.trim_end_matches(" - Pushbutton"))).collect::<Vec<_>>(),
        [
            ("/", "Stacks"),
            ("/stacks/web", "web"),
            ("/stacks/web/stages/qa/plan", "What a push to QA will do: web"),
            ("/stacks/web/stages/qa/versions", "Another version to QA: web"),
            ("/stacks/web/stages/qa/rollback", "Cancel the running push first"),
            ("/stacks/web/compare", "Compare: web"),
            ("/stacks/web/hosts", "Hosts of web"),
            ("/stacks/web/graphs", "Graphs: web"),
            ("/pushes", "Pushes"),
            ("/pushes/1", "web to QA"),
            ("/pushes/1/graphs", "Graphs: web to QA, push 1"),
            ("/pushes/1/cancel", "Cancel push 1"),
            ("/stats", "Stats"),
            ("/announcements", "Announcements"),
            ("/docs/api", "API"),
            ("/docs/errors", "Errors"),
            ("/account", "Your account"),
        ]
    );
    until("the end is on its page", async || {
        (title(&mary, "/pushes/1").await == "Pushed: web to QA #1 - Pushbutton").then_some(())
    })
    .await;
    site.close().await;
}
