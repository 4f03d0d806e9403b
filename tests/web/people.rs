//! What administrators do for others: they see everybody's sessions and tokens, and end them; nobody else does.

use super::signing::add;
use super::tokens::token_of;
use super::*;

const ADMIN: &str = "[rights]\nadmin = [\"ada\"]\n";

/// The address of the first form of a page whose address ends like this.
fn form(page: &str, end: &str) -> String {
    let mut forms = page.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    forms.find(|address| address.ends_with(end)).unwrap_or_else(|| panic!("no form {end} in {page}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_sessions_and_tokens_of_others_and_the_audit_names_both() {
    let site = Site::with("password", ADMIN).await;
    for name in ["mary", "bob", "ada"] {
        add(&site, name).await;
    }
    let sign_in = async |name: &str| site.sign_in(&format!("name={name}&password=correct+horse")).await;
    let (ada, mary, again, bob) =
        (sign_in("ada").await, sign_in("mary").await, sign_in("mary").await, sign_in("bob").await);
    let (one, first) = token_of(&site, "mary", "see").await;
    let (_, second) = token_of(&site, "mary", "see").await;
    assert_eq!(site.get(&bob, "/people").await.status, 403);
    let forms = ["/people/mary/sign-out", "/people/mary/revoke-tokens"];
    for form in forms {
        assert_eq!(site.post(&bob, form, "").await.status, 403, "{form}");
    }
    let own = site.get(&bob, "/").await;
    assert!(!own.text().contains("href=\"/people\""), "it is not offered to who may not");

    let all = site.get(&ada, "/people").await;
    for words in ["href=\"/people/mary\"", "2 sessions", "2 tokens"] {
        assert!(all.text().contains(words), "{words} in {}", all.text());
    }
    assert_eq!(site.get(&ada, "/people/nobody").await.status, 404);
    let page = site.get(&ada, "/people/mary").await.text().to_owned();

    // Hers alone, whatever the address says.
    let of_mary = form(&page, "/end");
    assert_eq!(site.post(&ada, &of_mary.replace("/mary/", "/bob/"), "").await.status, 404);
    let of_bob = format!("/people/bob/tokens/{}/revoke", one.id);
    assert_eq!(site.post(&ada, &of_bob, "").await.status, 404);
    let mut streams = [site.stream(&mary, "/api/v1/events", "").await, site.stream(&again, "/api/v1/events", "").await];
    let ended = site.post(&ada, &of_mary, "").await;
    assert_eq!((ended.status, ended.header("location")), (303, Some("/people/mary?done=session")));
    let lives = [site.get(&mary, "/").await.status, site.get(&again, "/").await.status];
    assert!(lives == [200, 303] || lives == [303, 200], "one of two: {lives:?}");
    assert_eq!(site.post(&ada, "/people/mary/sign-out", "").await.status, 303);
    for stream in &mut streams {
        stream.end().await;
    }
    assert_eq!([site.get(&mary, "/").await.status, site.get(&again, "/").await.status], [303, 303]);
    assert_eq!(site.get(&bob, "/").await.status, 200);

    let asked = async |text: &str| site.program(text, "GET", "/api/v1/stacks", "").await.status;
    assert_eq!([asked(&first).await, asked(&second).await], [200, 200]);
    assert_eq!(site.post(&ada, &format!("/people/mary/tokens/{}/revoke", one.id), "").await.status, 303);
    assert_eq!([asked(&first).await, asked(&second).await], [401, 200]);
    assert_eq!(site.post(&ada, "/people/mary/revoke-tokens", "").await.status, 303);
    assert_eq!(asked(&second).await, 401);
    let page = site.get(&ada, "/people/mary?done=tokens").await;
    for words in ["All of their tokens are revoked.", "mary is not signed in.", "mary has no tokens."] {
        assert!(page.text().contains(words), "{words} in {}", page.text());
    }
    let rows = site.desk.ledger().read(|connection| {
        let ask = "SELECT who || ', ' || what || ', ' || coalesce(object, '') || ', ' || place FROM audit
                   WHERE what IN ('sign out', 'token revoke') ORDER BY id";
        let mut ask = connection.prepare(ask)?;
        Ok(ask.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
    });
    let rows = rows.await.unwrap();
    assert_eq!(rows.iter().filter(|row| *row == "ada, sign out, mary, 127.0.0.1").count(), 2, "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.starts_with("ada, token revoke, token ")).count(), 2, "{rows:?}");

    // Who had nothing but a token is gone with it.
    let (zoes, _) = token_of(&site, "zoe", "see").await;
    let gone = site.post(&ada, &format!("/people/zoe/tokens/{}/revoke", zoes.id), "").await;
    let back = site.get(&ada, gone.header("location").unwrap()).await;
    assert_eq!((back.status, back.header("location")), (303, Some("/people")));
    site.close().await;
}
