//! The live stream of one push: Server-Sent Events of its journal. A viewer is a cursor into the file: the stream is
//! pulled by the connection, so a slow reader costs nobody else, and one that is gone leaves nothing. It must never send a
//! byte that the journal does not hold, and never keep a queue for a viewer. Called by the routes of the API.

use crate::desk::JournalEnd;
use crate::time::At;
use crate::web::output::cursor::{ends_a_record, read_records};
use actix_web::web::Bytes;
use futures::stream;
use futures::{Stream, StreamExt};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Lines are gathered so long into one event: the cost is per write, not per line (design S2: at most 50 ms). With the
/// look of the follower, 95 of 100 lines are at a viewer within 50 ms.
const GATHER: Duration = Duration::from_millis(35);
/// Records in one event, at most (design S2).
const MOST_RECORDS: usize = 200;
/// Bytes of records in one event, at most, unless a single one is longer (design S2).
const MOST_BYTES: usize = 32 * 1024;
/// Silence after which a ping is sent; pages reopen after 40 s without a byte (design S4).
pub const PING: Duration = Duration::from_secs(10);
/// Batches that all viewers share; at 32 KiB each some 8 MiB at most.
const SHARED: usize = 256;

/// One `event: records`, and the cursor behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The event as it is sent.
    pub event: Bytes,
    /// The offset behind its last record.
    pub cursor: u64,
}

impl Batch {
    /// The records alone, a `data:` line each, and the empty line that ends the event.
    pub fn records(&self) -> &[u8] {
        let mut ends = self.event.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        // Behind the lines `id` and `event`.
        ends.nth(1).map_or(&[], |from| &self.event[from..])
    }
}

/// The first bytes of every stream: the browser sees at once that it is open, and when to come back (design S4).
fn hello() -> Bytes {
    Bytes::from_static(b"retry: 1000\n: the journal of a push\n\n")
}

/// What is said when nothing happened for a while, so that the browser knows that the connection lives.
pub fn ping() -> Bytes {
    Bytes::from(format!("event: ping\ndata: {}\n\n", At::now()))
}

/// Makes one event of the whole records at the head of `bytes`, which begins at `cursor`: at most 200 of them.
fn records_event(bytes: &[u8], cursor: u64) -> Batch {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').take(MOST_RECORDS).collect();
    let length: usize = lines.iter().map(|line| line.len()).sum();
    let behind = cursor + length as u64;
    let mut event = format!("id: {behind}\nevent: records\n").into_bytes();
    event.reserve(length + lines.len() * 6 + 1);
    for line in lines {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
    }
    event.push(b'\n');
    Batch { event: event.into(), cursor: behind }
}

/// The newest batches, shared by all viewers of all pushes: at the tail everybody wants the same bytes, so they are read
/// and written out once.
#[derive(Clone, Debug, Default)]
pub struct Batches(Arc<Mutex<VecDeque<Shared>>>);

/// A batch, and the question that it answers.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    cursor: u64,
    end: u64,
    batch: Batch,
}

impl Shared {
    /// A batch of the same start, made for the same end or cut before its end; one that was cut by the end of then would
    /// be needlessly short now.
    fn answers(&self, path: &Path, cursor: u64, end: u64) -> bool {
        self.cursor == cursor && (self.end == end || self.batch.cursor < self.end) && self.path == path
    }
}

impl Batches {
    /// The batch that begins at `cursor`, when the journal may be read up to `end`.
    async fn get(&self, path: &Path, cursor: u64, end: u64) -> io::Result<Batch> {
        if let Some(batch) = self.find(path, cursor, end) {
            return Ok(batch);
        }
        let file = path.to_owned();
        let read = tokio::task::spawn_blocking(move || read_records(&file, cursor, end, MOST_BYTES));
        let batch = records_event(&read.await.map_err(io::Error::other)??, cursor);
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.len() == SHARED {
            shared.pop_back();
        }
        shared.push_front(Shared { path: path.to_owned(), cursor, end, batch: batch.clone() });
        Ok(batch)
    }

    fn find(&self, path: &Path, cursor: u64, end: u64) -> Option<Batch> {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.iter().find(|shared| shared.answers(path, cursor, end)).map(|shared| shared.batch.clone())
    }
}

