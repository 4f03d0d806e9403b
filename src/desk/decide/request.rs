//! What a press asks for: the button, the way back, the rest of an earlier push, or the hosts that were left behind. Each has its own decision; all end in
//! the same transaction, as the same kind of push. It must never write.

use super::catch_up;
use super::earlier::ended::Earlier;
use super::facts::Facts;
use super::gate;
use super::offer;
use super::offer::Offer;
use super::outside::Outside;
use super::press::Press;
use super::questions::Questions;
use super::resume;
use super::rollback;
use super::rollback::Past;
use super::version::Picked;
use crate::desk::refusal::Refusal;
use crate::ledger::{Answer, aim};
use crate::plan::Plan;
use crate::stack::{BuildId, PushNumber, Revision, Stack};
use rusqlite::Connection;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The button: what it offers.
    Next,
    /// An earlier build.
    Back {
        /// Which; none named: the last good one whose content is not what runs.
        to: Option<BuildId>,
        /// Whether the stage's questions are asked.
        questions: Questions,
    },
    /// What is left of an earlier push.
    Rest(PushNumber),
    /// The stage's own build.
    CatchUp {
        /// Onto these hosts.
        hosts: Vec<String>,
        /// Whether the stage's questions are asked.
        questions: Questions,
    },
    /// Another version than the newest, on the first stage.
    Version(Picked),
}

impl Wish {
    /// What it would do, were it allowed.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn offer(
        &self,
        (outside, connection): (&Outside<'_>, &Connection),
        stack: &Stack,
        place: usize,
        head: Option<Revision>,
    ) -> Answer<Result<Offer, Refusal>> {
        Ok(match self {
            Self::Next => offer::offer(stack, place, &Facts::read(connection, stack, place, head)?),
            Self::Back { to, questions } => {
                let past = Past::read(outside, connection, stack, place)?;
                let facts = Facts::read(connection, stack, place, head)?;
                rollback::offer(stack, place, &facts, &past, to.as_ref(), *questions)
            }
            Self::Version(picked) => picked.offer(stack, place, &Facts::read(connection, stack, place, head)?),
            Self::Rest(of) => match Earlier::read(connection, *of)? {
                Some(earlier) => resume::offer(&earlier),
                None => Err(Refusal::Unknown { what: format!("push {of}") }),
            },
            Self::CatchUp { hosts, questions } => {
                let aim = aim::get(connection, &stack.name, &stack.stages[place].name)?;
                let facts = Facts::read(connection, stack, place, head)?;
                catch_up::offer(stack, place, &facts, aim.as_ref(), hosts, *questions)
            }
        })
    }

    /// Takes the decision about a press; `shown` is the plan that its page showed, if remembered.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn decide(
        &self,
        (outside, connection): (&Outside<'_>, &Connection),
        stack: &Stack,
        place: usize,
        head: Option<Revision>,
        press: &Press,
        shown: Option<&Plan>,
    ) -> Answer<Result<Offer, Refusal>> {
        let facts = Facts::read(connection, stack, place, head.clone())?;
        let closed = match self {
            Self::Next => return Ok(gate::decide(stack, place, &facts, press, shown)),
            // A stop sign says: no new code. The way back is open, that is what it is for.
            Self::Back { .. } => gate::in_the_way(&facts),
            Self::Rest(_) => gate::closed_to_resume(&facts),
            Self::CatchUp { .. } | Self::Version(_) => gate::closed(&facts),
        };
        if let Some(refusal) = closed {
            return Ok(Err(refusal));
        }
        let offer = self.offer((outside, connection), stack, place, head)?;
        if let (Self::CatchUp { .. }, Ok(offer)) = (self, &offer)
            && !press.seen.is_empty()
            && press.seen != offer.seen
        {
            let what = format!("the hosts of {} are to run {} now instead of {}", press.stage, offer.seen, press.seen);
            return Ok(Err(Refusal::Moved { what, now: Some(offer.seen.clone()) }));
        }
        Ok(offer.and_then(|offer| gate::same_plan(offer, press, shown)))
    }
}
