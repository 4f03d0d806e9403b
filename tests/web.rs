//! The web over a real desk, a real ledger and a real socket, asked by a client that says exactly what the test says.
//! The runner is played, as in the desk's journeys: it holds its push's lock and does nothing; the test writes the journal.

use crate::played::{Home, RUNNER};
use pushbutton::config::Config;
use pushbutton::desk::Desk;
use pushbutton::journal::{Ended, Event, HostResult, PushDir, Stream, Writer};
use pushbutton::ledger::users::{self, PasswordHash, User};
use pushbutton::plan::Assignment;
use pushbutton::process::Program;
use pushbutton::stack::{PushNumber, Who};
use pushbutton::time::At;
use pushbutton::web::Server;
use pushbutton::web::routes::{Entry, May, ROUTES};
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing here takes as long; what does has gone wrong.
const DEADLINE: Duration = Duration::from_secs(60);

const STACK: &str = r#"
source = { git = "REPOSITORY", branch = "main" }
[hosts]
qa = ["qa1.example.com"]
prod = ["web[1-2].example.com"]
[[stage]]
name = "qa"
hosts = "qa"
commands = ["true"]
[[stage]]
name = "prod"
button = "PROD!!!"
hosts = "prod"
commands = ["true"]
"#;

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

async fn in_time<T>(what: &str, ask: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, ask).await.unwrap_or_else(|_| panic!("{what} did not happen in {DEADLINE:?}"))
}

