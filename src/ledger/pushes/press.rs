//! A press as the ledger takes it in: number, lock, plan and hash, commits. It must never be called outside of the one
//! transaction in which the desk decided.

use super::details::Commit;
use super::{history, push_hosts};
use crate::journal::PushState;
use crate::ledger::LedgerResult;
use crate::plan::Assignment;
use crate::stack::{PushNumber, StackName};
use rusqlite::{Connection, Transaction, params};

/// Everything that is known of a push when its button is pressed.
#[derive(Debug)]
pub struct NewPush<'a> {
    /// What the runner will do, number included.
    pub assignment: &'a Assignment,
    /// The assignment as it is written to `plan.json`.
    pub text: &'a str,
    /// The root hash of the build's manifest, when it exists already.
    pub root: Option<&'a str>,
    /// The press's idempotency key.
    pub nonce: Option<&'a str>,
    /// The address of the difference.
    pub diff: Option<&'a str>,
    /// What the stage's button says.
    pub button: &'a str,
    /// The commits that it brings, or that a rollback takes back, newest first; at most 50.
    pub commits: &'a [Commit],
    /// How many there are in all.
    pub commit_count: usize,
    /// When the button was pressed.
    pub at: &'a str,
}

/// The number of the next push: above every push and above `floor`, so that no number is ever given twice.
///
/// # Errors
/// What SQLite said.
pub fn next_number(connection: &Connection, floor: i64) -> LedgerResult<i64> {
    let highest: i64 =
        connection.prepare_cached("SELECT coalesce(max(id), 0) FROM pushes")?.query_row([], |row| row.get(0))?;
    Ok(highest.max(floor) + 1)
}

/// How many pushes of a stack the ledger holds.
///
/// # Errors
/// What SQLite said.
pub fn count(connection: &Connection, stack: &StackName) -> LedgerResult<i64> {
    let mut ask = connection.prepare_cached("SELECT count(*) FROM pushes WHERE stack = ?1")?;
    Ok(ask.query_row([stack], |row| row.get(0))?)
}

/// Takes the push in, with the beginning of its fold.
///
/// # Errors
/// What SQLite said.
pub fn insert(tx: &Transaction<'_>, new: &NewPush<'_>) -> LedgerResult<()> {
    let (id, plan) = (new.assignment.push, &new.assignment.plan);
    let hosts = i64::try_from(plan.hosts.len()).unwrap_or(i64::MAX);
    let commit_count = i64::try_from(new.commit_count).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "INSERT INTO pushes (id, stack, stage, kind, resumes, build, sha, root, old_build, old_sha, branch, who, reason, state,
                             plan_hash, plan, diff, button, commit_count, nonce, pressed_at, hosts_total, proof,
                             approved_by, override_why)
         VALUES (?1, ?2, ?3, ?20, ?21, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?22, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                 ?19, ?23, ?24, ?25)",
    )?
    .execute(params![
        id,
        plan.stack,
        plan.stage,
        new.assignment.build.as_str(),
        plan.sha.as_str(),
        new.root,
        plan.old.as_ref().map(|old| old.id.as_str()),
        plan.old.as_ref().map(|old| old.sha.as_str()),
        plan.branch,
        new.assignment.who.as_str(),
        new.assignment.reason,
        new.assignment.plan_hash,
        new.text,
        new.diff,
        new.button,
        commit_count,
        new.nonce,
        new.at,
        hosts,
        plan.kind.name(),
        plan.kind.resumes(),
        PushState::Running,
        new.assignment.proof(),
        new.assignment.approved_by,
        new.assignment.override_why,
    ])?;
    for (place, commit) in (1_i64..).zip(new.commits) {
        tx.prepare_cached(
            "INSERT INTO commits (push, place, sha, author, email, at, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![id, place, commit.sha, commit.author, commit.email, commit.at, commit.subject])?;
    }
    push_hosts::insert(tx, id, &plan.hosts)?;
    history::index(tx, id)?;
    tx.prepare_cached("INSERT INTO fold (push, offset, n) VALUES (?1, 0, 0)")?.execute([id])?;
    Ok(())
}

/// Takes the stack's lock for a push; false when another push holds it.
///
/// # Errors
/// What SQLite said.
pub fn lock(tx: &Transaction<'_>, stack: &StackName, push: PushNumber) -> LedgerResult<bool> {
    let taken = tx
        .prepare_cached("INSERT INTO locks (stack, push) VALUES (?1, ?2) ON CONFLICT (stack) DO NOTHING")?
        .execute(params![stack, push])?;
    Ok(taken == 1)
}
