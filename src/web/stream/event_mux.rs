//! One stream for a whole browser: what changes on the pages, and the journals of all pushes that its tabs watch. Over
//! HTTP/1.1 a browser has six connections for a site, and the seventh stream would leave Cancel unanswered (TRUST
//! section 7). It must never mix up two pushes: each event names its own. Called by the routes of the API.
//!
//! An event of a push is `push`, its first `data` line `PUSH OFFSET` (the offset behind its last record), then a record a
//! line. The `id` names every cursor, so that a browser that comes back resumes all of them.

use super::events::{Batch, JournalStream, PING, Piece, ping};
use crate::stack::PushNumber;
use actix_web::web::Bytes;
use futures::stream::{self, BoxStream, SelectAll};
use futures::{Stream, StreamExt};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Pages are told of changes at most four times a second.
const CHANGED: Duration = Duration::from_millis(250);
/// Pushes that one browser may watch at once: more tabs than a person looks at.
const MOST_PUSHES: usize = 32;

/// What a browser asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MuxRequest {
    /// The pushes, each with the offset behind the last record that was seen.
    pub cursors: BTreeMap<PushNumber, u64>,
    /// The count of changes that was seen, with the name of the server's life that counted.
    seen: Option<String>,
}

/// Why a browser's wish is none.
#[derive(Debug, thiserror::Error)]
pub enum BadMuxRequest {
    /// Not a number, or not a cursor.
    #[error("{0:?} is not a push: write NUMBER or NUMBER:OFFSET, separated by commas")]
    NoPush(String),
    /// Too many.
    #[error("{0} pushes are more than one stream allows ({MOST_PUSHES})")]
    TooMany(usize),
}

/// Reads what a browser asks for: `214:5123,215`, and the last id that it saw, whose cursors win.
///
/// # Errors
/// When it names what is no push, or too many.
pub fn wanted(named: &str, last_event_id: Option<&str>) -> Result<MuxRequest, BadMuxRequest> {
    let mut wanted = MuxRequest::default();
    for name in named.split(',').filter(|name| !name.is_empty()) {
        let (push, cursor) = pair(name, ':').ok_or_else(|| BadMuxRequest::NoPush(name.chars().take(40).collect()))?;
        wanted.cursors.insert(push, cursor);
    }
    if wanted.cursors.len() > MOST_PUSHES {
        return Err(BadMuxRequest::TooMany(wanted.cursors.len()));
    }
    let mut parts = last_event_id.unwrap_or_default().split(';');
    wanted.seen = parts.next().filter(|seen| !seen.is_empty()).map(str::to_owned);
    for (push, cursor) in parts.filter_map(|part| pair(part, '=')) {
        if let Some(known) = wanted.cursors.get_mut(&push) {
            *known = cursor;
        }
    }
    Ok(wanted)
}

fn pair(text: &str, between: char) -> Option<(PushNumber, u64)> {
    let (push, cursor) = text.split_once(between).unwrap_or((text, "0"));
    Some((push.parse().ok()?, cursor.parse().ok()?))
}

/// What is known to have been told.
struct Mux {
    pushes: SelectAll<BoxStream<'static, (PushNumber, io::Result<Piece>)>>,
    changes: watch::Receiver<u64>,
    life: String,
    told: Option<u64>,
    cursors: BTreeMap<PushNumber, u64>,
    greeted: bool,
    sent: Instant,
    /// Before this no change is told again.
    due: Instant,
}

/// The stream: `event: changed` whenever the desk counted up, at most four times a second, and what each push's journal
/// says. Without a count that was seen, the page is told at once, as something may have changed since it was drawn. `life`
/// tells this server's counts from an earlier one's.
pub fn together(
    changes: watch::Receiver<u64>,
    viewers: Vec<(PushNumber, JournalStream)>,
    wanted: MuxRequest,
    life: &str,
) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let told = wanted.seen.as_deref().and_then(|id| id.strip_prefix(life)?.strip_prefix('-')?.parse().ok());
    let pushes = viewers.into_iter().map(|(push, viewer)| {
        let pieces = viewer.into_pieces().map(move |piece| (push, piece));
        pieces.boxed()
    });
    let mux = Mux {
        pushes: stream::select_all(pushes),
        changes,
        life: life.to_owned(),
        told,
        cursors: wanted.cursors,
        greeted: false,
        sent: Instant::now(),
        due: Instant::now(),
    };
    stream::unfold(mux, |mut mux| async move {
        let event = mux.event().await.transpose()?;
        mux.sent = Instant::now();
        Some((event, mux))
    })
}

impl Mux {
    /// The next bytes to send; none when the server stops.
    async fn event(&mut self) -> io::Result<Option<Bytes>> {
        if !self.greeted {
            self.greeted = true;
            return Ok(Some(Bytes::from_static(b"retry: 1000\n: what changes on the pages, and the pushes named\n\n")));
        }
        loop {
            let now = *self.changes.borrow_and_update();
            let news = self.told != Some(now);
            if news && Instant::now() >= self.due {
                self.told = Some(now);
                self.due = Instant::now() + CHANGED;
                let id = self.id();
                return Ok(Some(Bytes::from(format!("id: {id}\nevent: changed\ndata: {now}\n\n"))));
            }
            // A push that is watched must not wait for a change to be due, nor the other way round.
            let wake = if news { self.due } else { self.sent + PING };
            tokio::select! {
                Some((push, piece)) = self.pushes.next(), if !self.pushes.is_empty() => {
                    if let Some(event) = self.of_push(push, piece?) {
                        return Ok(Some(event));
                    }
                }
                changed = self.changes.changed(), if !news => {
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
                () = tokio::time::sleep_until(wake) => {
                    if !news {
                        return Ok(Some(ping()));
                    }
                }
            }
        }
    }

    fn of_push(&mut self, push: PushNumber, piece: Piece) -> Option<Bytes> {
        match piece {
            // The stream has its own.
            Piece::Hello | Piece::Ping => None,
            Piece::Reset => {
                self.cursors.insert(push, 0);
                Some(Bytes::from(format!("id: {}\nevent: reset\ndata: {push}\n\n", self.id())))
            }
            Piece::End => Some(Bytes::from(format!("event: end\ndata: {push}\n\n"))),
            Piece::Records(batch) => {
                self.cursors.insert(push, batch.cursor);
                Some(self.records(push, &batch))
            }
        }
    }

    /// The records of a batch as they stand in its own event, behind a head that names the push.
    fn records(&self, push: PushNumber, batch: &Batch) -> Bytes {
        let records = batch.records();
        let head = format!("id: {}\nevent: push\ndata: {push} {}\n", self.id(), batch.cursor);
        let mut event = Vec::with_capacity(head.len() + records.len());
        event.extend_from_slice(head.as_bytes());
        event.extend_from_slice(records);
        event.into()
    }

    /// `LIFE-COUNT;214=5123;215=99`.
    fn id(&self) -> String {
        let mut id = format!("{}-{}", self.life, self.told.unwrap_or_default());
        for (push, cursor) in &self.cursors {
            // Writing to a string cannot fail.
            let _ = write!(id, ";{push}={cursor}");
        }
        id
    }
}

#[cfg(test)]
mod tests;
