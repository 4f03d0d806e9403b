//! Who comes in, from where, and what is refused.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_closed_to_strangers_and_to_other_sites() {
    let site = Site::open().await;
    let mary = site.mary().await;
    site.seen(&mary).await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for row in ROUTES.iter().filter(|row| !is_signed(row)) {
        let (method, path) = (row.method.as_str(), address(row));
        let reads = method == "GET";
        let name = format!("{method} {path}");
        let stranger = site.ask(method, &path, &[("origin", &site.origin), kind], "").await;
        match row.may {
            May::Anybody => assert!(!matches!(stranger.status, 401 | 403 | 404 | 405) || !reads, "{name}"),
            May::Person | May::PersonWith(_) | May::With(_) | May::Visible | May::Admin
                if path.starts_with("/api/") =>
            {
                assert_eq!((stranger.status, stranger.code().as_str()), (401, "signed_out"), "{name}");
            }
            May::Person | May::PersonWith(_) | May::With(_) | May::Visible | May::Admin => {
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
        "/static/page/",
        "/static/page/..%2f..%2fCargo.toml",
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
        // What is the same for everybody: the page of a wrong name needs it, and so does a proxy that asks whether we live.
        ("GET /static/style.css HTTP/1.1\r\nhost: evil.example\r\n".to_owned(), 200),
        ("HEAD /static/page/app.js HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-user: joe\r\n".to_owned(), 200),
        ("GET /healthz HTTP/1.0\r\n".to_owned(), 200),
        ("GET /readyz HTTP/1.1\r\nhost: 10.0.0.1\r\n".to_owned(), 200),
        ("POST /static/style.css HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\n".to_owned(), 421),
        ("GET /static/../pushes HTTP/1.1\r\nhost: evil.example\r\n".to_owned(), 404),
        ("GET /sign-in HTTP/1.1\r\nhost: evil.example\r\n".to_owned(), 421),
        (format!("GET / HTTP/1.1\r\nhost: {own}\r\nx-remote-user: admin\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: {own}\r\nX_Remote_User: admin\r\n"), 400),
    ] {
        let answer = site.raw(format!("{head}cookie: {mary}\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.status, status, "{head}");
    }
    let page = site.raw(b"GET / HTTP/1.1\r\nhost: <b>evil</b>.example\r\nconnection: close\r\n\r\n").await;
    assert!(!page.text().contains("<b>evil") && page.text().contains("evil"), "{}", page.text());
    let (own, port) = (site.at, site.at.port());
    let told = site.raw(format!("GET /api/v1/stacks HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n").as_bytes()).await;
    assert_eq!(told.json()["error"]["asked"], format!("localhost:{port}"));
    assert_eq!(told.json()["error"]["wanted"], own.to_string());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_stays_broken_is_on_every_page_of_those_who_are_signed_in_until_it_works() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let channels = site.desk.channels();
    let since = At::from_millis(At::now().millis() - 5 * 60_000);
    let (irc, email) = ("irc".parse().unwrap(), "email".parse().unwrap());
    channels.is_broken(&email, "smtp.example.com refuses our sign-in: 535 <b>no</b>", since);
    channels.is_broken(&irc, "cannot reach irc.example.com:6697: it is new", At::now());
    for path in ["/", "/stacks/web", "/pushes", "/stats", "/announcements", "/nothing"] {
        let page = site.get(&mary, path).await;
        let text = page.text();
        assert!(
            text.contains("No announcements by mail") && text.contains("refuses our sign-in: 535 &lt;b"),
            "{path}: {text}"
        );
        assert!(text.contains("href=\"/announcements?channel=email\""), "{path}");
        assert!(!text.contains("No announcements on IRC"), "{path}: a server that is away for a moment is not told");
    }
    assert!(!site.get("", "/sign-in").await.text().contains("No announcements"), "strangers are not told");
    channels.works(&email);
    assert!(!site.get(&mary, "/").await.text().contains("No announcements"));
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
        assert!(answer.text().contains("Wrong name or password"), "{}", answer.text());
    }
    assert_eq!(same(&wrong, "mary").len(), same(&unknown, "mara").len(), "the same page");

    let session = site.sign_in("name=mary&password=correct+horse").await;
    assert!(site.get(&session, "/").await.text().contains("Mary O&#"));
    let name = mary.clone();
    site.desk.ledger().write(move |tx| users::remove(tx, &name)).await.unwrap();
    assert_eq!(site.get(&session, "/").await.status, 303, "who is removed is out");

    let tries =
        ["mary", "mary", "mary", "mary", "mary", "mary"].map(|name| format!("name={name}&password=correct+horse"));
    let mut statuses = Vec::new();
    for form in &tries {
        statuses.push(site.post("", "/sign-in", form).await.status);
    }
    assert_eq!(
        statuses,
        [403, 403, 403, 403, 403, 429],
        "five at once is all; what was before was forgotten with the good one"
    );
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
    // The client stops in the middle of the headers, and another one in the middle of a body.
    let half = format!("GET / HTTP/1.1\r\nhost: {}\r\n", site.at);
    let begun = format!("{head}content-length: 9\r\n\r\nrea");
    let (headers, body) = tokio::join!(site.raw(half.as_bytes()), site.raw(begun.as_bytes()));
    assert_eq!((headers.status, body.status), (408, 408));
    assert!(site.get(&mary, "/api/v1/stacks/web").await.json()["hold"].is_null());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_refused_before_anything_is_inflated() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for row in ROUTES.iter().filter(|row| row.method.as_str() != "GET") {
        for encoding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x"] {
            for cookie in ["", mary.as_str()] {
                let lines =
                    [("origin", site.origin.as_str()), ("cookie", cookie), ("content-encoding", encoding), kind];
                let answer = site.ask(row.method.as_str(), &address(row), &lines, "reason=x").await;
                assert_eq!(answer.status, 415, "{} with {encoding}", row.path);
            }
        }
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_written_takes_no_page_away_and_is_not_ready() {
    let site = Site::open().await;
    let mary = site.mary().await;
    assert_eq!(site.get("", "/readyz").await.status, 200);
    let old = At::from_millis(At::now().millis() - 3_600_000).to_string();
    site.desk.ledger().write(move |tx| Ok(tx.execute("UPDATE sessions SET seen_at = ?1", [old])?)).await.unwrap();
    let other = rusqlite::Connection::open(site.desk.config().data.join("pushbutton.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for path in ["/", "/stacks/web", "/pushes", "/api/v1/stacks", "/stats"] {
        let began = Instant::now();
        let page = site.get(&mary, path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert!(began.elapsed() < Duration::from_secs(4), "{path} waited for the writer");
    }
    until("not ready", async || (site.get("", "/readyz").await.status == 503).then_some(())).await;
    let said = site.get("", "/readyz").await;
    assert!(said.text().contains("the ledger"), "{}", said.text());
    assert_eq!(site.get("", "/healthz").await.status, 200);
    other.execute_batch("ROLLBACK").unwrap();
    until("ready again", async || (site.get("", "/readyz").await.status == 200).then_some(())).await;
    site.close().await;
}
