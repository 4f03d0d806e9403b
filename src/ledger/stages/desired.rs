//! What the hosts of a stage are to run: the build of the last push that came to the end of its list, well or degraded. A
//! catch-up brings hosts to it, so it never changes it. It must never call a host reached that failed a command.

use super::current;
use crate::ledger::{LedgerError, LedgerResult, push_hosts, pushes};
use crate::plan::OldBuild;
use crate::stack::{StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeSet;

/// Catch-ups after one push that are looked at: each brings some hosts for good.
const CATCH_UPS: i64 = 1000;

/// What the hosts of a stage are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// The push that set it.
    pub push: i64,
    /// The last push that came to the end of its list, catch-ups included.
    pub newest: i64,
    /// The build.
    pub build: OldBuild,
    /// The branch that it was made from.
    pub branch: String,
    /// Whether the stage counts as running it: the push succeeded, or catch-ups have brought the rest of its hosts.
    pub whole: bool,
    /// The hosts that the push had, by name.
    pub hosts: BTreeSet<String>,
    /// The hosts that came to the end of the list, with it or with a catch-up since.
    pub reached: BTreeSet<String>,
}

/// What the hosts of a stage are to run; none when no push to it came to its end.
///
/// # Errors
/// What SQLite said.
pub fn get(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Option<DesiredState>> {
    let mut ask = connection.prepare_cached(
        "SELECT p.id AS push, b.id AS build, b.sha, b.root, b.branch,
                coalesce(c.push >= p.id AND c.build = p.build, 0) AS whole
         FROM pushes p JOIN builds b ON b.stack = p.stack AND b.id = p.build
                       LEFT JOIN current c ON c.stack = p.stack AND c.stage = p.stage
         WHERE p.stack = ?1 AND p.stage = ?2 AND p.state IN ('succeeded', 'degraded') AND p.kind <> 'catch-up'
         ORDER BY p.id DESC LIMIT 1",
    )?;
    let found = ask.query_row([stack.as_str(), stage.as_str()], |row| {
        let texts: [String; 4] = [row.get("build")?, row.get("sha")?, row.get("root")?, row.get("branch")?];
        Ok((row.get::<_, i64>("push")?, texts, row.get::<_, bool>("whole")?))
    });
    let Some((push, [id, sha, root, branch], whole)) = found.optional()? else { return Ok(None) };
    let corrupt = |bad: crate::stack::BadName| LedgerError::Corrupt(bad.to_string());
    let build = OldBuild {
        id: id.parse().map_err(corrupt)?,
        sha: sha.parse().map_err(corrupt)?,
        root: root.parse().map_err(corrupt)?,
    };
    let had: BTreeSet<String> = push_hosts::names(connection, push)?.into_iter().collect();
    let mut reached: BTreeSet<String> = &had - &not_reached(connection, push)?;
    let (newest, caught_up) = catch_ups(connection, stack, stage, &id, push)?;
    reached.extend(caught_up);
    let newest = newest.unwrap_or(push);
    Ok(Some(DesiredState { push, newest, build, branch, whole, hosts: had, reached }))
}

/// Lets the stage count as running its build when a catch-up has brought the last hosts that the push before it missed.
///
/// # Errors
/// What SQLite said.
pub fn settle(tx: &Transaction<'_>, push: i64) -> LedgerResult<()> {
    let Some(row) = pushes::get(tx, push)? else { return Ok(()) };
    let corrupt = |bad: crate::stack::BadName| LedgerError::Corrupt(bad.to_string());
    let (stack, stage) = (row.stack.parse().map_err(corrupt)?, row.stage.parse().map_err(corrupt)?);
    let Some(desired) = get(tx, &stack, &stage)? else { return Ok(()) };
    if desired.whole || desired.build.id.as_str() != row.build || !desired.hosts.is_subset(&desired.reached) {
        return Ok(());
    }
    current::set(tx, &row.stack, &row.stage, &row.build, push)?;
    tx.prepare_cached("INSERT INTO completed_stages (push) VALUES (?1)")?.execute([push])?;
    Ok(())
}

/// The hosts of a push that did not come to the end of its list.
fn not_reached(connection: &Connection, push: i64) -> LedgerResult<BTreeSet<String>> {
    let mut ask = connection.prepare_cached(
        "SELECT DISTINCT host FROM results WHERE push = ?1 AND host <> '' AND (result IS NULL OR result <> 'ok')",
    )?;
    Ok(ask.query_map([push], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The newest catch-up with a build since a push, and the hosts that came to the end of the list of one of them. One question,
/// however many there are, and no plan is read: a host that a command worked on is in the results.
fn catch_ups(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    build: &str,
    since: i64,
) -> LedgerResult<(Option<i64>, BTreeSet<String>)> {
    let mut ask = connection.prepare_cached(
        "WITH since AS MATERIALIZED (SELECT id FROM pushes
             WHERE stack = ?1 AND stage = ?2 AND build = ?3 AND id > ?4 AND kind = 'catch-up'
             AND state IN ('succeeded', 'degraded') ORDER BY id DESC LIMIT ?5)
         SELECT s.id, r.host, coalesce(min(coalesce(r.result, '') = 'ok'), 0) AS to_its_end FROM since s
         LEFT JOIN results r ON r.push = s.id AND r.host <> '' GROUP BY s.id, r.host",
    )?;
    let rows = ask.query_map(params![stack.as_str(), stage.as_str(), build, since, CATCH_UPS], |row| {
        Ok((row.get::<_, i64>("id")?, row.get::<_, Option<String>>("host")?, row.get::<_, bool>("to_its_end")?))
    })?;
    let (mut newest, mut reached) = (None, BTreeSet::new());
    for row in rows {
        let (push, host, to_its_end) = row?;
        newest = newest.max(Some(push));
        reached.extend(host.filter(|_| to_its_end));
    }
    Ok((newest, reached))
}
