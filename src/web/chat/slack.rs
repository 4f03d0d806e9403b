//! `POST /hooks/slack`: Slack's slash command, signed by Slack with the secret of `[chat]`. It must never answer who did not sign, nor twice the same
//! request, nor later than Slack waits.

use super::ask::{self, Asking};
use super::parse::{self, ChatCommand};
use super::speaker::Speaker;
use crate::ledger::audit::place::{Place, coming_from};
use crate::ledger::chats;
use crate::time::At;
use crate::web::app::App;
use crate::web::hooks::signature::one;
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::problem::{Problem, Reply};
use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::hmac;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A request that is older, or comes from so far ahead, is not of now.
const CLOCKS_APART_S: i64 = 300;
/// Slack waits 3 s: by then it has an answer.
const ANSWER_IN: Duration = Duration::from_millis(2_500);
/// The longest body, in bytes: a command is a few hundred.
const LONGEST: usize = 64 << 10;
/// How long a body may take.
const BODY_IN: Duration = Duration::from_secs(5);

/// What Slack sends of a command.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Slash {
    team_id: String,
    user_id: String,
    command: String,
    text: String,
}

/// `POST /hooks/slack`
pub async fn receive(app: Data<App>, request: HttpRequest, payload: Payload) -> Reply {
    let Some(secret) = app.hooks.slack() else {
        let cure =
            "write the signing secret of the app into a file that slack_secret_file in [chat] names (docs/chat.md)";
        return Err(Problem::unknown("the slash command of Slack").with_cure(cure));
    };
    let from = ClientAddress::of(&app.desk.config().trusted_proxies, &request);
    app.budgets
        .hooks
        .take(&from.counted_as(), Instant::now())
        .map_err(|wait| Problem::too_often("webhooks came", wait))?;
    let body = match timeout(BODY_IN, payload.to_bytes_limited(LONGEST)).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(_))) => return Err(Problem::bad_request("the body broke off")),
        Ok(Err(_)) => return Err(Problem::too_large()),
        Err(_) => return Err(Problem::too_slow()),
    };
    if !is_signed(request.headers(), &body, secret.reveal(), At::now()) {
        app.failures.note(app.desk.ledger(), from, None, "webhook");
        return Err(Problem::not_signed("Slack"));
    }
    let signature = one(request.headers(), "x-slack-signature").unwrap_or_default();
    if app.hooks.is_known("slack", signature.as_bytes(), Instant::now()) {
        return Err(Problem::bad_request("this request of Slack has come already"));
    }
    // What came to an earlier run of this server is not remembered: it could be sent once more.
    if signed_at_s(request.headers()).is_none_or(|at| at < app.hooks.remembers_since.millis().div_euclid(1000)) {
        return Err(Problem::bad_request("this request of Slack is older than this run of the server"));
    }
    let Query(slash) = std::str::from_utf8(&body)
        .ok()
        .and_then(|text| Query::<Slash>::from_query(text).ok())
        .ok_or_else(|| Problem::bad_request("the body is not that of a slash command"))?;
    let shared = app.clone();
    let answering = actix_web::rt::spawn(async move { coming_from(Place::Slack, answer(&shared, slash)).await });
    let text = match timeout(ANSWER_IN, answering).await {
        Ok(Ok(Ok(text))) => text,
        Ok(Ok(Err(problem))) => return Err(problem),
        Ok(Err(broke)) => return Err(Problem::broken(broke)),
        // It is carried out all the same.
        Err(_) => format!("this takes longer than Slack waits; see {}", app.desk.config().url),
    };
    // Only who asked reads it.
    Ok(HttpResponse::Ok().json(json!({ "response_type": "ephemeral", "text": escaped(&text) })))
}

async fn answer(app: &App, slash: Slash) -> Result<String, Problem> {
    let is_id = |id: &str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_id(&slash.team_id) || !is_id(&slash.user_id) {
        return Err(Problem::bad_request("the slash command does not say whose it is"));
    }
    let mark: String = slash.command.chars().filter(|c| !c.is_control()).take(32).collect();
    let place = format!("slack {}", slash.team_id);
    if app.budgets.chat.take(&format!("{place} {}", slash.user_id), Instant::now()).is_err() {
        return Ok("too often; wait a minute".to_owned());
    }
    let command = match parse::command(&slash.text) {
        None => return Ok(format!("{mark} help says what can be asked")),
        Some(Err(usage)) => return Ok(format!("usage: {mark} {usage}")),
        Some(Ok(command)) => command,
    };
    if let ChatCommand::Bind(code) = &command {
        return bind(app, &place, &slash.user_id, code).await;
    }
    let Some(speaker) = Speaker::bound(app, &place, &slash.user_id).await? else {
        let url = &app.desk.config().url;
        return Ok(format!(
            "your Slack account is bound to nobody: make a code on {url}/account, then say {mark} bind CODE"
        ));
    };
    let may_change = app.desk.config().chat.as_ref().is_some_and(|chat| chat.commands);
    let mark = format!("{mark} ");
    let asking = Asking { access: &speaker.access, speaker: Some(&speaker), may_change, mark: &mark };
    Ok(ask::answer(app, &asking, command).await.join("\n"))
}

