//! How the last push of a stage ended, and what it still has to run. It must never decide anything.

use crate::journal::{Ended, PushState};
use crate::ledger::LedgerResult;
use crate::ledger::history::{self, Filter};
use crate::ledger::pushes::PushRow;
use crate::plan::PushKind;
use crate::stack::{StackName, StageName};
use rusqlite::Connection;

/// Pushes that are looked through for the last one that was no catch-up.
const CATCH_UPS: usize = 20;

/// The newest push to a stage, and the last one that was no catch-up which ended well.
pub(crate) fn last(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
) -> LedgerResult<(Option<PushRow>, Option<PushRow>)> {
    let last = Filter { stack: Some(stack.clone()), stage: Some(stage.clone()), ..Filter::default() };
    // Catch-ups that ended well leave it as it was, but for the one that made the stage whole again.
    let caught_up = |row: &PushRow| row.kind == PushKind::CatchUp && row.state == Ended::Succeeded;
    let pushes = history::list(connection, &last, CATCH_UPS)?;
    let newest = pushes.first().cloned();
    Ok((newest, pushes.into_iter().find(|row| !caught_up(row))))
}

/// Whether a push has ended so that its hosts may be in different states.
pub(crate) fn ended_badly(state: PushState) -> bool {
    match state {
        PushState::Ended(Ended::Degraded | Ended::Failed | Ended::Cancelled | Ended::Interrupted) => true,
        PushState::Running | PushState::Ended(Ended::Succeeded | Ended::RolledBack) => false,
    }
}
