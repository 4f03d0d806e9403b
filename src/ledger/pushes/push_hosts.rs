//! The hosts of each push, as they were frozen when its button was pressed: one row each, so that nobody reads a plan to know
//! them. It must never change a row that was written. Called by `press` and `migrate`, which write them, and by whoever asks.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{Host, PushNumber};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a plan is read for on the way from schema 1: one of an older pushbutton may lack what is read otherwise.
#[derive(Deserialize)]
struct Written {
    plan: Frozen,
}

#[derive(Deserialize)]
struct Frozen {
    hosts: Vec<Host>,
}

/// The hosts of a push by name, in the order of its plan.
///
/// # Errors
/// What SQLite said; or when they are not as many as the push had, so that nobody takes a part of them for all.
pub fn names(connection: &Connection, push: PushNumber) -> LedgerResult<Vec<String>> {
    let mut ask = connection.prepare_cached("SELECT host FROM push_hosts WHERE push = ?1 ORDER BY place")?;
    let names: Vec<String> = ask.query_map([push], |row| row.get(0))?.collect::<Result<_, _>>()?;
    // A question of its own: beside each host it would take longer than the plan did.
    let mut ask = connection.prepare_cached("SELECT hosts_total FROM pushes WHERE id = ?1")?;
    be_all(push, &names, ask.query_row([push], |row| row.get(0)).optional()?.unwrap_or_default())?;
    Ok(names)
}

/// The hosts of several pushes by name, in the order of their plans: two questions.
///
/// # Errors
/// What SQLite said; or when those of a push are not as many as it had.
pub(in crate::ledger) fn of_pushes(
    connection: &Connection,
    pushes: impl Iterator<Item = PushNumber>,
) -> LedgerResult<BTreeMap<PushNumber, Vec<String>>> {
    let pushes = serde_json::to_string(&pushes.collect::<Vec<_>>())?;
    let mut ask = connection.prepare_cached(
        "SELECT h.push, h.host FROM json_each(?1) w CROSS JOIN push_hosts h ON h.push = w.value ORDER BY h.push, h.place",
    )?;
    let mut hosts = BTreeMap::<PushNumber, Vec<String>>::new();
    let mut rows = ask.query([&pushes])?;
    while let Some(row) = rows.next()? {
        hosts.entry(row.get("push")?).or_default().push(row.get("host")?);
    }
    let mut ask = connection
        .prepare_cached("SELECT p.id, p.hosts_total FROM json_each(?1) w CROSS JOIN pushes p ON p.id = w.value")?;
    let mut rows = ask.query([&pushes])?;
    while let Some(row) = rows.next()? {
        let push: PushNumber = row.get("id")?;
        be_all(push, hosts.get(&push).map(Vec::as_slice).unwrap_or_default(), row.get("hosts_total")?)?;
    }
    Ok(hosts)
}

fn be_all(push: PushNumber, hosts: &[String], had: i64) -> LedgerResult<()> {
    match i64::try_from(hosts.len()) == Ok(had) {
        true => Ok(()),
        false => Err(LedgerError::Corrupt(format!("{} of the {had} hosts of push {push}", hosts.len()))),
    }
}

/// Writes down the hosts of a push.
///
/// # Errors
/// What SQLite said.
pub(super) fn insert(tx: &Transaction<'_>, push: PushNumber, hosts: &[Host]) -> LedgerResult<()> {
    let names: Vec<&str> = hosts.iter().map(Host::name).collect();
    let insert = "INSERT INTO push_hosts (push, place, host) SELECT ?1, key + 1, value FROM json_each(?2)";
    tx.prepare_cached(insert)?.execute(params![push, serde_json::to_string(&names)?])?;
    Ok(())
}

/// Writes down the hosts of all pushes of before there was this table, from their plans. A plan that cannot be read has none: the
/// push keeps all else that is known of it, and the log says so.
///
/// # Errors
/// What SQLite said.
pub(in crate::ledger) fn fill(tx: &Transaction<'_>) -> LedgerResult<()> {
    let mut ask = tx.prepare("SELECT id, plan FROM pushes ORDER BY id")?;
    let mut rows = ask.query([])?;
    while let Some(row) = rows.next()? {
        let (push, plan): (PushNumber, String) = (row.get("id")?, row.get("plan")?);
        match serde_json::from_str::<Written>(&plan) {
            Ok(written) => insert(tx, push, &written.plan.hosts)?,
            Err(bad) => {
                tracing::warn!(%push, error = %bad, "the plan of a push cannot be read, so its hosts are not known")
            }
        }
    }
    Ok(())
}
