//! Whoever orders something may go in the middle of it: the connection is reset, and the order is carried out whole all the same, with
//! one line in the audit. What is refused leaves none.

use super::*;
use pushbutton::run::OBEYED;
use rusqlite::Connection;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixListener;

/// How long the server has to see that a connection is gone, where nothing else says so.
const SEES: Duration = Duration::from_millis(100);

impl Site {
    /// Sends a call of the API, and waits for no answer.
    async fn begin(&self, session: &str, method: &str, path: &str, json: &str) -> TcpStream {
        let mut browser = TcpStream::connect(self.at).await.unwrap();
        let (host, length) = (self.at, json.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {session}\r\norigin: {}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}",
            self.origin
        );
        browser.write_all(request.as_bytes()).await.unwrap();
        browser
    }

    /// What people did, as the audit has it.
    async fn done(&self) -> Vec<String> {
        let lines = self.desk.ledger().read(|connection| {
            let sql = "SELECT who || ' ' || what || ' ' || detail FROM audit \
                       WHERE who = 'mary' AND what NOT IN ('seal', 'sign in', 'sign out') ORDER BY id";
            let mut ask = connection.prepare(sql)?;
            let lines = ask.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            Ok(lines)
        });
        lines.await.unwrap()
    }

    /// What people did behind the first `known` lines, once there is something.
    async fn newly_done(&self, known: usize) -> Vec<String> {
        until("a line of the audit", async || {
            let mut done = self.done().await;
            (done.len() > known).then(|| done.split_off(known))
        })
        .await
    }

    /// Has an order begin, lets nothing be written meanwhile, and resets its connection before anything can be.
    async fn cut_off(&self, session: &str, method: &str, path: &str, json: &str) {
        let ledger = Connection::open(self.home.0.path().join("data/pushbutton.db")).unwrap();
        ledger.busy_timeout(Duration::from_secs(5)).unwrap();
        ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
        let asked = self.desk.ledger().asked();
        let browser = self.begin(session, method, path, json).await;
        // Who asks is looked for first: the request is in the server's hands then.
        until_so("the request to be taken up", || self.desk.ledger().asked() > asked).await;
        tokio::time::sleep(SEES).await;
        reset(browser).await;
        ledger.execute_batch("ROLLBACK").unwrap();
    }
}

