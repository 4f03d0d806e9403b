//! Guessing: one address, many addresses, invented addresses, and very many at once.

use super::target::Target;
use crate::house::got;
use futures::future::join_all;
use pushbutton::demo::http::RequestBody;

/// A try to sign in, as a browser behind a proxy sends it; its status.
async fn try_from(target: &Target, headers: &[(&str, &str)], name: &str, password: &str) -> u16 {
    let mut client = target.client.clone();
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    got(client.send("POST", "/sign-in", RequestBody::Form(&form), headers).await.unwrap()).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_guess_no_account_and_a_stranger_locks_the_company_out_of_none() {
    let ip = crate::house::own_address().split(':').next().unwrap().to_owned();
    let config = format!("trusted_proxies = [\"{ip}\", \"127.0.0.1\"]\n[auth]\nmode = \"password\"\n");
    let names: Vec<String> = (0..8).map(|one| format!("person{one}")).collect();
    let accounts: Vec<&str> = ["mary"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let target = Target::start(&config, &accounts).await;
    assert_eq!(try_from(&target, &[("X-Forwarded-For", "192.0.2.9")], "mary", "correct horse").await, 303);
    let guessed = target
        .under("200 addresses guess one account", async {
            let mut looked_at = 0;
            for one in 0..200 {
                let address = format!("198.51.{}.{}", one / 100, 1 + one % 100);
                let status = try_from(&target, &[("X-Forwarded-For", &address)], "mary", "guess").await;
                looked_at += usize::from(status == 403);
            }
            looked_at
        })
        .await;
    assert!(guessed < 40, "{guessed} of 200 guesses were looked at");
    // A stranger tries every account from one place; from their own places all of them get in.
    for name in &accounts {
        for _ in 0..6 {
            try_from(&target, &[("X-Forwarded-For", "203.0.113.7")], name, "guess").await;
        }
    }
    for (one, name) in names.iter().enumerate() {
        let address = format!("192.0.2.{}", 100 + one);
        let status = try_from(&target, &[("X-Forwarded-For", &address)], name, "correct horse").await;
        assert_eq!(status, 303, "{name} is locked out");
    }
    let known = try_from(&target, &[("X-Forwarded-For", "192.0.2.9")], "mary", "correct horse").await;
    assert_eq!(known, 303, "from where she has signed in before");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_proxy_an_invented_address_gives_no_more_guesses() {
    let target = Target::start("[auth]\nmode = \"password\"\n", &["mary"]).await;
    let mut said = Vec::new();
    for one in 0..20 {
        let address = format!("203.0.113.{one}");
        let forwarded = format!("for={address}");
        let headers = [("X-Forwarded-For", address.as_str()), ("X-Real-IP", &address), ("Forwarded", &forwarded)];
        said.push(try_from(&target, &headers, "mary", "guess").await);
    }
    assert_eq!(&said[..5], [403; 5], "{said:?}");
    // A place comes back every now and then; twenty tries take no minute.
    assert!(said[5..].iter().filter(|status| **status == 429).count() >= 14, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_passwords_at_once_are_checked_two_by_two() {
    let ip = crate::house::own_address().split(':').next().unwrap().to_owned();
    let config = format!("trusted_proxies = [\"{ip}\", \"127.0.0.1\"]\n[auth]\nmode = \"password\"\n");
    let target = Target::start(&config, &["mary"]).await;
    let tries =
        (0..100).map(|one| {
            let (target, address) = (&target, format!("198.51.100.{one}"));
            // Each another account of nobody, so that nothing but the work itself bounds it.
            async move {
                try_from(target, &[("X-Forwarded-For", &address)], &format!("nobody{one}"), &"x".repeat(1000)).await
            }
        });
    let said = target.under("100 sign-ins at once", join_all(tries)).await;
    assert!(said.iter().all(|status| matches!(status, 403 | 429 | 503)), "{said:?}");
    let late = try_from(&target, &[("X-Forwarded-For", "192.0.2.1")], "mary", "correct horse").await;
    assert_eq!(late, 303, "and then everybody gets in");
}
