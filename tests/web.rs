//! The web over a real desk, a real ledger and a real socket, asked by a client that says exactly what the test says.
//! The runner is played, as in the desk's journeys: it holds its push's lock and does nothing; the test writes the journal.

mod approval;
pub mod artifacts;
mod audit;
mod commits;
mod connections;
mod deeds;
mod doors;
mod feed;
mod gone;
mod hooks;
mod oidc;
mod own_sessions;
mod people;
mod provider;
mod proxied;
mod redelivered;
mod repeated;
mod rights;
mod second_factor;
mod seen;
mod signing;
mod slack;
mod statuses;
mod streams;
mod titles;
mod tokens;
mod uploads;
mod watching;

use crate::house::{in_time, until, until_so};
use crate::played::{Home, git, line, started};
use pushbutton::config::Config;
use pushbutton::desk::Desk;
use pushbutton::journal::{Ended, Event, HostResult, PushDir, Writer};
use pushbutton::ledger::outbox::{self, StageEvent, StageNews};
use pushbutton::ledger::users::{self, PasswordHash, User};
use pushbutton::plan::Assignment;
use pushbutton::stack::{PushNumber, Who};
use pushbutton::time::At;
use pushbutton::web::Server;
use pushbutton::web::routes::{Entry, May, ROUTES};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running server.
struct Site {
    home: Home,
    desk: Arc<Desk>,
    at: SocketAddr,
    origin: String,
    streams: Box<dyn Fn() -> usize>,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
    _background: JoinHandle<()>,
}

/// What the server answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        match self.all(name)[..] {
            [] => None,
            [one] => Some(one),
            ref several => panic!("{name} is there {} times", several.len()),
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of an error, as the API says it.
    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

impl Site {
    async fn open() -> Self {
        Self::new("open").await
    }

    async fn new(mode: &str) -> Self {
        Self::with(mode, "").await
    }

    /// A repository with one commit, a stack of two stages, and a server on a port of its own; with more lines of its file.
    async fn with(mode: &str, more: &str) -> Self {
        Self::at("127.0.0.1", mode, more, "").await
    }

