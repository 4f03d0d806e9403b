//! The ledger: SQLite, one file, one writer. History, locks, holds, builds, the outbox, people.
//! It must never decide who may do what (the desk does), and never be written but through [`Ledger::write`]: one
//! thread, one `BEGIN IMMEDIATE` transaction a call, durable when it returns (TRUST section 2).
//! Its folders are what it keeps; in them, one file per question asked. All of them are named from here, `ledger::holds`.

pub mod audit;
mod builds;
mod columns;
mod counted;
mod error;
pub mod measures;
pub mod outbox;
mod people;
pub mod pushes;
pub mod schema;
mod stages;
mod trouble;

pub use audit::{integrity, replay, seal};
pub use builds::{good_builds, kept, marks, published, statuses, surplus};
pub use outbox::deliveries;
pub use people::{accounts, answers, chats, known, second_factor, sessions, tokens, users};
pub use pushes::{fold, history, press, proofs, push_hosts, questions, ran, settled, stats, typical_duration, visible};
pub use schema::shape;
pub use stages::{approvals, autos, board, current, desired, holding, holds, running};

use self::audit::place::{self, Place};
use self::schema::migrate;
use crate::address::encoded_path;
use crate::advice::sqlite;
use crate::supervise::panic_words;
use crate::time::At;
pub use error::{LedgerError, LedgerResult};
use prometheus_client::metrics::histogram::Histogram;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
pub use trouble::Trouble;

/// WAL databases of older SQLite could be corrupted by a reset race (TRUST section 2).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Jobs that may wait for the writer; when it is full, callers wait too.
const WAITING_WRITES: usize = 256;
/// How long writes take, in seconds: from a warm disk to one that a person would notice.
const WRITE_TIMES: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Readers at once: enough for pages, few enough to stay cheap.
const READERS: usize = 4;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle on the ledger; cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    last_write: trouble::LastWrite,
    write_times: Histogram,
    /// From where comes what nobody says the origin of.
    place: Place,
    /// Rung after each commit.
    written: watch::Sender<u64>,
}

/// The one thread that writes. Dropping the last handle waits for it: whoever opens, copies or removes the file next must
/// not meet its closing checkpoint.
struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let Some(thread) = self.thread.take() else { return };
        // A job that held the last handle runs on this very thread, which cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            // A job that panicked was told already, where it was asked for.
            let _ = thread.join();
        }
    }
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// A permit lives as long as its query, also when whoever asked has gone: so there are at most [`READERS`] connections.
    places: Arc<Semaphore>,
    /// How many questions were asked.
    asked: AtomicU64,
}

impl Ledger {
    /// Opens or makes the ledger, checks it, and brings it to this binary's schema.
    ///
    /// # Errors
    /// When SQLite is too old, the file is damaged or of a newer schema, or cannot be opened.
    pub fn open(path: &Path) -> LedgerResult<Self> {
        Self::open_with(path, Place::Server, migrate::migrate)
    }

    /// Opens or makes the ledger beside a server that may be running, for the command line of this machine: one that is to be migrated first is refused, since
    /// that is for the server.
    ///
    /// # Errors
    /// As [`Ledger::open`], and when the ledger is of an older schema.
    pub fn open_beside(path: &Path) -> LedgerResult<Self> {
        Self::open_with(path, Place::PushHost, |connection, path| {
            migrate::be_current(connection, path)?;
            migrate::migrate(connection, path)
        })
    }

