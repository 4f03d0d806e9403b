//! A connection to a mail server that takes so many bytes from it and no more: the mail library looks at its limits where a line ends,
//! and a line need not end. It must never look into what is said. Called by `smtp`, for all but TLS from the first byte, where a
//! server has shown a certificate before it says anything.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a mail server may say in all to one mail, in bytes: its words to thousands of recipients.
const MOST: usize = 4 << 20;

/// The connection.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: TcpStream,
    /// So many bytes are still taken.
    left: usize,
}

impl Bounded {
    /// Nothing was said over it yet.
    pub(super) fn new(inner: TcpStream) -> Self {
        Self { inner, left: MOST }
    }
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buf))?;
        match self.left.checked_sub(buf.filled().len() - before) {
            Some(left) => self.left = left,
            None => {
                let words = format!("the mail server sent more than {} MiB", MOST >> 20);
                return Poll::Ready(Err(io::Error::other(words)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
