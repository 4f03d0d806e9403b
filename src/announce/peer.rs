//! A service that keeps records of pushes, spoken to in JSON over HTTP: one request, one answer, with its token. It must never follow a redirect,
//! nor show the token. Called by the channels that keep records.

use super::answer::{judge, words_of};
use super::channel::Trouble;
use crate::config::Secret;
use crate::outbound::{self, Limits};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// What one request may take, and how much of the answer is read: lists of what is there already.
const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 1 << 20 };

/// The service.
#[derive(Clone)]
pub(super) struct Peer {
    /// Its address, which every path is added to; never ends with `/`.
    base: String,
    /// What proves who we are.
    authorization: HeaderValue,
    accept: &'static str,
    /// How messages call its table in the server's file.
    table: String,
}

impl Peer {
    /// A service that takes a token.
    pub(super) fn with_token(table: String, base: &str, token: &Secret, accept: &'static str) -> Result<Self, String> {
        Self::new(table, base, format!("Bearer {}", token.reveal()), accept)
    }

    /// A service that takes a name and a token.
    pub(super) fn with_user(
        table: String,
        base: &str,
        (user, token): (&str, &Secret),
        accept: &'static str,
    ) -> Result<Self, String> {
        Self::new(table, base, format!("Basic {}", STANDARD.encode(format!("{user}:{}", token.reveal()))), accept)
    }

    fn new(table: String, base: &str, authorization: String, accept: &'static str) -> Result<Self, String> {
        let mut authorization = HeaderValue::try_from(authorization).map_err(|_| "the token is no line of ASCII")?;
        authorization.set_sensitive(true);
        Ok(Self { base: base.trim_end_matches('/').to_owned(), authorization, accept, table })
    }

    /// The server, as messages call it.
    pub(super) fn server(&self) -> String {
        Url::parse(&self.base).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// Connects to it, and says nothing.
    pub(super) async fn reach(&self) -> Result<(), String> {
        let url = Url::parse(&self.base).map_err(|_| "its address cannot be read")?;
        outbound::reach(&url, LIMITS.time).await.map_err(|why| words_of(&why))
    }

    /// Asks for what is there. The path has its query; its parts are encoded by the caller.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends something.
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.ask(method, path, Some(body.to_string())).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Value, Trouble> {
        let never = |why: String| Trouble::Never(why);
        let url = Url::parse(&format!("{}{path}", self.base)).map_err(|error| never(error.to_string()))?;
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, self.accept);
        if let Some(body) = &body {
            request = request.header(CONTENT_TYPE, "application/json").header(CONTENT_LENGTH, body.len());
        }
        let request = request.body(body.unwrap_or_default().into_bytes()).map_err(|error| never(error.to_string()))?;
        let answer = outbound::ask(&url, request, LIMITS).await.map_err(|why| Trouble::Broken(words_of(&why)))?;
        judge(&self.server(), &self.table, &answer)?;
        match answer.body().iter().all(u8::is_ascii_whitespace) {
            true => Ok(Value::Null),
            false => serde_json::from_slice(answer.body())
                .map_err(|error| Trouble::Broken(format!("{} answered no JSON: {error}", self.server()))),
        }
    }
}