/// Ends a connection so that the other side gets an error, as when a laptop falls asleep for good.
async fn reset(browser: TcpStream) {
    let browser = browser.into_std().unwrap();
    nix::sys::socket::setsockopt(
        &browser,
        nix::sys::socket::sockopt::Linger,
        &nix::libc::linger { l_onoff: 1, l_linger: 0 },
    )
    .unwrap();
    drop(browser);
    tokio::time::sleep(SEES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_runner_has_heard_gets_into_the_audit_once_also_when_the_browser_goes() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let _journal = site.press(&mary).await;
    let runner = UnixListener::bind(site.dir(1).control()).unwrap();
    for (order, json, line) in [
        ("pause", r#"{"reason":"the\ngraphs"}"#, "mary pause push 1: the graphs"),
        ("confirm", r#"{"answer":"yes"}"#, "mary answer push 1, yes"),
        ("confirm", r#"{"answer":"no","reason":"red"}"#, "mary answer push 1, no: red"),
        ("unpause", "", "mary unpause push 1"),
        ("resume", "{}", "mary unpause push 1"),
        (
            "cancel",
            r#"{"reason":"https://kate:hunter22@example.com/"}"#,
            "mary cancel push 1: https://***@example.com/",
        ),
    ] {
        for (answer, lines) in [("no, it is too late", 0), (OBEYED, 1)] {
            // A runner that refuses a cancel is told by a signal, and a resume of what is not paused is a push that is refused.
            if lines == 0 && matches!(order, "cancel") {
                continue;
            }
            let known = site.done().await.len();
            let browser = site.begin(&mary, "POST", &format!("/api/v1/pushes/1/{order}"), json).await;
            let (heard, _) = in_time(order, runner.accept()).await.unwrap();
            let (from, mut to) = heard.into_split();
            let mut said = String::new();
            in_time(order, BufReader::new(from).read_line(&mut said)).await.unwrap();
            reset(browser).await;
            to.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
            drop(to);
            match lines {
                0 => {
                    tokio::time::sleep(SEES).await;
                    assert_eq!(site.done().await.len(), known, "{order} was refused: {:?}", site.done().await);
                }
                _ => assert_eq!(site.newly_done(known).await, [line], "{order}"),
            }
        }
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_sender_goes_gets_its_runner_and_a_hold_is_set_and_released() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let seen = site.seen(&mary).await;
    let hold = "/api/v1/stacks/web/hold";
    site.cut_off(&mary, "PUT", hold, r#"{"reason":"the fair","until":"2h"}"#).await;
    let line = site.newly_done(0).await;
    assert!(
        line.len() == 1 && line[0].starts_with("mary hold web until ") && line[0].ends_with(": the fair"),
        "{line:?}"
    );
    assert_eq!(site.send(&mary, "PUT", hold, r#"{"reason":"again"}"#).await.status, 409);
    assert_eq!(site.send(&mary, "PUT", hold, r#"{"reason":" \n "}"#).await.status, 400);
    let push = format!(r#"{{"seen":"{seen}"}}"#);
    let button = "/api/v1/stacks/web/stages/qa/push";
    assert_eq!(site.send(&mary, "POST", button, &push).await.status, 409, "it is held");
    assert_eq!(site.done().await.len(), 1, "what is refused leaves no line: {:?}", site.done().await);
    site.cut_off(&mary, "DELETE", hold, "").await;
    assert!(site.newly_done(1).await[0].starts_with("mary release hold web, held by mary since "));
    assert_eq!(site.send(&mary, "DELETE", hold, "").await.status, 409, "nothing is held");

    site.cut_off(&mary, "POST", button, &push).await;
    let line = site.newly_done(2).await;
    assert!(line.len() == 1 && line[0].starts_with("mary press push 1 of web to qa, build "), "{line:?}");
    until_so("the runner's start", || site.dir(1).dir().join("go").exists()).await;
    assert_eq!(site.send(&mary, "POST", button, &push).await.status, 409, "it runs");
    assert_eq!(site.done().await.len(), 3, "{:?}", site.done().await);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_withdrawn_is_gone_from_ledger_and_disk_also_when_the_browser_goes() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let stack = "source = { published = true }\n[hosts]\nqa = [\"qa1.example.com\"]\n[[stage]]\nname = \"qa\"\nhosts = \"qa\"\n\
                 commands = [\"true\"]\n";
    std::fs::write(site.home.0.path().join("stacks/art.toml"), stack).unwrap();
    until_so("the new stack", || site.desk.stack_files().stacks.iter().any(|known| known.name.as_str() == "art")).await;
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    tar.append_data(&mut header, "page.html", &b"hello"[..]).unwrap();
    let tar = tar.into_inner().unwrap();
    let sha = "4".repeat(40);
    let publish = format!("/api/v1/stacks/art/builds?sha={sha}&ref=main");
    let mut request = format!(
        "POST {publish} HTTP/1.1\r\nhost: {}\r\ncookie: {mary}\r\norigin: {}\r\ncontent-type: application/x-tar\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        site.at,
        site.origin,
        tar.len()
    )
    .into_bytes();
    request.extend_from_slice(&tar);
    let published = site.raw(&request).await;
    assert_eq!(published.status, 201, "{}", published.text());
    assert_eq!(site.raw(&request).await.status, 200, "the same again is no new build");
    let build = published.json()["build"]["build"].as_str().unwrap().to_owned();
    let files = site.home.0.path().join("data/builds/art").join(&build);
    assert!(files.exists() && site.done().await.len() == 1, "{:?}", site.done().await);
    site.cut_off(&mary, "DELETE", &format!("/api/v1/stacks/art/builds/{build}?reason=it+was+the+wrong+one"), "").await;
    let line = site.newly_done(1).await;
    assert!(line.len() == 1 && line[0].starts_with(&format!("mary withdraw build {build} of art, ")), "{line:?}");
    assert!(line[0].ends_with(": it was the wrong one"), "{line:?}");
    until_so("the build's files to go", || !files.exists()).await;
    site.close().await;
}
