//! An announcement that a person has sent once more: it waits again, under the same key and with the same content. It must never make a new one.
//! Called by the desk.

use super::{Announced, DeliveryState};
use crate::ledger::LedgerResult;
use crate::stack::{Destination, StackName, StageName};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// An announcement, as far as one must know it to send it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What tells a repeat.
    pub key: String,
    /// Where it goes.
    pub to: Destination,
    /// How far it is.
    pub state: DeliveryState,
    /// The stack that it is about; none where it is about the whole server.
    pub stack: Option<StackName>,
    /// The stage; none where it is about all of them.
    pub stage: Option<StageName>,
}

/// The announcement of a number; none where there is none, or where nobody can read it any more.
///
/// # Errors
/// What SQLite said.
pub fn get(conn: &Connection, id: i64) -> LedgerResult<Option<Sent>> {
    let mut ask = conn.prepare_cached("SELECT channel, state, payload FROM outbox WHERE id = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get("channel")?, row.get("state")?, row.get::<_, String>("payload")?));
    let Some((to, state, payload)) = ask.query_row([id], row).optional()? else { return Ok(None) };
    let Ok(announced) = Announced::read(&payload) else { return Ok(None) };
    let about = announced.about();
    let (stack, stage) = (about.map(|about| about.stack.clone()), about.and_then(|about| about.stage.cloned()));
    Ok(Some(Sent { key: announced.key(), to, state, stack, stage }))
}

/// Has it wait again, due now; what waits already is due now. The words that were told stay until it is told again.
///
/// # Errors
/// What SQLite said.
pub fn send(tx: &Transaction<'_>, id: i64, at: At) -> LedgerResult<()> {
    tx.prepare_cached("UPDATE outbox SET state = 'waiting', tries = 0, problem = NULL, next_at = ?2 WHERE id = ?1")?
        .execute(params![id, at.to_string()])?;
    Ok(())
}
