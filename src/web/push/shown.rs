//! What a push page shows, as it was gathered. Plain data; it must never ask for anything.

use crate::desk::view::{NoRights, Remaining, RollbackTarget};
use crate::journal::{Connecting, HostResult, Record};
use crate::ledger::current::Current;
use crate::ledger::holding::LeftWith;
use crate::ledger::holds::Hold;
use crate::ledger::marks::Mark;
use crate::ledger::outbox::OutboxRow;
use crate::ledger::pushes::{CommandRow, Commit, Link, Measurement, PushRow, ResultRow};
use crate::ledger::questions::Question;
use crate::ledger::typical_duration::TypicalStep;
use crate::time::At;

/// One push, live or past.
#[derive(Clone, Debug)]
pub struct PushPage {
    /// What the caller has no right to do to its stage.
    pub no_right: NoRights,
    /// The push.
    pub row: PushRow,
    /// Its commands as far as they were begun, in order.
    pub commands: Vec<CommandRow>,
    /// Its results, a command on a host each.
    pub results: Vec<ResultRow>,
    /// What it brings, newest first.
    pub commits: Vec<Commit>,
    /// What was told where.
    pub announcements: Vec<OutboxRow>,
    /// What it linked to.
    pub links: Vec<Link>,
    /// What it has measured, in order.
    pub measurements: Vec<Measurement>,
    /// Whether its stack names graphs that are shown beside it.
    pub graphs: bool,
    /// What it asked, in order.
    pub questions: Vec<Question>,
    /// The titles of all commands of its plan, in order.
    pub titles: Vec<String>,
    /// Of these, by number, the ones that run only when something goes wrong.
    pub conditional: Vec<u32>,
    /// The frozen host list, by name.
    pub hosts: Vec<String>,
    /// What it left each of them with, when it did not end well.
    pub left_with: Vec<LeftWith>,
    /// What people say of its build.
    pub marks: Vec<Mark>,
    /// How long the last good pushes of this stage took.
    pub typical_ms: Vec<i64>,
    /// How long the steps of these took.
    pub typical_steps: Vec<TypicalStep>,
    /// How far the connections to its hosts are, and when that was said; none where the journal says nothing of it.
    pub connecting: Option<(At, Connecting)>,
    /// The last records of its journal, for readers without JavaScript.
    pub tail: Vec<Record>,
    /// The hold on its stack or stage, if any.
    pub hold: Option<Hold>,
    /// What the stage's button says.
    pub button: String,
    /// What is left of it to resume, when it did not end well.
    pub rest: Option<Remaining>,
    /// Where a rollback would go, when it did not end well.
    pub back: Option<RollbackTarget>,
    /// What its stage runs now, when this one did not end well: the push that put it there, and on how many hosts it is.
    pub now: Option<Current>,
    /// The newest push to its stage.
    pub newest: Option<PushRow>,
}

pub(super) fn is_bad(result: Option<HostResult>) -> bool {
    match result {
        Some(
            HostResult::Failed
            | HostResult::TimedOut
            | HostResult::Unreachable
            | HostResult::Unknown
            | HostResult::Dropped,
        ) => true,
        None | Some(HostResult::Ok | HostResult::Cancelled | HostResult::Skipped) => false,
    }
}

pub(super) fn title_of(page: &PushPage, command: i64) -> String {
    let begun = page.commands.iter().find(|row| row.command == command).map(|row| row.title.clone());
    let planned = usize::try_from(command - 1).ok().and_then(|place| page.titles.get(place).cloned());
    begun.or(planned).unwrap_or_else(|| format!("Command {command}"))
}
