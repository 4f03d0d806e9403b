//! What a press asks for: the button, the way back, or the rest of an earlier push. Each has its own decision; all end in
//! the same transaction, as the same kind of push. It must never write.

use super::back::{self, Past};
use super::gate::{self, Facts, Offer};
use super::pick::Picked;
use super::resume::{self, Earlier};
use super::{Press, Refusal};
use crate::ledger::Answer;
use crate::plan::Plan;
use crate::stack::{BuildId, PushNumber, Revision, Stack};
use rusqlite::Connection;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The button: what it offers.
    Next,
    /// An earlier build; none named: the last good one.
    Back(Option<BuildId>),
    /// What is left of an earlier push.
    Rest(PushNumber),
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
        connection: &Connection,
        stack: &Stack,
        place: usize,
        head: Option<Revision>,
    ) -> Answer<Result<Offer, Refusal>> {
        Ok(match self {
            Self::Next => gate::offer(stack, place, &Facts::read(connection, stack, place, head)?),
            Self::Back(to) => {
                let past = Past::read(connection, &stack.name, &stack.stages[place].name)?;
                back::offer(stack, place, &Facts::read(connection, stack, place, head)?, &past, to.as_ref())
            }
            Self::Version(picked) => picked.offer(stack, place, &Facts::read(connection, stack, place, head)?),
            Self::Rest(of) => match Earlier::read(connection, *of)? {
                Some(earlier) => resume::offer(&earlier),
                None => Err(Refusal::Unknown { what: format!("push {of}") }),
            },
        })
    }

    /// Takes the decision about a press; `shown` is the plan that its page showed, if remembered.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn decide(
        &self,
        connection: &Connection,
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
            Self::Back(_) => gate::locked(&facts),
            Self::Rest(_) => gate::closed_to_resume(&facts),
            Self::Version(_) => gate::closed(&facts),
        };
        if let Some(refusal) = closed {
            return Ok(Err(refusal));
        }
        let offer = self.offer(connection, stack, place, head)?;
        Ok(offer.and_then(|offer| gate::same_plan(offer, press, shown)))
    }
}
