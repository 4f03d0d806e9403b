//! How long a push to a stage and each of its steps typically take, from the pushes that went well. It must never count a
//! push that did not.

use super::push::PushRow;
use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::LedgerResult;
use crate::plan::PushKind;
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Good pushes that what is typical is taken from: the last ones.
const FROM: i64 = 20;
/// What makes a push one that typical durations are taken from.
const SUCCEEDED: PushState = PushState::Ended(Ended::Succeeded);

/// How long the last good pushes to a stage took, in milliseconds, oldest first; at most 20. Rollbacks and resumes do
/// less and are left out, and so is the time in which a push waited for a person.
///
/// # Errors
/// What SQLite said.
pub fn pushes(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Vec<i64>> {
    of_kind(connection, stack, stage, PushKind::Push, None)
}

/// The same for rollbacks.
///
/// # Errors
/// What SQLite said.
pub fn rollbacks(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Vec<i64>> {
    of_kind(connection, stack, stage, PushKind::Rollback, None)
}

/// How long the other good pushes to the stage of a push took, as [`pushes`] has it: what it is compared with is not itself.
///
/// # Errors
/// What SQLite said.
pub fn of_others(connection: &Connection, push: &PushRow) -> LedgerResult<Vec<i64>> {
    of_kind(connection, &push.stack, &push.stage, PushKind::Push, Some(push.id))
}

fn of_kind(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    kind: PushKind,
    but: Option<PushNumber>,
) -> LedgerResult<Vec<i64>> {
    let mut ask = connection.prepare_cached(
        "SELECT max(duration_ms - waited_ms, 0) FROM pushes
         WHERE stack = ?1 AND stage = ?2 AND state = ?5 AND kind = ?4
         AND duration_ms IS NOT NULL AND id IS NOT ?6 ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = ask.query_map(params![stack, stage, FROM, kind, SUCCEEDED, but], |row| row.get(0))?;
    let mut newest_first: Vec<i64> = rows.collect::<Result<_, _>>()?;
    newest_first.reverse();
    Ok(newest_first)
}

/// How long the last good pushes to each of these stages took, as [`pushes`] has it; `wanted` is JSON: pairs of a stack and a
/// stage.
///
/// # Errors
/// What SQLite said.
pub fn of_stages(connection: &Connection, wanted: &str) -> LedgerResult<HashMap<(StackName, StageName), Vec<i64>>> {
    let mut ask = connection.prepare_cached(
        "SELECT p.stack, p.stage, max(p.duration_ms - p.waited_ms, 0) AS took_ms
         FROM json_each(?1) w CROSS JOIN pushes p ON p.id IN (
             SELECT id FROM pushes WHERE stack = w.value ->> 0 AND stage = w.value ->> 1 AND state = ?3
             AND kind = ?4 AND duration_ms IS NOT NULL ORDER BY id DESC LIMIT ?2) ORDER BY p.id",
    )?;
    let rows = ask.query_map(params![wanted, FROM, SUCCEEDED, PushKind::Push], |row| {
        Ok(((row.get("stack")?, row.get("stage")?), row.get("took_ms")?))
    })?;
    let mut typical: HashMap<(StackName, StageName), Vec<i64>> = HashMap::new();
    for row in rows {
        let (stage, ms) = row?;
        typical.entry(stage).or_default().push(ms);
    }
    Ok(typical)
}

/// How long one step of an earlier good push took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypicalStep {
    /// Its number in that push.
    pub command: i64,
    /// What it was called there.
    pub title: String,
    /// Milliseconds.
    pub ms: i64,
}

/// The steps of the last 20 successful pushes to the stage of a push, itself left out.
///
/// # Errors
/// What SQLite said.
pub fn steps(connection: &Connection, of: &PushRow) -> LedgerResult<Vec<TypicalStep>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, title, duration_ms FROM commands WHERE result = ?7 AND duration_ms IS NOT NULL AND push IN
         (SELECT id FROM pushes WHERE stack = ?1 AND stage = ?2 AND state = ?5 AND kind = ?6 AND id <> ?3
          ORDER BY id DESC LIMIT ?4)",
    )?;
    let rows = ask
        .query_map(params![of.stack, of.stage, of.id, FROM, SUCCEEDED, PushKind::Push, HostResult::Ok], |row| {
            Ok(TypicalStep { command: row.get("command")?, title: row.get("title")?, ms: row.get("duration_ms")? })
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether two titles are of the same step: revisions in them may differ.
pub fn same_step(one: &str, other: &str) -> bool {
    let is_revision = |word: &&str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = |title| str::split_whitespace(title).filter(|word| !is_revision(word)).collect::<Vec<_>>();
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_same_whatever_revision_it_names() {
        assert!(same_step("check out 9ef9799 of main", "check out 51d0c3e of main"));
        assert!(!same_step("check out 9ef9799 of main", "check out 9ef9799 of hot"));
        assert!(!same_step("release /srv/web", "activate /srv/web"));
    }
}
