//! A small HTTP/1.1 client, hyper's: one request a connection, answers that are read whole or as they come, event streams.
//! It must never use what the server uses to speak HTTP: it is how the demo and the journeys see what really goes over
//! the wire. Over the server's own Unix socket it is how the command line speaks to it, and over the network with a token (`away.rs`), which it
//! must never send anywhere but there: it follows no redirect, and keeps no cookie there.

mod away;
mod wire;

pub use self::away::{Away, PlainHttp};

use self::wire::{Answering, Brought, Wire};
use crate::socket;
use futures::TryStreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Request;
use hyper::body::{Bytes, Frame};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderValue, ORIGIN, SET_COOKIE,
};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

/// No answer that is read whole may be larger.
const WHOLE_LIMIT: usize = 64 << 20;
/// No event of a stream may be larger: a record of a journal has at most 4 MiB.
const EVENT_LIMIT: usize = 16 << 20;
/// How long a server on another machine may take to answer: it asks hosts, or takes a build first. A connection that is dead says nothing.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
/// The same after a build was sent.
const UPLOAD_LIMIT: Duration = Duration::from_secs(30 * 60);

/// A browser without a window: keeps cookies, says that its requests come from the site itself.
#[derive(Clone, Debug)]
pub struct Client {
    at: At,
    cookies: BTreeMap<String, String>,
    /// Said with every request.
    always: Vec<(&'static str, String)>,
}

/// Where the server listens.
#[derive(Clone, Debug)]
enum At {
    Network(SocketAddr),
    Socket(PathBuf),
    Away(Arc<Away>),
}

/// What to send along.
#[derive(Clone, Copy, Debug)]
pub enum RequestBody<'a> {
    /// Nothing.
    Nothing,
    /// A form, already encoded.
    Form(&'a str),
    /// JSON.
    Json(&'a str),
    /// So many bytes of a file, from where it stands.
    File(&'a std::fs::File, u64),
}

/// An answer whose body was not read yet.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case; of several with one name, the last.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Body,
}

/// A body that comes in as it is asked for; dropping it hangs up.
#[derive(Debug)]
pub struct Body(Answering);

impl Client {
    /// A client without cookies.
    pub fn new(at: SocketAddr) -> Self {
        Self { at: At::Network(at), cookies: BTreeMap::new(), always: Vec::new() }
    }

    /// A client of the server's own Unix socket, that says who speaks by a header.
    pub fn on_socket(path: &Path, (header, who): (&'static str, &str)) -> Self {
        Self { at: At::Socket(path.to_owned()), cookies: BTreeMap::new(), always: vec![(header, who.to_owned())] }
    }

    /// A client of a server on another machine.
    pub fn away(away: Arc<Away>) -> Self {
        Self { at: At::Away(away), cookies: BTreeMap::new(), always: Vec::new() }
    }

    /// Sends a request and reads the head of the answer; `more` are further headers.
    ///
    /// # Errors
    /// When the server cannot be reached or does not speak HTTP.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        sent: RequestBody<'_>,
        more: &[(&str, &str)],
    ) -> Result<Response> {
        let host = match &self.at {
            At::Network(at) => at.to_string(),
            At::Socket(_) => "localhost".to_owned(),
            At::Away(away) => away.site().authority().to_owned(),
        };
        let mut request = Request::builder().method(method).uri(path).header(HOST, &host).header(CONNECTION, "close");
        request = match &self.at {
            At::Away(away) => request.header(AUTHORIZATION, secret(&away.bearer())?),
            At::Network(_) | At::Socket(_) => {
                request.header(ORIGIN, format!("http://{host}")).header("Sec-Fetch-Site", "same-origin")
            }
        };
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let (kind, length, body) = brought(sent)?;
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        if kind.is_some() || method != "GET" {
            request = request.header(CONTENT_LENGTH, length);
        }
        let always = self.always.iter().map(|(name, value)| (*name, value.as_str()));
        let request =
            always.chain(more.iter().copied()).fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(body).map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
        let (head, body) = match &self.at {
            At::Network(at) => wire::ask(Wire::new(TcpStream::connect(at).await?), request).await?,
            At::Socket(path) => wire::ask(Wire::new(socket::connect(path).await?), request).await?,
            At::Away(away) => {
                let wire = away.connect().await?;
                let limit = if matches!(sent, RequestBody::File(..)) { UPLOAD_LIMIT } else { ANSWER_LIMIT };
                timeout(limit, wire::ask(wire, request)).await.map_err(|_| silent(limit))??
            }
        };
        let keeps_cookies = !matches!(self.at, At::Away(_));
        let mut headers = BTreeMap::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if name == SET_COOKIE
                && keeps_cookies
                && let Some((cookie, kept)) = value.split(';').next().and_then(|pair| pair.split_once('='))
            {
                self.cookies.insert(cookie.to_owned(), kept.to_owned());
            }
            headers.insert(name.as_str().to_owned(), value);
        }
        Ok(Response { status: head.status.as_u16(), headers, body: Body(body) })
    }

    /// Gets a page.
    ///
    /// # Errors
    /// When the server cannot be reached or does not speak HTTP.
    pub async fn get(&mut self, path: &str) -> Result<Response> {
        self.send("GET", path, RequestBody::Nothing, &[]).await
    }
}

/// A header that no log of the connection shows.
fn secret(text: &str) -> Result<HeaderValue> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| Error::new(ErrorKind::InvalidInput, "no header has that"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn silent(limit: Duration) -> Error {
    Error::new(ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
}

/// The kind, the length and the bytes of what is sent along.
fn brought(sent: RequestBody<'_>) -> Result<(Option<&'static str>, u64, Brought)> {
    let (kind, text) = match sent {
        RequestBody::File(file, length) => {
            let file = tokio::fs::File::from_std(file.try_clone()?).take(length);
            let parts = ReaderStream::new(file).map_ok(Frame::data);
            return Ok((Some("application/x-tar"), length, StreamBody::new(parts).boxed_unsync()));
        }
        RequestBody::Nothing => (None, ""),
        RequestBody::Form(form) => (Some("application/x-www-form-urlencoded"), form),
        RequestBody::Json(json) => (Some("application/json"), json),
    };
    let whole = Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {});
    Ok((kind, text.len() as u64, whole.boxed_unsync()))
}

impl Response {
    /// Reads the whole body as text; what is not UTF-8 is replaced.
    ///
    /// # Errors
    /// When the connection breaks, or the body is larger than 64 MiB.
    pub async fn text(mut self) -> Result<String> {
        let mut whole = Vec::new();
        loop {
            let next = timeout(ANSWER_LIMIT, self.body.next()).await.map_err(|_| silent(ANSWER_LIMIT))?;
            let Some(part) = next? else { break };
            whole.extend(part);
            if whole.len() > WHOLE_LIMIT {
                return Err(Error::new(ErrorKind::InvalidData, format!("an answer of more than {WHOLE_LIMIT} bytes")));
            }
        }
        Ok(String::from_utf8_lossy(&whole).into_owned())
    }

    /// Reads the body as an event stream.
    pub fn events(self) -> Events {
        Events { body: self.body, unread: Vec::new() }
    }
}

impl Body {
    /// The next bytes, as soon as there are some; none at the end.
    ///
    /// # Errors
    /// When the connection breaks before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.0.next().await
    }
}

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its name; `message` unless the stream says otherwise.
    pub name: String,
    /// Its id, when it has one.
    pub id: Option<String>,
    /// Its `data` lines.
    pub data: Vec<String>,
}

