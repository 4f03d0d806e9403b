//! Which hosts hold which build, as far as the ledger knows: by what became of the commands of the last pushes there. It must
//! never count by anything but [`Proof`], so that all who say "3 of 4 hosts" say one number; and never read a plan for it, since a
//! page asks this of twenty pushes.

use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::{LedgerError, LedgerResult, push_hosts, pushes};
use crate::plan::{Assignment, Proof, Property, PushKind, Sign, Standing};
use crate::stack::{PushNumber, StackName, StageName};
use rusqlite::{Connection, Row, ToSql, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::slice;

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

/// A push, and which of its commands say what a host holds.
struct Pushed {
    id: PushNumber,
    /// Its build, and the root hash of that; none while it is made.
    build: String,
    root: Option<String>,
    /// What was live before, and the root hash of that.
    old_build: Option<String>,
    old_root: Option<String>,
    proof: Proof,
}

/// What became of the commands of a push that count, by host; on the push host under an empty name.
type Signs = BTreeMap<String, Vec<(u32, Sign)>>;

/// What a push left a host with, from its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftWith {
    /// The host.
    pub host: String,
    /// How it stands to the build of the push.
    pub standing: Standing,
    /// The build that it has by that; none where the records do not say it.
    pub build: Option<String>,
    /// What failed there last, or what it has instead of the build that was live.
    pub why: Option<String>,
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
) -> LedgerResult<BTreeMap<String, Option<OnHost>>> {
    let pushes = last_pushes(connection, stack, stage)?;
    let mut signs = signs(connection, &pushes)?;
    // What was done on the push host alone counts for each host of the list. Otherwise a host without a sign is untouched, and the
    // list is not read.
    let for_all = signs.iter().filter(|(_, signs)| signs.contains_key("")).map(|(push, _)| *push);
    let lists = push_hosts::of_pushes(connection, for_all)?;
    let mut known = BTreeMap::new();
    for push in pushes {
        let signs = signs.remove(&push.id).unwrap_or_default();
        let hosts: BTreeSet<&String> = match lists.get(&push.id) {
            Some(hosts) => hosts.iter().collect(),
            None => signs.keys().chain(&push.proof.held).collect(),
        };
        let unknown = hosts.into_iter().filter(|host| !known.contains_key(*host));
        let standings: Vec<(String, Standing)> =
            unknown.map(|host| (host.clone(), push.standing(host, &signs))).collect();
        let went_back = standings.iter().any(|(_, standing)| *standing == Standing::Back);
        let elsewhere = if went_back { elsewhere(connection, &push)? } else { BTreeMap::new() };
        for (host, standing) in standings {
            let holds = match standing {
                Standing::Untouched => continue,
                Standing::Holds => Some(push.build()),
                Standing::Back => push.old().filter(|_| !elsewhere.contains_key(&host)),
                Standing::InDoubt => None,
            };
            known.insert(host, holds);
        }
    }
    Ok(known)
}

/// The last pushes to a stage, newest first, back to the one that came to the end on every host that the stage had then.
/// Where too many came after that one, some in between are left out and it is not: what a host holds is mostly its doing.
fn last_pushes(connection: &Connection, stack: &StackName, stage: &StageName) -> LedgerResult<Vec<Pushed>> {
    let newest = "WITH whole AS MATERIALIZED (SELECT max(id) AS id FROM pushes
                      WHERE stack = ?1 AND stage = ?2 AND state = ?5 AND kind <> ?4)
                  SELECT * FROM (SELECT id FROM pushes
                      WHERE stack = ?1 AND stage = ?2 AND id > coalesce((SELECT id FROM whole), 0) ORDER BY id DESC LIMIT ?3)
                  UNION ALL SELECT id FROM whole";
    let whole = PushState::from(Ended::Succeeded);
    Pushed::read(connection, newest, params![stack, stage, PUSHES, PushKind::CatchUp, whole])
}

/// What a push left each of its hosts with, by name; none of a push that is not there.
///
/// # Errors
/// What SQLite said.
pub fn left_with(connection: &Connection, push: PushNumber) -> LedgerResult<Vec<LeftWith>> {
    let Some(pushed) = Pushed::read(connection, "SELECT ?1 AS id", params![push])?.pop() else { return Ok(Vec::new()) };
    let signs = signs(connection, slice::from_ref(&pushed))?.remove(&push).unwrap_or_default();
    let (mut bad, mut elsewhere) = (last_failures(connection, &pushed)?, elsewhere(connection, &pushed)?);
    let left = push_hosts::names(connection, push)?.into_iter().map(|host| {
        let standing = pushed.standing(&host, &signs);
        let failed = bad.remove(&host);
        let (build, why) = match (standing, elsewhere.remove(&host)) {
            (Standing::Holds, _) => (Some(pushed.build.clone()), failed),
            (Standing::Back, Some(what)) => (None, Some(what)),
            (Standing::Back, None) => (pushed.old_build.clone(), failed),
            (Standing::Untouched | Standing::InDoubt, _) => (None, failed),
        };
        LeftWith { host, standing, build, why }
    });
    Ok(left.collect())
}