async fn until(what: &str, mut ask: impl FnMut() -> bool) {
    let asked = async {
        while !ask() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(what, asked).await;
}

impl Site {
    async fn open() -> Self {
        Self::new("open").await
    }

    /// A repository with one commit, a stack of two stages, and a server on a port of its own.
    async fn new(mode: &str) -> Self {
        let home = Home(tempfile::tempdir().unwrap());
        let path = home.0.path();
        let repository = path.join("repository");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "-q", "-b", "main"]).await;
        std::fs::write(repository.join("page.html"), "hello").unwrap();
        git(&repository, &["add", "."]).await;
        git(&repository, &["commit", "-q", "-m", "<b>first</b>"]).await;
        std::fs::create_dir(path.join("stacks")).unwrap();
        std::fs::write(path.join("stacks/web.toml"), STACK.replace("REPOSITORY", repository.to_str().unwrap()))
            .unwrap();
        let program = path.join("runner");
        std::fs::write(&program, RUNNER).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let origin = format!("http://{at}");
        let file = path.join("config.toml");
        let text = format!(
            "url = \"{origin}\"\n[auth]\nmode = \"{mode}\"\n[limits]\nfetch_every_s = 1\nfree_mib = 1\nwarm_hosts = 0\n"
        );
        std::fs::write(&file, text).unwrap();
        let desk = Desk::open_with(Arc::new(Config::load(&file).unwrap()), program).await.unwrap();
        let stop = CancellationToken::new();
        let background = desk.background(stop.clone());
        let server = Server::bind(Arc::clone(&desk), listener).unwrap();
        assert_eq!(server.addr().unwrap(), at);
        let viewers = server.viewers();
        let served = tokio::spawn(server.run_until(stop.clone()));
        let streams = Box::new(move || viewers.count());
        Self { home, desk, at, origin, streams, stop, served, _background: background }
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
        answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    async fn mary(&self) -> String {
        self.sign_in("name=mary").await
    }

    /// What the page offers for the first stage, once the branch is fetched.
    async fn seen(&self, session: &str) -> String {
        let asked = async {
            loop {
                let street = self.get(session, "/api/v1/stacks/web").await.json();
                match street["stages"][0]["next"]["seen"].as_str() {
                    Some(seen) => return seen.to_owned(),
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        in_time("the fetch", asked).await
    }

    /// Presses the first button, and takes the played runner's journal.
    async fn press(&self, session: &str) -> Writer {
        let seen = self.seen(session).await;
        let answer = self.post(session, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n1")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/pushes/1")), "{}", answer.text());
        let dir = self.dir();
        let go = dir.dir().join("go");
        until("the runner's start", || go.exists()).await;
        let mut journal = Writer::create(&dir).unwrap();
        let assignment: Assignment = serde_json::from_slice(&std::fs::read(dir.plan()).unwrap()).unwrap();
        let title = "true".to_owned();
        let started = Event::PushStarted {
            push: assignment.push,
            stack: assignment.plan.stack,
            stage: assignment.plan.stage,
            who: assignment.who,
            build: assignment.build.clone(),
            sha: assignment.plan.sha,
            pid: 0,
            pid_start: 0,
            boot: String::new(),
            plan_hash: assignment.plan_hash,
            hosts: assignment.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
            commands: vec![title.clone()],
            spare: Vec::new(),
        };
        journal.add(At::now(), started).unwrap();
        journal.add(At::now(), Event::CommandStarted { command: 1, title, hosts: 0 }).unwrap();
        journal.add(At::now(), Event::HostStarted { command: 1, host: None }).unwrap();
        let root = "ab".repeat(32).parse().unwrap();
        let made = Event::BuildMade { command: 1, build: assignment.build, root, files: 1, bytes: 5 };
        journal.add(At::now(), made).unwrap();
        journal.flush().unwrap();
        journal
    }

    fn dir(&self) -> PushDir {
        PushDir::of(&self.home.0.path().join("data"), PushNumber::new(1).unwrap())
    }

    fn journal(&self) -> Vec<u8> {
        std::fs::read(self.dir().journal()).unwrap()
    }

    /// Ends push 1 well.
    async fn finish(&self, mut journal: Writer) {
        let ok = HostResult::Ok;
        let host_ended =
            Event::HostEnded { command: 1, host: None, result: ok, code: Some(0), why: None, duration_ms: 1 };
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
        tokio::fs::write(self.dir().dir().join("go"), "\n").await.unwrap();
    }

    async fn stream(&self, session: &str, path: &str, lines: &str) -> Viewer {
        let mut connection = TcpStream::connect(self.at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {session}\r\n{lines}\r\n", self.at);
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

async fn git(repository: &Path, args: &[&str]) {
    let identity = ["AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"];
    let git = identity.iter().fold(Program::new("git"), |git, name| git.env(format!("GIT_{name}"), "mary@example.com"));
    let output = git.args(args).env("HOME", repository).dir(repository).output(DEADLINE).await.unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A row's address with its variable parts filled in.
fn address(row: &Entry) -> String {
    row.path.replace("{stack}", "web").replace("{stage}", "qa").replace("{id}", "1").replace("{name}", "style.css")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_closed_to_strangers_and_to_other_sites() {
    let site = Site::open().await;
    let mary = site.mary().await;
    site.seen(&mary).await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for row in ROUTES {
        let (method, path) = (row.method.as_str(), address(row));
        let reads = method == "GET";
        let name = format!("{method} {path}");
        let stranger = site.ask(method, &path, &[("origin", &site.origin), kind], "").await;
        match row.may {
            May::Anybody => assert!(!matches!(stranger.status, 401 | 403 | 404 | 405) || !reads, "{name}"),
            May::SignedIn if path.starts_with("/api/") => {
                assert_eq!((stranger.status, stranger.code().as_str()), (401, "signed_out"), "{name}");
            }
            May::SignedIn => {
                assert_eq!(stranger.status, 303, "{name}");
                assert!(stranger.header("location").unwrap().starts_with("/sign-in?next=/"), "{name}");
            }
        }
        let bad_cookie = format!("{}x", mary);
        let forged = site.ask(method, &path, &[("origin", &site.origin), ("cookie", &bad_cookie), kind], "").await;
        assert_eq!(forged.status, stranger.status, "{name} with a made-up session");
        let from_elsewhere: [&[(&str, &str)]; 5] = [
            &[],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("origin", &site.origin)],
            &[("sec-fetch-site", "same-site")],
        ];
        for lines in from_elsewhere.iter().filter(|_| !reads) {
            let lines = [lines, &[("cookie", mary.as_str()), kind][..]].concat();
            let foreign = site.ask(method, &path, &lines, "name=joe&reason=x&seen=x").await;
            assert_eq!(foreign.status, 403, "{name} with {lines:?}");
        }
    }
    let state = site.get(&mary, "/api/v1/stacks/web").await.json();
    assert!(state["hold"].is_null() && state["stages"][0]["hold"].is_null() && state["lock"].is_null());
    assert_eq!(site.get(&mary, "/api/v1/pushes").await.json()["pushes"], serde_json::json!([]));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_addresses_are_refused_without_a_trace_of_the_inside() {
    let site = Site::open().await;
    let mary = site.mary().await;
    for row in ROUTES {
        let path = address(row);
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            if ROUTES.iter().any(|other| other.path == row.path && other.method == method) {
                continue;
            }
            let answer = site.send(&mary, method, &path, "{}").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let allow = answer.header("allow").unwrap();
            assert!(ROUTES.iter().all(|other| other.path != row.path || allow.contains(other.method.as_str())));
        }
    }
    for path in [
        "/nothing",
        "//",
        "//stacks/web",
        "/stacks/web/",
        "/stacks/../stacks/web",
        "/stacks/%2e%2e%2fetc",
        "/stacks/WEB",
        "/stacks/api",
        "/stacks/a%00b",
        "/pushes/0",
        "/pushes/-1",
        "/pushes/99999999999999999999",
        "/pushes/1",
        "/static/",
        "/static/..%2fCargo.toml",
        "/static/nothing.css",
        "/api",
        "/api/v1/pushes/1",
        "/api/v1/pushes/1/events",
        "/api/v1/pushes/1/log",
        "/api/v1/pushes/x",
        "/api/v1/stacks/web/stages/nothing/current",
        "/api/v1/stacks/web/stages/qa/current",
    ] {
        let answer = site.get(&mary, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("src/") && !answer.text().contains("panicked"), "{path}");
        if path.starts_with("/api/") {
            assert_eq!(answer.code(), "unknown", "{path}");
        } else {
            assert!(answer.text().contains("Our Princess is in another castle"), "{path}: {}", answer.text());
        }
    }
    let answer = site.get(&mary, "/pushes?before=<script>").await;
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains("<script>\""), "{}", answer.text());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_what_keeps_a_browser_safe() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
               form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
    let answers = [
        site.get(&mary, "/").await,
        site.get("", "/").await,
        site.get("", "/sign-in").await,
        site.get(&mary, "/nothing").await,
        site.get(&mary, "/api/v1/stacks").await,
        site.get("", "/api/v1/stacks").await,
        site.get("", "/static/style.css").await,
        site.get("", "/healthz").await,
        site.ask("POST", "/sign-out", &[("cookie", &mary)], "").await,
        site.raw(b"GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("content-security-policy"), Some(csp));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(answer.header("permissions-policy").is_some());
        assert!(matches!(answer.header("cache-control"), Some("no-store" | "no-cache")), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_another_host_or_in_somebody_elses_name_get_nothing() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let own = site.at;
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nhost: {own}\r\n"), 200),
        ("GET / HTTP/1.1\r\nhost: evil.example\r\n".to_owned(), 421),
        (format!("GET / HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: {own}\r\n"), 421),
        (format!("GET / HTTP/1.1\r\nhost: localhost:{}\r\n", own.port()), 421),
        (format!("GET http://evil.example/ HTTP/1.1\r\nhost: {own}\r\n"), 421),
        ("GET / HTTP/1.0\r\n".to_owned(), 421),
        (format!("GET / HTTP/1.1\r\nhost: {own}\r\nx-remote-user: admin\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: {own}\r\nX_Remote_User: admin\r\n"), 400),
    ] {
        let answer = site.raw(format!("{head}cookie: {mary}\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.status, status, "{head}");
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_open_mode_a_name_is_asked_for_once_and_forgotten_at_sign_out() {
    let site = Site::open().await;
    let refused = site.post("", "/sign-in", "name=a+b%3Cscript%3E").await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("set-cookie").is_none() && !refused.text().contains("<script>"));
    for (next, to) in [
        ("", "/"),
        ("%2Fstacks%2Fweb", "/stacks/web"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2Fpushes%0D%0ASet-Cookie%3A+a%3Db", "/"),
    ] {
        let answer = site.post("", "/sign-in", &format!("name=mary{}&next={next}", to.len() + next.len())).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{next}");
    }
    let answer = site.post("", "/sign-in", "name=mary").await;
    let cookie = answer.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with(&format!("pushbutton-{}=", site.at.port())), "{cookie}");
    assert_eq!(pair.split('=').nth(1).unwrap().len(), 43, "256 bits");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=604800");

    let page = site.get(&format!("theme=dark; {pair}; odd"), "/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("mary"));
    let other = site.post(pair, "/sign-in", "name=joe").await;
    assert_eq!(site.get(pair, "/").await.status, 303, "another name ends the first session");
    let joe = other.header("set-cookie").unwrap().split(';').next().unwrap();
    let out = site.post(joe, "/sign-out", "").await;
    assert_eq!((out.status, out.header("location")), (303, Some("/sign-in")));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(site.get(joe, "/").await.status, 303, "the value itself is worth nothing any more");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_passwords_only_those_who_know_one_come_in_and_nobody_learns_who_exists() {
    let site = Site::new("password").await;
    let mary: Who = "mary".parse().unwrap();
    let user = User {
        name: mary.clone(),
        full_name: "Mary O'Hara".to_owned(),
        password: PasswordHash::of("correct horse").unwrap(),
        made_at: At::now(),
    };
    site.desk.ledger().write(move |tx| users::add(tx, &user)).await.unwrap();
    let wrong = site.post("", "/sign-in", "name=mary&password=wrong").await;
    let unknown = site.post("", "/sign-in", "name=mara&password=wrong").await;
    let odd = site.post("", "/sign-in", "name=a+b&password=wrong").await;
    let same = |answer: &Answer, name: &str| answer.text().replace(&format!("\"{name}\""), "");
    for answer in [&wrong, &unknown, &odd] {
        assert_eq!(answer.status, 403);
        assert!(answer.header("set-cookie").is_none());
        assert!(answer.text().contains("do not belong together"), "{}", answer.text());
    }
    assert_eq!(same(&wrong, "mary").len(), same(&unknown, "mara").len(), "the same page");

    let session = site.sign_in("name=mary&password=correct+horse").await;
    assert!(site.get(&session, "/").await.text().contains("Mary O&#"));
    let name = mary.clone();
    site.desk.ledger().write(move |tx| users::remove(tx, &name)).await.unwrap();
    assert_eq!(site.get(&session, "/").await.status, 303, "who is removed is out");

    let tries = ["mary", "mary", "mary", "mary"].map(|name| format!("name={name}&password=correct+horse"));
    let mut statuses = Vec::new();
    for form in &tries {
        statuses.push(site.post("", "/sign-in", form).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 429], "two tries were before, five a minute is all");
    let late = site.post("", "/sign-in", &tries[0]).await;
    assert!(late.header("retry-after").unwrap().parse::<u64>().unwrap() <= 61);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_or_too_slow_is_refused() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let long = format!("reason={}", "x".repeat(64 * 1024));
    assert_eq!(site.post(&mary, "/stacks/web/hold", &long).await.status, 413);
    let head = format!(
        "POST /stacks/web/hold HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {mary}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\n",
        site.at, site.origin
    );
    // A body of unknown length is refused, and its connection closed although the body has not ended.
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nrea\r\n");
    assert_eq!(site.raw(chunked.as_bytes()).await.status, 411);
    let short = site.post(&mary, "/stacks/web/hold", &format!("reason={}", "x".repeat(1001))).await;
    assert_eq!(short.status, 400);
    // The client stops in the middle of the headers.
    let half = format!("GET / HTTP/1.1\r\nhost: {}\r\n", site.at);
    assert_eq!(site.raw(half.as_bytes()).await.status, 408);
    // … and in the middle of a body.
    assert_eq!(site.raw(format!("{head}content-length: 9\r\n\r\nrea").as_bytes()).await.status, 408);
    assert!(site.get(&mary, "/api/v1/stacks/web").await.json()["hold"].is_null());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_is_one_push_however_often_its_form_is_sent() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let journal = site.press(&mary).await;
    let seen = site.get(&mary, "/api/v1/pushes/1").await.json()["push"]["sha"].as_str().unwrap().to_owned();
    let again = site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n1")).await;
    assert_eq!((again.status, again.header("location")), (303, Some("/pushes/1")), "the same form");
    let other = site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n2")).await;
    assert_eq!(other.status, 409);
    assert!(other.text().contains("mary is pushing web to qa right now (push 1)"), "{}", other.text());
    let api = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &format!("{{\"seen\":\"{seen}\"}}")).await;
    assert_eq!((api.status, api.code().as_str()), (409, "locked"));
    assert_eq!(api.json()["error"]["push"], 1);
    let page = site.get(&mary, "/pushes/1").await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<b>first</b>"), "a commit's subject is text");
    site.finish(journal).await;
    let path = "/api/v1/stacks/web/stages/qa/current";
    let ended = async {
        while site.get(&mary, path).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_time("the end", ended).await;
    assert_eq!(site.get(&mary, path).await.json()["sha"], *seen);
    let list = site.get(&mary, "/api/v1/pushes?who=mary&state=succeeded").await.json();
    assert_eq!((list["pushes"][0]["id"].as_i64(), list["next_before"].is_null()), (Some(1), true));
    for path in ["/", "/stacks/web", "/pushes", "/pushes?word=first", "/pushes/1"] {
        let page = site.get(&mary, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let head = site.ask("HEAD", path, &[("cookie", &mary)], "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
    // A press through the API answers with the push it made.
    let api = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &format!("{{\"seen\":\"{seen}\"}}")).await;
    assert_eq!((api.status, api.header("location")), (201, Some("/api/v1/pushes/2")), "{}", api.text());
    assert_eq!(api.json()["url"], format!("{}/pushes/2", site.origin));
    // Ten presses a minute, good or bad: five were before.
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(site.post(&mary, "/stacks/web/stages/qa/push", "seen=x").await.status);
    }
    assert_eq!(statuses[4..], [409, 429, 429]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_set_and_released_by_form_and_by_api() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let holder = async |pointer: &str| {
        let street = site.get(&mary, "/api/v1/stacks/web").await.json();
        street.pointer(pointer).and_then(|hold| hold["reason"].as_str().map(str::to_owned))
    };
    let (stack, stage) = ("/hold", "/stages/1/hold");
    assert_eq!(site.post(&mary, "/stacks/web/hold", "reason=+").await.status, 400, "a reason is needed");
    let held = site.post(&mary, "/stacks/web/hold", "reason=the%0Acat").await;
    assert_eq!((held.status, held.header("location")), (303, Some("/stacks/web")));
    assert_eq!(holder(stack).await.as_deref(), Some("the cat"));
    let seen = site.seen(&mary).await;
    let refused = site.post(&mary, "/stacks/web/stages/qa/push", &format!("seen={seen}&nonce=n")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("the cat"));
    assert_eq!(site.post(&mary, "/stacks/web/release-hold", "").await.status, 303);
    assert_eq!(holder(stack).await, None);
    assert_eq!(site.post(&mary, "/stacks/web/hold", "reason=x&stage=prod").await.status, 303, "as the page sends it");
    assert_eq!(holder(stage).await.as_deref(), Some("x"));
    assert_eq!(site.post(&mary, "/stacks/web/release-hold", "stage=prod").await.status, 303);
    assert_eq!(holder(stage).await, None);
    for (path, pointer) in [("/api/v1/stacks/web/hold", stack), ("/api/v1/stacks/web/stages/prod/hold", stage)] {
        assert_eq!(site.send(&mary, "PUT", path, "{\"reason\":\"y\"}").await.status, 204);
        assert_eq!(holder(pointer).await.as_deref(), Some("y"));
        assert_eq!(site.send(&mary, "DELETE", path, "").await.status, 204);
        assert_eq!(holder(pointer).await, None);
    }
    assert_eq!(site.send(&mary, "PUT", "/api/v1/stacks/web/hold", "{").await.code(), "bad_request");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_with_a_bad_end_is_told_why_and_keeps_what_was_typed() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let until = async |pointer: &str| {
        let street = site.get(&mary, "/api/v1/stacks/web").await.json();
        street.pointer(pointer).and_then(|hold| hold["until"].as_str().map(|until| until.parse::<At>().unwrap()))
    };
    for (end, why) in [
        ("until=at&at=", "choose the time when the hold is over"),
        ("until=at&at=2020-01-01T10:00", "1 Jan 2020 10:00:00 UTC is past"),
        ("until=at&at=2999-01-01T10:00&zone=60", "1 Jan 2999 09:00:00 UTC is later"),
        ("until=at&at=soon%3Cb%3E", "soon&lt;b&gt;"),
        ("until=later", "is no end of a hold"),
    ] {
        let typed = format!("reason=the+%22cat%22&stage=prod&{end}");
        let page = site.post(&mary, "/stacks/web/hold", &typed).await;
        assert_eq!(page.status, 400, "{end}");
        let text = page.text();
        assert!(text.contains(why), "{end}: {text}");
        assert!(text.contains("name=\"reason\" value=\"the &quot;cat&quot;\""), "{end}: {text}");
        assert!(text.contains("name=\"stage\" value=\"prod\"") && text.contains("Hold Prod</button>"), "{end}: {text}");
    }
    let page = site.post(&mary, "/stacks/web/hold", "reason=x&until=at&at=2020-01-01T10:00").await.text().to_owned();
    assert!(page.contains("value=\"at\" selected") && page.contains("value=\"2020-01-01T10:00\""), "{page}");
    for bad in ["soon", "0s", "31d", "2020-01-01T10:00Z"] {
        let body = format!("{{\"reason\":\"y\",\"until\":\"{bad}\"}}");
        let refused = site.send(&mary, "PUT", "/api/v1/stacks/web/hold", &body).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{bad}");
    }
    assert_eq!(until("/hold").await, None);

    let far = At::from_millis(At::now().millis() + 3_600_000).to_string();
    let body = format!("{{\"reason\":\"y\",\"until\":\"{far}\"}}");
    assert_eq!(site.send(&mary, "PUT", "/api/v1/stacks/web/hold", &body).await.status, 204);
    assert_eq!(until("/hold").await.unwrap().to_string(), far);
    let seen = site.seen(&mary).await;
    let press = format!("{{\"seen\":\"{seen}\"}}");
    let refused = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &press).await;
    assert_eq!((refused.code().as_str(), refused.json()["error"]["until"].as_str()), ("held", Some(far.as_str())));
    let words = refused.json()["error"]["message"].to_string();
    assert!(words.contains("web is held by mary until ") && words.contains(" UTC: y"), "{words}");
    let page = site.get(&mary, "/stacks/web").await.text().to_owned();
    assert!(page.contains(&format!("web is held by mary until <time datetime=\"{far}\"")), "{page}");
    assert!(page.contains("<small>by mary until <time"), "the button says it too: {page}");
    assert!(site.get(&mary, "/").await.text().contains("Held by mary until <time"));
    site.close().await;
}

fn line(text: &str) -> Event {
    Event::Line { command: 1, host: None, stream: Stream::Out, line: 0, text: text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_early_late_and_cut_off_all_end_with_the_bytes_of_the_journal() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let mut journal = site.press(&mary).await;
    let path = "/api/v1/pushes/1/events";
    let mut early = site.stream(&mary, path, "").await;
    let head = early.until("retry: 1000").await.to_ascii_lowercase();
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-accel-buffering: no",
        "content-encoding: identity",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    early.until("build_made").await;
    for n in 0..300 {
        journal.add(At::now(), line(&format!("line {n}: <i>\u{1f980}</i> \"quoted\""))).unwrap();
        if n % 40 == 0 {
            journal.flush().unwrap();
        }
        if n == 120 {
            early.until("line 120:").await;
        }
    }
    journal.flush().unwrap();
    early.until("line 299:").await;
    // Cut off behind some record, and come back with the header; what `after` says loses against it.
    let behind: Vec<&str> = early.events.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    let cut: usize = behind[behind.len() / 2].parse().unwrap();
    let mut resumed = site.stream(&mary, &format!("{path}?after=7"), &format!("last-event-id: {cut}\r\n")).await;
    let mut late = site.stream(&mary, &format!("{path}?after=0"), "").await;
    let mut lost = site.stream(&mary, &format!("{path}?after=7"), "").await;
    site.finish(journal).await;
    for viewer in [&mut early, &mut resumed, &mut late, &mut lost] {
        viewer.until("event: end\n").await;
    }
    let whole = String::from_utf8(site.journal()).unwrap();
    assert_eq!(early.records(), whole);
    assert_eq!(late.records(), whole);
    assert_eq!(resumed.records(), whole[cut..]);
    assert_eq!(lost.records(), whole);
    assert!(lost.events.contains("event: reset\ndata: 0\n") && !late.events.contains("event: reset"));
    let again = site.ask("GET", path, &[("cookie", &mary), ("last-event-id", &whole.len().to_string())], "").await;
    assert_eq!(again.status, 204, "asked again at the end");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_raw_log_is_the_journal_as_text() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let mut journal = site.press(&mary).await;
    journal.add(At::now(), line("<script>alert(1)</script>")).unwrap();
    journal.flush().unwrap();
    let mut viewer = site.stream(&mary, "/api/v1/pushes/1/events", "").await;
    viewer.until("alert").await;
    for path in ["/pushes/1/log", "/api/v1/pushes/1/log"] {
        let log = site.get(&mary, path).await;
        assert_eq!(log.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(log.header("content-disposition"), Some("attachment; filename=\"web-qa-1.log\""));
        assert!(log.header("content-security-policy").unwrap().contains("sandbox"));
        assert_eq!(log.text().lines().count(), 5, "{}", log.text());
        assert!(log.text().ends_with(" 1 - out | <script>alert(1)</script>\n"), "{}", log.text());
    }
    let raw = site.get(&mary, "/api/v1/pushes/1/log?format=journal").await;
    assert_eq!(raw.body, site.journal());
    assert_eq!(site.get(&mary, "/api/v1/pushes/1/log?command=2").await.body, b"");
    assert_eq!(site.get(&mary, "/api/v1/pushes/1/log?command=x").await.code(), "bad_request");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_leaves_nothing_and_one_that_stops_reading_holds_up_nobody() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let mut journal = site.press(&mary).await;
    let path = "/api/v1/pushes/1/events";
    let mut gone = site.stream(&mary, path, "").await;
    gone.until("retry").await;
    let mut changes = site.stream(&mary, "/api/v1/events", "").await;
    changes.until("event: changed").await;
    assert_eq!((site.streams)(), 2);
    drop(gone);
    drop(changes);
    until("the end of both streams", || (site.streams)() == 0).await;

    let stopped = site.stream(&mary, path, "").await;
    let mut quick = site.stream(&mary, path, "").await;
    let text = "x".repeat(8 * 1024);
    for n in 0..2000 {
        journal.add(At::now(), line(&text)).unwrap();
        if n % 50 == 49 {
            journal.flush().unwrap();
            quick.until("retry").await;
            assert_eq!(site.get("", "/healthz").await.status, 200);
        }
    }
    site.finish(journal).await;
    // Read to the end without keeping all of it, as the whole is some 16 MB.
    let all = async {
        let mut tail = Vec::new();
        let mut piece = vec![0; 64 * 1024];
        while !String::from_utf8_lossy(&tail).contains("event: end") {
            let count = quick.connection.read(&mut piece).await.unwrap();
            assert!(count > 0);
            tail = [&tail[tail.len().saturating_sub(64)..], &piece[..count]].concat();
        }
    };
    in_time("the end of the quick reader", all).await;
    drop(quick);
    // The stopped one is given up without its doing: nothing it holds is freed by the test.
    until("the stopped reader to be given up", || (site.streams)() == 0).await;
    drop(stopped);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_streams_first_and_does_not_wait_for_them() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let _journal = site.press(&mary).await;
    let mut viewer = site.stream(&mary, "/api/v1/pushes/1/events", "").await;
    viewer.until("retry").await;
    let began = std::time::Instant::now();
    site.close().await;
    assert!(began.elapsed() < Duration::from_secs(9), "the graceful stop waits for 10 s");
    let mut rest = Vec::new();
    in_time("the end of the stream", viewer.connection.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ended whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn static_files_are_kept_for_ever_under_their_version_and_asked_for_anew_without() {
    let site = Site::open().await;
    let page = site.get("", "/sign-in").await;
    let style =
        page.text().split("href=\"").filter_map(|rest| rest.split('"').next()).find(|a| a.contains("style.css"));
    let kept = site.get("", style.unwrap()).await;
    assert_eq!(kept.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(kept.header("content-type"), Some("text/css; charset=utf-8"));
    let plain = site.get("", "/static/style.css?v=0").await;
    assert_eq!(plain.header("cache-control"), Some("no-cache"));
    let tag = plain.header("etag").unwrap();
    let same = site.ask("GET", "/static/style.css", &[("if-none-match", tag)], "").await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(site.get("", "/readyz").await.status, 200);
    site.close().await;
}
