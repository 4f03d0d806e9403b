//! What the audit says of requests: from where each came.

use super::tokens::token;
use super::*;
use pushbutton::ledger::audit;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_says_from_where_and_to_what_whoever_writes_it() {
    let site = Site::with("open", "trusted_proxies = [\"127.0.0.1\"]\n").await;
    let mary = site.mary().await;
    let from = |address: &'static str| ("x-forwarded-for", address);
    let here = [("cookie", mary.as_str()), ("origin", site.origin.as_str()), from("192.0.2.7")];
    let json = [&here[..], &[("content-type", "application/json")]].concat();
    // In the transaction of a request, and behind it.
    assert_eq!(site.ask("PUT", "/api/v1/stacks/web/hold", &json, "{\"reason\": \"fair\"}").await.status, 204);
    assert_eq!(site.ask("DELETE", "/api/v1/stacks/web/hold", &json, "").await.status, 204);
    let seen = site.seen(&mary).await;
    let body = format!("{{\"seen\": \"{seen}\", \"reason\": \"nightly\"}}");
    assert_eq!(site.ask("POST", "/api/v1/stacks/web/stages/qa/push", &json, &body).await.status, 201);
    let journal = site.play(1).await;
    // A program, and a stranger, who is written down in a task of its own.
    let (_, text) = token(&site, "ci", "hold:web").await;
    let bearer = format!("Bearer {text}");
    let program = [("authorization", bearer.as_str()), ("content-type", "application/json"), from("198.51.100.1")];
    let held = site.ask("PUT", "/api/v1/stacks/web/stages/qa/hold", &program, "{\"reason\": \"fair\"}").await;
    assert_eq!(held.status, 204, "{}", held.text());
    let stranger = [("authorization", "Bearer pb_0"), from("203.0.113.5")];
    assert_eq!(site.ask("GET", "/api/v1/stacks", &stranger, "").await.status, 401);
    site.finish(journal).await;
    let rows = until("the audit has them all", async || {
        let all = |connection: &rusqlite::Connection| {
            let mut ask = connection.prepare(
                "SELECT who || ', ' || what || ', ' || object || ', ' || place || ', ' || detail FROM audit
                 WHERE what NOT IN ('seal', 'file changed', 'sign in', 'token add') ORDER BY id",
            )?;
            Ok(ask.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
        };
        let rows = site.desk.ledger().read(all).await.unwrap();
        let has = |what: &str| rows.iter().any(|row| row.contains(what));
        (has("sign-in failed") && has("push ended")).then_some(rows)
    })
    .await;
    for expected in [
        "mary, hold, web, 192.0.2.7, web: fair",
        "mary, release hold, web, 192.0.2.7, web, held by mary",
        "mary, press, web/qa, 192.0.2.7, push 1 of web to qa, build ",
        "ci (token of mary), hold, web/qa, 198.51.100.1, web/qa: fair",
        "nobody, sign-in failed, nobody, 203.0.113.5, from 203.0.113.5: ",
        "pushbutton, push ended, web/qa, server, push 1 of web to qa ",
    ] {
        assert!(rows.iter().any(|row| row.starts_with(expected)), "{expected}: {rows:#?}");
    }
    let press = rows.iter().find(|row| row.contains(", press, ")).unwrap();
    assert!(press.ends_with(": nightly"), "the reason stands there: {press}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_read_the_audit_by_filters_page_by_page_and_download_what_a_third_party_verifies() {
    let site = Site::at("127.0.0.1", "open", "", "[rights]\nadmin = [\"mary\"]\n").await;
    let (mary, joe) = (site.mary().await, site.sign_in("name=joe").await);
    for path in ["/audit", "/audit.jsonl", "/api/v1/audit"] {
        assert_eq!((site.get(&joe, path).await.status, site.get(&mary, path).await.status), (403, 200), "{path}");
    }
    site.desk
        .ledger()
        .write(|tx| {
            for number in 0..250_i64 {
                let who = if number % 2 == 0 { "joe" } else { "olga" };
                let at = At::from_millis(1_795_255_200_000 + number);
                audit::note(tx, at, who, "hold", "web", &format!("web: number {number} 100% <b>"))?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let ask = async |query: &str| site.get(&mary, &format!("/api/v1/audit{query}")).await;
    let numbers = |answer: &Answer| -> Vec<i64> {
        answer.json()["rows"].as_array().unwrap().iter().map(|row| row["number"].as_i64().unwrap()).collect()
    };
    // Every row of joe's once, newest first, through all pages.
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let answer = ask(&format!("?who=joe&action=hold{next}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        found.extend(numbers(&answer));
        match answer.json()["next_before"].as_i64() {
            Some(before) => next = format!("&before={before}"),
            None => break,
        }
    }
    assert!(found.len() == 125 && found.is_sorted_by(|one, other| one > other), "{found:?}");
    for (query, count) in [
        ("?text=number+24", 11),
        ("?text=number+24&who=joe", 6),
        ("?text=100%25+%3Cb&who=joe&since=2026-11-21&until=2026-11-21", 100),
        ("?text=number_24", 0),
        ("?action=press", 0),
        ("?action=seal", 0),
        ("?who=joe&until=2026-11-20", 0),
        ("?who=joe&limit=3", 3),
        ("?action=hold&limit=500", 250),
    ] {
        let answer = ask(query).await;
        assert_eq!(numbers(&answer).len(), count, "{query}: {}", answer.text());
    }
    let page = site.get(&mary, "/audit?text=number+249").await;
    assert!(page.status == 200 && page.text().contains("web: number 249 100% &lt;b&gt;"), "{}", page.text());
    for bad in ["?since=yesterday", "?before=x", "?limit=501", "?limit=0"] {
        assert_eq!((ask(bad).await.status, site.get(&mary, &format!("/audit{bad}")).await.status), (400, 400), "{bad}");
    }
    let file = site.get(&mary, "/audit.jsonl").await;
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"audit.jsonl\""));
    let verified = audit::export::verify(file.body.as_slice(), &[]).unwrap();
    assert!(verified.problems.is_empty() && verified.rows > 250, "{verified:?}");
    let part = site.get(&mary, "/audit.jsonl?since=2026-11-21&until=2026-11-21").await;
    let verified = audit::export::verify(part.body.as_slice(), &[]).unwrap();
    assert!(verified.problems.is_empty() && verified.rows >= 250, "{verified:?}");
    assert_eq!(site.get(&mary, "/audit.jsonl?since=yesterday").await.status, 400);
    site.close().await;
}
