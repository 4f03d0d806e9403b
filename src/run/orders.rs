//! What people (and a full disk) order the runner to do while it runs: cancel. Orders come as one JSON line on
//! `control.sock`, or as SIGTERM. It must never wait for a disk: closing a lifeline needs no record first.

use crate::journal::PushDir;
use crate::stack::Who;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
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
}

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
    /// The push host's disk is full.
    DiskFull,
}

/// A handle on what was ordered; cheap to clone.
#[derive(Clone, Default)]
pub struct Orders {
    stop: Arc<Mutex<Option<Stop>>>,
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

    fn stop(&self, why: Stop) {
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
            Err(_) => "not an order\n",
        };
        let _ = to.write_all(answer.as_bytes()).await;
    }
}