/// What a viewer of a push is told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The first bytes of a stream.
    Hello,
    /// Its cursor is none of this journal: it begins anew.
    Reset,
    /// Records.
    Records(Batch),
    /// The push has ended, and everything was told.
    End,
    /// Nothing happened for a while.
    Ping,
}

impl Piece {
    /// As the stream of a single push says it.
    fn alone(self) -> Bytes {
        match self {
            Self::Hello => hello(),
            Self::Reset => Bytes::from_static(b"id: 0\nevent: reset\ndata: 0\n\n"),
            Self::Records(batch) => batch.event,
            Self::End => Bytes::from_static(b"event: end\ndata: 0\n\n"),
            Self::Ping => ping(),
        }
    }
}

/// A viewer of one push: its cursor, and what it is to be told next.
#[derive(Debug)]
pub struct JournalStream {
    path: PathBuf,
    cursor: u64,
    end: watch::Receiver<JournalEnd>,
    batches: Batches,
    next: StreamStep,
    /// The last time that something was sent.
    sent: Instant,
    /// Silence after which a ping is sent.
    patience: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum StreamStep {
    Hello,
    Check,
    Records,
    Over,
}

impl JournalStream {
    /// A viewer that has seen everything before `cursor`.
    pub fn new(path: PathBuf, cursor: u64, end: watch::Receiver<JournalEnd>, batches: Batches) -> Self {
        Self { path, cursor, end, batches, next: StreamStep::Hello, sent: Instant::now(), patience: PING }
    }

    /// The stream for a connection of its own; it works only while it is pulled.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        self.into_pieces().map(|piece| piece.map(Piece::alone))
    }

    /// What the viewer is told, one after the other; it works only while it is pulled.
    pub fn into_pieces(self) -> impl Stream<Item = io::Result<Piece>> {
        stream::unfold(self, |mut viewer| async move {
            let piece = viewer.piece().await.transpose()?;
            if piece.is_err() {
                // The browser comes back with its cursor; whatever was wrong is then tried anew.
                viewer.next = StreamStep::Over;
            }
            viewer.sent = Instant::now();
            Some((piece, viewer))
        })
    }

    /// What is told next; none after the end.
    async fn piece(&mut self) -> io::Result<Option<Piece>> {
        match self.next {
            StreamStep::Hello => {
                self.next = StreamStep::Check;
                Ok(Some(Piece::Hello))
            }
            StreamStep::Check => {
                self.next = StreamStep::Records;
                if self.cursor_holds().await? {
                    return self.records().await;
                }
                self.cursor = 0;
                Ok(Some(Piece::Reset))
            }
            StreamStep::Records => self.records().await,
            StreamStep::Over => Ok(None),
        }
    }

    /// A cursor past the end that is shown now may still be right: after a restart of the server the end is found anew.
    /// So the file is asked, unless nothing will follow.
    async fn cursor_holds(&mut self) -> io::Result<bool> {
        let (path, cursor, end) = (self.path.clone(), self.cursor, *self.end.borrow());
        if end.ended && cursor > end.len {
            return Ok(false);
        }
        tokio::task::spawn_blocking(move || ends_a_record(&path, cursor)).await.map_err(io::Error::other)?
    }

    async fn records(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let end = *self.end.borrow_and_update();
            if self.cursor < end.len {
                let much = end.len - self.cursor >= MOST_BYTES as u64;
                if !much && !end.ended && self.gather().await {
                    continue;
                }
                let batch = self.batches.get(&self.path, self.cursor, end.len).await?;
                self.cursor = batch.cursor;
                return Ok(Some(Piece::Records(batch)));
            }
            if end.ended {
                self.next = StreamStep::Over;
                return Ok(Some(Piece::End));
            }
            match tokio::time::timeout_at(self.sent + self.patience, self.end.changed()).await {
                Ok(Ok(())) => {}
                // The desk is closed: the server stops.
                Ok(Err(_)) => return Ok(None),
                Err(_) => return Ok(Some(Piece::Ping)),
            }
        }
    }

    /// Waits until the gathering since the last event is over; whether there was anything to wait for. The first line
    /// after a silence goes at once.
    async fn gather(&mut self) -> bool {
        let until = self.sent + GATHER;
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep_until(until).await;
        true
    }
}

#[cfg(test)]
mod tests;
