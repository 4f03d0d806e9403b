//! Requests that are not what they seem: from other sites, for other hosts, two in one, deep, long, aborted.

use super::target::Target;
use crate::house::{get, until};
use futures::future::join_all;
use pushbutton::demo::http::RequestBody;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The session of the target's client, as a browser sends it.
async fn cookie(target: &Target) -> String {
    let head = target.head("POST /sign-in");
    let form = "name=mary&next=%2F";
    let request = format!(
        "{head}origin: http://{}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        target.address,
        form.len()
    );
    let back = target.raw(request).await;
    let line = back.text.lines().find(|line| line.to_lowercase().starts_with("set-cookie:")).unwrap();
    line.split_once(':').unwrap().1.split(';').next().unwrap().trim().to_owned()
}

/// Whether the stack is held now: what every attack of this file wants.
async fn is_held(target: &Target) -> bool {
    let stack = get(&target.client, "/api/v1/stacks/web").await.unwrap();
    assert_eq!(stack.status, 200, "{}", stack.text);
    !stack.json()["hold"].is_null()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_and_no_other_name_gets_anything_done() {
    let target = Target::open().await;
    let (cookie, at) = (cookie(&target).await, target.address.clone());
    let port = at.split(':').nth(1).unwrap();
    let send = |line: &str, host: &str, more: &str, body: &str| {
        let request = format!(
            "{line} HTTP/1.1\r\n{host}connection: close\r\ncookie: {cookie}\r\n{more}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let target = &target;
        async move { target.raw(request).await }
    };
    let own = format!("host: {at}\r\n");
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    for origin in [
        String::new(),
        "origin: null\r\n".to_owned(),
        "origin: https://evil.example\r\n".to_owned(),
        format!("origin: https://{at}\r\n"),
        format!("origin: http://{at}.evil.example\r\n"),
        format!("origin: http://evil.example/{at}\r\n"),
        format!("origin: http://{at}\r\norigin: https://evil.example\r\n"),
        format!("origin: http://{at}\r\nsec-fetch-site: cross-site\r\n"),
        format!("origin: http://{at}\r\nsec-fetch-site: same-site\r\n"),
        format!("origin: http://{at}\r\nsec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n"),
        format!("referer: http://{at}/stacks/web\r\n"),
        "sec-fetch-site: none\r\nsec-fetch-mode: navigate\r\n".to_owned(),
    ] {
        let back = send("POST /stacks/web/hold", &own, &(origin.clone() + form), "reason=evil").await;
        assert_eq!(back.status, Some(403), "{origin:?}: {}", back.text);
        // What a page can send without being asked first: no form, no JSON.
        for kind in ["text/plain", "multipart/form-data; boundary=x", ""] {
            let kind = format!("{origin}content-type: {kind}\r\n");
            let back = send("PUT /api/v1/stacks/web/hold", &own, &kind, "{\"reason\":\"evil\"}").await;
            assert_eq!(back.status, Some(403), "{kind:?}: {}", back.text);
        }
    }
    let good = format!("origin: http://{at}\r\nsec-fetch-site: same-origin\r\n{form}");
    for host in [
        "host: evil.example\r\n".to_owned(),
        format!("host: evil.example\r\nx-forwarded-host: {at}\r\n"),
        format!("host: {at}\r\nhost: evil.example\r\n"),
        format!("host: evil.example\r\nhost: {at}\r\n"),
        format!("host: {at}@evil.example\r\n"),
        format!("host: evil.example@{at}\r\n"),
        format!("host: {at}/\r\n"),
        format!("host: {at}, evil.example\r\n"),
        format!("host: {at}\t\r\nx-original-host: evil.example\r\nhost: \r\n"),
        format!("host: localhost:{port}\r\n"),
        "host:\r\n".to_owned(),
        String::new(),
    ] {
        let back = send("POST /stacks/web/hold", &host, &good, "reason=evil").await;
        assert!(matches!(back.status, None | Some(400 | 421)), "{host:?}: {}", back.text);
    }
    for line in [
        "GET /stacks/web/hold?reason=evil",
        "HEAD /stacks/web/hold?reason=evil",
        "OPTIONS /stacks/web/hold",
        "TRACE /stacks/web/hold",
        "CONNECT evil.example:443",
        "post /stacks/web/hold",
        "POST /stacks/web/hold?_method=PUT",
        "GET /stacks/web/hold?_method=POST&reason=evil",
    ] {
        let more = "x-http-method-override: POST\r\nx-method-override: PUT\r\norigin: https://evil.example\r\n";
        let back = send(line, &own, more, "").await;
        assert!(matches!(back.status, None | Some(400..=499)), "{line}: {}", back.text);
    }
    assert!(!is_held(&target).await, "nothing of it was done");
    let back = send("POST /stacks/web/hold", &own, &good, "reason=good").await;
    assert_eq!(back.status, Some(303), "what is meant is done: {}", back.text);
    assert!(is_held(&target).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_requests_in_one_none_passes_for_the_other() {
    let target = Target::open().await;
    let cookie = cookie(&target).await;
    let at = &target.address;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    // What someone on the way would take for the body of the first.
    let inner = format!(
        "POST /stacks/web/hold HTTP/1.1\r\nhost: {at}\r\ncookie: {cookie}\r\norigin: http://{at}\r\n{form}content-length: 11\r\n\r\nreason=evil"
    );
    let first = format!("POST /sign-in HTTP/1.1\r\nhost: {at}\r\norigin: http://{at}\r\n{form}");
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
    for (what, head, body) in [
        ("a length and chunks", "content-length: 6\r\ntransfer-encoding: chunked\r\n", format!("0\r\n\r\n{inner}")),
        ("chunks and a length", "transfer-encoding: chunked\r\ncontent-length: 4\r\n", chunk("name=x") + &inner),
        ("two lengths", "content-length: 0\r\ncontent-length: 500\r\n", inner.clone()),
        ("two lengths in one", "content-length: 0, 500\r\n", inner.clone()),
        ("a length with a sign", "content-length: +0\r\n", inner.clone()),
        ("a length below nothing", "content-length: -1\r\n", inner.clone()),
        ("a length of another base", "content-length: 0x0\r\n", inner.clone()),
        ("a length past all numbers", "content-length: 18446744073709551616\r\n", inner.clone()),
        ("an odd coding", "transfer-encoding: xchunked\r\n", chunk("name=x") + &inner),
        ("a coding in quotes", "transfer-encoding: \"chunked\"\r\n", chunk("name=x") + &inner),
        ("two codings", "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", chunk("name=x") + &inner),
        ("a blank before the colon", "transfer-encoding : chunked\r\ncontent-length: 0\r\n", inner.clone()),
        ("a folded line", "x: y\r\n transfer-encoding: chunked\r\n\tcontent-length: 0\r\n", inner.clone()),
        ("a bare line feed", "x: y\ncontent-length: 0\r\n", inner.clone()),
        ("a bare carriage return", "x: y\rcontent-length: 0\r\n", inner.clone()),
        ("a NUL", "x: a\0b\r\ncontent-length: 0\r\n", inner.clone()),
        ("a line without a colon", "content-length\r\n", inner.clone()),
        (
            "an upgrade",
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
            inner.clone(),
        ),
    ] {
        let back = target.under(what, target.raw(format!("{first}{head}\r\n{body}"))).await;
        let statuses: Vec<&str> =
            back.text.match_indices("HTTP/1.1 ").map(|(at, _)| &back.text[at + 9..at + 12]).collect();
        assert!(!statuses.contains(&"500"), "{what}: {statuses:?}");
        // What is refused is the end of its connection: behind it nobody knows where a request begins.
        let refused = statuses.first().is_none_or(|first| ["400", "411", "413", "415", "431", "501"].contains(first));
        assert!(!refused || statuses.len() <= 1, "{what}: {statuses:?}");
        let ambiguous = head.contains("transfer-encoding:") || head.matches("content-length:").count() > 1;
        assert!(refused || !ambiguous, "{what} is refused: {statuses:?}");
        if ambiguous {
            assert!(!is_held(&target).await, "{what}: the second one was done");
        }
    }
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"QUIT\r\nHELO evil\r\nMAIL FROM:<x>\r\n",
    ] {
        let back = target.raw(bytes).await;
        assert!(matches!(back.status, None | Some(400..=499 | 505)), "{bytes:?}: {}", back.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_depth_length_or_number_breaks_what_reads_a_body_or_an_address() {
    let target = Target::open().await;
    let deep = |open: &str, close: &str, times: usize| open.repeat(times) + &close.repeat(times);
    let mut bodies = vec![
        deep("[", "]", 30_000),
        deep("{\"a\":", "}", 10_000),
        format!("{{\"reason\":{}}}", deep("[", "]", 30_000)),
        "[".repeat(60_000),
        format!("{{{}\"reason\":\"x\"}}", "\"reason\":\"y\",".repeat(3000)),
        format!("{{\"reason\":\"{}\"}}", "\\ud800".repeat(9000)),
        format!("{{\"reason\":{}}}", "9".repeat(60_000)),
        "{\"reason\":1e999}".to_owned(),
        "{\"reason\":null,\"until\":99999999999999999999999}".to_owned(),
        "{\"reason\":\"\\u0000\"}".to_owned(),
        "{\"reason\":\"a\nb\"}".to_owned(),
        "\u{feff}{}".to_owned(),
        "null".to_owned(),
        "\"reason\"".to_owned(),
        String::new(),
    ];
    bodies.push("{\"hosts\":[".to_owned() + &"\"x\",".repeat(12_000) + "\"x\"]}");
    let places = [
        ("PUT", "/api/v1/stacks/web/hold"),
        ("POST", "/api/v1/stacks/web/stages/qa/push"),
        ("POST", "/api/v1/stacks/web/stages/qa/rollback"),
        ("POST", "/api/v1/stacks/web/stages/qa/catch-up"),
        ("POST", "/api/v1/stacks/web/hosts/check"),
        ("POST", "/api/v1/pushes/1/confirm"),
        ("POST", "/api/v1/stacks/web/numbers"),
    ];
    target
        .under("deep and odd bodies", async {
            for body in &bodies {
                for (method, path) in places {
                    let mut client = target.client.clone();
                    let status = client.send(method, path, RequestBody::Json(body), &[]).await.unwrap().status;
                    // Calls that need no body take none for none.
                    let none = ["null", ""].contains(&body.as_str()) && status == 200;
                    assert!(none || (400..500).contains(&status), "{method} {path}: {status} of {body:.60}");
                }
            }
        })
        .await;
    let names = [
        "..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5c",
        "%252e%252e%252f",
        "a%00.toml",
        "%c0%ae%c0%ae",
        "..;",
        ".",
        "%2f",
        "%",
        "%zz",
        "web%0d%0aset-cookie:%20a=b",
        "-rf",
        "web.toml",
        "CON",
        "%f0%9f%92%a3",
        "web%20",
        "%e2%80%ae",
    ];
    let places = [
        "/stacks/NAME",
        "/stacks/web/stages/NAME/plan",
        "/api/v1/stacks/NAME",
        "/api/v1/stacks/NAME/builds",
        "/static/NAME",
        "/static/page/NAME",
        "/api/v1/stacks/web/stages/NAME/current",
        "/pushes/NAME",
        "/pushes/NAME/log",
        "/api/v1/pushes/NAME/lines",
        "/api/v1/pushes/NAME/find?q=x",
        "/api/v1/stacks/web/stages/qa/rollback?to=NAME",
        "/api/v1/stacks/web/stages/qa/plan?sha=NAME",
        "/pushes?stack=NAME",
        "/pushes?who=NAME",
        "/pushes?before=NAME",
        "/pushes.csv?since=NAME",
        "/stats?stack=NAME&weeks=NAME",
        "/announcements?channel=NAME&push=NAME",
        "/api/v1/events?pushes=NAME",
        "/sign-in?next=NAME",
    ];
    let cookie = cookie(&target).await;
    target
        .under("names that lead elsewhere", async {
            for place in places {
                for name in names {
                    let line = format!("GET {}", place.replace("NAME", name));
                    // A stream that is opened for all of that would go on.
                    let request = target.head(&line) + &format!("cookie: {cookie}\r\nlast-event-id: {name}\r\n\r\n");
                    let mut connection = TcpStream::connect(&target.address).await.unwrap();
                    connection.write_all(request.as_bytes()).await.unwrap();
                    let mut head = vec![0; 64 << 10];
                    let read = tokio::io::AsyncReadExt::read(&mut connection, &mut head);
                    let read = tokio::time::timeout(Duration::from_secs(60), read).await.expect("it answers").unwrap();
                    let text = String::from_utf8_lossy(&head[..read]);
                    assert!(!text.starts_with("HTTP/1.1 5"), "{line}: {text}");
                    let (head, _) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
                    assert!(
                        !text.contains("root:x:0") && !head.to_lowercase().contains("\nset-cookie: a=b"),
                        "{line}: {text}"
                    );
                }
            }
        })
        .await;
    // A build that is published under a name that leads elsewhere is none.
    let empty = target.dir.path().join("empty.tar");
    std::fs::write(&empty, [0; 1024]).unwrap();
    for query in
        ["sha=..", "sha=../../x", "sha=-x", "sha=a/b", "sha=&ref=main", "sha=abc%00", "sha=abc&sha=..", "ref=..%2f.."]
    {
        let mut client = target.client.clone();
        let open = std::fs::File::open(&empty).unwrap();
        let path = format!("/api/v1/stacks/web/builds?{query}");
        let status = client.send("POST", &path, RequestBody::File(&open, 1024), &[]).await.unwrap().status;
        assert!((400..500).contains(&status), "{query}: {status}");
    }
    let data: Vec<_> = std::fs::read_dir(target.dir.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(data.len(), 6, "nothing is written beside: {data:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_nobody_waits_for_leave_four_connections_to_the_ledger_at_most() {
    let target = Target::open().await;
    let cookie = cookie(&target).await;
    let paths = ["/", "/pushes", "/stats?weeks=52", "/api/v1/pushes", "/pushes.csv", "/announcements", "/stacks/web"];
    let aborted = |one: usize| {
        let (target, cookie) = (&target, &cookie);
        async move {
            let request =
                target.head(&format!("GET {}", paths[one % paths.len()])) + &format!("cookie: {cookie}\r\n\r\n");
            let mut connection = TcpStream::connect(&target.address).await.unwrap();
            connection.write_all(request.as_bytes()).await.unwrap();
            // Now, or a moment later: in the middle of the answer's making.
            tokio::time::sleep(Duration::from_millis(one as u64 % 23)).await;
        }
    };
    target
        .under("600 aborted requests", async {
            for wave in 0..6 {
                join_all((0..100).map(|one| aborted(100 * wave + one))).await;
            }
        })
        .await;
    let open = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", target.pid())).unwrap().flatten();
        let files = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        files.filter(|file| file.file_name().is_some_and(|name| name == "pushbutton.db")).count()
    };
    // Four that read, and the one that writes.
    until("no more than four connections are left", async || (open() <= 5).then_some(())).await;
    assert_eq!(get(&target.client, "/readyz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_cookies_and_of_names_without_a_session_is_forgotten() {
    let target = Target::open().await;
    let page =
        async |cookies: String| target.raw(target.head("GET /") + &format!("cookie: {cookies}\r\n\r\n")).await.status;
    let port = target.address.split(':').nth(1).unwrap();
    target
        .under("cookies that are none of ours", async {
            for one in 0..300 {
                let value = format!("{one:043}");
                let many = format!("pushbutton-{port}={value}; ").repeat(1 + one % 100);
                assert_eq!(page(many.trim_end_matches("; ").to_owned()).await, Some(303), "they let nobody in");
            }
            for odd in ["", "=", ";;;;", "a", "pushbutton-=x", "\"", "a=b; a=b", "%00=%00", "=x; =y"] {
                assert_eq!(page(odd.to_owned()).await, Some(303), "{odd:?}");
            }
        })
        .await;
    // The same name over and over, each time as a new session.
    let before = std::fs::metadata(target.dir.path().join("data/pushbutton.db")).unwrap().len();
    let signed = target.under("300 sessions of one person", async {
        let mut good = 0;
        for _ in 0..300 {
            let mut client = target.client.clone();
            let form = RequestBody::Form("name=mary&next=%2F");
            good += usize::from(client.send("POST", "/sign-in", form, &[]).await.unwrap().status == 303);
        }
        good
    });
    let good = signed.await;
    let after = std::fs::metadata(target.dir.path().join("data/pushbutton.db")).unwrap().len();
    assert!(after - before < 4 << 20, "{good} sessions took {} bytes", after - before);
}
