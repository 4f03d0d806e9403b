//! When a session was last used, and when it is over: a row that moves in steps, so that reading pages costs no write each.

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Site {
    /// Lets the sessions of a person be as if they had been used and begun so long ago.
    async fn put_back(&self, who: &str, used: i64, begun: i64) -> String {
        let ago = |ms: i64| At::from_millis(At::now().millis() - ms).to_string();
        let (seen, made, name) = (ago(used), ago(begun), who.to_owned());
        let row = (seen.clone(), made, name);
        let change = "UPDATE sessions SET seen_at = ?1, made_at = ?2 WHERE who = ?3";
        assert_eq!(self.desk.ledger().write(move |tx| Ok(tx.execute(change, row)?)).await.unwrap(), 1);
        seen
    }

    /// When the session of a person was last used, as the ledger has it.
    async fn last_used(&self, who: &str) -> String {
        let name = who.to_owned();
        let ask = "SELECT seen_at FROM sessions WHERE who = ?1";
        self.desk.ledger().read(move |c| Ok(c.query_row(ask, [name], |row| row.get(0))?)).await.unwrap()
    }

    /// Waits until the row of a person has moved to now.
    async fn has_moved(&self, who: &str, what: &str, before: &str) {
        let moved = until(what, async || Some(self.last_used(who).await).filter(|seen| seen != before)).await;
        let seen: At = moved.parse().unwrap();
        assert!(At::now().millis_since(seen) < MINUTE, "{what}: to now, and not to {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_use_is_written_down_each_five_minutes_whatever_it_asks_for_and_no_more_often() {
    let site = Site::open().await;
    let (mary, bob) = (site.mary().await, site.sign_in("name=bob").await);
    let form = [("cookie", bob.as_str()), ("sec-fetch-site", "same-origin")];
    for path in ["/", "/stacks/web", "/api/v1/stacks", "/nothing", "/api/v1/events"] {
        // What is not due is not written: all writes go one after the other, and hers comes last.
        let recent = site.put_back("bob", 4 * MINUTE + 50_000, HOUR).await;
        let old = site.put_back("mary", 5 * MINUTE + 1, HOUR).await;
        for _ in 0..3 {
            assert_eq!(site.get(&bob, "/api/v1/stacks").await.status, 200);
        }
        match path {
            "/api/v1/events" => drop(site.stream(&mary, path, "").await),
            _ => drop(site.get(&mary, path).await),
        }
        site.has_moved("mary", path, &old).await;
        assert_eq!(site.last_used("bob").await, recent, "after {path}");
    }
    let old = site.put_back("bob", 5 * MINUTE + 1, HOUR).await;
    let lines = [&form[..], &[("content-type", "application/x-www-form-urlencoded")]].concat();
    assert_eq!(site.ask("POST", "/stacks/web/hold", &lines, "reason=").await.status, 400);
    site.has_moved("bob", "a form", &old).await;
    // Her own page says the same.
    let page = site.get(&mary, "/account").await;
    assert!(page.text().contains(&format!("datetime=\"{}\"", site.last_used("mary").await)), "{}", page.text());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_same_for_everybody_and_what_another_site_sends_keeps_no_session_alive() {
    let site = Site::open().await;
    let (mary, bob) = (site.mary().await, site.sign_in("name=bob").await);
    let idle = site.put_back("mary", 6 * HOUR, 7 * HOUR).await;
    for path in ["/static/style.css", "/healthz", "/readyz"] {
        assert_eq!(site.get(&mary, path).await.status, 200, "{path}");
    }
    for from in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(site.ask("POST", "/stacks/web/hold", &[("cookie", &mary), from], "reason=x").await.status, 403);
    }
    let old = site.put_back("bob", HOUR, HOUR).await;
    assert_eq!(site.get(&bob, "/").await.status, 200);
    site.has_moved("bob", "the last write", &old).await;
    assert_eq!(site.last_used("mary").await, idle);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_twelve_idle_hours_and_seven_days_and_its_open_stream_with_it() {
    let site = Site::open().await;
    let (mary, bob) = (site.mary().await, site.sign_in("name=bob").await);
    for (used, begun, lives) in [
        (12 * HOUR - MINUTE, 13 * HOUR, true),
        (12 * HOUR, 13 * HOUR, false),
        (0, 7 * DAY - MINUTE, true),
        (0, 7 * DAY, false),
    ] {
        let what = format!("used {used} ms ago, begun {begun} ms ago");
        site.put_back("mary", used, begun).await;
        let (page, api) = (site.get(&mary, "/").await, site.get(&mary, "/api/v1/stacks").await);
        assert_eq!((page.status, api.status), if lives { (200, 200) } else { (303, 401) }, "{what}");
    }
    // Pages that stay open are no use of it.
    for (used, begun) in [(12 * HOUR, 13 * HOUR), (0, 7 * DAY)] {
        site.put_back("mary", 0, 0).await;
        let mut stream = site.stream(&mary, "/api/v1/events", "").await;
        let mut of_bob = site.stream(&bob, "/api/v1/events", "").await;
        site.put_back("mary", used, begun).await;
        stream.end().await;
        of_bob.until("event: changed").await;
        assert_eq!((site.streams)(), 1, "the other one goes on");
        drop(of_bob);
        until_so("the end of both", || (site.streams)() == 0).await;
    }
    site.close().await;
}
