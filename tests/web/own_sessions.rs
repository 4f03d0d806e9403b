//! One's own sessions: each browser is named with what it calls itself, from where, since when; one is ended, all others, all.

use super::signing::add;
use super::*;

/// Signs in as a browser that calls itself so.
async fn sign_in_with(site: &Site, name: &str, agent: &str) -> String {
    let lines = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", agent),
    ];
    let answer = site.ask("POST", "/sign-in", &lines, &format!("name={name}&password=correct+horse")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.all("set-cookie")[0].split(';').next().unwrap().to_owned()
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const EVIL: &str = "evil<script>alert(1)</script>";

/// The addresses of the forms that end one session, as the page has them.
fn ends(page: &str) -> Vec<String> {
    let forms = page.split("action=\"/account/sessions/").skip(1);
    forms.map(|rest| format!("/account/sessions/{}", rest.split('"').next().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_each_browser_and_end_one_or_all_others() {
    let site = Site::with("password", "").await;
    for name in ["mary", "bob"] {
        add(&site, name).await;
    }
    let here = sign_in_with(&site, "mary", FIREFOX).await;
    let phone = sign_in_with(&site, "mary", EVIL).await;
    let third = sign_in_with(&site, "mary", "curl/8.5.0").await;
    let bob = sign_in_with(&site, "bob", "curl/8.5.0").await;
    let page = site.get(&here, "/account").await;
    let text = page.text();
    for words in ["(Firefox on Linux) at 127.0.0.1, since", "(evil) at 127.0.0.1, since", "(curl) at 127.0.0.1, since"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!((ends(text).len(), text.matches("This browser</b>").count()), (2, 1), "{text}");

    // Bob's is not mary's to end, nor hers his.
    let of_bob = ends(site.get(&sign_in_with(&site, "bob", "x").await, "/account").await.text());
    assert_eq!(site.post(&here, &of_bob[0], "").await.status, 404);
    assert_eq!(site.post(&bob, &ends(text)[0], "").await.status, 404);
    assert_eq!(site.post(&here, "/account/sessions/%25/end", "").await.status, 404);
    for session in [&here, &phone, &third, &bob] {
        assert_eq!(site.get(session, "/").await.status, 200, "nothing was ended");
    }

    let mut stream = site.stream(&phone, "/api/v1/events", "").await;
    let of_phone = ends(site.get(&third, "/account").await.text());
    let of_here = ends(site.get(&phone, "/account").await.text());
    let phones = of_phone.iter().find(|end| !of_here.contains(end)).unwrap();
    let ended = site.post(&here, phones, "").await;
    assert_eq!((ended.status, ended.header("location")), (303, Some("/account?done=session#sessions")));
    stream.end().await;
    assert_eq!(site.get(&phone, "/").await.status, 303);
    assert_eq!(site.get(&third, "/").await.status, 200);
    assert!(site.get(&here, "/account?done=session").await.text().contains("The other browser is signed out."));

    let ended = site.post(&here, "/account/sign-out-others", "").await;
    assert_eq!((ended.status, ended.header("location")), (303, Some("/account?done=sessions#sessions")));
    assert_eq!([site.get(&third, "/").await.status, site.get(&here, "/").await.status], [303, 200]);
    assert_eq!(site.get(&bob, "/").await.status, 200, "nobody else's");
    let page = site.get(&here, "/account").await;
    assert!(!page.text().contains("sign-out-others") && ends(page.text()).is_empty(), "{}", page.text());

    let deeds = site.desk.ledger().read(|connection| {
        let mut ask =
            connection.prepare("SELECT detail FROM audit WHERE who = 'mary' AND what = 'sign out' ORDER BY id")?;
        Ok(ask.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
    });
    let deeds = deeds.await.unwrap();
    assert_eq!(deeds.len(), 2, "{deeds:?}");
    assert!(deeds[0].starts_with("another browser, signed in since 2"), "{deeds:?}");
    assert_eq!(deeds[1], "everywhere else: 1 sessions");
    site.close().await;
}
