//! Followers: one task a running push. It reads the journal as it grows, tells viewers how far they may read, folds what
//! is new, and when the runner is dead it ends the push. It must never wait for a viewer, and never show an end that the ledger
//! does not have.

mod stuck;

use super::fold;
use super::fold::Folded;
use super::interrupt;
use super::interrupt::RunnerState;
use super::runner::Runner;
use crate::desk::{Desk, JournalEnd};
use crate::journal::{Batch, Cursor, Ended, Event, PushDir, Reader, Record, State, StoredRecord};
use crate::ledger::pushes::PushRow;
use crate::ledger::{LedgerError, fold as places, holding, pushes};
use crate::plan::Standing;
use crate::stack::PushNumber;
use crate::supervise::blocking;
use crate::time::At;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a journal's length is looked at: a line is on the screen before a person notices.
const LOOK: Duration = Duration::from_millis(10);
/// Lines alone are only counted, so they wait this long for company.
const LINES_WAIT: Duration = Duration::from_millis(200);
/// How much of a journal is read at once; bounds what a follower holds in memory.
const CHUNK: usize = 1 << 20;
/// How often the lock of a runner that another server started is tried.
const LOCK_TRY: Duration = Duration::from_millis(500);
/// After a failure: full disk, ledger that does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// The exit code for a disk that can no longer be trusted (TRUST section 2).
const DISK_FAILED: i32 = 70;

/// Why a follower could not go on just now; it tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The journal cannot be read or ended.
    #[error("its journal: {0}")]
    Journal(#[from] io::Error),
    /// The ledger did not take the records.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What one look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing new.
    Quiet,
    /// New records.
    Further,
    /// The ledger knows the end.
    Ended,
}

/// A task that follows one push.
pub(crate) struct Follower {
    desk: Arc<Desk>,
    push: PushNumber,
    dir: PushDir,
    runner: Runner,
    reader: Option<Arc<Reader>>,
    /// Up to here records were read.
    read: Cursor,
    /// Up to here records are in the ledger.
    folded: Cursor,
    /// What these records say; none where it has to be read anew.
    state: Option<State>,
    /// Read and not yet folded.
    pending: Vec<StoredRecord>,
    folded_at: Instant,
    lock_tried: Instant,
    /// Records go into the ledger one by one, since it refused some of several.
    one_by_one: bool,
    /// Why the ledger can follow no further.
    stuck: Option<String>,
    /// The journal's own end, kept where the ledger cannot be brought there record by record.
    end: Option<Record>,
}

impl Follower {
    /// A follower that goes on where the ledger stands.
    ///
    /// # Errors
    /// When the ledger does not answer, or does not know the push.
    pub async fn new(desk: Arc<Desk>, push: PushNumber, runner: Runner) -> Result<Self, FollowError> {
        let place = desk.ledger.read(move |connection| places::place(connection, push)).await?;
        let place = place.ok_or_else(|| LedgerError::Corrupt(format!("push {push} has no fold")))?;
        let dir = PushDir::of(&desk.config.data, push);
        let now = Instant::now();
        let follower = Self {
            desk,
            push,
            dir,
            runner,
            reader: None,
            read: place,
            folded: place,
            state: None,
            pending: Vec::new(),
            folded_at: now,
            lock_tried: now,
            one_by_one: false,
            stuck: None,
            end: None,
        };
        follower.publish(place.offset);
        Ok(follower)
    }

    /// Follows to the end, or until the desk stops, whatever breaks meanwhile.
    pub fn keep(self) {
        let (desk, push, runner) = (Arc::clone(&self.desk), self.push, self.runner.clone());
        let (health, stop) = (desk.health.clone(), desk.stop.clone());
        let (of, mut first) = (Arc::clone(&desk), Some(self));
        desk.spawn(health.finish("follow a push", stop, move || {
            let (desk, runner, first) = (Arc::clone(&of), runner.clone(), first.take());
            async move {
                match first {
                    Some(follower) => follower.follow().await,
                    None => Self::anew(desk, push, runner).await.follow().await,
                }
            }
        }));
    }

