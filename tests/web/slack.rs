//! Slack's slash command: signed, of now, once; bound by a code; with the rights of the person.

use super::*;
use aws_lc_rs::hmac;
use std::os::unix::fs::PermissionsExt;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

impl Site {
    async fn slash(&self, text: &str, user: &str, age_s: i64) -> Answer {
        let body = format!("team_id=T1&user_id={user}&command=%2Fpush&text={}", pushbutton::address::encoded(text));
        self.slash_of(&body, &signed(&body, SECRET, age_s)).await
    }

    async fn slash_of(&self, body: &str, (time, signature): &(String, String)) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let lines = [("x-slack-request-timestamp", time.as_str()), ("x-slack-signature", signature.as_str()), kind];
        self.ask("POST", "/hooks/slack", &lines, body).await
    }

    async fn said(&self, text: &str, user: &str) -> String {
        let answer = self.slash(text, user, 0).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(answer["response_type"], "ephemeral");
        answer["text"].as_str().unwrap().to_owned()
    }
}

fn signed(body: &str, secret: &str, age_s: i64) -> (String, String) {
    let time = (At::now().millis() / 1000 - age_s).to_string();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), format!("v0:{time}:{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    (time, format!("v0={digits}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_command_is_answered_when_it_is_signed_and_obeyed_when_its_account_is_bound() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("slack.secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let site = Site::with("open", &format!("[chat]\ncommands = true\nslack_secret_file = {secret:?}\n")).await;
    let mary = site.mary().await;
    let sha = site.seen(&mary).await;

    let body = "team_id=T1&user_id=U1&command=%2Fpush&text=help";
    let good = signed(body, SECRET, 0);
    for (what, proof) in [
        ("another secret", signed(body, "another", 0)),
        ("too old", signed(body, SECRET, 301)),
        ("too new", signed(body, SECRET, -301)),
        ("another body", signed("text=help", SECRET, 0)),
    ] {
        assert_eq!(site.slash_of(body, &proof).await.status, 401, "{what}");
    }
    assert_eq!(site.slash_of(body, &good).await.status, 200);
    assert_eq!(site.slash_of(body, &good).await.status, 400, "it came already");
    // Nobody knows what came to an earlier run of the server.
    assert_eq!(site.slash_of(body, &signed(body, SECRET, 60)).await.status, 400, "from before the start");

    assert!(site.said("status", "U1").await.starts_with("your Slack account is bound to nobody"));
    assert_eq!(site.said("bind 0000-0000-0000", "U1").await, "that code is not known: it works once, for ten minutes");
    let page = site.post(&mary, "/account/chat", "").await;
    let code = page.text().split_once(">bind ").unwrap().1.split('<').next().unwrap().to_owned();
    assert_eq!(site.said(&format!("bind {code}"), "U1").await, "your Slack account is bound to mary");
    assert_eq!(
        site.said(&format!("bind {code}"), "U2").await,
        "that code is not known: it works once, for ten minutes"
    );
    assert!(site.said("status web", "U1").await.starts_with("web: qa nothing yet"));
    assert_eq!(site.said("deploy it <!channel>", "U1").await, "/push help says what can be asked");
    let said = site.said("push web qa", "U1").await;
    assert!(said.starts_with(&format!("push 1 of web to qa has started: {}", &sha[..7])), "{said}");
    assert!(said.ends_with("/pushes/1"), "{said}");
    assert!(site.said("push web qa", "U2").await.starts_with("your Slack account is bound to nobody"));
    let push = site.get(&mary, "/api/v1/pushes/1").await.json();
    assert_eq!(push["push"]["who"], "mary");

    let page = site.get(&mary, "/account").await;
    assert!(page.text().contains("<b>U1</b> of slack T1, since"), "{}", page.text());
    assert_eq!(site.post(&mary, "/account/chat/unbind", "place=slack+T1&id=U1").await.status, 303);
    assert!(site.said("who", "U1").await.starts_with("your Slack account is bound to nobody"));
    let journal = site.play(1).await;
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_secret_there_is_no_slash_command() {
    let site = Site::open().await;
    let body = "text=help";
    let answer = site.slash_of(body, &signed(body, SECRET, 0)).await;
    assert_eq!(answer.status, 404);
    site.close().await;
}
