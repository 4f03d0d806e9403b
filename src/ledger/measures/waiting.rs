//! What waits or is under way at this moment: announcements, and journals of pushes that run. It must never read more than one row
//! for each channel and each running push.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{Destination, PushNumber};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension};

/// When that happened of which a channel has still to tell, the oldest of it; none when nothing waits.
///
/// # Errors
/// What SQLite said.
pub fn since(connection: &Connection, channel: &Destination) -> LedgerResult<Option<At>> {
    let mut ask = connection.prepare_cached(
        "SELECT coalesce(o.payload ->> '$.at', o.payload ->> '$.pause.at', o.payload ->> '$.question.asked_at',
                         CASE o.event WHEN 'ended' THEN p.ended_at ELSE p.started_at END, p.pressed_at) AS happened_at
         FROM outbox o LEFT JOIN pushes p ON p.id = o.push
         WHERE o.state = 'waiting' AND o.channel = ?1 ORDER BY o.id LIMIT 1",
    )?;
    let at: Option<String> = ask.query_row([channel], |row| row.get("happened_at")).optional()?;
    at.map(|text| text.parse().map_err(|_| LedgerError::Corrupt(format!("{text:?} as a time")))).transpose()
}

/// How far the journal of a running push is folded in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The push.
    pub push: PushNumber,
    /// Its stack.
    pub stack: String,
    /// Bytes of its journal that the ledger has.
    pub bytes: u64,
}

/// The pushes that run, and how far the ledger is with each.
///
/// # Errors
/// What SQLite said.
pub fn folded(connection: &Connection) -> LedgerResult<Vec<Folded>> {
    let mut ask = connection.prepare_cached(
        "SELECT l.push, l.stack, f.offset FROM locks l JOIN fold f ON f.push = l.push ORDER BY l.stack",
    )?;
    let rows = ask.query_map([], |row| {
        Ok((row.get::<_, i64>("push")?, row.get::<_, String>("stack")?, row.get::<_, i64>("offset")?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (push, stack, offset) = row?;
        let push = PushNumber::new(push).map_err(|bad| LedgerError::Corrupt(bad.to_string()))?;
        let bytes =
            u64::try_from(offset).map_err(|_| LedgerError::Corrupt(format!("{offset} as a place in a journal")))?;
        found.push(Folded { push, stack, bytes });
    }
    Ok(found)
}
