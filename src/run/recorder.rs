//! Writes the journal for everybody in the runner. It must never say that a state record is durable before `fdatasync`
//! did, and never go on after `fdatasync` failed, or after a record that may not follow: the process exits with 70 (TRUST section 2).

use crate::address;
use crate::journal::state::Illegal;
use crate::journal::{Event, Stream, Writer};
use crate::stack::Host;
use crate::time::At;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Exit code of a runner whose disk, or which itself, can no longer be trusted (`EX_SOFTWARE` of sysexits).
pub const DISK_FAILED: u8 = 70;

/// Records that may wait; when it is full, output is read no further.
const WAITING: usize = 1024;
/// The most records in one write…
const BATCH: usize = 512;
/// … and about the most bytes: on a full disk what waits to be written must fit into the room of the reserve, several times.
const BATCH_BYTES: usize = 256 << 10;
/// Lines are durable at least so often.
const SYNC_EVERY: Duration = Duration::from_millis(100);
/// How long a full disk is tried again before the runner gives up.
const FULL_PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of the journal that the output of one push takes (TRUST section 3).
const MOST_OUTPUT: u64 = 64 << 20;

/// Links that one push keeps: a page is for reading.
const MOST_LINKS: usize = 20;

enum Message {
    State(Box<Event>, oneshot::Sender<()>),
    Soon(Box<Event>),
}

/// The command whose output a record is; none for what is said about it, and for everything else.
fn printed_by(event: &Event) -> Option<u32> {
    let Event::Line { command, stream, .. } = event else { return None };
    (*stream != Stream::Note).then_some(*command)
}

/// A handle on the journal's writer; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    tx: mpsc::Sender<Message>,
    /// How many links the output has given.
    links: Arc<AtomicUsize>,
}

/// Whose line it is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The command.
    pub command: u32,
    /// The host's name; none for the push host.
    pub host: Option<String>,
}

impl Place {
    /// A host, or the push host, in a command.
    pub fn new(command: u32, host: Option<&Host>) -> Self {
        Self { command, host: host.map(|host| host.name().to_owned()) }
    }
}

impl Recorder {
    /// Starts the writer; its task ends when the last handle is dropped.
    pub fn start(writer: Writer, reserve: PathBuf, alarms: Alarms) -> (Self, JoinHandle<()>) {
        let (tx, rx) = mpsc::channel(WAITING);
        let keeper = Keeper {
            writer,
            reserve,
            alarms,
            began: Instant::now(),
            output: 0,
            no_room: false,
            waiting: Vec::new(),
            unsynced: None,
            illegal: None,
        };
        (Self { tx, links: Arc::default() }, tokio::spawn(keeper.keep(rx)))
    }

    /// Writes a state record; returns when it is durable.
    pub async fn state(&self, event: Event) {
        let (tx, rx) = oneshot::channel();
        // The writer ends only after all handles, so neither can fail while this one lives.
        let _ = self.tx.send(Message::State(Box::new(event), tx)).await;
        let _ = rx.await;
    }

    /// Writes a state record without waiting for the disk. It is durable before any later record that is waited for, since
    /// the journal is one file in order: who acts next waits for the record of that act, and so for this one.
    pub async fn soon(&self, event: Event) {
        let _ = self.tx.send(Message::Soon(Box::new(event))).await;
    }

    /// Writes a line of output.
    pub async fn line(&self, place: &Place, stream: Stream, text: String) {
        self.soon(Event::Line { command: place.command, host: place.host.clone(), stream, line: 0, text }).await;
    }

    /// Writes a line in Pushbutton's own words.
    pub async fn note(&self, place: &Place, text: impl Into<String>) {
        let text = text.into();
        self.line(place, Stream::Note, address::shown(&text).into_owned()).await;
    }

    /// Writes a link down that the output gave, unless the push has given its share of them.
    pub async fn link(&self, place: &Place, title: String, url: String) {
        if self.links.fetch_add(1, Ordering::Relaxed) < MOST_LINKS {
            self.state(Event::Link { command: place.command, title, url, host: place.host.clone() }).await;
        }
    }
}

/// Whom the writer calls.
pub struct Alarms {
    /// There is no room for a record.
    pub disk_full: Box<dyn Fn() + Send>,
    /// The push was broken off by its last record: nothing may go on.
    pub broken_off: Box<dyn Fn() + Send>,
}

struct Keeper {
    writer: Writer,
    reserve: PathBuf,
    alarms: Alarms,
    began: Instant,
    output: u64,
    /// The disk was full: the reserve's room is for state records, and output is not kept any more.
    no_room: bool,
    waiting: Vec<oneshot::Sender<()>>,
    unsynced: Option<Instant>,
    /// What was refused.
    illegal: Option<Illegal>,
}

