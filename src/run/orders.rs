//! What people (and a full disk) order the runner to do while it runs: cancel, pause, go on, answer what it asks. Orders
//! come as one JSON line on `control.sock`, and are answered by one: `ok`, or why not. SIGTERM means cancel. A cancel must
//! never wait for a disk: closing a lifeline needs no record first.

mod waits;

use super::recorder::Recorder;
use crate::journal::{Event, PushDir};
use crate::stack::{Question, Who};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use waits::Waits;

/// One order, as the desk writes it to the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Order {
    /// Stop the push: end what runs, begin nothing.
    Cancel {
        /// Who says so.
        who: Who,
        /// Why, when they said so.
        reason: Option<String>,
    },
    /// Begin nothing new until [`Order::Unpause`]; what runs goes on to its end.
    Pause {
        /// Who says so.
        who: Who,
        /// Why, when they said so.
        reason: Option<String>,
    },
    /// Go on after a pause.
    Unpause {
        /// Who says so.
        who: Who,
    },
    /// The answer to a question.
    Answer(ConfirmAnswer),
}

/// What someone answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmAnswer {
    /// Who.
    pub who: Who,
    /// Which question; none for the one that is open.
    pub ask: Option<u32>,
    /// Whether the push goes on.
    pub yes: bool,
    /// Why, when they said so.
    pub reason: Option<String>,
}

/// The question that waits, and where its answer goes.
struct Waiting {
    ask: u32,
    /// The person who may not answer it: who started the push, where someone else must.
    not_by: Option<String>,
    to: oneshot::Sender<ConfirmAnswer>,
}

/// The answer to an order that is obeyed; any other line says why it is not.
pub const OBEYED: &str = "ok";

/// Why the push stops early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A person said so; without a name it was a signal.
    Cancelled {
        /// Who.
        who: Option<Who>,
        /// Why.
        reason: Option<String>,
    },
    /// A person answered a question with no.
    Refused {
        /// Who and why.
        given: ConfirmAnswer,
        /// The question.
        question: String,
    },
    /// Nobody answered a question in time.
    Unanswered(Question),
    /// The push host's disk is full.
    DiskFull,
}

/// Where orders are written down that are part of the history of a push.
#[derive(Default)]
enum Book {
    /// The first record is not written yet.
    #[default]
    Unopened,
    /// The push runs.
    Open(Recorder),
    /// The last record is written.
    Closed,
}

/// A handle on what was ordered; cheap to clone.
#[derive(Clone, Default)]
pub struct Orders {
    stop: Arc<Mutex<Option<Stop>>>,
    question: Arc<Mutex<Option<Waiting>>>,
    /// How many questions were asked.
    asked: Arc<AtomicU32>,
    /// Cancelled when the push must stop.
    pub token: CancellationToken,
    /// When a person was waited for.
    pub waits: Waits,
    paused: Arc<watch::Sender<bool>>,
    /// Held while an order takes effect and is written down, so that both happen in the same order.
    book: Arc<tokio::sync::Mutex<Book>>,
}

/// How long a caller on the socket may take to say its line, and the first record to be written.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether the first record is there.
const LOOK: Duration = Duration::from_millis(10);
/// What is said to a pause of a push that is paused…
pub const PAUSED: &str = "it is paused already";
/// … and to the end of a pause of one that is not.
pub const NOT_PAUSED: &str = "it is not paused";
/// What is said to who started a push, where someone else must answer.
pub const ANOTHER: &str = "someone else must answer";
/// The longest order.
const LONGEST: usize = 8192;

