//! Holds: stop signs on a stack or a stage, set by a person, or by a push that ended so that nobody knows the state.
//! It must never let one go by itself: a person does, beforehand (with an end) or then, or the push that settles what was in
//! doubt (promise 15). One that has an end stands up to that instant and not at it: every question says when it is asked,
//! so that no decision waits for a timer; [`end`] takes away what is over.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{PushNumber, StackName, StageName};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::collections::HashMap;

/// A stop sign.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub push: Option<PushNumber>,
    /// When it is over by itself; none stands until someone releases it. What a push left in doubt never has one.
    pub until: Option<String>,
}

const COLUMNS: &str = "scope, who, reason, at, push, until";

fn hold(row: &Row<'_>) -> rusqlite::Result<Hold> {
    Ok(Hold {
        scope: row.get("scope")?,
        who: row.get("who")?,
        reason: row.get("reason")?,
        at: row.get("at")?,
        push: row.get("push")?,
        until: row.get("until")?,
    })
}

/// What a hold is on, as the ledger writes it.
pub fn scope(stack: &StackName, stage: Option<&StageName>) -> String {
    match stage {
        Some(stage) => format!("{stack}/{stage}"),
        None => stack.to_string(),
    }
}

/// The hold that stands on a scope at an instant.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, scope: &str, now: At) -> LedgerResult<Option<Hold>> {
    let mut ask = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM holds WHERE scope = ?1 AND (until IS NULL OR until > ?2)"))?;
    Ok(ask.query_row(params![scope, now.to_string()], hold).optional()?)
}

/// All holds that stand at an instant, by scope.
///
/// # Errors
/// What SQLite said.
pub fn all(connection: &Connection, now: At) -> LedgerResult<HashMap<String, Hold>> {
    let mut ask =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM holds WHERE until IS NULL OR until > ?1"))?;
    let by_scope = |hold: rusqlite::Result<Hold>| hold.map(|hold| (hold.scope.clone(), hold));
    Ok(ask.query_map([now.to_string()], hold)?.map(by_scope).collect::<Result<_, _>>()?)
}

/// When the next hold is over; none when all that there are stand until someone releases them.
///
/// # Errors
/// What SQLite said.
pub fn next_end(connection: &Connection) -> LedgerResult<Option<At>> {
    let mut ask = connection.prepare_cached("SELECT min(until) FROM holds WHERE until IS NOT NULL")?;
    let next: Option<String> = ask.query_row([], |row| row.get(0))?;
    next.map(|text| text.parse().map_err(|_| LedgerError::Corrupt(format!("holds.until {text:?}")))).transpose()
}

/// Takes away the holds that are over at an instant: what they were, each told once. Unresolved pushes stay so: no time settles them.
///
/// # Errors
/// What SQLite said.
pub fn end(tx: &Transaction<'_>, now: At) -> LedgerResult<Vec<Hold>> {
    let mut take = tx.prepare_cached(&format!("DELETE FROM holds WHERE until <= ?1 RETURNING {COLUMNS}"))?;
    let over = take.query_map([now.to_string()], hold)?;
    Ok(over.collect::<Result<_, _>>()?)
}

/// Sets a hold where there is none; where there is one, its reason is added to, and it ends when both would have ended (NULL, no
/// end, is SQLite's `max` of NULL and anything): no stop sign ever replaces another. Holds that are over are to be taken away before.
///
/// # Errors
/// What SQLite said.
pub fn set(tx: &Transaction<'_>, hold: &Hold) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO holds (scope, who, reason, at, push, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (scope) DO UPDATE SET reason = reason || '; ' || excluded.reason,
                                           push = coalesce(excluded.push, push),
                                           until = max(until, excluded.until)",
    )?
    .execute(params![hold.scope, hold.who, hold.reason, hold.at, hold.push, hold.until])?;
    Ok(())
}

/// Writes down that nobody knows what a push left: its stack stays held until that is settled.
///
/// # Errors
/// What SQLite said.
pub fn leave_unresolved(
    tx: &Transaction<'_>,
    push: PushNumber,
    stack: &StackName,
    stage: &StageName,
) -> LedgerResult<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO unresolved_pushes (push, stack, stage) VALUES (?1, ?2, ?3)")?
        .execute(params![push, stack, stage])?;
    Ok(())
}

/// Settles the unresolved pushes of a stage, since a push has brought every host of it to a known state. When those were the last of
/// the stack, and no person's stop sign stands there too, the hold that they had set is gone: what it was.
///
/// # Errors
/// What SQLite said.
pub fn settle(
    tx: &Transaction<'_>,
    stack: &StackName,
    stage: &StageName,
    by_pushes: &str,
) -> LedgerResult<Option<Hold>> {
    let settled = tx
        .prepare_cached("DELETE FROM unresolved_pushes WHERE stack = ?1 AND stage = ?2")?
        .execute(params![stack, stage])?;
    let left: i64 = tx
        .prepare_cached("SELECT count(*) FROM unresolved_pushes WHERE stack = ?1")?
        .query_row([stack], |row| row.get(0))?;
    let by_a_push = standing(tx, stack.as_str())?.is_some_and(|hold| hold.who == by_pushes && hold.push.is_some());
    match by_a_push && settled > 0 && left == 0 {
        true => release(tx, stack.as_str()),
        false => Ok(None),
    }
}

