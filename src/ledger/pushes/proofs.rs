//! Which commands of each push say what a host holds ([`Proof`]), in a column of their own, so that nobody reads a plan to know them.
//! `press` writes it as it takes a push in; here is only how the pushes of schema 1 get theirs. It must never write another one than
//! the plan of the push gives.

use crate::ledger::LedgerResult;
use crate::plan::Assignment;
use crate::stack::PushNumber;
use rusqlite::{OptionalExtension, Transaction, params};

/// The trigger that keeps what ended.
const ENDED_NEVER_CHANGE: &str = "pushes_ended_never_change";

/// Writes down the proofs of all pushes of before there was this column, from their plans. A plan that cannot be read has none: the
/// push keeps all else that is known of it, and the log says so.
///
/// # Errors
/// What SQLite said.
pub(in crate::ledger) fn fill(tx: &Transaction<'_>) -> LedgerResult<()> {
    // What ended never changes, but for a column that it could not have: the trigger is away meanwhile, within this transaction.
    let trigger = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1";
    let trigger: Option<String> = tx.query_row(trigger, [ENDED_NEVER_CHANGE], |row| row.get(0)).optional()?;
    tx.execute_batch(&format!("DROP TRIGGER IF EXISTS {ENDED_NEVER_CHANGE}"))?;
    let mut ask = tx.prepare("SELECT id FROM pushes ORDER BY id")?;
    let pushes: Vec<PushNumber> = ask.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for push in pushes {
        let plan = super::plan_text(tx, push)?.unwrap_or_default();
        match serde_json::from_str::<Assignment>(&plan) {
            Ok(assignment) => {
                tx.prepare_cached("UPDATE pushes SET proof = ?1 WHERE id = ?2")?
                    .execute(params![assignment.proof(), push])?;
            }
            Err(bad) => {
                tracing::warn!(%push, error = %bad, "the plan of a push cannot be read, so what its hosts hold is not known");
            }
        }
    }
    Ok(tx.execute_batch(&trigger.unwrap_or_default())?)
}
