//! What a scrape reads, from a server with a past: nothing twice, and little however much there is.

use crate::history::many::{config_of_the_past, desk_with_a_past};
use crate::house::{client_of, get};
use pushbutton::time::At;
use pushbutton::web::Server;
use rusqlite::{Connection, params};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const STACK: &str = "source = { published = true }\n[hosts]\nall = [\"web1\", \"web2\"]\n\
    [[stage]]\nname = \"qa\"\nhosts = \"all\"\ncommands = [\"true\", \"true\"]\n\
    [[stage]]\nname = \"prod\"\nhosts = \"all\"\ncommands = [\"true\", \"true\"]\n";

/// A server with a past, and its numbers.
struct Past {
    temp: tempfile::TempDir,
    pages: String,
    metrics: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Past {
    async fn of(pushes: i64) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let [pages, metrics] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let (url, at) = (format!("http://{}", pages.local_addr().unwrap()), metrics.local_addr().unwrap());
        let desk = desk_with_a_past(config_of_the_past(temp.path(), &url, STACK), pushes, None, At::now()).await;
        let stop = CancellationToken::new();
        let server = Server::bind(desk, pages).unwrap().with_metrics(metrics);
        let served = tokio::spawn(server.run_until(stop.clone()));
        Self { temp, pages: url, metrics: at, stop, served }
    }

    /// The ledger's file, as another program changes it.
    fn ledger(&self) -> Connection {
        Connection::open(self.temp.path().join("data/pushbutton.db")).unwrap()
    }

    /// All samples of a fresh reading.
    async fn read(&self) -> String {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let answer = get(&client_of(&format!("http://{}", self.metrics)), "/metrics").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }
}

/// The value of a sample.
fn value(text: &str, sample: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().unwrap()
}

fn push(connection: &Connection, id: i64, state: &str, ended: Option<&str>) {
    let row = "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, pressed_at, started_at, ended_at,
                                   duration_ms, hosts_total, plan)
               VALUES (?1, 'web', 'prod', 'b', 's', 'main', 'mary', ?2, 'h', ?3, ?3, ?4, 4000, 2, '{}')";
    connection.execute(row, params![id, state, "2026-11-29T10:00:00.000Z", ended]).unwrap();
}