/// An event stream.
#[derive(Debug)]
pub struct Events {
    body: Body,
    unread: Vec<u8>,
}

impl Events {
    /// The next event that has a name or data; none at the end of the stream. Comments are passed over.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<SseEvent>> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(event) = parse_event(&String::from_utf8_lossy(&block)) {
                    return Ok(Some(event));
                }
            }
            match self.body.next().await? {
                Some(part) => self.unread.extend(part),
                None => return Ok(None),
            }
            if self.unread.len() > EVENT_LIMIT {
                return Err(Error::new(ErrorKind::InvalidData, format!("an event of more than {EVENT_LIMIT} bytes")));
            }
        }
    }
}

fn parse_event(block: &str) -> Option<SseEvent> {
    let mut event = SseEvent { name: "message".to_owned(), ..SseEvent::default() };
    let mut said = false;
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "data" => event.data.push(value.to_owned()),
            _ => continue,
        }
        said = true;
    }
    said.then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    /// Answers one connection with these bytes, however cut.
    async fn answered_with(parts: &'static [&'static str]) -> Response {
        asked_of(parts).await.unwrap()
    }

    async fn asked_of(parts: &'static [&'static str]) -> Result<Response> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            for part in parts {
                // Who has heard enough hangs up.
                let _ = stream.write_all(part.as_bytes()).await;
                let _ = stream.flush().await;
                tokio::task::yield_now().await;
            }
        });
        Client::new(at).get("/").await
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_whether_its_length_is_known_chunked_or_open() {
        for parts in [
            &["HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhel", "lo and more"] as &[_],
            &["HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=", "y\r\nlo\r\n0\r\n\r\n"],
            &["HTTP/1.1 201 Created\r\n\r", "\nhello"],
        ] {
            let answer = answered_with(parts).await;
            assert_eq!((answer.status, answer.text().await.unwrap().as_str()), (201, "hello"), "{parts:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_is_an_error() {
        for parts in [
            &["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"] as &[_],
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello"],
        ] {
            assert!(answered_with(parts).await.text().await.is_err(), "{parts:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_or_has_an_endless_head_is_an_error() {
        for head in [
            "SSH-2.0-OpenSSH_10.0\r\n\r\n".to_owned(),
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20)),
        ] {
            let parts: &'static [&'static str] = Box::leak(Box::new([&*head.leak()]));
            assert!(asked_of(parts).await.is_err());
        }
    }

    #[tokio::test]
    async fn the_answer_of_a_server_that_does_not_read_to_the_end_is_read() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            stream.write_all(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 4\r\n\r\nmuch").await.unwrap();
        });
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        let answer = Client::new(at).send("POST", "/", RequestBody::File(&file, 64 << 20), &[]).await.unwrap();
        assert_eq!((answer.status, answer.text().await.unwrap().as_str()), (413, "much"));
    }

    #[tokio::test]
    async fn who_drops_an_answer_hangs_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n: hello\n\n").await.unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
        });
        let mut events = Client::new(at).get("/").await.unwrap();
        assert_eq!(events.body.next().await.unwrap().unwrap(), ": hello\n\n");
        drop(events);
        tokio::time::timeout(std::time::Duration::from_secs(60), served).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn events_come_whole_however_the_stream_is_cut() {
        let answer = answered_with(&[
            "HTTP/1.1 200 OK\r\n\r\n: hello\n\nid: 12\nda",
            "ta: {\"n\":1}\ndata: {\"n\":2}\n",
            "\n: still here\n\nevent: end\ndata:\n\n",
        ])
        .await;
        let mut events = answer.events();
        let first = events.next().await.unwrap().unwrap();
        assert_eq!((first.name.as_str(), first.id.as_deref()), ("message", Some("12")));
        assert_eq!(first.data, ["{\"n\":1}", "{\"n\":2}"]);
        assert_eq!(events.next().await.unwrap().unwrap().name, "end");
        assert_eq!(events.next().await.unwrap(), None);
    }
}