/// The last command that did not end well on each host: `step 6 failed: exited with 7`, `its health check (step 7) failed: exited with 1`.
fn last_failures(connection: &Connection, push: &Pushed) -> LedgerResult<BTreeMap<String, String>> {
    let mut ask = connection.prepare_cached(
        "SELECT host, command, result, why FROM results
         WHERE push = ?1 AND host <> '' AND result NOT IN (?2, ?3) ORDER BY command",
    )?;
    let rows = ask.query_map(params![push.id, HostResult::Ok, HostResult::Skipped], |row| {
        Ok((row.get("host")?, row.get("command")?, row.get("result")?, row.get("why")?))
    })?;
    let failures: Vec<(String, u32, HostResult, Option<String>)> = rows.collect::<Result<_, _>>()?;
    let checks = if failures.is_empty() { BTreeSet::new() } else { health_checks(connection, push.id)? };
    let words = |(host, step, result, why): (String, u32, HostResult, Option<String>)| {
        let what =
            if checks.contains(&step) { format!("its health check (step {step})") } else { format!("step {step}") };
        (host, format!("{what} {}{}", result.word(), why.map(|why| format!(": {why}")).unwrap_or_default()))
    };
    // A later one stands in the place of an earlier one.
    Ok(failures.into_iter().map(words).collect())
}

/// The commands of a push that ask whether a host is well, by number: they stand in its plan alone.
fn health_checks(connection: &Connection, push: PushNumber) -> LedgerResult<BTreeSet<u32>> {
    let plan = pushes::plan_text(connection, push)?.unwrap_or_default();
    let assignment: Assignment =
        serde_json::from_str(&plan).map_err(|bad| LedgerError::Corrupt(format!("plan of push {push}: {bad}")))?;
    let commands = (1..).zip(assignment.plan.commands);
    Ok(commands.filter(|(_, command)| command.form.has(Property::IsHealthCheck)).map(|(number, _)| number).collect())
}

/// What hosts went back to that is not the build that was live.
fn elsewhere(connection: &Connection, push: &Pushed) -> LedgerResult<BTreeMap<String, String>> {
    let mut ask = connection.prepare_cached(
        "SELECT host, why FROM results WHERE push = ?1 AND result = ?3 AND why IS NOT NULL
         AND command IN (SELECT value FROM json_each(?2))",
    )?;
    let backs = serde_json::to_string(&push.proof.back)?;
    let rows = ask.query_map(params![push.id, backs, HostResult::Ok], |row| Ok((row.get("host")?, row.get("why")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Pushed {
    /// The pushes of these numbers, the newest first; `numbers` is a question for them, with its values.
    fn read(connection: &Connection, numbers: &str, values: &[&dyn ToSql]) -> LedgerResult<Vec<Self>> {
        let mut ask = connection.prepare_cached(&format!(
            "SELECT p.id, p.build, p.root, p.old_build, b.root AS old_root, p.proof
             FROM ({numbers}) n CROSS JOIN pushes p ON p.id = n.id
             LEFT JOIN builds b ON b.stack = p.stack AND b.id = p.old_build ORDER BY p.id DESC"
        ))?;
        let mut rows = ask.query(values)?;
        let mut pushes = Vec::new();
        while let Some(row) = rows.next()? {
            pushes.push(Self::of(row)?);
        }
        Ok(pushes)
    }

    fn of(row: &Row<'_>) -> LedgerResult<Self> {
        let id = row.get("id")?;
        let no_proof = || LedgerError::Corrupt(format!("no proof of push {id}, since its plan could not be read"));
        Ok(Self {
            id,
            build: row.get("build")?,
            root: row.get("root")?,
            old_build: row.get("old_build")?,
            old_root: row.get("old_root")?,
            proof: row.get::<_, Option<Proof>>("proof")?.ok_or_else(no_proof)?,
        })
    }

    /// Its build.
    fn build(&self) -> OnHost {
        OnHost { id: self.build.clone(), root: self.root.clone().unwrap_or_default() }
    }

    /// What was live before.
    fn old(&self) -> Option<OnHost> {
        Some(OnHost { id: self.old_build.clone()?, root: self.old_root.clone()? })
    }

    /// How a host of its frozen list stands.
    fn standing(&self, host: &str, signs: &Signs) -> Standing {
        let of = |host: &str, number: u32| signs.get(host)?.iter().find(|(of, _)| *of == number).map(|(_, sign)| *sign);
        self.proof.standing(host, |number| of(host, number).or_else(|| of("", number)).unwrap_or(Sign::Nothing))
    }
}

/// What became of the commands that count, of all these pushes: one question.
fn signs(connection: &Connection, pushes: &[Pushed]) -> LedgerResult<HashMap<PushNumber, Signs>> {
    let counts = |pushed: &Pushed| {
        let numbers = [&pushed.proof.brought, &pushed.proof.asked, &pushed.proof.back];
        let id = pushed.id;
        numbers.into_iter().flatten().map(|number| (id, *number)).collect::<Vec<_>>()
    };
    let wanted: Vec<(PushNumber, u32)> = pushes.iter().flat_map(counts).collect();
    let mut ask = connection.prepare_cached(
        "SELECT r.push, r.host, r.command, coalesce(r.before_drop, r.result) AS result FROM json_each(?1) w
         CROSS JOIN results r ON r.push = w.value ->> 0 AND r.command = w.value ->> 1",
    )?;
    let mut found: HashMap<PushNumber, Signs> = HashMap::new();
    let mut rows = ask.query([serde_json::to_string(&wanted)?])?;
    while let Some(row) = rows.next()? {
        // One that runs still is not known.
        let sign = row.get::<_, Option<HostResult>>("result")?.map_or(Sign::Unknown, HostResult::sign);
        let of_push = found.entry(row.get("push")?).or_default();
        of_push.entry(row.get("host")?).or_default().push((row.get("command")?, sign));
    }
    Ok(found)
}
