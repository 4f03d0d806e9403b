//! What the hosts of a stage are to run: the build of the last push that came to the end of its list, well or degraded. A
//! catch-up brings hosts to it, so it never changes it. It must never call a host reached that failed a command.

use super::current;
use crate::journal::HostResult;
use crate::ledger::pushes::REACHED;
use crate::ledger::{LedgerResult, columns, push_hosts, pushes};
use crate::plan::{OldBuild, PushKind};
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeSet;

/// Catch-ups after one push that are looked at: each brings some hosts for good.
const CATCH_UPS: i64 = 1000;

/// What the hosts of a stage are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// The push that set it.
    pub push: PushNumber,
    /// The last push that came to the end of its list, catch-ups included.
    pub newest: PushNumber,
    /// The build.
    pub build: OldBuild,
    /// The branch that it was built from.
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
         WHERE p.stack = ?1 AND p.stage = ?2 AND p.state IN (?3, ?4) AND p.kind <> ?5
         ORDER BY p.id DESC LIMIT 1",
    )?;
    let found = ask.query_row(params![stack, stage, REACHED[0], REACHED[1], PushKind::CatchUp], |row| {
        let texts: [String; 4] = [row.get("build")?, row.get("sha")?, row.get("root")?, row.get("branch")?];
        Ok((row.get::<_, PushNumber>("push")?, texts, row.get::<_, bool>("whole")?))
    });
    let Some((push, [id, sha, root, branch], whole)) = found.optional()? else { return Ok(None) };
    let build = columns::build(&id, &sha, &root)?;
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
pub fn settle(tx: &Transaction<'_>, push: PushNumber) -> LedgerResult<()> {
    let Some(row) = pushes::get(tx, push)? else { return Ok(()) };
    let Some(desired) = get(tx, &row.stack, &row.stage)? else { return Ok(()) };
    if desired.whole || desired.build.id.as_str() != row.build || !desired.hosts.is_subset(&desired.reached) {
        return Ok(());
    }
    current::set(tx, &row.stack, &row.stage, &row.build, push)?;
    tx.prepare_cached("INSERT INTO completed_stages (push) VALUES (?1)")?.execute([push])?;
    Ok(())
}

/// The hosts of a push that did not come to the end of its list.
fn not_reached(connection: &Connection, push: PushNumber) -> LedgerResult<BTreeSet<String>> {
    let mut ask = connection.prepare_cached(
        "SELECT DISTINCT host FROM results WHERE push = ?1 AND host <> '' AND (result IS NULL OR result <> ?2)",
    )?;
    Ok(ask.query_map(params![push, HostResult::Ok], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The newest catch-up with a build since a push, and the hosts that came to the end of the list of one of them. One question,
/// however many there are, and no plan is read: a host that a command worked on is in the results.
fn catch_ups(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    build: &str,
    since: PushNumber,
) -> LedgerResult<(Option<PushNumber>, BTreeSet<String>)> {
    let mut ask = connection.prepare_cached(
        "WITH since AS MATERIALIZED (SELECT id FROM pushes
             WHERE stack = ?1 AND stage = ?2 AND build = ?3 AND id > ?4 AND kind = ?6
             AND state IN (?7, ?8) ORDER BY id DESC LIMIT ?5)
         SELECT s.id, r.host, coalesce(min(coalesce(r.result, '') = ?9), 0) AS to_its_end FROM since s
         LEFT JOIN results r ON r.push = s.id AND r.host <> '' GROUP BY s.id, r.host",
    )?;
    let rows = ask.query_map(
        params![stack, stage, build, since, CATCH_UPS, PushKind::CatchUp, REACHED[0], REACHED[1], HostResult::Ok],
        |row| {
            Ok((
                row.get::<_, PushNumber>("id")?,
                row.get::<_, Option<String>>("host")?,
                row.get::<_, bool>("to_its_end")?,
            ))
        },
    )?;
    let (mut newest, mut reached) = (None, BTreeSet::new());
    for row in rows {
        let (push, host, to_its_end) = row?;
        newest = newest.max(Some(push));
        reached.extend(host.filter(|_| to_its_end));
    }
    Ok((newest, reached))
}
