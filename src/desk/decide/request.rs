//! What a person asks of a stage: the button, another version, a rollback, what is left of an earlier push, or hosts that are behind.
//! Each has its own decision; all end in the same transaction, as the same kind of push. It must never write.

use super::approval::{self, Approved};
use super::auto::{self, AutoStep};
use super::catch_up;
use super::earlier::ended::Earlier;
use super::facts::Facts;
use super::gate::{self, Asked};
use super::offer;
use super::offer::Offer;
use super::outside::Outside;
use super::press::Press;
use super::questions::Questions;
use super::resume;
use super::rollback;
use super::rollback::Past;
use super::version::ChosenVersion;
use crate::desk::refusal::Refusal;
use crate::ledger::{LedgerResult, desired};
use crate::plan::Plan;
use crate::stack::{BuildId, PushNumber, Revision, Rights, Stack};
use crate::time::At;
use rusqlite::Connection;
use std::sync::Arc;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The button: what it offers.
    Next,
    /// An earlier build.
    Rollback {
        /// Which; none named: the last good one whose content is not what runs.
        to: Option<BuildId>,
        /// Whether the stage's questions are asked.
        questions: Questions,
    },
    /// What is left of an earlier push.
    Resume(PushNumber),
    /// The stage's own build.
    CatchUp {
        /// Onto these hosts.
        hosts: Vec<String>,
        /// Whether the stage's questions are asked.
        questions: Questions,
    },
    /// Another version than the newest, on the first stage.
    Version(ChosenVersion),
}

impl Request {
    /// What it asks for, as far as the stop signs go.
    pub fn asked(&self) -> Asked {
        match self {
            Self::Next => Asked::Next,
            Self::Version(_) => Asked::Version,
            Self::Rollback { .. } => Asked::Rollback,
            Self::Resume(_) => Asked::Resume,
            Self::CatchUp { .. } => Asked::CatchUp,
        }
    }

    /// Whether it takes the head of the branch at the stage of this place: the button of the first one does.
    pub fn takes_head(&self, place: usize) -> bool {
        match self {
            Self::Next => place == 0,
            Self::Rollback { .. } | Self::Resume(_) | Self::CatchUp { .. } | Self::Version(_) => false,
        }
    }

    /// What it would do by these facts, were it allowed.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn offer(
        &self,
        (outside, connection): (&Outside<'_>, &Connection),
        stack: &Stack,
        place: usize,
        facts: &Facts,
    ) -> LedgerResult<Result<Offer, Refusal>> {
        Ok(match self {
            Self::Next => offer::offer(stack, place, facts),
            Self::Rollback { to, questions } => {
                let past = Past::read(outside, connection, stack, place, facts)?;
                rollback::offer(stack, place, facts, &past, to.as_ref(), *questions)
            }
            Self::Version(chosen) => chosen.offer(stack, place, facts),
            Self::Resume(of) => match facts.unfinished.as_ref().filter(|last| last.row.id == *of) {
                Some(last) => resume::offer(last, facts),
                None => match Earlier::read(connection, *of)? {
                    Some(earlier) => resume::offer(&earlier, facts),
                    None => Err(Refusal::Unknown { what: format!("push {of}") }),
                },
            },
            Self::CatchUp { hosts, questions } => {
                let desired = desired::get(connection, &stack.name, &stack.stages[place].name)?;
                catch_up::offer(stack, place, facts, desired.as_ref(), hosts, *questions)
            }
        })
    }

    /// Reads the facts of a decision about it.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn facts(
        &self,
        connection: &Connection,
        stack: &Stack,
        place: usize,
        head: Option<Revision>,
        rights: &Arc<Rights>,
    ) -> LedgerResult<Facts> {
        let mut facts = Facts::read(connection, stack, place, head, rights)?;
        if let Self::Version(chosen) = self {
            facts.read_chosen(connection, stack, place, &chosen.artifact)?;
        }
        Ok(facts)
    }

    /// Takes the decision about a press by these facts; `shown` is the plan that its page showed, if remembered. A stack whose
    /// file is broken was refused before its stage was looked for.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn decide(
        &self,
        (outside, connection): (&Outside<'_>, &Connection),
        stack: &Stack,
        place: usize,
        facts: &Facts,
        press: &Press,
        shown: Option<&Plan>,
    ) -> LedgerResult<Result<(Offer, Approved), Refusal>> {
        if let Some(refusal) = gate::closed(self.asked(), &stack.name, None, facts) {
            return Ok(Err(refusal));
        }
        let offer = self.offer((outside, connection), stack, place, facts)?;
        let by = (Some(&press.who), press.override_why.as_ref());
        Ok(offer.and_then(|offer| {
            let offer = self.accept(stack, place, offer, press, shown)?;
            let approved = approval::look(self.asked(), stack, place, facts, &offer, by)?;
            still_by_itself(stack, place, facts, &offer, press)?;
            Ok((offer, approved))
        }))
    }

    /// Accepts an offer when it is what the press has seen.
    ///
    /// # Errors
    /// What has changed since.
    pub fn accept(
        &self,
        stack: &Stack,
        place: usize,
        offer: Offer,
        press: &Press,
        shown: Option<&Plan>,
    ) -> Result<Offer, Refusal> {
        let moved = match self {
            Self::Next => Some(gate::seen_moved(stack, place, &press.seen, &offer.seen)),
            Self::CatchUp { .. } if !press.seen.is_empty() => {
                Some(format!("the hosts of {} should now run {} instead of {}", press.stage, offer.seen, press.seen))
            }
            Self::CatchUp { .. } | Self::Version(_) | Self::Rollback { .. } | Self::Resume(_) => None,
        };
        match moved.filter(|_| press.seen != offer.seen) {
            Some(what) => Err(Refusal::Moved { what, now: Some(offer.seen) }),
            None => gate::same_plan(offer, press, shown),
        }
    }
}

/// What nobody pressed is pushed only if it would be pushed automatically in this very transaction.
fn still_by_itself(stack: &Stack, place: usize, facts: &Facts, offer: &Offer, press: &Press) -> Result<(), Refusal> {
    if !press.who.is_auto() {
        return Ok(());
    }
    let what = match &stack.stages[place].auto {
        None => format!("{} is not pushed automatically any more", press.stage),
        Some(rule) => match auto::step((stack, place, rule), None, facts, Ok(offer), At::now()) {
            AutoStep::Push => return Ok(()),
            AutoStep::Wait(wait) => wait.why,
            AutoStep::TurnOff(cause) => cause.why,
            AutoStep::AskApproval => "people must approve it first".to_owned(),
        },
    };
    Err(Refusal::Moved { what, now: None })
}
