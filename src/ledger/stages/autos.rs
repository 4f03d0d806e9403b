//! Whether a stage that its file lets be pushed automatically is: turned off by what went wrong or by a person, on again by a person. A stage that
//! has no row here is on. It must never decide: `desk::decide::auto` does.

use crate::ledger::LedgerResult;
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// How a stage was turned on or off last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoSwitch {
    /// Whether it is pushed automatically.
    pub on: bool,
    /// Who turned it on or off, or whose push or hold did.
    pub who: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why it is off.
    pub why: Option<String>,
    /// The newest push to the stage then: what it and those before it did turns nothing off any more.
    pub push: Option<PushNumber>,
}

/// How a stage was turned on or off last; none where nobody did.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Option<AutoSwitch>> {
    let mut ask = connection
        .prepare_cached("SELECT is_on, who, at, why, push FROM auto_switches WHERE stack = ?1 AND stage = ?2")?;
    let switch = ask.query_row(params![stack, stage], |row| {
        Ok(AutoSwitch {
            on: row.get("is_on")?,
            who: row.get("who")?,
            at: row.get("at")?,
            why: row.get("why")?,
            push: row.get("push")?,
        })
    });
    Ok(switch.optional()?)
}

/// Turns a stage on or off.
///
/// # Errors
/// What SQLite said.
pub fn set(tx: &Transaction<'_>, stack: &StackName, stage: &StageName, switch: &AutoSwitch) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO auto_switches (stack, stage, is_on, who, at, why, push) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (stack, stage) DO UPDATE SET is_on = excluded.is_on, who = excluded.who, at = excluded.at,
             why = excluded.why, push = excluded.push",
    )?
    .execute(params![stack, stage, switch.on, switch.who, switch.at, switch.why, switch.push])?;
    Ok(())
}
