//! Asks another server over HTTP: one request, one answer, within limits of time and bytes, over TLS where its address says so. It must never
//! follow a redirect, which could lead a secret elsewhere. Used by what asks a provider of accounts, and by the webhooks.

use crate::tls;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Url;

/// How long an answer may take, and how long it may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For all of it.
    pub time: Duration,
    /// Of the answer's body.
    pub bytes: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The address is none that may be asked.
    #[error("{0} is not an address that is asked: {1}")]
    Address(String, &'static str),
    /// Nobody answers there.
    #[error("cannot reach {0}: {1}")]
    Connect(String, io::Error),
    /// What was sent or came back is no HTTP.
    #[error("{0} did not answer: {1}")]
    Http(String, hyper::Error),
    /// It came back wrong, or too long.
    #[error("the answer of {0} cannot be read: {1}")]
    Body(String, Box<dyn std::error::Error + Send + Sync>),
    /// Too slow.
    #[error("{0} did not answer within {1} s")]
    Slow(String, u64),
}

/// Sends a request to the server of an address and takes the answer. Errors name the server, never the path.
///
/// # Errors
/// Why there is none.
pub async fn ask(url: &Url, request: Request<Vec<u8>>, limits: Limits) -> Result<Response<Vec<u8>>, NoAnswer> {
    let base = url.origin().ascii_serialization();
    let asked = tokio::time::timeout(limits.time, ask_at(&base, url, request, limits.bytes));
    asked.await.map_err(|_| NoAnswer::Slow(base.clone(), limits.time.as_secs()))?
}

/// Connects to the server of an address, and says nothing.
///
/// # Errors
/// Why it cannot be reached.
pub async fn reach(url: &Url, time: Duration) -> Result<(), NoAnswer> {
    let base = url.origin().ascii_serialization();
    let connecting = async {
        let tcp = connect(&base, url).await?;
        match url.scheme() {
            "https" => secured(&base, url, tcp).await.map(drop),
            _ => Ok(()),
        }
    };
    tokio::time::timeout(time, connecting).await.map_err(|_| NoAnswer::Slow(base.clone(), time.as_secs()))?
}

async fn ask_at(base: &str, url: &Url, request: Request<Vec<u8>>, most: usize) -> Result<Response<Vec<u8>>, NoAnswer> {
    let tcp = connect(base, url).await?;
    match url.scheme() {
        "https" => send(base, TokioIo::new(secured(base, url, tcp).await?), request, most).await,
        _ => send(base, TokioIo::new(tcp), request, most).await,
    }
}

/// The name or the address of the server, without the brackets of an IPv6 address.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

async fn connect(base: &str, url: &Url) -> Result<TcpStream, NoAnswer> {
    let port = url.port_or_known_default().unwrap_or(443);
    TcpStream::connect((host(url), port)).await.map_err(|error| NoAnswer::Connect(base.to_owned(), error))
}

async fn secured(base: &str, url: &Url, tcp: TcpStream) -> Result<TlsStream<TcpStream>, NoAnswer> {
    let connect = |error| NoAnswer::Connect(base.to_owned(), error);
    let trust = tls::trust().ok_or_else(|| connect(io::Error::other("no certificate authorities are here")))?;
    tls::connect(trust, host(url), tcp).await.map_err(connect)
}

async fn send<C>(
    base: &str,
    connection: C,
    request: Request<Vec<u8>>,
    most: usize,
) -> Result<Response<Vec<u8>>, NoAnswer>
where
    C: Read + Write + Unpin + Send + 'static,
{
    let http = |error| NoAnswer::Http(base.to_owned(), error);
    let (mut sender, driver) = http1::handshake(connection).await.map_err(http)?;
    // It ends with the sender, at the end of this function.
    tokio::spawn(driver);
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map_or("", |authority| authority.as_str());
    if let Ok(host) = HeaderValue::from_str(authority) {
        head.headers.insert(HOST, host);
    }
    head.headers.insert(USER_AGENT, HeaderValue::from_static("pushbutton"));
    if let Some(path) = head.uri.path_and_query() {
        head.uri = path.clone().into();
    }
    let answer = sender.send_request(Request::from_parts(head, Full::new(Bytes::from(body)))).await.map_err(http)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await;
    let body = body.map_err(|error| NoAnswer::Body(base.to_owned(), error))?.to_bytes();
    Ok(Response::from_parts(head, body.to_vec()))
}
