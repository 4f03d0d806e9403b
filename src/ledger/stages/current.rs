//! What each stage runs: the build of the last push that succeeded there, or was degraded until a catch-up brought its last hosts. It
//! must never name any other.

use crate::ledger::{LedgerResult, columns};
use crate::plan::OldBuild;
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// What a stage runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The revision.
    pub sha: String,
    /// The build.
    pub build: String,
    /// The root hash of its manifest.
    pub root: String,
    /// How many files it has.
    pub files: i64,
    /// The subject of the revision, when it is known.
    pub subject: String,
    /// Since when.
    pub pushed_at: String,
    /// By whom.
    pub who: String,
    /// By which push.
    pub push: PushNumber,
    /// On how many hosts it is, as far as is known.
    pub hosts_ok: i64,
    /// How many hosts the push had.
    pub hosts_total: i64,
    /// When that was known: when the hosts were asked, or when the push ended.
    pub as_of: Option<String>,
}

impl Current {
    /// The same as plans say it.
    ///
    /// # Errors
    /// When the ledger holds a value that is no build, revision or root.
    pub fn as_build(&self) -> LedgerResult<OldBuild> {
        columns::build(&self.build, &self.sha, &self.root)
    }
}

/// What a stage runs; none when no push to it ever succeeded.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Option<Current>> {
    let mut ask = connection.prepare_cached(
        "SELECT b.sha, b.id AS build, b.root, b.files,
                coalesce((SELECT subject FROM commits k WHERE k.sha = b.sha ORDER BY k.push LIMIT 1), '') AS subject,
                coalesce(p.ended_at, p.pressed_at) AS pushed_at, p.who, p.id AS push, p.hosts_ok, p.hosts_total,
                p.ended_at AS as_of
         FROM current c JOIN builds b ON b.stack = c.stack AND b.id = c.build JOIN pushes p ON p.id = c.push
         WHERE c.stack = ?1 AND c.stage = ?2",
    )?;
    let current = ask.query_row([stack.as_str(), stage.as_str()], |row| {
        Ok(Current {
            sha: row.get("sha")?,
            build: row.get("build")?,
            root: row.get("root")?,
            files: row.get("files")?,
            subject: row.get("subject")?,
            pushed_at: row.get("pushed_at")?,
            who: row.get("who")?,
            push: row.get("push")?,
            hosts_ok: row.get("hosts_ok")?,
            hosts_total: row.get("hosts_total")?,
            as_of: row.get("as_of")?,
        })
    });
    Ok(current.optional()?)
}

/// The branch that the build of a stage was made from; none when no push to it ever succeeded.
///
/// # Errors
/// What SQLite said.
pub fn branch(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Option<String>> {
    let mut ask = connection.prepare_cached(
        "SELECT b.branch FROM current c JOIN builds b ON b.stack = c.stack AND b.id = c.build
         WHERE c.stack = ?1 AND c.stage = ?2",
    )?;
    Ok(ask.query_row([stack.as_str(), stage.as_str()], |row| row.get(0)).optional()?)
}

/// Says that a push put its build on its stage.
///
/// # Errors
/// What SQLite said.
pub fn set(
    tx: &Transaction<'_>,
    stack: &StackName,
    stage: &StageName,
    build: &str,
    push: PushNumber,
) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO current (stack, stage, build, push) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (stack, stage) DO UPDATE SET build = excluded.build, push = excluded.push
         WHERE excluded.push > push",
    )?
    .execute(params![stack, stage, build, push])?;
    Ok(())
}
