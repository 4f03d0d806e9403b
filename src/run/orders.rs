//! What people (and a full disk) order the runner to do while it runs: cancel, go on after a question. Orders come as one JSON line on
//! `control.sock`, or as SIGTERM. It must never wait for a disk: closing a lifeline needs no record first.

use crate::journal::PushDir;
use crate::stack::{Question, Who};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

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
    /// The answer to a question.
    Answer(Given),
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
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
type Waiting = (u32, oneshot::Sender<Given>);

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
        given: Given,
        /// The question.
        question: String,
    },
    /// Nobody answered a question in time.
    Unanswered(Question),
    /// The push host's disk is full.
    DiskFull,
}

/// A handle on what was ordered; cheap to clone.
#[derive(Clone, Default)]
pub struct Orders {
    stop: Arc<Mutex<Option<Stop>>>,
    question: Arc<Mutex<Option<Waiting>>>,
    /// Cancelled when the push must stop.
    pub token: CancellationToken,
}

/// How long a caller on the socket may take to say its line.
const PATIENCE: Duration = Duration::from_secs(2);
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

    /// Why the push stops, if it does. The first order counts.
    pub fn stopped(&self) -> Option<Stop> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops the push because the disk is full.
    pub fn disk_full(&self) {
        self.stop(Stop::DiskFull);
    }

    /// Lets people answer a question; one at a time is open. What is dropped is answered no more.
    pub fn ask(&self, ask: u32) -> oneshot::Receiver<Given> {
        let (tx, rx) = oneshot::channel();
        *self.question.lock().unwrap_or_else(PoisonError::into_inner) = Some((ask, tx));
        rx
    }

    /// Gives an answer to whoever waits for it; false when nobody does.
    fn give(&self, given: Given) -> bool {
        let mut question = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = question.take_if(|(ask, _)| given.ask.is_none_or(|meant| meant == *ask));
        meant.is_some_and(|(_, to)| to.send(given).is_ok())
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
            Ok(Order::Cancel { who, reason }) => {
                self.stop(Stop::Cancelled { who: Some(who), reason });
                "ok\n"
            }
            Ok(Order::Answer(given)) => match self.give(given) {
                true => "ok\n",
                false => "no question\n",
            },
            Err(_) => "not an order\n",
        };
        let _ = to.write_all(answer.as_bytes()).await;
    }
}