impl Keeper {
    async fn keep(mut self, mut rx: mpsc::Receiver<Message>) {
        loop {
            let first = match self.unsynced {
                None => rx.recv().await,
                Some(since) => {
                    match tokio::time::timeout(SYNC_EVERY.saturating_sub(since.elapsed()), rx.recv()).await {
                        Ok(message) => message,
                        Err(_) => {
                            self.sync().await;
                            continue;
                        }
                    }
                }
            };
            let Some(first) = first else { break };
            self.take(first);
            for _ in 1..BATCH {
                if self.writer.unwritten() >= BATCH_BYTES {
                    break;
                }
                match rx.try_recv() {
                    Ok(message) => self.take(message),
                    Err(_) => break,
                }
            }
            if let Some(illegal) = self.illegal.take() {
                return self.break_off(&illegal).await;
            }
            self.flush().await;
            let due = self.unsynced.is_some_and(|since| since.elapsed() >= SYNC_EVERY);
            if due || !self.waiting.is_empty() {
                self.sync().await;
            }
        }
        self.sync().await;
    }

    fn take(&mut self, message: Message) {
        let event = match message {
            Message::State(event, told) => {
                self.waiting.push(told);
                *event
            }
            Message::Soon(event) if self.is_over(&event) => return,
            Message::Soon(event) => *event,
        };
        // What was refused ends the push: nothing follows it. A line that is late for the end is nobody's concern.
        let is_late = self.writer.state().ended.is_some() && !event.is_state();
        if self.illegal.is_some() || is_late {
            return;
        }
        let (printer, before) = (printed_by(&event), self.writer.cursor().offset);
        self.illegal = self.writer.add(At::now(), event).err();
        if let Some(command) = printer {
            self.count(command, self.writer.cursor().offset - before);
        }
        self.unsynced.get_or_insert_with(Instant::now);
    }

    /// Whether this is output of which no more is kept.
    fn is_over(&self, event: &Event) -> bool {
        (self.no_room || self.output > MOST_OUTPUT) && printed_by(event).is_some()
    }

    /// Counts what a line took in the journal, and says once that the push has printed its share.
    fn count(&mut self, command: u32, bytes: u64) {
        self.output = self.output.saturating_add(bytes);
        if self.output > MOST_OUTPUT {
            let text =
                format!("truncated: what this push has printed takes {} MiB; the rest is not kept", MOST_OUTPUT >> 20);
            let said = Event::Line { command, host: None, stream: Stream::Note, line: 0, text };
            self.illegal = self.illegal.take().or(self.writer.add(At::now(), said).err());
        }
    }

    /// Ends the push, since the runner has gone wrong: what it did next is not what its journal says. Whoever waits for a record is
    /// never told that it is durable, so that nothing is begun any more; what runs is ended by its guard when this process is gone.
    async fn break_off(mut self, illegal: &Illegal) {
        let state = self.writer.state();
        if state.ended.is_none() {
            let why = format!("the runner made an error, and was stopped: {illegal}");
            let hosts = u32::try_from(state.hosts.len()).unwrap_or(u32::MAX);
            let took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let end = state.interrupted(why, hosts, took_ms);
            // An end may follow whatever is not one.
            let _ = self.writer.add(At::now(), end);
        }
        self.flush().await;
        self.make_durable().await;
        (self.alarms.broken_off)();
        std::future::pending().await
    }

    async fn flush(&mut self) {
        let began = Instant::now();
        while let Err(error) = self.writer.flush() {
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if !full || began.elapsed() > FULL_PATIENCE {
                give_up(&error);
            }
            self.no_room = true;
            (self.alarms.disk_full)();
            let _ = std::fs::remove_file(&self.reserve);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn sync(&mut self) {
        self.make_durable().await;
        for told in self.waiting.drain(..) {
            // Who asked may have gone meanwhile.
            let _ = told.send(());
        }
    }

    async fn make_durable(&mut self) {
        self.unsynced = None;
        let file = match self.writer.handle() {
            Ok(file) => file,
            Err(error) => give_up(&error),
        };
        match tokio::task::spawn_blocking(move || file.sync_data()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => give_up(&error),
            Err(error) => give_up(&io::Error::other(error)),
        }
    }
}

/// A disk that refused `fdatasync` may have lost what it said it had: nothing that follows could be trusted.
fn give_up(error: &io::Error) -> ! {
    eprintln!("pushbutton runner: the journal cannot be written: {error}");
    std::process::exit(i32::from(DISK_FAILED));
}

#[cfg(test)]
mod tests;
