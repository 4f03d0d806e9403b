//! What may be asked again: an order with an `Idempotency-Key` is done once, an answer that the reader has is not sent a second time, and
//! a list goes on where it ended.

use super::*;

const PUSH: &str = "/api/v1/stacks/web/stages/qa/push";

impl Site {
    /// Sends an order that names itself.
    async fn keyed(&self, session: &str, key: &str, path: &str, json: &str) -> Answer {
        let lines = [
            ("cookie", session),
            ("origin", &*self.origin),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.ask("POST", path, &lines, json).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_a_key_is_done_once_and_answered_alike_and_other_orders_do_not_get_its_answer() {
    let site = Site::open().await;
    let (mary, bob) = (site.mary().await, site.sign_in("name=bob").await);
    let seen = site.seen(&mary).await;
    let body = format!("{{\"seen\": \"{seen}\", \"reason\": \"nightly\"}}");
    // What was refused is not kept.
    let moved = site.keyed(&mary, "\"k1\"", PUSH, "{\"seen\": \"0000000000000000000000000000000000000000\"}").await;
    assert_eq!((moved.status, moved.header("idempotency-replayed")), (409, None), "{}", moved.text());
    let first = site.keyed(&mary, "\"k1\"", PUSH, &body).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{}", first.text());
    let journal = site.play(1).await;
    for key in ["\"k1\"", "k1"] {
        let again = site.keyed(&mary, key, PUSH, &body).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{}", again.text());
        assert_eq!((again.text(), again.header("location")), (first.text(), first.header("location")));
    }
    for (path, json) in [(PUSH, body.replace("nightly", "daily")), ("/api/v1/pushes/1/pause", body.clone())] {
        let other = site.keyed(&mary, "k1", path, &json).await;
        assert_eq!((other.status, other.code().as_str()), (422, "other_request"), "{path}");
    }
    let hers = site.keyed(&bob, "k1", PUSH, &body).await;
    assert_eq!((hers.status, hers.code().as_str()), (409, "locked"), "a key is its owner's");
    for bad in ["", &"k".repeat(256)] {
        assert_eq!(site.keyed(&mary, bad, PUSH, &body).await.status, 400, "{} characters", bad.len());
    }
    // The answer is gone, as after a crash in the middle: the desk knows the press all the same.
    site.desk.ledger().write(|tx| Ok(tx.execute("DELETE FROM answers", [])?)).await.unwrap();
    let after = site.keyed(&mary, "k1", PUSH, &body).await;
    assert_eq!((after.status, after.header("idempotency-replayed")), (201, None), "{}", after.text());
    assert_eq!(after.json()["id"], 1);
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_being_done_is_not_begun_again() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let file = site.home.0.path().join("stacks/built.toml");
    let stage = "[[stage]]\nname = \"qa\"\nhosts = [\"qa1\"]\ncommands = [\"true\"]\n";
    std::fs::write(file, format!("source = {{ published = true }}\n{stage}")).unwrap();
    let sha = "5".repeat(40);
    let path = format!("/api/v1/stacks/built/builds?sha={sha}");
    until("the stack", async || (site.get(&mary, "/api/v1/stacks/built").await.status == 200).then_some(())).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: {mary}\r\norigin: {}\r\nidempotency-key: k\r\ncontent-length: 1024\r\n\r\n",
        site.at, site.origin
    );
    let mut first = TcpStream::connect(site.at).await.unwrap();
    first.write_all(head.as_bytes()).await.unwrap();
    let body = [0; 1024];
    let whole = [head.as_bytes(), &body].concat();
    let busy = until("the first is begun", async || {
        let count = "SELECT count(*) FROM answers";
        let begun: i64 = site.desk.ledger().read(move |c| Ok(c.query_row(count, [], |row| row.get(0))?)).await.unwrap();
        if begun == 0 { None } else { Some(site.raw(&whole).await) }
    })
    .await;
    assert_eq!((busy.status, busy.code().as_str(), busy.header("retry-after")), (409, "under_way", Some("2")));
    first.write_all(&body).await.unwrap();
    let mut answered = Vec::new();
    in_time("the answer to the first", first.read_to_end(&mut answered)).await.unwrap();
    let refused = answer(&answered);
    assert_eq!(refused.status, 400, "an empty tar is no build: {}", refused.text());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_reader_has_is_not_sent_again_until_it_changes() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let path = "/api/v1/pushes";
    let first = site.get(&mary, path).await;
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let has = async |tag: &str| site.ask("GET", path, &[("cookie", &mary), ("if-none-match", tag)], "").await;
    let same = has(&tag).await;
    assert_eq!((same.status, same.header("etag"), same.body.len()), (304, Some(&*tag), 0));
    let journal = site.press(&mary).await;
    let changed = has(&tag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(&*tag));
    let refused = site.ask("GET", "/api/v1/stacks/nothing", &[("cookie", &mary), ("if-none-match", "*")], "").await;
    assert_eq!((refused.status, refused.header("etag")), (404, None));
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_to_its_end_by_the_links_to_its_next_pages() {
    let site = Site::open().await;
    let mary = site.mary().await;
    for push in 1..=3 {
        let seen = site.seen(&mary).await;
        let made = site.send(&mary, "POST", PUSH, &format!("{{\"seen\": \"{seen}\"}}")).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let journal = site.play(push).await;
        site.end_well(push, journal).await;
        let path = format!("/api/v1/pushes/{push}");
        until("its end", async || (site.get(&mary, &path).await.json()["push"]["state"] == "succeeded").then_some(()))
            .await;
    }
    let mut next = Some("/api/v1/pushes?stack=web&limit=2".to_owned());
    let (mut found, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = site.get(&mary, &path).await;
        found.extend(page.json()["pushes"].as_array().unwrap().iter().map(|push| push["id"].as_i64().unwrap()));
        let link = page.header("link").map(|link| link.strip_suffix(">; rel=\"next\"").unwrap());
        next = link.map(|link| link.strip_prefix('<').unwrap().to_owned());
        pages += 1;
    }
    assert_eq!((found, pages), (vec![3, 2, 1], 2));
    assert_eq!(site.get(&mary, "/api/v1/pushes?limit=201").await.status, 400);
    site.close().await;
}
