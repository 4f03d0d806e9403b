//! A push as it ended: its row, its plan, what became of each command on each host. It must never decide anything.

use super::deferred_finally;
use crate::ledger::pushes::{self, PushRow, ResultRow};
use crate::ledger::{LedgerError, LedgerResult, good_builds};
use crate::plan::{Assignment, Plan, PlannedCommand};
use crate::stack::PushNumber;
use rusqlite::Connection;

/// The push that is to be resumed.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    /// The push.
    pub row: PushRow,
    /// What it was to do.
    pub plan: Plan,
    /// What became of it, on each host.
    pub results: Vec<ResultRow>,
    /// What it owes, and runs first therefore.
    pub deferred_finally: Vec<PlannedCommand>,
    /// A push that came after it, to its stage or to one of its hosts.
    pub newer: Option<PushNumber>,
}

impl Earlier {
    /// Reads it from the ledger; none when there is no such push.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(connection: &Connection, of: PushNumber) -> LedgerResult<Option<Self>> {
        pushes::get(connection, of)?.map(|row| Self::of(connection, row)).transpose()
    }

    /// Reads what became of a push from the ledger.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn of(connection: &Connection, row: PushRow) -> LedgerResult<Self> {
        let of = row.id;
        let text = pushes::plan_text(connection, of)?.unwrap_or_default();
        let assignment: Assignment =
            serde_json::from_str(&text).map_err(|bad| LedgerError::Corrupt(format!("plan of push {of}: {bad}")))?;
        let (results, newer) = (pushes::results(connection, row.id)?, good_builds::newer(connection, row.id)?);
        let deferred_finally = deferred_finally::still_to_run(&row, &assignment, &results);
        Ok(Self { row, plan: assignment.plan, results, deferred_finally, newer })
    }
}