async fn bind(app: &App, place: &str, user: &str, code: &str) -> Result<String, Problem> {
    let (place, user, code) = (place.to_owned(), user.to_owned(), code.to_owned());
    let bound = app.desk.ledger().write(move |tx| {
        let now = At::now();
        let Some(who) = chats::take_code(tx, &code, now)? else { return Ok(None) };
        chats::bind(tx, &place, &user, &who, now)?;
        Ok(Some(who))
    });
    Ok(match bound.await? {
        Some(who) => format!("your Slack account is bound to {who}"),
        None => "that code is not known: it works once, for ten minutes".to_owned(),
    })
}

/// When a request was signed, in seconds since 1970.
fn signed_at_s(headers: &HeaderMap) -> Option<i64> {
    one(headers, "x-slack-request-timestamp")?.parse().ok()
}

/// Whether these headers prove that the body is of Slack, and of now: `v0=` and the HMAC-SHA256 of `v0:TIME:BODY`.
fn is_signed(headers: &HeaderMap, body: &Bytes, secret: &str, now: At) -> bool {
    let (Some(time), Some(sent)) = (one(headers, "x-slack-request-timestamp"), one(headers, "x-slack-signature"))
    else {
        return false;
    };
    let digits = sent.strip_prefix("v0=").and_then(crate::web::hooks::signature::bytes);
    let (Ok(at), Some(tag)) = (time.parse::<i64>(), digits) else { return false };
    if !time.bytes().all(|b| b.is_ascii_digit()) || (now.millis() / 1000 - at).abs() > CLOCKS_APART_S {
        return false;
    }
    let signed = [b"v0:", time.as_bytes(), b":", body].concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed, &tag).is_ok()
}

/// Text for Slack: nothing of it is a mention or a link of others.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    /// The example of Slack's own documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIME: &str = "1531420618";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn tried(lines: &[(&'static str, &str)], body: &str, secret: &str, now_s: i64) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        is_signed(&headers, &Bytes::copy_from_slice(body.as_bytes()), secret, At::from_millis(now_s * 1000))
    }

    #[test]
    fn the_example_of_slack_is_taken_and_whatever_differs_is_not() {
        let (time, signature) = (("x-slack-request-timestamp", TIME), ("x-slack-signature", SIGNATURE));
        let now = 1_531_420_618;
        assert!(tried(&[time, signature], BODY, SECRET, now));
        assert!(
            tried(&[time, signature], BODY, SECRET, now + 300) && tried(&[time, signature], BODY, SECRET, now - 300)
        );
        assert!(
            !tried(&[time, signature], BODY, SECRET, now + 301) && !tried(&[time, signature], BODY, SECRET, now - 301)
        );
        assert!(!tried(&[time, signature], &format!("{BODY}&"), SECRET, now));
        assert!(!tried(&[time, signature], BODY, "another", now));
        assert!(!tried(&[time], BODY, SECRET, now) && !tried(&[signature], BODY, SECRET, now));
        assert!(!tried(&[time, time, signature], BODY, SECRET, now), "twice");
        for wrong in ["1531420619", "+1531420618", " 1531420618", "", "x"] {
            assert!(!tried(&[("x-slack-request-timestamp", wrong), signature], BODY, SECRET, now), "{wrong}");
        }
        let upper = SIGNATURE.replace("v0=", "v1=");
        assert!(!tried(&[time, ("x-slack-signature", &upper)], BODY, SECRET, now));
        assert_eq!(escaped("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
    }

    #[test]
    fn the_body_of_slack_says_who_and_what() {
        let Query(slash) = Query::<Slash>::from_query(BODY).unwrap();
        assert_eq!(
            (slash.team_id.as_str(), slash.user_id.as_str(), slash.command.as_str(), slash.text.as_str()),
            ("T1DC2JH3J", "U2CERLKJA", "/webhook-collect", "")
        );
    }
}
