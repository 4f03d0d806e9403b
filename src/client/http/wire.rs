//! One request over one connection, by hyper: it moves only while someone waits for something of it, and is closed when who
//! reads the answer drops it. It must never start a task, which would hold the connection behind the reader's back. Called by `http`.

use futures::FutureExt;
use futures::future::{Fuse, FusedFuture};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::response::Parts;
use hyper::{Request, http};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No head of an answer may be longer.
const HEAD_LIMIT: usize = 64 << 10;

/// What a request brings along.
pub(super) type Brought = UnsyncBoxBody<Bytes, Error>;

/// A connection of either kind: TCP or a Unix socket.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, which goes on reading where the other side does not: a server that refuses what is sent does not read to the end,
/// and what it says is in its answer.
pub(super) struct Wire(Box<dyn Stream>);

type Driver = Fuse<http1::Connection<TokioIo<Wire>, Brought>>;

/// An answer that comes in.
pub(super) struct Answering {
    driver: Pin<Box<Driver>>,
    incoming: Incoming,
}

/// Sends a request and reads the head of its answer.
///
/// # Errors
/// When the other side is gone, or does not speak HTTP.
pub(super) async fn ask(wire: Wire, request: Request<Brought>) -> Result<(Parts, Answering)> {
    let (mut sender, driver) =
        http1::Builder::new().max_buf_size(HEAD_LIMIT).handshake(TokioIo::new(wire)).await.map_err(broken)?;
    let mut driver = Box::pin(driver.fuse());
    let answer = driven(&mut driver, sender.send_request(request)).await.map_err(broken)?;
    let (head, incoming) = http::Response::into_parts(answer);
    Ok((head, Answering { driver, incoming }))
}

impl Answering {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// When the connection breaks before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            match driven(&mut self.driver, self.incoming.frame()).await.transpose().map_err(broken)? {
                None => return Ok(None),
                // What is no data is a trailer, of which nothing is wanted.
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Answering").field(&self.incoming).finish()
    }
}

/// Waits for something of a connection, which moves meanwhile. What goes wrong with it is told to who waits.
async fn driven<T>(driver: &mut Pin<Box<Driver>>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = std::pin::pin!(wanted);
    let going = !driver.is_terminated();
    tokio::select! {
        value = &mut wanted => value,
        _ = driver, if going => wanted.await,
    }
}

fn broken(error: hyper::Error) -> Error {
    let of_the_way = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<Error>()).map(Error::kind);
    let kind = match (of_the_way, error.is_incomplete_message() || error.is_closed()) {
        (Some(kind), _) => kind,
        (None, true) => ErrorKind::UnexpectedEof,
        (None, false) => ErrorKind::InvalidData,
    };
    Error::new(kind, error)
}

impl Wire {
    /// Speaks over a stream.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a poll is not ours")]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        match Pin::new(&mut self.0).poll_write(cx, bytes) {
            Poll::Ready(Err(error)) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                Poll::Ready(Ok(bytes.len()))
            }
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
