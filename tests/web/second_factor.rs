//! A second factor beside the password: set up with a code of the app and the password, asked for from then on, each code once; recovery
//! codes for who has lost the app; taken away with both, or on the command line.

use super::signing::add;
use super::*;
use pushbutton::ledger::second_factor::{self, TotpSecret};

/// The code of an app that has this secret, so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    TotpSecret::read(secret).unwrap().code(At::now().millis() / 30_000 + steps)
}

/// What stands in a page between these two.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).unwrap_or_else(|| panic!("{before} in {text}")).1.split_once(after).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_asked_for_once_it_is_set_up_and_none_works_twice() {
    let site = Site::with("password", "").await;
    add(&site, "mary").await;
    let here = site.sign_in("name=mary&password=correct+horse").await;
    let page = site.post(&here, "/account/totp", "").await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("<svg\n") || page.text().contains("class=\"qr\""), "{}", page.text());
    let secret = between(page.text(), "name=\"secret\" value=\"", "\"").to_owned();
    let confirm = async |code: &str, password: &str| {
        let form = format!("secret={secret}&code={code}&current={password}");
        site.post(&here, "/account/totp/confirm", &form).await
    };
    let sign_in = async |code: &str| {
        site.post("", "/sign-in", &format!("name=mary&password=correct+horse&code={code}")).await.status
    };
    // Neither half alone, and nothing is kept meanwhile.
    for (code, password) in [(code(&secret, 0).as_str(), "wrong"), ("000000x", "correct+horse")] {
        let refused = confirm(code, password).await;
        assert_eq!(refused.status, 403);
        assert!(
            refused.text().contains("nothing was changed") && refused.text().contains(&secret),
            "{}",
            refused.text()
        );
    }
    assert_eq!(sign_in("").await, 303);

    let used = code(&secret, 0);
    let page = confirm(&used, "correct+horse").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let codes: Vec<String> = page
        .text()
        .split("<code class=\"secret\">")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 8, "{}", page.text());
    assert!(!site.get(&here, "/account").await.text().contains(&codes[0]), "they are shown once");

    // From now on: the right password alone is not enough, nor the code that was used already.
    for wrong in ["", "000000x", &used, &"9".repeat(5000)] {
        assert_eq!(sign_in(wrong).await, 403, "{wrong:.10}");
    }
    let next = code(&secret, 1);
    assert_eq!(sign_in(&next).await, 303);
    assert_eq!(sign_in(&next).await, 403, "again");
    assert_eq!(sign_in(&codes[0].to_uppercase()).await, 303);
    assert_eq!(sign_in(&codes[0]).await, 403, "again");
    let wrong = site.post("", "/sign-in", &format!("name=mary&password=wrong&code={}", codes[1])).await;
    assert!(wrong.text().contains("Wrong name or password, or a wrong code."), "{}", wrong.text());
    assert_eq!(site.get(&here, "/").await.status, 200);

    // Turned off with both, and only so.
    let page = site.get(&here, "/account").await;
    assert!(page.text().contains("Recovery codes left: 7."), "{}", page.text());
    for form in ["code=000000x&current=correct+horse".to_owned(), format!("code={}&current=wrong", codes[1])] {
        assert_eq!(site.post(&here, "/account/totp/remove", &form).await.status, 403);
    }
    let form = format!("code={}&current=correct+horse", codes[1]);
    let off = site.post(&here, "/account/totp/remove", &form).await;
    assert_eq!((off.status, off.header("location")), (303, Some("/account?done=totp#totp")));
    assert_eq!(sign_in("").await, 303);
    let said = site.desk.ledger().read(|connection| {
        let mut ask = connection.prepare("SELECT detail FROM audit WHERE what = 'second factor' ORDER BY id")?;
        Ok(ask.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
    });
    assert_eq!(said.await.unwrap(), ["set up their own", "turned off their own"]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_slowed_down_as_guessing_passwords_is() {
    let site = Site::with("password", "").await;
    add(&site, "mary").await;
    let mary: Who = "mary".parse().unwrap();
    let secret = TotpSecret::new().unwrap();
    let codes = second_factor::recovery_codes().unwrap();
    site.desk.ledger().write(move |tx| second_factor::set(tx, &mary, &secret, 0, &codes)).await.unwrap();
    let mut statuses = Vec::new();
    for guess in 0..12 {
        let form = format!("name=mary&password=correct+horse&code={guess:06}");
        statuses.push(site.post("", "/sign-in", &form).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_password_of_this_server_has_a_second_factor() {
    let site = Site::open().await;
    let mary = site.mary().await;
    assert!(!site.get(&mary, "/account").await.text().contains("Second factor"));
    for path in ["/account/totp", "/account/totp/confirm", "/account/totp/remove"] {
        assert_eq!(site.post(&mary, path, "").await.status, 400, "{path}");
    }
    site.close().await;
}
