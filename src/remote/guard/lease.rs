//! The lease: sends a guard its input, keeps it alive with heartbeats, reads both streams, and lets go when told to. Reading must
//! never hold up a heartbeat or a cancel, whatever the receiver of the lines does. Called by `far` and `near`.

use super::marks::{Mark, Marks};
use crate::advice::{Advice, host};
use crate::journal::Stream;
use crate::remote::output::{Allowance, COMMAND_LIMIT, Cleaner, Mask, Verdict};
use crate::remote::{Ending, Line, Lines, Task};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::coop::unconstrained;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often a guard hears from us; six times within the lease of 30 s.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Beyond twice the grace: for the guard's own looking around on a busy host, and for the network.
const SLACK: Duration = Duration::from_secs(10);

/// A stream that always has more gives way after so many reads (512 KiB): a runtime that never waits sees no timer.
const TURN: usize = 16;

/// A guard that has said its last word ends at once; a stream that is open after this time is held by something else.
const HELD: Duration = Duration::from_millis(700);

/// The three streams of a guard.
pub(crate) struct Wire<'a, I, O, E> {
    /// Where it is, in words.
    pub(crate) place: &'a str,
    /// The lifeline.
    pub(crate) input: I,
    /// Its standard output.
    pub(crate) out: O,
    /// Its standard error.
    pub(crate) err: E,
}

/// What a guard is told before its heartbeats, and the word by which it is known.
pub(crate) struct Opening {
    /// Stands in each of the guard's own lines.
    pub(crate) nonce: String,
    /// Is in the environment of all that the command starts.
    pub(crate) mark: String,
    /// Its terms, values and script.
    pub(crate) input: String,
}

/// Where standard output goes; standard error always becomes lines.
pub(crate) enum Output<'a> {
    /// Cleaned, as lines.
    Lines,
    /// As it is, for our own scripts: at most so many bytes, then the task counts as failed.
    Bytes(&'a mut Vec<u8>, usize),
}

/// Why the lifeline was closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    Cancelled,
    TimedOut,
}

/// What the two readers and the sender share.
struct Lease<'a> {
    lines: &'a Lines,
    mask: &'a Arc<Mask>,
    allowance: Allowance,
    /// When the lifeline was closed.
    closed: watch::Sender<Option<Instant>>,
    /// How long lines are still told after that. What an endless command said meanwhile would hold up its end.
    patience: Duration,
    /// Someone was told that lines are missing for this reason.
    impatience_told: AtomicBool,
    /// The guard has said its last word on one stream: the other need not be read on.
    over: CancellationToken,
    /// All of the input went out. Until then the guard cannot have begun.
    input_sent: AtomicBool,
    /// Someone else than the guard holds a stream.
    held: AtomicBool,
    /// Reads of both streams so far.
    reads: AtomicUsize,
}

/// Holds a guard until it ends, or until its time is over and it has been told to. Also says whether something that outlives it
/// still holds its output.
pub(crate) async fn hold<I, O, E>(
    wire: Wire<'_, I, O, E>,
    opening: &Opening,
    task: &Task,
    lines: &Lines,
    output: Output<'_>,
    until: Instant,
) -> (Ending, bool)
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    // Tokio's budget is of the whole task, with all of its hosts: a heartbeat or a deadline must not be refused because somebody read
    // much. What reads gives way by itself.
    unconstrained(keep(wire, opening, task, lines, output, until)).await
}

async fn keep<I, O, E>(
    wire: Wire<'_, I, O, E>,
    opening: &Opening,
    task: &Task,
    lines: &Lines,
    output: Output<'_>,
    until: Instant,
) -> (Ending, bool)
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let grace = Duration::from_secs(task.grace_s.max(1));
    let lease = Lease::new(lines, task, grace);
    let period = HEARTBEAT.min(Duration::from_millis(task.lease_s.max(1) * 1000 / 3));
    let sending = lease.send_input(wire.input, opening.input.as_bytes(), period);
    let reading = async {
        let out = async {
            match output {
                Output::Lines => lease.read_lines(wire.out, Stream::Out, Marks::new(&opening.nonce)).await,
                Output::Bytes(kept, most) => lease.read_bytes(wire.out, kept, most, Marks::new(&opening.nonce)).await,
            }
        };
        tokio::join!(out, lease.read_lines(wire.err, Stream::Err, Marks::new(&opening.nonce)))
    };
    tokio::pin!(sending, reading);
    let (mut why, mut sending_ended) = (None, false);
    // Moved to where we give up as soon as the lifeline is closed.
    let mut deadline = until;
    let marks = loop {
        let close = tokio::select! {
            biased;
            marks = &mut reading => break Some(marks),
            () = task.cancel.cancelled(), if why.is_none() => Closed::Cancelled,
            () = sleep_until(deadline) => match why {
                None => Closed::TimedOut,
                Some(_) => break None,
            },
            () = &mut sending, if !sending_ended => {
                sending_ended = true;
                continue;
            }
        };
        why = Some(close);
        deadline = Instant::now() + 2 * grace + SLACK;
        lease.closed.send_replace(Some(Instant::now()));
    };
    let ending = verdict(
        marks,
        why,
        lease.input_sent.load(Ordering::Relaxed),
        (wire.place, task.lock.as_deref().unwrap_or("-")),
    );
    let held = lease.held.load(Ordering::Relaxed) && matches!(ending, Ending::Exited(_));
    (ending, held)
}

