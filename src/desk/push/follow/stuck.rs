//! A push with a record that the ledger refuses for ever. It does not stay running for ever: it is interrupted in the ledger once its
//! runner has ended. It must never take anything from the push itself: its runner and its viewers go on.

use super::{FollowError, Follower, LOCK_TRY, Step, is_end};
use crate::desk::push::fold;
use crate::journal::{Ended, Event, Record, StoredRecord};
use crate::ledger::LedgerError;
use std::time::Instant;

impl Follower {
    /// The ledger did not take the first of what is pending, or something behind it.
    pub(super) fn refused(&mut self, error: LedgerError) -> Result<Step, FollowError> {
        match self.pending.as_slice() {
            [first, rest @ ..] if error.is_lasting() => {
                if rest.is_empty() || self.one_by_one {
                    let n = first.record.n;
                    tracing::error!(push = self.push.get(), n, %error, "a record of a push does not go into the ledger");
                    let why =
                        if let LedgerError::Record(illegal) = &error { &illegal.what } else { &error.to_string() };
                    self.stuck = Some(format!("record {n} of its log does not go into the history: {why}"));
                    self.lock_tried = Instant::now().checked_sub(LOCK_TRY).unwrap_or(self.lock_tried);
                }
                self.one_by_one = true;
                Ok(Step::Further)
            }
            _ => Err(error.into()),
        }
    }

    /// The ledger can follow no further. Viewers do, and so do the hosts: the runner goes on to its end, and then the push
    /// is interrupted in the ledger, with the reason.
    pub(super) async fn look_stuck(&mut self, new: bool) -> Result<Step, FollowError> {
        let read = std::mem::take(&mut self.pending);
        self.end = read.into_iter().rfind(is_end).map(|read| read.record).or(self.end.take());
        if new {
            return Ok(Step::Further);
        }
        if self.end.is_none() && self.may_be_dead() {
            self.lock_tried = Instant::now();
            self.end_if_dead().await?;
        }
        let (Some(end), Some(why)) = (self.end.clone(), self.stuck.clone()) else { return Ok(Step::Quiet) };
        let (push, from, targets) = (self.push, self.folded, self.desk.notify_targets.clone());
        let read = StoredRecord { record: interrupted(end, why), end: self.read.offset };
        let mut state = self.take_state().await?;
        let end = self
            .desk
            .ledger
            .write(move |tx| fold::fold(tx, push, from, std::slice::from_ref(&read), &mut state, &targets));
        end.await?;
        Ok(self.ended().await)
    }
}

/// The end of a push whose journal did not go into the ledger as a whole: whatever it was, the history does not know how it
/// came about.
fn interrupted(mut end: Record, stuck: String) -> Record {
    if let Event::PushEnded { state, why, .. } = &mut end.event {
        let ended = state.word();
        *why = Some(format!("{stuck}. Its log is whole, and ends with \u{201c}{ended}\u{201d}"));
        *state = Ended::Interrupted;
    }
    end
}
