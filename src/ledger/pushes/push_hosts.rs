//! The hosts of each push, as they were frozen when its button was pressed: one row each, so that nobody reads a plan to know
//! them. It must never change a row that was written. Called by `press` and `migrate`, which write them, and by whoever asks.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{Host, PushNumber};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Deserialize;

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
    let had: i64 = ask.query_row([push], |row| row.get(0)).optional()?.unwrap_or_default();
    let had = usize::try_from(had).unwrap_or_default();
    match names.len() == had {
        true => Ok(names),
        false => Err(LedgerError::Corrupt(format!("{} of the {had} hosts of push {push}", names.len()))),
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