/// Takes a hold away; what it was, if there was one. A stack's unresolved pushes are settled with it: a person has decided.
///
/// # Errors
/// What SQLite said.
pub fn release(tx: &Transaction<'_>, scope: &str) -> LedgerResult<Option<Hold>> {
    let hold = standing(tx, scope)?;
    tx.prepare_cached("DELETE FROM unresolved_pushes WHERE stack = ?1")?.execute([scope])?;
    tx.prepare_cached("DELETE FROM holds WHERE scope = ?1")?.execute([scope])?;
    Ok(hold)
}

/// The hold that is written down for a scope, whenever it ends.
fn standing(tx: &Transaction<'_>, scope: &str) -> LedgerResult<Option<Hold>> {
    let mut ask = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM holds WHERE scope = ?1"))?;
    Ok(ask.query_row([scope], hold).optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
        connection
    }

    fn at(seconds: i64) -> At {
        At::from_seconds(1_795_255_200 + seconds)
    }

    fn number(number: i64) -> PushNumber {
        PushNumber::new(number).unwrap()
    }

    fn web() -> StackName {
        "web".parse().unwrap()
    }

    fn stage(name: &str) -> StageName {
        name.parse().unwrap()
    }

    fn set_by(tx: &Transaction<'_>, who: &str, push: Option<i64>, until: Option<At>) {
        let text = |text: &str| text.to_owned();
        let until = until.map(|until| until.to_string());
        let push = push.map(number);
        let hold = Hold { scope: text("web"), who: text(who), reason: text("why"), at: at(0).to_string(), push, until };
        set(tx, &hold).unwrap();
    }

    #[test]
    fn the_last_unresolved_push_that_is_settled_takes_the_hold_with_it_but_never_a_persons() {
        let mut ledger = ledger();
        let tx = ledger.transaction().unwrap();
        set_by(&tx, "pushbutton", Some(5), None);
        leave_unresolved(&tx, number(5), &web(), &stage("qa")).unwrap();
        set_by(&tx, "pushbutton", Some(6), None);
        leave_unresolved(&tx, number(6), &web(), &stage("prod")).unwrap();
        assert_eq!(settle(&tx, &web(), &stage("prod"), "pushbutton").unwrap(), None, "qa is unresolved still");
        assert_eq!(settle(&tx, &web(), &stage("prod"), "pushbutton").unwrap(), None, "nothing was settled");
        assert_eq!(settle(&tx, &web(), &stage("qa"), "pushbutton").unwrap().unwrap().push, Some(number(6)));
        assert_eq!(get(&tx, "web", at(1)).unwrap(), None);

        set_by(&tx, "kate", None, None);
        set_by(&tx, "pushbutton", Some(7), None);
        leave_unresolved(&tx, number(7), &web(), &stage("qa")).unwrap();
        assert_eq!(settle(&tx, &web(), &stage("qa"), "pushbutton").unwrap(), None);
        assert_eq!(get(&tx, "web", at(1)).unwrap().unwrap().who, "kate");

        leave_unresolved(&tx, number(8), &web(), &stage("qa")).unwrap();
        release(&tx, "web").unwrap();
        let left: i64 = tx.query_row("SELECT count(*) FROM unresolved_pushes", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "a person has decided");
    }

    #[test]
    fn a_hold_stands_up_to_its_end_and_is_told_over_once() {
        let mut ledger = ledger();
        let tx = ledger.transaction().unwrap();
        assert_eq!(next_end(&tx).unwrap(), None);
        set_by(&tx, "kate", None, Some(at(10)));
        assert_eq!(next_end(&tx).unwrap(), Some(at(10)));
        let just_before = At::from_millis(at(10).millis() - 1);
        assert!(get(&tx, "web", just_before).unwrap().is_some());
        assert_eq!(end(&tx, just_before).unwrap(), []);
        assert_eq!(get(&tx, "web", at(10)).unwrap(), None, "whether it was taken away or not");
        let over = end(&tx, at(10)).unwrap();
        assert_eq!(over.iter().map(|hold| hold.who.as_str()).collect::<Vec<_>>(), ["kate"]);
        assert_eq!(end(&tx, at(11)).unwrap(), []);
    }

    #[test]
    fn what_a_push_left_in_doubt_never_ends_by_itself() {
        let mut ledger = ledger();
        let tx = ledger.transaction().unwrap();
        set_by(&tx, "kate", None, Some(at(10)));
        set_by(&tx, "pushbutton", Some(5), None);
        leave_unresolved(&tx, number(5), &web(), &stage("qa")).unwrap();
        assert_eq!(end(&tx, at(1000)).unwrap(), []);
        let hold = get(&tx, "web", at(1000)).unwrap().unwrap();
        assert_eq!((hold.push, hold.until), (Some(number(5)), None));
    }
}
