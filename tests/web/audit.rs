//! What the audit says of requests: from where each came.

use super::tokens::token;
use super::*;

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