    fn open_with(
        path: &Path,
        place: Place,
        migrate: impl FnOnce(&mut Connection, &Path) -> LedgerResult<()>,
    ) -> LedgerResult<Self> {
        let unusable = |why: String| LedgerError::Unusable { path: path.to_owned(), why };
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(unusable(format!("SQLite {} is too old", rusqlite::version())));
        }
        let opened = || -> LedgerResult<Connection> {
            let mut connection = connect(path)?;
            be_whole(&connection, &unusable)?;
            migrate(&mut connection, path)?;
            seal::watch(&connection)?;
            Ok(connection)
        };
        let mut connection = opened().map_err(|error| error.of_file(path))?;
        let (sender, mut jobs) = mpsc::channel::<Job>(WAITING_WRITES);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                while let Some(job) = jobs.blocking_recv() {
                    job(&mut connection);
                }
            })
            .map_err(|error| unusable(error.to_string()))?;
        let places = Arc::new(Semaphore::new(READERS));
        let readers = Readers { path: path.to_owned(), idle: Mutex::default(), places, asked: AtomicU64::new(0) };
        let writer = Arc::new(Writer { jobs: Some(sender), thread: Some(thread) });
        Ok(Self {
            writer,
            readers: Arc::new(readers),
            last_write: trouble::LastWrite::new(),
            write_times: Histogram::new(WRITE_TIMES),
            place,
            written: watch::Sender::new(0),
        })
    }

    /// Why nothing can be written, if so, as the last write found it; rung when that changes.
    pub fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.last_write.subscribe()
    }

    /// Rings when something was committed.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Runs `work` in one immediate transaction on the writer, with the seals of what it touched; committed and durable when this
    /// returns `Ok`, without a trace when `work` or the commit failed.
    ///
    /// # Errors
    /// What `work` or SQLite said.
    pub async fn write<T, F>(&self, work: F) -> LedgerResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> LedgerResult<T> + Send + 'static,
    {
        let (tx, rx) = oneshot::channel();
        let (last_write, path) = (self.last_write.clone(), self.readers.path.clone());
        let place = place::here().unwrap_or(self.place);
        let (asked, write_times, written) = (Instant::now(), self.write_times.clone(), self.written.clone());
        let job: Job = Box::new(move |connection| {
            // A transaction that is dropped on the way is rolled back: the connection is as good as before.
            let outcome = unbroken(|| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let value = place::written_from(place, || work(&transaction))?;
                seal::seal(&transaction)?;
                transaction.commit()?;
                Ok(value)
            });
            let outcome = outcome.map_err(|error| error.of_file(&path));
            if outcome.is_ok() {
                written.send_modify(|count| *count = count.wrapping_add(1));
            }
            last_write.note(&outcome, At::now());
            write_times.observe(asked.elapsed().as_secs_f64());
            // The asker may have gone; what was committed stays committed.
            let _ = tx.send(outcome);
        });
        let jobs = self.writer.jobs.as_ref().ok_or(LedgerError::Closed)?;
        jobs.send(job).await.map_err(|_| LedgerError::Closed)?;
        rx.await.map_err(|_| LedgerError::Closed)?
    }

    /// Writes something that changes nothing, to the disk and back: whether a push could be written down now.
    ///
    /// # Errors
    /// What SQLite said: a full disk, a lock that another program holds.
    pub async fn try_write(&self) -> LedgerResult<()> {
        self.write(|transaction| Ok(transaction.pragma_update(None, "user_version", migrate::SCHEMA)?)).await
    }

    /// Runs `ask` on a read-only connection, off the async threads. Keep it under 10 s: readers hold back the WAL.
    ///
    /// # Errors
    /// What `ask` or SQLite said.
    pub async fn read<T, F>(&self, ask: F) -> LedgerResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> LedgerResult<T> + Send + 'static,
    {
        let (readers, path) = (Arc::clone(&self.readers), &self.readers.path);
        let place = Arc::clone(&readers.places).acquire_owned().await.map_err(|_| LedgerError::Closed)?;
        let answer = tokio::task::spawn_blocking(move || {
            let _place = place;
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => connect_reader(&readers.path)?,
            };
            let (answer, asked) = counted::counting(|| unbroken(|| ask(&connection)));
            readers.asked.fetch_add(asked, Ordering::Relaxed);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer
        });
        answer.await.map_err(|_| LedgerError::Closed)?.map_err(|error| error.of_file(path))
    }

    /// How long writes took since it was opened, in seconds: from when they were asked for, so with the wait for their turn, to
    /// when they were durable or had failed.
    pub fn write_times(&self) -> &Histogram {
        &self.write_times
    }

    /// How many questions readers have asked since it was opened.
    pub fn asked(&self) -> u64 {
        self.readers.asked.load(Ordering::Relaxed)
    }
}

/// Whether the ledger at `path` could be opened, as far as that can be known without changing anything: no file is made
/// beside it, none locked. The words are those of [`Ledger::open`].
///
/// # Errors
/// Why not.
pub fn look(path: &Path) -> LedgerResult<()> {
    let unusable = |why: String| LedgerError::Unusable { path: path.to_owned(), why };
    if !path.try_exists().map_err(|error| unusable(error.to_string()))? {
        return Ok(());
    }
    let looked = || -> LedgerResult<()> {
        let connection = connect_untouched(path)?;
        migrate::be_known(migrate::version(&connection)?, path)?;
        // What lies in the log is not in the file yet: without it the file may look damaged where it is not.
        match std::fs::metadata(migrate::beside(path, "-wal")).map_or(0, |log| log.len()) {
            0 => be_whole(&connection, &unusable),
            _ => Ok(()),
        }
    };
    looked().map_err(|error| error.of_file(path))
}

/// Opens the file as one that nobody writes to.
fn connect_untouched(path: &Path) -> LedgerResult<Connection> {
    let address = format!("file:{}?immutable=1", encoded_path(path.as_os_str().as_encoded_bytes()));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(address, flags)?)
}

fn be_whole(connection: &Connection, unusable: &dyn Fn(String) -> LedgerError) -> LedgerResult<()> {
    let checked: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match checked.as_str() {
        "ok" => Ok(()),
        _ => {
            let said = format!("database disk image is malformed: {}", checked.replace('\n', " "));
            Err(unusable(sqlite::advice(&said).map_or(said, |advice| advice.words())))
        }
    }
}

/// Runs work whose panic must cost nobody else anything: it is logged and answered like any other failure.
fn unbroken<T>(work: impl FnOnce() -> LedgerResult<T>) -> LedgerResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic_words(panic.as_ref());
        tracing::error!(panic = words, "work with the ledger panicked");
        Err(LedgerError::Broken(words.to_owned()))
    })
}

/// Copies the ledger, as it is at one moment, into a file that must not exist; readers and the writer go on meanwhile. Then
/// `amend` is done to the copy, sealed like every other change.
///
/// # Errors
/// What SQLite or `amend` said.
pub fn copy_to<T>(
    connection: &Connection,
    file: &Path,
    amend: impl FnOnce(&Transaction<'_>) -> LedgerResult<T>,
) -> LedgerResult<T> {
    let name =
        file.to_str().ok_or_else(|| LedgerError::Unusable { path: file.to_owned(), why: "not UTF-8".to_owned() })?;
    connection.execute("VACUUM INTO ?1", [name])?;
    // With a journal that is gone when it is closed: the copy is one file.
    let mut copy = Connection::open(file)?;
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.pragma_update(None, "trusted_schema", "OFF")?;
    seal::watch(&copy)?;
    let tx = copy.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let amended = amend(&tx)?;
    seal::seal(&tx)?;
    tx.commit()?;
    Ok(amended)
}

fn connect(path: &Path) -> LedgerResult<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> LedgerResult<Connection> {
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    counted::watch(&mut connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
