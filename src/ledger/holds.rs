//! Holds: stop signs on a stack or a stage, set by a person, or by a push that ended so that nobody knows the state.
//! It must never let one go by itself: a person does, or the push that settles what was in doubt (promise 15).

use super::Answer;
use crate::stack::{StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

/// A stop sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// `web` or `web/prod`.
    pub scope: String,
    /// Who set it.
    pub who: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: String,
    /// The push that ended badly, when a push set it.
    pub push: Option<i64>,
}

/// What a hold is on, as the ledger writes it.
pub fn scope(stack: &StackName, stage: Option<&StageName>) -> String {
    match stage {
        Some(stage) => format!("{stack}/{stage}"),
        None => stack.to_string(),
    }
}

/// The hold on a scope.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, scope: &str) -> Answer<Option<Hold>> {
    let mut ask = connection.prepare_cached("SELECT scope, who, reason, at, push FROM holds WHERE scope = ?1")?;
    let hold = ask.query_row([scope], |row| {
        Ok(Hold { scope: row.get(0)?, who: row.get(1)?, reason: row.get(2)?, at: row.get(3)?, push: row.get(4)? })
    });
    Ok(hold.optional()?)
}

/// Sets a hold where there is none; where there is one, its reason is added to: no stop sign ever replaces another.
///
/// # Errors
/// What SQLite said.
pub fn set(tx: &Transaction<'_>, hold: &Hold) -> Answer<()> {
    tx.prepare_cached(
        "INSERT INTO holds (scope, who, reason, at, push) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (scope) DO UPDATE SET reason = reason || '; ' || excluded.reason,
                                           push = coalesce(excluded.push, push)",
    )?
    .execute(params![hold.scope, hold.who, hold.reason, hold.at, hold.push])?;
    Ok(())
}

/// Writes down that a push left something in doubt: its stack stays held until that is settled.
///
/// # Errors
/// What SQLite said.
pub fn doubt(tx: &Transaction<'_>, push: i64, stack: &str, stage: &str) -> Answer<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO doubts (push, stack, stage) VALUES (?1, ?2, ?3)")?
        .execute(params![push, stack, stage])?;
    Ok(())
}

/// Settles the doubts about a stage, since a push has brought every host of it to a known state. When that was the last
/// doubt, and no person's stop sign stands there too, the hold that they had set is gone: what it was.
///
/// # Errors
/// What SQLite said.
pub fn settle(tx: &Transaction<'_>, stack: &str, stage: &str, by_pushes: &str) -> Answer<Option<Hold>> {
    let settled =
        tx.prepare_cached("DELETE FROM doubts WHERE stack = ?1 AND stage = ?2")?.execute(params![stack, stage])?;
    let left: i64 =
        tx.prepare_cached("SELECT count(*) FROM doubts WHERE stack = ?1")?.query_row([stack], |row| row.get(0))?;
    match get(tx, stack)?.filter(|hold| hold.who == by_pushes && hold.push.is_some()) {
        Some(_) if settled > 0 && left == 0 => release(tx, stack),
        _ => Ok(None),
    }
}

/// Takes a hold away; what it was, if there was one. A stack's doubts go with it: a person has decided.
///
/// # Errors
/// What SQLite said.
pub fn release(tx: &Transaction<'_>, scope: &str) -> Answer<Option<Hold>> {
    let hold = get(tx, scope)?;
    tx.prepare_cached("DELETE FROM doubts WHERE stack = ?1")?.execute([scope])?;
    tx.prepare_cached("DELETE FROM holds WHERE scope = ?1")?.execute([scope])?;
    Ok(hold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
        connection
    }

    fn set_by(tx: &Transaction<'_>, who: &str, push: Option<i64>) {
        let text = |text: &str| text.to_owned();
        set(tx, &Hold { scope: text("web"), who: text(who), reason: text("why"), at: text("10:00"), push }).unwrap();
    }

    #[test]
    fn the_last_doubt_that_is_settled_takes_the_hold_with_it_but_never_a_persons() {
        let mut ledger = ledger();
        let tx = ledger.transaction().unwrap();
        set_by(&tx, "pushbutton", Some(5));
        doubt(&tx, 5, "web", "qa").unwrap();
        set_by(&tx, "pushbutton", Some(6));
        doubt(&tx, 6, "web", "prod").unwrap();
        assert_eq!(settle(&tx, "web", "prod", "pushbutton").unwrap(), None, "qa is in doubt still");
        assert_eq!(settle(&tx, "web", "prod", "pushbutton").unwrap(), None, "nothing was settled");
        assert_eq!(settle(&tx, "web", "qa", "pushbutton").unwrap().unwrap().push, Some(6));
        assert_eq!(get(&tx, "web").unwrap(), None);

        set_by(&tx, "kate", None);
        set_by(&tx, "pushbutton", Some(7));
        doubt(&tx, 7, "web", "qa").unwrap();
        assert_eq!(settle(&tx, "web", "qa", "pushbutton").unwrap(), None);
        assert_eq!(get(&tx, "web").unwrap().unwrap().who, "kate");

        doubt(&tx, 8, "web", "qa").unwrap();
        release(&tx, "web").unwrap();
        let left: i64 = tx.query_row("SELECT count(*) FROM doubts", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "a person has decided");
    }
}