    /// A follower in the place of one that broke.
    async fn anew(desk: Arc<Desk>, push: PushNumber, runner: Runner) -> Self {
        loop {
            match Self::new(Arc::clone(&desk), push, runner.clone()).await {
                Ok(follower) => return follower,
                Err(error) => {
                    tracing::error!(push = push.get(), %error, "a push cannot be followed, and is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Follows to the end, or until the desk stops.
    async fn follow(mut self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! { biased; () = self.desk.stop.cancelled() => return, _ = ticks.tick() => {} }
            match self.look().await {
                Ok(Step::Ended) => return,
                Ok(Step::Further | Step::Quiet) => failing = false,
                Err(error) => {
                    if !failing {
                        tracing::error!(push = self.push.get(), error = %error, "following a push fails, and is tried again");
                    }
                    failing = true;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Folds everything that is there; true when the push has ended, false when its runner lives.
    ///
    /// # Errors
    /// What the disk or the ledger said.
    pub async fn catch_up(&mut self) -> Result<bool, FollowError> {
        loop {
            match self.look().await? {
                Step::Ended => return Ok(true),
                Step::Further => {}
                Step::Quiet => match self.end_if_dead().await? {
                    RunnerState::Alive => return Ok(false),
                    RunnerState::Ended | RunnerState::Interrupted => {}
                },
            }
        }
    }

    async fn look(&mut self) -> Result<Step, FollowError> {
        let new = self.read_on().await?;
        if self.stuck.is_some() {
            return self.look_stuck(new).await;
        }
        if self.is_due() {
            return self.fold().await;
        }
        if new {
            return Ok(Step::Further);
        }
        if self.pending.is_empty() && self.may_be_dead() {
            self.lock_tried = Instant::now();
            self.end_if_dead().await?;
        }
        Ok(Step::Quiet)
    }

    /// Reads what is new, and lets viewers read it; whether there was anything.
    async fn read_on(&mut self) -> Result<bool, FollowError> {
        if self.reader.is_none() {
            match Reader::open(&self.dir.journal()) {
                Ok(reader) => self.reader = Some(Arc::new(reader)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(reader) = self.reader.clone() else { return Ok(false) };
        if self.has_end() || reader.end()? <= self.read.offset {
            return Ok(false);
        }
        let from = self.read;
        let batch: Batch = blocking(move || reader.read_from(from, CHUNK)).await?;
        self.read = batch.cursor(from);
        let new = !batch.records.is_empty();
        let shown = batch.records.iter().rfind(|read| !is_end(read)).map(|read| read.end);
        self.pending.extend(batch.records);
        if let Some(end) = shown {
            self.publish(end);
        }
        Ok(new)
    }

    fn publish(&self, len: u64) {
        self.desk.journals.publish(self.push, JournalEnd { len, ended: false });
    }

    fn has_end(&self) -> bool {
        self.pending.last().is_some_and(is_end)
    }

    fn is_due(&self) -> bool {
        let state = self.pending.iter().any(|read| read.record.event.is_state());
        state || self.one_by_one || (!self.pending.is_empty() && self.folded_at.elapsed() >= LINES_WAIT)
    }

    /// First the journal is durable, then the ledger has it.
    async fn fold(&mut self) -> Result<Step, FollowError> {
        let Some(reader) = self.reader.clone() else { return Ok(Step::Quiet) };
        if let Err(error) = blocking(move || reader.sync()).await {
            // Where the server ends in this moment, nobody asked the disk.
            if error.get_ref().is_some_and(|cause| cause.is::<tokio::task::JoinError>()) {
                return Err(error.into());
            }
            // A failed fdatasync may have thrown the bytes away: nothing that is told from here on would be true.
            tracing::error!(push = self.push.get(), error = %error, "the disk failed; the server ends");
            std::process::exit(DISK_FAILED);
        }
        let mut state = self.take_state().await?;
        let (push, from, targets) = (self.push, self.folded, self.desk.notify_targets.clone());
        let rest = if self.one_by_one && self.pending.len() > 1 { self.pending.split_off(1) } else { Vec::new() };
        let records = Arc::new(std::mem::replace(&mut self.pending, rest));
        let to = records.last().map_or(from, |last| Cursor { offset: last.end, n: last.record.n });
        let given = Arc::clone(&records);
        let outcome = self.desk.ledger.write(move |tx| {
            let folded = fold::fold(tx, push, from, &given, &mut state, &targets)?;
            Ok((folded, state))
        });
        let outcome = outcome.await;
        let told = records.iter().any(|read| read.record.event.is_state());
        match outcome {
            Ok((Folded::Already, _)) => {
                // Someone folded before us; where they stand is where we go on.
                let place = self.desk.ledger.read(move |connection| places::place(connection, push)).await?;
                self.folded = place.unwrap_or(self.folded);
                self.read = self.folded;
                self.pending.clear();
            }
            Ok((folded, state)) => {
                self.folded = to;
                self.state = Some(state);
                self.folded_at = Instant::now();
                if folded == Folded::Ended {
                    return Ok(self.ended().await);
                }
                if told {
                    self.desk.changed();
                }
            }
            Err(error) => {
                let mut records = Arc::unwrap_or_clone(records);
                records.append(&mut self.pending);
                self.pending = records;
                return self.refused(error);
            }
        }
        Ok(Step::Further)
    }

    /// The ledger has the end.
    async fn ended(&self) -> Step {
        self.desk.journals.publish(self.push, JournalEnd { len: self.read.offset, ended: true });
        tracing::info!(push = self.push.get(), "a push has ended");
        self.look_after().await;
        self.desk.changed();
        Step::Ended
    }

    /// What the records in the ledger say. It goes into the change that takes the next ones, and comes back with it: after a
    /// change that failed it is read anew.
    async fn take_state(&mut self) -> io::Result<State> {
        match (self.state.take(), self.reader.clone()) {
            (Some(state), _) => Ok(state),
            (None, Some(reader)) => {
                let to = self.folded;
                blocking(move || reader.state_at(to)).await
            }
            (None, None) => Ok(State::default()),
        }
    }

    /// Has the hosts asked what they run now that the push is over.
    async fn look_after(&self) {
        let id = self.push;
        // A plan that cannot be read takes nothing from the rest.
        let read = self.desk.ledger.read(move |connection| {
            Ok((pushes::get(connection, id)?, holding::left_with(connection, id).unwrap_or_default()))
        });
        // Without an answer they are asked in their turn.
        let (row, left) = read.await.unwrap_or_default();
        let well = row.as_ref().is_some_and(|row| row.state == Ended::Succeeded);
        if let Some(PushRow { stack, stage, .. }) = row {
            let changed = left.into_iter().filter(|left| left.standing != Standing::Untouched).map(|left| left.host);
            self.desk.drifts.forget(&stack, &stage, &changed.collect());
            // What did not end well was perhaps refused there.
            if !well {
                self.desk.forget_seen(&stack);
            }
            self.desk.in_use(&stack);
            self.desk.drifts.ask_again(&stack);
        }
    }

    fn may_be_dead(&self) -> bool {
        match &self.runner {
            Runner::Ours(ended) => *ended.borrow(),
            Runner::Found => self.lock_tried.elapsed() >= LOCK_TRY,
            Runner::NeverStarted(_) => true,
        }
    }

    async fn end_if_dead(&mut self) -> Result<RunnerState, FollowError> {
        let id = self.push;
        let row = self.desk.ledger.read(move |connection| pushes::get(connection, id)).await?;
        let row = row.ok_or_else(|| LedgerError::Corrupt(format!("push {id} has a fold but no row")))?;
        let cause = match &self.runner {
            Runner::NeverStarted(why) => Some(why.clone()),
            Runner::Ours(_) | Runner::Found => None,
        };
        let dir = self.dir.clone();
        let found = blocking(move || interrupt::interrupt(&dir, &row, cause.as_deref(), At::now())).await?;
        if found == RunnerState::Interrupted {
            tracing::warn!(push = id.get(), "the runner of a push died; the push is interrupted");
        }
        Ok(found)
    }
}

fn is_end(read: &StoredRecord) -> bool {
    matches!(read.record.event, Event::PushEnded { .. })
}