impl Orders {
    /// Listens on the push's socket and for SIGTERM.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(push: &PushDir) -> io::Result<Self> {
        let orders = Self::default();
        let _ = std::fs::remove_file(push.control());
        let listener = UnixListener::bind(push.control())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let by_signal = orders.clone();
        tokio::spawn(async move {
            while terminate.recv().await.is_some() {
                by_signal.stop(Stop::Cancelled { who: None, reason: Some("the runner got SIGTERM".to_owned()) });
            }
        });
        let by_socket = orders.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(by_socket.clone().answer(stream));
            }
        });
        Ok(orders)
    }

    /// From now on orders are written down.
    pub async fn open(&self, recorder: Recorder) {
        *self.book.lock().await = Book::Open(recorder);
    }

    /// From now on no order is taken: the push is over. Lets its handle on the recorder go.
    pub async fn close(&self) {
        *self.book.lock().await = Book::Closed;
    }

    /// Why the push stops, if it does. The first order counts.
    pub fn stopped(&self) -> Option<Stop> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing new may begin for now. A stop ends every pause.
    pub fn is_paused(&self) -> bool {
        *self.paused.borrow() && !self.token.is_cancelled()
    }

    /// Returns when the push is not paused, or is to stop.
    pub async fn until_unpaused(&self) {
        if !self.is_paused() {
            return;
        }
        let _wait = self.waits.begin();
        let mut paused = self.paused.subscribe();
        tokio::select! {
            () = self.token.cancelled() => {}
            // It cannot fail: the sender is ours.
            _ = paused.wait_for(|paused| !paused) => {}
        }
    }

    /// Stops the push because the disk is full.
    pub fn disk_full(&self) {
        self.stop(Stop::DiskFull);
    }

    /// Lets people answer a question, but not the one person who is named; it gets the next number. One at a time is open. What is
    /// dropped is answered no more.
    pub fn ask(&self, not_by: Option<String>) -> (u32, oneshot::Receiver<ConfirmAnswer>) {
        let (to, rx) = oneshot::channel();
        let ask = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        *self.question.lock().unwrap_or_else(PoisonError::into_inner) = Some(Waiting { ask, not_by, to });
        (ask, rx)
    }

    /// Gives an answer to whoever waits for it.
    fn give(&self, given: ConfirmAnswer) -> Result<(), String> {
        let mut question = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |waiting: &Waiting| given.ask.is_none_or(|meant| meant == waiting.ask);
        let is_own = |waiting: &Waiting| waiting.not_by.as_deref() == Some(given.who.person());
        if question.as_ref().is_some_and(|waiting| is_meant(waiting) && is_own(waiting)) {
            return Err(ANOTHER.to_owned());
        }
        let meant = question.take_if(|waiting| is_meant(waiting));
        match meant.and_then(|waiting| waiting.to.send(given).ok()) {
            Some(()) => Ok(()),
            None => Err("this is not asked now".to_owned()),
        }
    }

    /// Stops the push. The first reason counts.
    pub fn stop(&self, why: Stop) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.token.cancel();
    }

    async fn answer(self, stream: UnixStream) {
        let (from, mut to) = stream.into_split();
        let mut line = String::new();
        let mut from = BufReader::new(tokio::io::AsyncReadExt::take(from, LONGEST as u64));
        let said = tokio::time::timeout(PATIENCE, from.read_line(&mut line)).await;
        let order = match said {
            Ok(Ok(_)) => serde_json::from_str::<Order>(&line),
            _ => return,
        };
        let answer = match order {
            Ok(order) => self.obey(order).await.map_or_else(|why| why, |()| OBEYED.to_owned()),
            Err(_) => "not an order".to_owned(),
        };
        let _ = to.write_all(format!("{answer}\n").as_bytes()).await;
    }

    async fn obey(&self, order: Order) -> Result<(), String> {
        match order {
            Order::Cancel { who, reason } => self.stop(Stop::Cancelled { who: Some(who), reason }),
            Order::Pause { who, reason } => self.pause(true, Event::Paused { who, reason }).await?,
            Order::Unpause { who } => self.pause(false, Event::Resumed { who }).await?,
            Order::Answer(given) => self.give(given)?,
        }
        Ok(())
    }

    /// Takes effect at once, and is answered when it is durable. What is so already is not written down twice.
    async fn pause(&self, pause: bool, event: Event) -> Result<(), String> {
        let waiting_since = tokio::time::Instant::now();
        let book = loop {
            let book = self.book.lock().await;
            if !matches!(*book, Book::Unopened) || waiting_since.elapsed() >= PATIENCE {
                break book;
            }
            drop(book);
            tokio::time::sleep(LOOK).await;
        };
        let recorder = match &*book {
            Book::Unopened => return Err("the push has not begun yet".to_owned()),
            Book::Closed => return Err("the push is over".to_owned()),
            Book::Open(_) if self.stopped().is_some() => return Err("the push is being stopped".to_owned()),
            Book::Open(recorder) => recorder,
        };
        if *self.paused.borrow() == pause {
            return Err(if pause { PAUSED } else { NOT_PAUSED }.to_owned());
        }
        // Between the two records nothing begins: a pause is first, its end last.
        if pause {
            self.paused.send_replace(true);
            recorder.state(event).await;
        } else {
            recorder.state(event).await;
            self.paused.send_replace(false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
