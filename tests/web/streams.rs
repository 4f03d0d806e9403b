//! What the server sends: streams, the raw log, static files.

use super::*;

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
    until_so("the end of both streams", || (site.streams)() == 0).await;

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
    until_so("the stopped reader to be given up", || (site.streams)() == 0).await;
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
    for (tags, status) in [
        (format!("\"other\", W/{tag}"), 304),
        ("*".to_owned(), 304),
        ("\"other\"".to_owned(), 200),
        (tag.trim_matches('"').to_owned(), 200),
    ] {
        let answer = site.ask("GET", "/static/style.css", &[("if-none-match", &tags)], "").await;
        assert_eq!(answer.status, status, "{tags}");
    }
    assert_eq!(site.get("", "/readyz").await.status, 200);
    site.close().await;
}
