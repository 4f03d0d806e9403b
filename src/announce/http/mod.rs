//! Requests of one's own making: address, headers and body of the server's file, with the fields of an announcement in them. It must never let a
//! value be more than text in a body, a path or a query, never follow a redirect, nor say where it sends: errors name the server alone.

mod fields;
mod spans;

use crate::address::encoded;
use crate::announce::answer::{judge, words_of};
use crate::announce::channel::{Begin, Channel, Delivered, Trouble};
use crate::announce::delivery::deliver;
use crate::announce::words::Trial;
use crate::config::{self, ChannelConfig, ChannelKind, Filled, SecretName};
use crate::ledger::Ledger;
use crate::ledger::outbox::{Announced, Announcement};
use crate::ledger::pushes;
use crate::outbound::{self, Limits};
use crate::time::At;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request};
use serde_json::{Map, Value};
use std::future::pending;
use std::time::Duration;
use url::Url;

/// What one delivery may take, and how much of the answer is read: it is shown when it is no success.
const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 64 << 10 };

/// The request, with its fields still open.
#[derive(Clone)]
pub(super) struct Http {
    table: String,
    address: String,
    method: &'static str,
    headers: HeaderMap,
    body: Filled,
    source: String,
}

impl Http {
    /// As the table says, with its secrets.
    pub(super) fn new(channel: &ChannelConfig, config: &config::Http, url: &str) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut put = |name: &str, value: &str, secret: bool| {
            let bad = || format!("the header {name} cannot be sent");
            let name = HeaderName::try_from(name).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(secret);
            headers.insert(name, value);
            Ok::<_, String>(())
        };
        for (name, value) in &config.headers {
            put(name, value, false)?;
        }
        for (name, file) in &config.header_files {
            let secret = SecretName { password_file: Some(file.clone()), password_env: None };
            let secret = secret.read().map_err(|why| format!("{why}: {}", why.cure()))?;
            put(name, secret.as_ref().map_or("", config::Secret::reveal), true)?;
        }
        Ok(Self {
            table: channel.table(),
            address: config.address()?,
            method: config.method.word(),
            headers,
            body: config.filled()?,
            source: url.to_owned(),
        })
    }

    /// What begins the channel.
    pub(super) fn ready(self, channel: &ChannelConfig) -> Begin {
        let name = channel.name.clone();
        Box::new(move |with, tasks| {
            let (health, stop) = (with.health.clone(), with.stop.clone());
            tasks.spawn(health.keep("announce by HTTP", stop, move || {
                let sender = Sender { http: self.clone(), ledger: with.ledger.clone() };
                deliver(sender, name.clone(), with.clone())
            }));
        })
    }

    /// Connects to the server, and sends nothing.
    pub(super) async fn look(&self) -> Result<String, String> {
        let url = self.url(&Map::new())?;
        outbound::reach(&url, LIMITS.time).await.map_err(|why| words_of(&why))?;
        Ok(format!("{} can be reached", url.origin().ascii_serialization()))
    }

    /// Sends a request that announces nothing.
    pub(super) async fn trial(&self, trial: &Trial) -> Result<String, String> {
        let fields = fields::of_trial(trial, &self.source);
        self.send(&trial.key(), &fields).await.map_err(Trouble::why)?;
        let url = self.url(&fields)?;
        Ok(format!("{} took it", url.origin().ascii_serialization()))
    }

    /// The address, each value one part of its path or query.
    fn url(&self, fields: &Map<String, Value>) -> Result<Url, String> {
        let text = Filled::fill_text(&self.address, fields, |value| encoded(&value));
        Url::parse(&text).map_err(|error| format!("its address cannot be used: {error}"))
    }

    async fn send(&self, key: &str, fields: &Map<String, Value>) -> Result<Delivered, Trouble> {
        let (url, body) = (self.url(fields).map_err(Trouble::Never)?, self.body.fill(fields).to_string());
        let mut request = Request::builder().method(self.method).uri(url.as_str());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .header("idempotency-key", key)
            .header(CONTENT_LENGTH, body.len())
            .body(body.as_bytes().to_vec())
            .map_err(|error| Trouble::Never(error.to_string()))?;
        let answer = outbound::ask(&url, request, LIMITS).await.map_err(|why| Trouble::Broken(words_of(&why)))?;
        judge(&url.origin().ascii_serialization(), &self.table, &answer)?;
        Ok(Delivered { words: body, problem: None })
    }
}

/// The channel: a request for each announcement, with what the ledger knows of the push.
struct Sender {
    http: Http,
    ledger: Ledger,
}

impl Channel for Sender {
    const KIND: ChannelKind = ChannelKind::Http;

    async fn tell(
        &mut self,
        place: Option<&str>,
        announced: &Announced,
        _begun: Option<&str>,
    ) -> Result<Delivered, Trouble> {
        if let Some(place) = place {
            return Err(Trouble::no_such_place(place));
        }
        let mut fields = fields::of(announced, &self.http.source, At::now());
        if let (Announced::Push(push), true) = (announced, self.http.body.names("spans")) {
            let id = push.push.id;
            let commands = self.ledger.read(move |conn| pushes::commands(conn, id)).await;
            let commands = commands.map_err(|error| Trouble::Later(error.to_string()))?;
            fields.insert("spans".to_owned(), spans::of(push, &commands, &self.http.source));
        }
        self.http.send(&announced.key(), &fields).await
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