/// What the marks mean. Only the guard's own word counts; ssh's exit code does not.
fn verdict(
    marks: Option<(Option<Mark>, Option<Mark>)>,
    why: Option<Closed>,
    input_sent: bool,
    (place, lock): (&str, &str),
) -> Ending {
    let ended = |left| match why {
        Some(Closed::Cancelled) => Some(Ending::Cancelled { left }),
        Some(Closed::TimedOut) => Some(Ending::TimedOut { left }),
        None => None,
    };
    match marks {
        Some((Some(Mark::No(reason)), _)) => Ending::Refused(refusal(&reason, place, lock)),
        Some((Some(Mark::Left(left)), _)) => ended(left).unwrap_or_else(|| {
            Ending::Unknown(format!(
                "{place} lost contact with the push host, and {left} processes there could not be ended"
            ))
        }),
        Some((Some(Mark::Exit(code)), Some(Mark::Exit(_)))) => ended(0).unwrap_or(Ending::Exited(code)),
        _ if !input_sent && why == Some(Closed::Cancelled) => Ending::Cancelled { left: 0 },
        _ if !input_sent => {
            Ending::Unreachable(format!("the connection to {place} was lost before the command started"))
        }
        Some(_) => {
            Ending::Unknown(format!("the connection to {place} was lost while the command ran: its result is unknown"))
        }
        None => Ending::Unknown(format!("{place} was told to end the command, but did not confirm it")),
    }
}

/// A guard's reason for beginning nothing, in words: what is wrong, and what to do there.
pub(crate) fn refusal(reason: &str, place: &str, lock: &str) -> String {
    match reason.split_once(' ').unwrap_or((reason, "")) {
        ("fence", seen) => format!(
            "{place} has already seen push {seen} of this stack, which is newer than this one: another Pushbutton pushes there too, \
             or the data of this one was lost or restored from an older backup; if this is the only one, `pushbutton number-above {} --reason TEXT` lets its numbers continue above",
            lock.split_once('@').map_or(lock, |(stack, _)| stack)
        ),
        ("locked", _) => format!(
            "another command of this stack has held its lock on {place} for a minute: from another Pushbutton, or one that hangs; \
             `fuser ~/.pushbutton/{lock}` there shows which"
        ),
        ("tool", "flock") => format!("`flock` is not installed on {place}: apt install util-linux, or apk add flock"),
        ("tool", "flock -w") => {
            format!("the `flock` of {place} cannot wait (busybox): install that of util-linux, apk add flock")
        }
        ("tool", "setsid") => {
            format!("`setsid` is not installed on {place}: apt install util-linux, or apk add setsid")
        }
        ("tool", name) => {
            format!("`{}` is not on the PATH of commands on {place}: install it there", name.escape_debug())
        }
        ("proc", _) => format!(
            "/proc cannot be read on {place}, and without it running commands cannot be ended: mount -t proc proc /proc"
        ),
        ("home", dir) => format!(
            "the account's home directory on {place}, {}, does not exist: create it as root: install -d -o USER DIRECTORY",
            dir.escape_debug()
        ),
        ("lock-dir", said) => {
            let why = host::words(&Advice::of(said, host::CASES, &[]), place);
            let why = if why.is_empty() { "is its disk full or read-only?".to_owned() } else { why };
            format!("cannot write the lock ~/.pushbutton/{lock} on {place}: {why}")
        }
        _ => format!("{place} refused the command: {}", reason.escape_debug()),
    }
}

impl<'a> Lease<'a> {
    fn new(lines: &'a Lines, task: &'a Task, grace: Duration) -> Self {
        Self {
            lines,
            mask: &task.mask,
            allowance: Allowance::new(COMMAND_LIMIT),
            closed: watch::Sender::new(None),
            patience: grace,
            impatience_told: AtomicBool::new(false),
            over: CancellationToken::new(),
            input_sent: AtomicBool::new(false),
            held: AtomicBool::new(false),
            reads: AtomicUsize::new(0),
        }
    }