#[actix_web::test]
async fn a_push_is_counted_once_when_it_has_ended_in_whatever_order_pushes_end() {
    let past = Past::of(300).await;
    let (failed, hosts) = (
        r#"pushbutton_pushes_total{stack="web",stage="prod",result="failed"}"#,
        r#"pushbutton_host_failures_total{stack="web",stage="prod",result="timed_out"}"#,
    );
    let before = value(&past.read().await, failed);
    let ledger = past.ledger();
    let of_ledger = || -> f64 {
        let count = "SELECT count(*) FROM pushes WHERE stack = 'web' AND stage = 'prod' AND state = 'failed'";
        ledger.query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(before, of_ledger());
    assert!(before > 0.0, "{before}");

    // 301 goes on while 302 and 303 end.
    let ended = Some("2026-11-29T10:01:00.000Z");
    push(&ledger, 301, "running", None);
    ledger.execute("INSERT INTO locks (stack, push) VALUES ('web', 301)", []).unwrap();
    ledger.execute("INSERT INTO fold (push, offset, n) VALUES (301, 400, 3)", []).unwrap();
    push(&ledger, 302, "failed", ended);
    let result = "INSERT INTO results (push, command, host, result, started_at) VALUES (?1, 1, ?2, ?3, '')";
    for (id, host, how) in
        [(302, "web1", "timed out"), (302, "web2", "ok"), (302, "", "timed out"), (301, "web1", "timed out")]
    {
        ledger.execute(result, params![id, host, how]).unwrap();
    }
    let dir = past.temp.path().join("data/pushes/301");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("journal.jsonl"), "x".repeat(1000)).unwrap();
    for _ in 0..2 {
        let text = past.read().await;
        assert_eq!((value(&text, failed), value(&text, hosts)), (before + 1.0, 1.0));
        assert_eq!(value(&text, r#"pushbutton_journal_lag_bytes{stack="web"}"#), 600.0);
        assert_eq!(value(&text, r#"pushbutton_journal_lag_bytes{stack="api"}"#), 0.0);
    }
    push(&ledger, 303, "failed", ended);
    let text = past.read().await;
    assert_eq!((value(&text, failed), value(&text, hosts)), (before + 2.0, 1.0));
    ledger
        .execute("UPDATE pushes SET state = 'failed', ended_at = ?1, duration_ms = 9000 WHERE id = 301", [ended])
        .unwrap();
    ledger.execute("DELETE FROM locks", []).unwrap();
    for _ in 0..2 {
        let text = past.read().await;
        assert_eq!((value(&text, failed), value(&text, hosts)), (before + 3.0, 2.0));
        assert_eq!(before + 3.0, of_ledger());
        assert_eq!(value(&text, r#"pushbutton_journal_lag_bytes{stack="web"}"#), 0.0);
        let took = r#"pushbutton_push_duration_seconds_bucket{le="5.0",stack="web",stage="prod",result="failed"}"#;
        let took = text.lines().any(|line| line.starts_with(took)).then_some(took);
        assert!(took.is_some() || text.contains("le=\"5"), "{text}");
    }
    past.stop.cancel();
    past.served.await.unwrap().unwrap();
}

#[actix_web::test]
async fn holds_are_counted_by_stack_until_they_are_over() {
    let past = Past::of(3).await;
    for (scope, until) in
        [("web", None), ("web/prod", Some("2999-01-01T00:00:00.000Z")), ("web/qa", Some("2026-01-01T00:00:00.000Z"))]
    {
        let hold = "INSERT INTO holds (scope, who, reason, at, until) VALUES (?1, 'mary', 'sale', '', ?2)";
        past.ledger().execute(hold, params![scope, until]).unwrap();
    }
    let text = past.read().await;
    assert_eq!(value(&text, r#"pushbutton_holds{stack="web"}"#), 2.0, "one is over");
    assert_eq!(value(&text, r#"pushbutton_holds{stack="api"}"#), 0.0);
    past.stop.cancel();
    past.served.await.unwrap().unwrap();
}

#[actix_web::test]
async fn nothing_else_is_there_and_no_page_reads_the_numbers_through_a_browser() {
    let past = Past::of(3).await;
    let ask = async |request: &str| {
        let mut connection = TcpStream::connect(past.metrics).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    };
    for (line, host, status) in [
        ("GET /metrics", "127.0.0.1:9091", "200"),
        ("HEAD /metrics", "127.0.0.1", "200"),
        ("GET /metrics", "localhost:9091", "200"),
        ("GET /metrics", "[::1]:9091", "200"),
        ("GET /metrics", "evil.example.com:9091", "421"),
        ("GET /metrics", "192.0.2.7:9091", "421"),
        ("GET /metrics", "127.0.0.1.evil.example.com", "421"),
        ("POST /metrics", "127.0.0.1:9091", "404"),
        ("GET /", "127.0.0.1:9091", "404"),
        ("GET /healthz", "127.0.0.1:9091", "404"),
        ("GET /api/v1/stacks", "127.0.0.1:9091", "404"),
        ("GET /metrics/", "127.0.0.1:9091", "404"),
    ] {
        let answer = ask(&format!("{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line} of {host}: {answer}");
        assert_eq!(answer.contains("pushbutton_pushes_total"), status == "200" && line.starts_with("GET"), "{answer}");
    }
    assert_eq!(get(&client_of(&past.pages), "/metrics").await.unwrap().status, 404, "the pages have no numbers");
    past.stop.cancel();
    past.served.await.unwrap().unwrap();
}

#[actix_web::test]
async fn scrapers_that_hang_take_nothing_from_pages_nor_for_long_from_others_nor_hold_up_the_end() {
    let past = Past::of(300).await;
    let mut hanging = Vec::new();
    for n in 0..100 {
        let mut connection = TcpStream::connect(past.metrics).await.unwrap();
        // Some say nothing, some do not end what they say, and some read nothing.
        let said =
            ["", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
                [n % 3];
        connection.write_all(said.as_bytes()).await.unwrap();
        hanging.push(connection);
    }
    let began = Instant::now();
    assert_eq!(get(&client_of(&past.pages), "/healthz").await.unwrap().status, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "a page after {:?}", began.elapsed());
    assert!(past.read().await.contains("pushbutton_viewers 0"));
    assert!(began.elapsed() < Duration::from_secs(30), "a scrape after {:?}", began.elapsed());

    let mut late = TcpStream::connect(past.metrics).await.unwrap();
    late.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
    let began = Instant::now();
    past.stop.cancel();
    past.served.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "the end after {:?}", began.elapsed());
}

#[actix_web::test]
async fn many_who_ask_at_once_are_one_reading() {
    let past = Past::of(30).await;
    past.read().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let client = client_of(&format!("http://{}", past.metrics));
    let all = (0..40).map(|_| get(&client, "/metrics"));
    let answers = futures::future::join_all(all).await;
    let texts: std::collections::BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().text).collect();
    assert_eq!(texts.len(), 1, "all have the same numbers");
    past.stop.cancel();
    past.served.await.unwrap().unwrap();
}

/// Measures what `docs/metrics.md` reports.
#[actix_web::test]
#[ignore = "a measurement that fills a ledger with 100,000 pushes: docs/metrics.md has its command"]
async fn a_scrape_of_a_hundred_thousand_pushes() {
    let past = Past::of(100_000).await;
    for n in 1..=5 {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let began = Instant::now();
        let answer = get(&client_of(&format!("http://{}", past.metrics)), "/metrics").await.unwrap();
        println!("scrape {n}: {:?}, {} bytes", began.elapsed(), answer.text.len());
    }
    past.stop.cancel();
    past.served.await.unwrap().unwrap();
}
