//! Webhooks: each announcement is one POST, signed, with a key that tells a repeat. It must never follow a redirect, nor say where it sends,
//! which may be a secret: errors name the server alone.

mod body;
mod sign;

use super::channel::{Begin, Channel, Delivered, Trouble};
use super::delivery::deliver;
use super::words;
use crate::advice::{Advice, tls};
use crate::config::{self, ChannelKind, Secret, WebhookFormat};
use crate::ledger::outbox::{Announced, Announcement};
use crate::outbound::{self, Limits, NoAnswer};
use crate::time::At;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use std::future::pending;
use std::time::Duration;
use url::Url;

/// What one delivery may take, and how much of the answer is read: it is shown when it is no success.
const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 64 << 10 };
/// Of what the other side says, in characters.
const SHOWN: usize = 200;

/// What begins the channel, when its table can be used; `url` is where the pages are.
pub(super) fn ready(config: &config::Webhook, url: &str) -> Result<Begin, String> {
    let webhook = Webhook {
        to: config.address()?,
        format: config.format,
        secret: config.password.read().map_err(|why| why.to_string())?,
        source: url.to_owned(),
    };
    Ok(Box::new(move |with, tasks| {
        let (health, stop) = (with.health.clone(), with.stop.clone());
        tasks.spawn(health.keep("announce by webhook", stop, move || deliver(webhook.clone(), with.clone())));
    }))
}

/// Connects to the server, and sends nothing: what would be sent there is read by people.
pub(super) async fn look(config: &config::Webhook) -> Result<String, String> {
    let to = config.address()?;
    config.password.read().map_err(|why| why.to_string())?;
    outbound::reach(&to, LIMITS.time).await.map_err(|why| words_of(&why))?;
    Ok(format!("{} can be reached", to.origin().ascii_serialization()))
}

/// Where announcements are sent, and how.
#[derive(Clone)]
struct Webhook {
    to: Url,
    format: WebhookFormat,
    secret: Option<Secret>,
    /// The address of the pages.
    source: String,
}

impl Channel for Webhook {
    const KIND: ChannelKind = ChannelKind::Webhook;

    async fn tell(&mut self, announced: &Announced) -> Result<Delivered, Trouble> {
        let now = At::now();
        let body = body::of(self.format, announced, &self.source, now);
        let request = self.request(&announced.key(), &body, now).map_err(|error| Trouble::Never(error.to_string()))?;
        let server = self.to.origin().ascii_serialization();
        match outbound::ask(&self.to, request, LIMITS).await {
            Ok(answer) => judge(&server, &answer).map(|problem| Delivered { words: body, problem }),
            Err(why) => Err(Trouble::Broken(words_of(&why))),
        }
    }

    async fn tell_piled(&mut self, piled: &[Announcement]) -> Result<Delivered, Trouble> {
        // Its limits say that nothing is folded: it is never given more than one.
        match piled {
            [one, ..] => self.tell(&Announced::Push(Box::new(one.clone()))).await,
            [] => Ok(Delivered { words: String::new(), problem: None }),
        }
    }

    async fn recovered(&mut self) {
        // It is known only by trying.
        pending().await
    }
}

impl Webhook {
    fn request(&self, key: &str, body: &str, now: At) -> Result<Request<Vec<u8>>, hyper::http::Error> {
        let mut request = Request::post(self.to.as_str()).header(CONTENT_TYPE, body::content_type(self.format));
        for (name, value) in sign::headers(self.secret.as_ref().map(Secret::reveal), key, now, body) {
            request = request.header(name, value);
        }
        request = request.header("idempotency-key", key).header("content-length", body.len());
        request.body(body.as_bytes().to_vec())
    }
}

/// What an answer means: a success, or whether it is about this announcement, or about all of them.
fn judge(server: &str, answer: &Response<Vec<u8>>) -> Result<Option<String>, Trouble> {
    let status = answer.status();
    let said: String = String::from_utf8_lossy(answer.body()).split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = super::clean::line(&said).chars().take(SHOWN).collect();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let why = format!("{server} answered {status}{said}");
    match status {
        _ if status.is_success() => Ok(None),
        // What is said is wrong, and will be tomorrow.
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Trouble::Never(why))
        }
        StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Later(why)),
        _ if status.is_redirection() => {
            Err(Trouble::Broken(format!("{why} (redirects are not followed): write the new address in [webhook]")))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(
            Trouble::Broken(format!("{why}: the address or the secret of [webhook] is not accepted there any more")),
        ),
        _ => Err(Trouble::Broken(why)),
    }
}

/// Why there is no answer, with what to do where that is known.
fn words_of(why: &NoAnswer) -> String {
    Advice::of(&why.to_string(), tls::CASES, &[]).words()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_the_announcement_itself_is_final() {
        let judged = |status: u16| {
            let answer = Response::builder().status(status).body(b"no\n  <b>such</b>\x1b[31m".to_vec()).unwrap();
            judge("https://hooks.example.com", &answer)
        };
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status), Ok(None));
        }
        for status in [400, 413, 422] {
            assert!(matches!(judged(status), Err(Trouble::Never(_))), "{status}");
        }
        assert!(matches!(judged(429), Err(Trouble::Later(_))));
        for status in [301, 302, 308, 401, 403, 404, 410, 500, 502, 503] {
            assert!(matches!(judged(status), Err(Trouble::Broken(_))), "{status}");
        }
        let Err(Trouble::Broken(why)) = judged(500) else { panic!() };
        assert!(why.contains("answered 500 Internal Server Error: no <b>such</b>") && !why.contains('\x1b'), "{why}");
    }
}
