//! Which hosts hold which build, as far as the ledger knows: by what became of the commands of the last pushes there. It must
//! never count by anything but [`Proof`], so that all who say "3 of 4 hosts" say one number.

use super::{Answer, LedgerError, pushes};
use crate::journal::HostResult;
use crate::plan::{Assignment, BuildFrom, Kind, Proof, Sign, Standing};
use crate::stack::{Host, PushNumber, StackName, StageName};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;

/// Pushes that are looked through, newest first, for what a host holds.
const PUSHES: i64 = 20;

/// A build on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnHost {
    /// The build.
    pub id: String,
    /// The root hash of its manifest; empty while it is made.
    pub root: String,
}

/// What each host of a push's frozen list holds.
struct OfPush {
    build: OnHost,
    /// What was live before.
    old: Option<OnHost>,
    standings: BTreeMap<String, Standing>,
}

/// What the hosts of a stage hold, by name: a build, or none where that is in doubt. A host that no push has come to is not
/// in it.
///
/// # Errors
/// What SQLite said.
pub fn of_stage(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
) -> Answer<BTreeMap<String, Option<OnHost>>> {
    let mut ask = connection.prepare_cached(
        "SELECT id, state, kind FROM pushes WHERE stack = ?1 AND stage = ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = ask.query_map(params![stack.as_str(), stage.as_str(), PUSHES], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let rows: Vec<(i64, String, String)> = rows.collect::<Result<_, _>>()?;
    let mut known = BTreeMap::new();
    for (push, state, kind) in rows {
        let Some(of_push) = of_push(connection, push)? else { continue };
        for (host, standing) in of_push.standings {
            let holds = match standing {
                Standing::Untouched => continue,
                Standing::Holds => Some(of_push.build.clone()),
                Standing::Back => of_push.old.clone(),
                Standing::InDoubt => None,
            };
            known.entry(host).or_insert(holds);
        }
        // It came to the end on every host that the stage had then.
        if state == "succeeded" && kind != Kind::CatchUp.word() {
            break;
        }
    }
    Ok(known)
}

/// Writes down on how many hosts the build of a running push is by now.
///
/// # Errors
/// What SQLite said.
pub fn count(tx: &Transaction<'_>, push: PushNumber) -> Answer<()> {
    let Some(of_push) = of_push(tx, push.get())? else { return Ok(()) };
    let holding = of_push.standings.values().filter(|standing| **standing == Standing::Holds).count();
    tx.prepare_cached("UPDATE pushes SET hosts_ok = ?1 WHERE id = ?2")?
        .execute(params![i64::try_from(holding).unwrap_or(i64::MAX), push.get()])?;
    Ok(())
}

fn of_push(connection: &Connection, push: i64) -> Answer<Option<OfPush>> {
    let (Some(text), Some(row)) = (pushes::plan_text(connection, push)?, pushes::get(connection, push)?) else {
        return Ok(None);
    };
    let assignment: Assignment =
        serde_json::from_str(&text).map_err(|bad| LedgerError::Corrupt(format!("plan of push {push}: {bad}")))?;
    let proof = assignment.proof();
    let signs = signs(connection, push, &proof)?;
    let root = match &assignment.plan.build {
        BuildFrom::Existing { root, .. } => root.to_string(),
        BuildFrom::Made { .. } => row.root.unwrap_or_default(),
    };
    let of = |host: &Host| {
        let name = host.name().to_owned();
        let sign = |number: u32| {
            let found = signs.get(&name).and_then(|own| own.get(&number));
            found.or_else(|| signs.get("").and_then(|own| own.get(&number))).copied().unwrap_or(Sign::Nothing)
        };
        let standing = proof.standing(&name, sign);
        (name, standing)
    };
    Ok(Some(OfPush {
        build: OnHost { id: assignment.build.to_string(), root },
        old: assignment.plan.old.as_ref().map(|old| OnHost { id: old.id.to_string(), root: old.root.to_string() }),
        standings: assignment.plan.hosts.iter().map(of).collect(),
    }))
}

/// What became of the commands that count, by host and number.
fn signs(connection: &Connection, push: i64, proof: &Proof) -> Answer<BTreeMap<String, BTreeMap<u32, Sign>>> {
    let numbers: Vec<u32> = [&proof.brought, &proof.asked, &proof.back].into_iter().flatten().copied().collect();
    let mut ask = connection.prepare_cached(
        "SELECT host, command, result FROM results WHERE push = ?1 AND command IN (SELECT value FROM json_each(?2))",
    )?;
    let rows = ask.query_map(params![push, serde_json::to_string(&numbers)?], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    let mut signs: BTreeMap<String, BTreeMap<u32, Sign>> = BTreeMap::new();
    for row in rows {
        let (host, number, word) = row?;
        // One that runs still is not known.
        let result = word.as_deref().and_then(HostResult::of_word);
        signs.entry(host).or_default().insert(number, result.map_or(Sign::Unknown, HostResult::sign));
    }
    Ok(signs)
}
