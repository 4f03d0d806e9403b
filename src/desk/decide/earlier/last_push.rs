//! How the last push of a stage ended, and what it still has to run. It must never decide anything.

use super::ended::Earlier;
use crate::ledger::LedgerResult;
use crate::ledger::history::{self, Filter};
use crate::ledger::pushes::PushRow;
use crate::plan::{Kind, PlannedCommand};
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::Connection;

/// Pushes that are looked through for the last one that was no catch-up.
const CATCH_UPS: usize = 20;

/// The last push to a stage that was no catch-up which ended well.
pub(crate) fn last(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Option<PushRow>> {
    let last = Filter { stack: Some(stack.to_string()), stage: Some(stage.to_string()), ..Filter::default() };
    // Catch-ups that ended well leave it as it was, but for the one that made the stage whole again.
    let caught_up = |row: &PushRow| row.kind == Kind::CatchUp.word() && row.state == "succeeded";
    Ok(history::list(connection, &last, CATCH_UPS)?.into_iter().find(|row| !caught_up(row)))
}

/// The same, if it ended badly.
pub(crate) fn last_bad(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Option<PushRow>> {
    Ok(last(connection, stack, stage)?.filter(|row| ended_badly(&row.state)))
}

/// What the last push to a stage owes, whose runner died: the next push runs it first, whatever it is.
///
/// # Errors
/// What SQLite said.
pub(crate) fn deferred_finally(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
) -> LedgerResult<Vec<PlannedCommand>> {
    match last_bad(connection, stack, stage)?.and_then(|row| PushNumber::new(row.id).ok()) {
        Some(number) => {
            Ok(Earlier::read(connection, number)?.map(|earlier| earlier.deferred_finally).unwrap_or_default())
        }
        None => Ok(Vec::new()),
    }
}

/// Whether a push has ended so that its hosts may be in different states.
pub(crate) fn ended_badly(state: &str) -> bool {
    matches!(state, "degraded" | "failed" | "cancelled" | "interrupted")
}