    /// Sends the input, then heartbeats, until the lifeline is closed. When it returns, the lifeline is closed.
    async fn send_input(&self, mut to: impl AsyncWrite + Unpin, input: &[u8], period: Duration) {
        let mut closed = self.closed.subscribe();
        let sending = async {
            to.write_all(input).await?;
            to.flush().await?;
            self.input_sent.store(true, Ordering::Relaxed);
            loop {
                tokio::time::sleep(period).await;
                to.write_all(b"\n").await?;
                to.flush().await?;
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            Ok::<(), std::io::Error>(())
        };
        tokio::select! {
            _ = closed.wait_for(Option::is_some) => {}
            // A broken pipe: the readers see the end of it.
            _ = sending => {}
        }
    }

    async fn read_lines(&self, mut from: impl AsyncRead + Unpin, stream: Stream, mut marks: Marks) -> Option<Mark> {
        let mut cleaner = Cleaner::new(Arc::clone(self.mask));
        let mut chunk = vec![0; 32 * 1024];
        loop {
            let count = self.read(&mut from, &mut chunk).await;
            if count == 0 {
                let held = marks.finish();
                self.deliver(cleaner.push(&held), stream).await;
                self.deliver(cleaner.finish(), stream).await;
                return None;
            }
            let piece = marks.push(&chunk[..count]);
            if self.allowance.is_used_up() || self.is_impatient() {
                if piece.mark.is_some() {
                    return self.end_at(piece.mark);
                }
                continue;
            }
            self.deliver(cleaner.push(&piece.text), stream).await;
            if piece.line_end_follows {
                self.deliver(cleaner.line_end_follows(), stream).await;
            }
            if piece.mark.is_some() {
                self.deliver(cleaner.finish(), stream).await;
                if let Some(Mark::Exit(_)) = piece.mark {
                    self.see_who_holds(&mut from).await;
                }
                return self.end_at(piece.mark);
            }
        }
    }

    async fn read_bytes(
        &self,
        mut from: impl AsyncRead + Unpin,
        kept: &mut Vec<u8>,
        most: usize,
        mut marks: Marks,
    ) -> Option<Mark> {
        let mut chunk = vec![0; 32 * 1024];
        loop {
            let count = self.read(&mut from, &mut chunk).await;
            let (text, mark) = match count {
                0 => (marks.finish(), None),
                _ => {
                    let piece = marks.push(&chunk[..count]);
                    (piece.text, piece.mark)
                }
            };
            // One byte beyond the limit tells the caller that it was passed; the rest is read and dropped.
            let room = (most + 1).saturating_sub(kept.len());
            kept.extend_from_slice(&text[..text.len().min(room)]);
            if count == 0 || mark.is_some() {
                return self.end_at(mark);
            }
        }
    }

    /// Reads some bytes; 0 at the end, at an error, and when the guard has said its last word elsewhere.
    async fn read(&self, from: &mut (impl AsyncRead + Unpin), chunk: &mut [u8]) -> usize {
        if self.reads.fetch_add(1, Ordering::Relaxed) % TURN == TURN - 1 {
            yield_now().await;
        }
        tokio::select! {
            biased;
            count = from.read(chunk) => count.unwrap_or(0),
            () = self.over.cancelled() => 0,
        }
    }

    /// Reads on to the end of a stream whose guard has said its last word, which is there with the guard's own end: otherwise
    /// something that the command left behind holds it.
    async fn see_who_holds(&self, from: &mut (impl AsyncRead + Unpin)) {
        let mut chunk = vec![0; 1024];
        let to_the_end = async { while self.read(from, &mut chunk).await > 0 {} };
        if tokio::time::timeout(HELD, to_the_end).await.is_err() {
            self.held.store(true, Ordering::Relaxed);
        }
    }

    fn end_at(&self, mark: Option<Mark>) -> Option<Mark> {
        if matches!(mark, Some(Mark::No(_) | Mark::Left(_))) {
            self.over.cancel();
        }
        mark
    }

    /// Whether the lifeline has been closed for so long that no more lines are told.
    fn is_impatient(&self) -> bool {
        let over = self.closed.borrow().is_some_and(|since| since + self.patience < Instant::now());
        if over && !self.impatience_told.swap(true, Ordering::Relaxed) {
            let text = "truncated: what was said after the command was told to end is not kept".to_owned();
            // A full channel is why: then the result says enough.
            let _ = self.lines.try_send(Line { stream: Stream::Note, text });
        }
        over
    }

    /// Hands lines on, at the pace of their receiver; but not forever once the lifeline is closed.
    async fn deliver(&self, texts: Vec<String>, stream: Stream) {
        for text in texts {
            if self.is_impatient() {
                return;
            }
            let line = match self.allowance.pay_for(&text) {
                Verdict::Shown => Line { stream, text },
                Verdict::FirstDropped => {
                    let limit = COMMAND_LIMIT / (1024 * 1024);
                    let text = format!("truncated: more than {limit} MiB of output; the rest is not kept");
                    Line { stream: Stream::Note, text }
                }
                Verdict::Dropped => continue,
            };
            let Err(full) = self.lines.try_send(line) else { continue };
            let impatient = async {
                let mut closed = self.closed.subscribe();
                let since = closed.wait_for(Option::is_some).await.ok().and_then(|since| *since);
                sleep_until(since.unwrap_or_else(Instant::now) + self.patience).await;
            };
            tokio::select! {
                // Nobody receives lines any more: they are dropped, the command goes on.
                _ = self.lines.send(full.into_inner()) => {}
                () = impatient => {}
            }
        }
    }
}
