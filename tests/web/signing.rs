//! Signing in, attacked: a guesser with one address and with many, a stranger who wants to lock someone out, a proxy in front,
//! a reset in the very moment; and one's own account.

use super::*;
use pushbutton::ledger::users::set_password;
use pushbutton::ledger::{audit, sessions};

pub(super) const PASSWORD: &str = "correct horse";

pub(super) async fn add(site: &Site, name: &str) {
    let user = User {
        name: name.parse().unwrap(),
        full_name: name.to_owned(),
        password: PasswordHash::of(PASSWORD).unwrap(),
        made_at: At::now(),
    };
    assert_eq!(site.desk.ledger().write(move |tx| users::add(tx, &user)).await.unwrap(), None);
}

/// A try from an address, as our proxy says it, by a browser with these cookies.
async fn try_from(site: &Site, address: &str, cookies: &str, name: &str, password: &str) -> Answer {
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    let lines = [
        ("x-forwarded-for", address),
        ("cookie", cookies),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    site.ask("POST", "/sign-in", &lines, &form).await
}

/// The cookies of an answer, as a browser sends them back: the session, then the browser's own.
fn cookies(answer: &Answer) -> Vec<String> {
    answer.all("set-cookie").iter().map(|line| line.split(';').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_and_many_guess_no_account_and_lock_nobody_out() {
    let site = Site::with("password", "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n").await;
    add(&site, "mary").await;
    add(&site, "zoe").await;
    let at_home = try_from(&site, "192.0.2.9", "", "mary", PASSWORD).await;
    assert_eq!(at_home.status, 303);
    let own = cookies(&at_home);
    for line in at_home.all("set-cookie") {
        assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
    }

    // One address, one account.
    let mut said = Vec::new();
    for _ in 0..7 {
        said.push(try_from(&site, "198.51.100.1", "", "mary", "guess").await.status);
    }
    assert_eq!(said, [403, 403, 403, 403, 403, 429, 429]);
    // What stands left of the address that our proxy saw is the guesser's own invention, and so is any `Forwarded`.
    for address in ["203.0.113.5, 198.51.100.1", "198.51.100.1, 10.1.2.3", "198.51.100.1:4711"] {
        assert_eq!(try_from(&site, address, "", "mary", PASSWORD).await.status, 429, "{address}");
    }
    assert_eq!(try_from(&site, "198.51.100.1", "", "zoe", PASSWORD).await.status, 303, "others behind it get in");

    // Many addresses, one account: they get slower together.
    let mut let_in = 0;
    for one in 2..40 {
        let status = try_from(&site, &format!("198.51.100.{one}"), "", "mary", "guess").await.status;
        let_in += usize::from(status == 403);
    }
    assert!((10..25).contains(&let_in), "{let_in} guesses of 38");
    assert_eq!(try_from(&site, "198.51.100.77", "", "mary", PASSWORD).await.status, 429, "not even the right one");
    // She gets in: by her browser from anywhere, by any browser from where she has signed in before.
    assert_eq!(try_from(&site, "198.51.100.1", &own[1], "mary", PASSWORD).await.status, 303);
    assert_eq!(try_from(&site, "192.0.2.9", "", "mary", PASSWORD).await.status, 303);
    // Her browser's cookie is worth nothing for another account, and lets nobody guess faster.
    assert_eq!(try_from(&site, "198.51.100.1", &own[1], "mary", "guess").await.status, 403);
    let mut said = Vec::new();
    for _ in 0..6 {
        said.push(try_from(&site, "198.51.100.88", &own[1], "mary", "guess").await.status);
    }
    assert_eq!(said, [403, 403, 403, 403, 429, 429]);
    assert_eq!(site.get("", "/healthz").await.status, 200);

    // All of it is in the audit, bounded, and without what was typed.
    let failed = "SELECT who || ': ' || detail FROM audit WHERE what = 'sign-in failed'";
    let rows = until("the tries are in the audit", async || {
        let read = move |connection: &rusqlite::Connection| {
            let mut ask = connection.prepare(failed)?;
            Ok(ask.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
        };
        Some(site.desk.ledger().read(read).await.unwrap()).filter(|rows| rows.len() >= 30)
    })
    .await;
    assert!((30..=60).contains(&rows.len()), "{} rows", rows.len());
    assert!(rows.iter().any(|row| row == "mary: from 198.51.100.1: wrong"), "{rows:?}");
    assert!(rows.iter().any(|row| row == "nobody: from 198.51.100.1: too often"), "{rows:?}");
    assert_eq!(site.desk.ledger().read(audit::verify).await.unwrap(), None);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_that_are_just_being_made() {
    let site = Site::with("password", "").await;
    add(&site, "mary").await;
    let mary: Who = "mary".parse().unwrap();
    let mut refused = 0;
    // Made before: to make one takes as long as the check that it is to come into.
    let other = PasswordHash::of("battery staple").unwrap();
    for round in 0..12 {
        // In the middle of the check, which takes some 20 ms, or before or after it.
        let reset = async {
            tokio::time::sleep(Duration::from_millis(round * 4)).await;
            let (who, hash) = (mary.clone(), other.clone());
            site.desk.ledger().write(move |tx| set_password(tx, &who, &hash)).await.unwrap();
        };
        let (answer, ()) = tokio::join!(site.post("", "/sign-in", "name=mary&password=correct+horse"), reset);
        match answer.status {
            303 => {
                let session = cookies(&answer)[0].clone();
                assert_eq!(
                    site.get(&session, "/").await.status,
                    303,
                    "round {round}: it let someone in after the reset"
                );
            }
            status => {
                assert_eq!(status, 403);
                refused += 1;
            }
        }
        let (who, hash) = (mary.clone(), PasswordHash::of(PASSWORD).unwrap());
        site.desk.ledger().write(move |tx| set_password(tx, &who, &hash)).await.unwrap();
        // A good one, so that the wrong ones before are forgotten.
        assert_eq!(site.post("", "/sign-in", "name=mary&password=correct+horse").await.status, 303);
    }
    assert!(refused > 0, "no reset came before the session");
    site.close().await;
}

/// Opens the stream of a browser, and says when it has ended.
async fn stream(site: &Site, session: &str) -> JoinHandle<Duration> {
    let mut viewer = site.stream(session, "/api/v1/events", "").await;
    tokio::spawn(async move {
        let began = Instant::now();
        viewer.end().await;
        began.elapsed()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_soon_after_sign_out_reset_and_removal() {
    let site = Site::with("password", "").await;
    let mut streams = Vec::new();
    let mut sessions = Vec::new();
    for name in ["mary", "kate", "zoe", "bob"] {
        add(&site, name).await;
        sessions.push(site.sign_in(&format!("name={name}&password=correct+horse")).await);
    }
    for session in &sessions {
        streams.push(stream(&site, session).await);
    }
    let stays = streams.pop().unwrap();
    assert_eq!(site.post(&sessions[0], "/sign-out", "").await.status, 303);
    let (kate, zoe): (Who, Who) = ("kate".parse().unwrap(), "zoe".parse().unwrap());
    let hash = PasswordHash::of("battery staple").unwrap();
    let change = move |tx: &rusqlite::Transaction<'_>| Ok((set_password(tx, &kate, &hash)?, users::remove(tx, &zoe)?));
    assert_eq!(site.desk.ledger().write(change).await.unwrap(), (true, true));
    for (what, stream) in ["sign-out", "reset", "removal"].into_iter().zip(streams) {
        let took = in_time(what, stream).await.unwrap();
        assert!(took < Duration::from_secs(20), "{what}: {took:?}; it is a few seconds on a quiet machine");
    }
    assert!(!stays.is_finished(), "others go on");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_change_their_own_password_and_sign_out_everywhere() {
    let site = Site::with("password", "").await;
    add(&site, "mary").await;
    let sign_in = async |password: &str| {
        let form = format!("name=mary&password={}", password.replace(' ', "+"));
        cookies(&site.post("", "/sign-in", &form).await).first().cloned().unwrap_or_default()
    };
    let (here, elsewhere) = (sign_in(PASSWORD).await, sign_in(PASSWORD).await);
    let page = site.get(&here, "/account").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text().matches("This browser</b>").count(), 1, "{}", page.text());
    assert!(page.text().contains("Another browser"), "{}", page.text());
    assert_eq!(site.get("", "/account").await.status, 303, "strangers sign in first");

    for (form, words) in [
        ("current=wrong&new=battery+staple&again=battery+staple", "Wrong current password"),
        ("current=correct+horse&new=battery+staple&again=battery+stable", "are not the same"),
        ("current=correct+horse&new=short&again=short", "too short"),
        ("", "Wrong current password"),
    ] {
        let refused = site.post(&here, "/account/password", form).await;
        assert_eq!(refused.status, 403, "{form}");
        assert!(refused.text().contains(words), "{form}: {}", refused.text());
    }
    assert_eq!(site.get(&elsewhere, "/").await.status, 200, "nothing was changed");
    let foreign = [
        ("cookie", here.as_str()),
        ("origin", "https://evil.example"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let form = "current=correct+horse&new=battery+staple&again=battery+staple";
    assert_eq!(site.ask("POST", "/account/password", &foreign, form).await.status, 403);

    let changed = site.post(&here, "/account/password", form).await;
    assert_eq!((changed.status, changed.header("location")), (303, Some("/account?done=password")));
    let now = cookies(&changed)[0].clone();
    assert!(site.get(&now, "/account?done=password").await.text().contains("Your password is changed"));
    for old in [&here, &elsewhere] {
        assert_eq!(site.get(old, "/").await.status, 303, "signed out");
    }
    assert_eq!(sign_in(PASSWORD).await, "");
    let other = sign_in("battery staple").await;
    assert_eq!(site.post(&now, "/account/sign-out-everywhere", "").await.status, 303);
    for old in [&now, &other] {
        assert_eq!(site.get(old, "/").await.status, 303, "signed out");
    }
    let mary: Who = "mary".parse().unwrap();
    let left = site.desk.ledger().read(move |connection| sessions::of(connection, &mary, At::now())).await.unwrap();
    assert_eq!(left, []);
    let what = |connection: &rusqlite::Connection| {
        let mut ask = connection.prepare(
            "SELECT what || ' ' || detail FROM audit WHERE who = 'mary' AND what IN ('password', 'sign out')",
        )?;
        Ok(ask.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
    };
    let deeds = site.desk.ledger().read(what).await.unwrap();
    assert_eq!(deeds, ["password their own", "sign out everywhere"]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_page_says_whom_to_ask_and_headers_have_an_end() {
    let site = Site::with("password", "").await;
    let page = site.get("", "/sign-in").await;
    assert!(page.text().contains("Forgot your password?") && page.text().contains("Ask the administrator"));
    let long = |bytes: usize| "x".repeat(bytes);
    assert_eq!(site.ask("GET", "/sign-in", &[("x-more", &long(12 * 1024))], "").await.status, 200);
    for bytes in [17 * 1024, 64 * 1024] {
        let status = site.ask("GET", "/sign-in", &[("x-more", &long(bytes))], "").await.status;
        assert!([400, 431].contains(&status), "{bytes} bytes: {status}");
    }
    let many: Vec<(&str, String)> = (0..80).map(|_| ("x-more", long(300))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!([400, 431].contains(&site.ask("GET", "/sign-in", &many, "").await.status));
    let path = format!("/sign-in?next={}", long(17 * 1024));
    assert!([400, 414, 431].contains(&site.get("", &path).await.status));
    site.close().await;
}
