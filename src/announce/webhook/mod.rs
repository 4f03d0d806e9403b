//! Webhooks: each announcement is one POST, signed, with a key that tells a repeat. It must never follow a redirect, nor say where it sends,
//! which may be a secret: errors name the server alone.

mod body;
mod sign;

use super::answer::{judge, words_of};
use super::channel::{Begin, Channel, Delivered, Trouble};
use super::delivery::deliver;
use super::words::Trial;
use crate::config::{self, ChannelConfig, ChannelKind, Secret, WebhookFormat};
use crate::ledger::outbox::{Announced, Announcement};
use crate::outbound::{self, Limits};
use crate::time::At;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use std::future::pending;
use std::time::Duration;
use url::Url;

/// What one delivery may take, and how much of the answer is read: it is shown when it is no success.
const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 64 << 10 };

/// What begins the channel, when its table can be used; `url` is where the pages are.
pub(super) fn ready(channel: &ChannelConfig, config: &config::Webhook, url: &str) -> Result<Begin, String> {
    let (name, webhook) = (channel.name.clone(), Webhook::new(channel, config, url)?);
    Ok(Box::new(move |with, tasks| {
        let (health, stop) = (with.health.clone(), with.stop.clone());
        tasks.spawn(
            health.keep("announce by webhook", stop, move || deliver(webhook.clone(), name.clone(), with.clone())),
        );
    }))
}

/// Connects to the server, and sends nothing: what would be sent there is read by people.
pub(super) async fn look(config: &config::Webhook) -> Result<String, String> {
    let to = config.address()?;
    config.password.read().map_err(|why| why.to_string())?;
    outbound::reach(&to, LIMITS.time).await.map_err(|why| words_of(&why))?;
    Ok(format!("{} can be reached", to.origin().ascii_serialization()))
}

/// Sends a message: which server took it.
pub(super) async fn trial(
    channel: &ChannelConfig,
    config: &config::Webhook,
    url: &str,
    trial: &Trial,
) -> Result<String, String> {
    let webhook = Webhook::new(channel, config, url)?;
    let body = body::of_trial(webhook.format, trial, &webhook.source);
    webhook.send(&trial.key(), body, trial.at).await.map_err(Trouble::why)?;
    Ok(format!("{} took it", webhook.to.origin().ascii_serialization()))
}

/// Where announcements are sent, and how.
#[derive(Clone)]
struct Webhook {
    /// How messages call its table in the server's file.
    table: String,
    to: Url,
    format: WebhookFormat,
    secret: Option<Secret>,
    /// The address of the pages.
    source: String,
}

impl Channel for Webhook {
    const KIND: ChannelKind = ChannelKind::Webhook;

    async fn tell(
        &mut self,
        place: Option<&str>,
        announced: &Announced,
        _begun: Option<&str>,
    ) -> Result<Delivered, Trouble> {
        if let Some(place) = place {
            return Err(Trouble::no_such_place(place));
        }
        let now = At::now();
        self.send(&announced.key(), body::of(self.format, announced, &self.source, now), now).await
    }

    async fn tell_piled(&mut self, place: Option<&str>, piled: &[Announcement]) -> Result<Delivered, Trouble> {
        // Its limits say that nothing is folded: it is never given more than one.
        match piled {
            [one, ..] => self.tell(place, &Announced::Push(Box::new(one.clone())), None).await,
            [] => Ok(Delivered { words: String::new(), problem: None }),
        }
    }

    async fn recovered(&mut self) {
        // It is known only by trying.
        pending().await
    }
}

impl Webhook {
    fn new(channel: &ChannelConfig, config: &config::Webhook, url: &str) -> Result<Self, String> {
        Ok(Self {
            table: channel.table(),
            to: config.address()?,
            format: config.format,
            secret: config.password.read().map_err(|why| why.to_string())?,
            source: url.to_owned(),
        })
    }

    async fn send(&self, key: &str, body: String, now: At) -> Result<Delivered, Trouble> {
        let request = self.request(key, &body, now).map_err(|error| Trouble::Never(error.to_string()))?;
        let server = self.to.origin().ascii_serialization();
        match outbound::ask(&self.to, request, LIMITS).await {
            Ok(answer) => judge(&server, &self.table, &answer).map(|()| Delivered { words: body, problem: None }),
            Err(why) => Err(Trouble::Broken(words_of(&why))),
        }
    }

    fn request(&self, key: &str, body: &str, now: At) -> Result<Request<Vec<u8>>, hyper::http::Error> {
        let mut request = Request::post(self.to.as_str()).header(CONTENT_TYPE, body::content_type(self.format));
        for (name, value) in sign::headers(self.secret.as_ref().map(Secret::reveal), key, now, body) {
            request = request.header(name, value);
        }
        request = request.header("idempotency-key", key).header("content-length", body.len());
        request.body(body.as_bytes().to_vec())
    }
}