    /// The same at another address of this machine, with more limits.
    async fn at(ip: &str, mode: &str, more: &str, limits: &str) -> Self {
        let home = Home::lay_out().await;
        let (path, repository) = (home.0.path(), home.repository());
        std::fs::write(repository.join("page.html"), "hello").unwrap();
        git(&repository, &["add", "."]).await;
        git(&repository, &["commit", "-q", "-m", "<b>first</b>"]).await;

        let listener = std::net::TcpListener::bind((ip, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let origin = format!("http://{at}");
        let file = path.join("config.toml");
        let every = if limits.contains("fetch_every_s") { "" } else { "fetch_every_s = 1\n" };
        let text = format!(
            "url = \"{origin}\"\n{more}[auth]\nmode = \"{mode}\"\n[limits]\n{every}free_mib = 1\nwarm_hosts = 0\n{limits}"
        );
        std::fs::write(&file, text).unwrap();
        let desk = Desk::open_with(Arc::new(Config::load(&file).unwrap()), home.runner()).await.unwrap();
        let stop = CancellationToken::new();
        let background = desk.background(stop.clone());
        let server = Server::bind(Arc::clone(&desk), listener).unwrap();
        assert_eq!(server.addr().unwrap(), at);
        let viewers = server.viewers();
        let served = tokio::spawn(server.run_until(stop.clone()));
        let streams = Box::new(move || viewers.count());
        Self { home, desk, at, origin, streams, stop, served, _background: background }
    }

    /// Writes announcement 1 down: of a stage, for a channel that the server's file does not have.
    async fn announced(&self) {
        let news = StageNews {
            news: StageEvent::MarkedGood,
            key: "mark-1".to_owned(),
            stack: "web".parse().unwrap(),
            stage: Some("qa".parse().unwrap()),
            who: "mary".to_owned(),
            stages: Vec::new(),
            asker: None,
            sha: "51d0c3e".to_owned(),
            build: None,
            old_sha: None,
            reason: None,
            until: None,
            at: At::now().to_string(),
            url: format!("{}/stacks/web", self.origin),
            audit_head: "0".repeat(12),
        };
        let write =
            move |tx: &rusqlite::Transaction<'_>| outbox::write_news(tx, &news, &["gone".parse().unwrap()], At::now());
        self.desk.ledger().write(write).await.unwrap();
    }

    /// Sends a request as it is written, and takes the whole answer.
    async fn raw(&self, request: &[u8]) -> Answer {
        let mut connection = TcpStream::connect(self.at).await.unwrap();
        connection.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        let shown = String::from_utf8_lossy(&request[..request.len().min(300)]);
        in_time(&format!("the answer to {shown}"), connection.read_to_end(&mut bytes)).await.unwrap();
        assert!(!bytes.is_empty(), "no answer to {shown}");
        answer(&bytes)
    }

    /// Asks as a browser does that keeps to HTTP: our own host, and the lines given.
    async fn ask(&self, method: &str, path: &str, lines: &[(&str, &str)], body: &str) -> Answer {
        let host = self.at;
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        for (name, value) in lines {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = if matches!(method, "GET" | "HEAD") { "" } else { body };
        if !body.is_empty() {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        self.raw(format!("{request}\r\n{body}").as_bytes()).await
    }

    async fn get(&self, session: &str, path: &str) -> Answer {
        self.ask("GET", path, &[("cookie", session)], "").await
    }

    /// Sends a form from one of our own pages.
    async fn post(&self, session: &str, path: &str, form: &str) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.ask("POST", path, &[("cookie", session), ("sec-fetch-site", "same-origin"), kind], form).await
    }

    /// Sends JSON from one of our own pages.
    async fn send(&self, session: &str, method: &str, path: &str, json: &str) -> Answer {
        let kind = ("content-type", "application/json");
        self.ask(method, path, &[("cookie", session), ("origin", &self.origin), kind], json).await
    }

    /// Signs in; the cookie as a browser sends it back.
    async fn sign_in(&self, form: &str) -> String {
        let answer = self.post("", "/sign-in", form).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.all("set-cookie")[0].split(';').next().unwrap().to_owned()
    }

    async fn mary(&self) -> String {
        self.sign_in("name=mary").await
    }

    /// What the page offers for the first stage, once the branch is fetched.
    async fn seen(&self, session: &str) -> String {
        until("the fetch", async || {
            let street = self.get(session, "/api/v1/stacks/web").await.json();
            street["stages"][0]["next"]["seen"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Presses the first button, and takes the played runner's journal.
    async fn press(&self, session: &str) -> Writer {
        let seen = self.seen(session).await;
        let answer = self.post(session, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n1")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/pushes/1")), "{}", answer.text());
        self.play(1).await
    }

    /// Takes the journal of a push from its played runner, and writes how it begins.
    async fn play(&self, push: i64) -> Writer {
        let dir = self.dir(push);
        let go = dir.dir().join("go");
        until_so("the runner's start", || go.exists()).await;
        let mut journal = Writer::create(&dir).unwrap();
        let assignment: Assignment = serde_json::from_slice(&std::fs::read(dir.plan()).unwrap()).unwrap();
        let title = "true".to_owned();
        journal.add(At::now(), started(&assignment, &title)).unwrap();
        journal.add(At::now(), Event::CommandStarted { command: 1, title, hosts: 0 }).unwrap();
        journal.add(At::now(), Event::HostStarted { command: 1, host: None }).unwrap();
        let root = format!("{push:064x}").parse().unwrap();
        let made = Event::BuildMade { command: 1, build: assignment.build, root, files: 1, bytes: 5 };
        journal.add(At::now(), made).unwrap();
        journal.flush().unwrap();
        journal
    }

    fn dir(&self, push: i64) -> PushDir {
        PushDir::of(&self.home.0.path().join("data"), PushNumber::new(push).unwrap())
    }

    fn journal(&self) -> Vec<u8> {
        std::fs::read(self.dir(1).journal()).unwrap()
    }

    /// Ends push 1 well.
    async fn finish(&self, journal: Writer) {
        self.end_well(1, journal).await;
    }

    async fn end_well(&self, push: i64, mut journal: Writer) {
        let ok = HostResult::Ok;
        let host_ended = Event::HostEnded {
            command: 1,
            host: None,
            result: ok,
            code: Some(0),
            why: None,
            left: None,
            duration_ms: 1,
        };
        journal.add(At::now(), host_ended).unwrap();
        let command_ended =
            Event::CommandEnded { command: 1, result: ok, ok: 1, not_ok: 0, duration_ms: 1, skew_ms: None };
        journal.add(At::now(), command_ended).unwrap();
        let push_ended = Event::PushEnded {
            state: Ended::Succeeded,
            why: None,
            who: None,
            hosts_ok: 1,
            hosts_total: 1,
            unknown: Vec::new(),
            duration_ms: 1,
            sha256: String::new(),
        };
        journal.add(At::now(), push_ended).unwrap();
        journal.flush().unwrap();
        drop(journal);
        self.let_go(push).await;
    }

    /// Lets the played runner of a push end.
    async fn let_go(&self, push: i64) {
        tokio::fs::write(self.dir(push).dir().join("go"), "\n").await.unwrap();
    }

    async fn stream(&self, session: &str, path: &str, lines: &str) -> Viewer {
        let mut connection = TcpStream::connect(self.at).await.unwrap();
        let cookie = if session.is_empty() { String::new() } else { format!("cookie: {session}\r\n") };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{cookie}{lines}\r\n", self.at);
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut viewer = Viewer { connection, taken: Vec::new(), events: String::new() };
        viewer.until("\r\n\r\n").await;
        viewer
    }

    /// Stops the server; it must not wait for streams.
    async fn close(self) {
        self.stop.cancel();
        in_time("the stop", self.served).await.unwrap().unwrap();
    }
}

/// A browser with an open stream.
struct Viewer {
    connection: TcpStream,
    taken: Vec<u8>,
    events: String,
}

impl Viewer {
    /// Reads until the stream has said `text`; all that was said.
    async fn until(&mut self, text: &str) -> &str {
        let read = async {
            while !self.events.contains(text) {
                let mut piece = [0; 16 * 1024];
                let count = self.connection.read(&mut piece).await.unwrap();
                assert!(count > 0, "the stream ended before {text:?}: {}", self.events);
                self.take(&piece[..count]);
            }
        };
        in_time(text, read).await;
        &self.events
    }

    fn take(&mut self, piece: &[u8]) {
        self.taken.extend_from_slice(piece);
        let (head, body) = split(&self.taken);
        self.events = format!("{head}\r\n\r\n{}", String::from_utf8_lossy(&unchunked(body)));
    }

    /// Reads to the end of the stream.
    async fn end(&mut self) {
        let read = async {
            while !self.taken.ends_with(b"\r\n0\r\n\r\n") {
                let mut piece = [0; 16 * 1024];
                let count = self.connection.read(&mut piece).await.unwrap();
                assert!(count > 0, "the stream was torn: {}", self.events);
                self.take(&piece[..count]);
            }
        };
        in_time("the end of the stream", read).await;
    }

    /// The records that came, as they lie in the journal.
    fn records(&self) -> String {
        self.events.lines().filter_map(|line| line.strip_prefix("data: {")).map(|line| format!("{{{line}\n")).collect()
    }
}

fn split(bytes: &[u8]) -> (String, &[u8]) {
    match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => (String::from_utf8(bytes[..at].to_vec()).unwrap(), &bytes[at + 4..]),
        None => (String::new(), &[]),
    }
}

/// What lies in the chunks, as far as they are whole.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        let Some(chunk) = bytes.get(line + 2..line + 2 + length) else { break };
        body.extend_from_slice(chunk);
        bytes = bytes.get(line + 4 + length..).unwrap_or_default();
    }
    body
}

fn answer(bytes: &[u8]) -> Answer {
    let (head, body) = split(bytes);
    let mut lines = head.lines();
    let status = lines.next().expect("a status line").split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunked(body) } else { body.to_vec() };
    Answer { status, headers, body }
}

/// A row's address with its variable parts filled in.
/// A route that asks for no person: what comes is signed, or nothing is there. `tests/web/hooks.rs` is about it.
fn is_signed(row: &Entry) -> bool {
    row.path.starts_with("/api/v1/hooks/") || row.path == "/hooks/slack"
}

fn address(row: &Entry) -> String {
    row.path
        .replace("{stack}", "web")
        .replace("{stage}", "qa")
        .replace("{id}", "1")
        .replace("{announcement}", "1")
        .replace("{who}", "mary")
        .replace("{forge}", "github")
        .replace("{token}", "0")
        .replace("{session}", "0")
        .replace("{build}", "web-1")
        .replace("{upload}", "0")
        .replace("{sha}", "51d0c3e8b7f0a1c2d3e4f5061728394a5b6c7d8e")
        .replace("{name:.+}", "page/app.js")
}
