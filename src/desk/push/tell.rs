//! Tells a runner what people order, on its control socket. It must never wait for one that does not answer.

use crate::journal::PushDir;
use crate::run::{OBEYED, Order};
use crate::socket;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::{Instant, sleep, timeout_at};

/// A runner that was just started has no socket yet.
const KNOCK_AGAIN: Duration = Duration::from_millis(50);
/// The longest answer that is read.
const LONGEST: u64 = 1024;

/// Why a runner did not do as told.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// It does not answer: it is starting, hangs or has died.
    #[error("{0}")]
    Silent(#[from] io::Error),
    /// It answered why not.
    #[error("{0}")]
    Refused(String),
}

/// Tells the runner of a push; returns when it obeys.
///
/// # Errors
/// When it does not, or does not answer within `limit`.
pub(super) async fn send_order(dir: &PushDir, order: &Order, limit: Duration) -> Result<(), OrderError> {
    let deadline = Instant::now() + limit;
    let mut line = serde_json::to_vec(order).map_err(io::Error::from)?;
    line.push(b'\n');
    let stream = loop {
        match timeout_at(deadline, socket::connect(&dir.control())).await.unwrap_or_else(|_| Err(late())) {
            Ok(stream) => break stream,
            Err(error) if Instant::now() + KNOCK_AGAIN >= deadline => return Err(error.into()),
            Err(_) => sleep(KNOCK_AGAIN).await,
        }
    };
    let (from, mut to) = stream.into_split();
    let spoken = timeout_at(deadline, async {
        to.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(from.take(LONGEST)).read_line(&mut answer).await?;
        Ok::<String, io::Error>(answer)
    });
    match spoken.await.unwrap_or_else(|_| Err(late()))?.trim() {
        OBEYED => Ok(()),
        "" => Err(OrderError::Silent(io::ErrorKind::UnexpectedEof.into())),
        why => Err(OrderError::Refused(why.to_owned())),
    }
}

fn late() -> io::Error {
    io::ErrorKind::TimedOut.into()
}
