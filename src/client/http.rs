//! A small HTTP/1.1 client on a plain socket: one request a connection, plain or chunked answers, event streams.
//! It must never use what the server uses to speak HTTP: it is how the demo and the journeys see what really goes over
//! the wire. Over the server's own Unix socket it is how the command line speaks to it.

use crate::socket;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// No answer that is read whole may be larger.
const WHOLE_LIMIT: usize = 64 << 20;
/// No line of a head may be longer.
const LINE_LIMIT: u64 = 64 << 10;

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
}

/// A connection of either kind.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Connection for T {}
type Stream = BufReader<Box<dyn Connection>>;

/// What to send along.
#[derive(Clone, Copy, Debug)]
pub enum Sent<'a> {
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
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case; of several with one name, the last.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Body,
}

/// A body that comes in as it is asked for.
#[derive(Debug)]
pub struct Body {
    stream: Stream,
    rest: Rest,
}

#[derive(Clone, Copy, Debug)]
enum Rest {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks, until an empty one.
    Chunked,
    /// Everything until the connection closes.
    UntilClosed,
    /// Nothing.
    Ended,
}

impl Client {
    /// A client without cookies.
    pub fn new(at: SocketAddr) -> Self {
        Self { at: At::Network(at), cookies: BTreeMap::new(), always: Vec::new() }
    }

    /// A client of the server's own Unix socket, that says who speaks by a header.
    pub fn on_socket(path: &Path, (header, who): (&'static str, &str)) -> Self {
        Self { at: At::Socket(path.to_owned()), cookies: BTreeMap::new(), always: vec![(header, who.to_owned())] }
    }

    /// Sends a request and reads the head of the answer; `more` are further headers.
    ///
    /// # Errors
    /// When the server cannot be reached or does not speak HTTP.
    pub async fn send(&mut self, method: &str, path: &str, sent: Sent<'_>, more: &[(&str, &str)]) -> Result<Answer> {
        let (mut file, mut bytes) = (None, None);
        let (kind, body) = match sent {
            Sent::File(from, length) => {
                (file, bytes) = (Some(from.try_clone()?), Some(length));
                (Some("application/x-tar"), "")
            }
            Sent::Nothing => (None, ""),
            Sent::Form(body) => (Some("application/x-www-form-urlencoded"), body),
            Sent::Json(body) => (Some("application/json"), body),
        };
        let host = match &self.at {
            At::Network(at) => at.to_string(),
            At::Socket(_) => "localhost".to_owned(),
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let site = [("Origin", format!("http://{host}")), ("Sec-Fetch-Site", "same-origin".to_owned())];
        let cookies = (!cookies.is_empty()).then(|| ("Cookie", cookies.join("; ")));
        let kind = kind.map(|kind| ("Content-Type", kind.to_owned()));
        let length = (kind.is_some() || method != "GET")
            .then(|| ("Content-Length", bytes.unwrap_or(body.len() as u64).to_string()));
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let always = self.always.iter().cloned();
        for (name, value) in site.into_iter().chain(cookies).chain(kind).chain(length).chain(always).chain(more) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream: Box<dyn Connection> = match &self.at {
            At::Network(at) => Box::new(TcpStream::connect(at).await?),
            At::Socket(path) => Box::new(socket::connect(path).await?),
        };
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        if let (Some(file), Some(bytes)) = (file, bytes) {
            let mut file = tokio::fs::File::from_std(file).take(bytes);
            // A server that refuses it does not read to the end; what it says is in its answer.
            let sent = tokio::io::copy(&mut file, &mut stream).await;
            let refused = |error: &Error| matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            sent.or_else(|error| if refused(&error) { Ok(0) } else { Err(error) })?;
        }
        self.read_head(BufReader::new(stream)).await
    }

    /// Gets a page.
    ///
    /// # Errors
    /// When the server cannot be reached or does not speak HTTP.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, Sent::Nothing, &[]).await
    }

    async fn read_head(&mut self, mut stream: Stream) -> Result<Answer> {
        let first = read_line(&mut stream).await?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status: u16 = status.ok_or_else(|| odd(format!("not HTTP: {first:?}")))?;
        let mut headers = BTreeMap::new();
        loop {
            let line = read_line(&mut stream).await?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { return Err(odd(format!("not a header: {line:?}"))) };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            if name == "set-cookie"
                && let Some((cookie, kept)) = value.split(';').next().and_then(|pair| pair.split_once('='))
            {
                self.cookies.insert(cookie.to_owned(), kept.to_owned());
            }
            headers.insert(name, value);
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let rest = match (headers.get("transfer-encoding").map(String::as_str), length) {
            (Some("chunked"), _) => Rest::Chunked,
            (_, Some(length)) => Rest::Length(length),
            (_, None) => Rest::UntilClosed,
        };
        Ok(Answer { status, headers, body: Body { stream, rest } })
    }
}

impl Answer {
    /// Reads the whole body as text; what is not UTF-8 is replaced.
    ///
    /// # Errors
    /// When the connection breaks, or the body is larger than 64 MiB.
    pub async fn text(mut self) -> Result<String> {
        let mut whole = Vec::new();
        while let Some(part) = self.body.next().await? {
            whole.extend(part);
            if whole.len() > WHOLE_LIMIT {
                return Err(odd(format!("an answer of more than {WHOLE_LIMIT} bytes")));
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
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let most = match self.rest {
            Rest::Ended | Rest::Length(0) => return Ok(None),
            Rest::Length(left) => left,
            Rest::UntilClosed => u64::MAX,
            Rest::Chunked => return self.next_chunk().await,
        };
        let mut part = vec![0; usize::try_from(most).unwrap_or(usize::MAX).min(16 << 10)];
        let read = self.stream.read(&mut part).await?;
        part.truncate(read);
        match (&mut self.rest, read) {
            (Rest::Length(_), 0) => return Err(ErrorKind::UnexpectedEof.into()),
            (Rest::Length(left), read) => *left -= read as u64,
            (rest, 0) => *rest = Rest::Ended,
            _ => {}
        }
        Ok((read > 0).then_some(part))
    }

    async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let line = read_line(&mut self.stream).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| odd(format!("not the size of a chunk: {line:?}")))?;
        if size > WHOLE_LIMIT {
            return Err(odd(format!("a chunk of {size} bytes")));
        }
        let mut part = vec![0; size];
        self.stream.read_exact(&mut part).await?;
        read_line(&mut self.stream).await?;
        if size == 0 {
            self.rest = Rest::Ended;
            return Ok(None);
        }
        Ok(Some(part))
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

async fn read_line(stream: &mut Stream) -> Result<String> {
    let mut line = Vec::new();
    stream.take(LINE_LIMIT).read_until(b'\n', &mut line).await?;
    if line.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
}

fn odd(what: String) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// Text as a form's value: everything but letters, digits and `-._` as `%XX`.
pub fn form_value(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one connection with these bytes, however cut.
    async fn answered_with(parts: &'static [&'static str]) -> Answer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut stream: Stream = BufReader::new(Box::new(listener.accept().await.unwrap().0));
            while read_line(&mut stream).await.unwrap() != "" {}
            for part in parts {
                stream.write_all(part.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Client::new(at).get("/").await.unwrap()
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

    #[test]
    fn a_form_value_has_nothing_that_ends_it() {
        assert_eq!(form_value("Ann & Bo=1/ü"), "Ann%20%26%20Bo%3D1%2F%C3%BC");
    }
}
