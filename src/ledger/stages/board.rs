//! What the page of all stacks asks: the same few questions, however many stacks and stages there are, and however long their
//! history. It must never read a plan.

use super::current::Current;
use super::holds::{self, Hold};
use super::running::{self, StepNow};
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::{LedgerResult, typical_duration};
use crate::stack::{PushNumber, StackName, StageName, Who};
use crate::time::At;
use rusqlite::Connection;
use std::collections::HashMap;

/// A stage by its stack's name and its own.
pub type StageKey = (StackName, StageName);

/// What the ledger says of all stages.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// What they run, with the branch that it was made from.
    pub current: HashMap<StageKey, (Current, String)>,
    /// The last push to each, whatever its end.
    pub last: HashMap<StageKey, PushRow>,
    /// The push that runs, by stack.
    pub locks: HashMap<StackName, PushRow>,
    /// The step that it is at, by push.
    pub steps: HashMap<PushNumber, StepNow>,
    /// How long pushes to the stages that are being pushed typically take in milliseconds, oldest first.
    pub typical_ms: HashMap<StageKey, Vec<i64>>,
    /// The holds that stand, by scope.
    pub holds: HashMap<String, Hold>,
    /// The requests that what a button offers be approved; the newest of each stage.
    pub asked: HashMap<StageKey, Asked>,
}

/// A request for approval, as far as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who asked.
    pub who: Who,
    /// For which revision.
    pub sha: String,
    /// How many have approved.
    pub given: usize,
}

/// Reads what is known of these stages: at most eight questions.
///
/// # Errors
/// What SQLite said.
pub fn read(connection: &Connection, stages: &[(StackName, StageName)]) -> LedgerResult<Board> {
    let names: Vec<[&str; 2]> = stages.iter().map(|(stack, stage)| [stack.as_str(), stage.as_str()]).collect();
    let wanted = serde_json::to_string(&names)?;
    let locks = pushes::locks(connection)?;
    let (mut steps, mut typical_ms) = (HashMap::new(), HashMap::new());
    // Mostly nobody pushes.
    if !locks.is_empty() {
        let pushed: Vec<[&str; 2]> = locks.values().map(|push| [push.stack.as_str(), push.stage.as_str()]).collect();
        steps = running::steps(connection)?;
        typical_ms = typical_duration::of_stages(connection, &serde_json::to_string(&pushed)?)?;
    }
    Ok(Board {
        current: current(connection, &wanted)?,
        last: last(connection, &wanted)?,
        locks,
        steps,
        typical_ms,
        holds: holds::all(connection, At::now())?,
        asked: asked(connection, At::now())?,
    })
}

fn current(connection: &Connection, wanted: &str) -> LedgerResult<HashMap<StageKey, (Current, String)>> {
    let mut ask = connection.prepare_cached(
        "SELECT c.stack, c.stage, b.sha, b.id AS build, b.root, b.files, coalesce(p.ended_at, p.pressed_at) AS pushed_at, p.who,
                p.id AS push, p.hosts_ok, p.hosts_total, p.ended_at AS as_of, b.branch
         FROM json_each(?1) w CROSS JOIN current c ON c.stack = w.value ->> 0 AND c.stage = w.value ->> 1
         JOIN builds b ON b.stack = c.stack AND b.id = c.build JOIN pushes p ON p.id = c.push",
    )?;
    let rows = ask.query_map([wanted], |row| {
        let current = Current {
            sha: row.get("sha")?,
            build: row.get("build")?,
            root: row.get("root")?,
            files: row.get("files")?,
            // The page has no room for it.
            subject: String::new(),
            pushed_at: row.get("pushed_at")?,
            who: row.get("who")?,
            push: row.get("push")?,
            hosts_ok: row.get("hosts_ok")?,
            hosts_total: row.get("hosts_total")?,
            as_of: row.get("as_of")?,
        };
        Ok(((row.get("stack")?, row.get("stage")?), (current, row.get("branch")?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn asked(connection: &Connection, now: At) -> LedgerResult<HashMap<StageKey, Asked>> {
    // With one `max` SQLite takes the other columns from that row.
    let mut ask = connection.prepare_cached(
        "SELECT stack, stage, who, sha, max(id), (SELECT count(*) FROM approvals a WHERE a.request = r.id) AS given
         FROM approval_requests r WHERE state = 'open' AND version IS NULL AND ends_at > ?1 GROUP BY stack, stage",
    )?;
    let rows = ask.query_map([now.to_string()], |row| {
        let asked = Asked { who: row.get("who")?, sha: row.get("sha")?, given: row.get::<_, i64>("given")? as usize };
        Ok(((row.get("stack")?, row.get("stage")?), asked))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn last(connection: &Connection, wanted: &str) -> LedgerResult<HashMap<StageKey, PushRow>> {
    // A look at the end of the index for each stage: the pushes before are not walked.
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {} FROM json_each(?1) w CROSS JOIN pushes p ON p.id =
             (SELECT max(id) FROM pushes n WHERE n.stack = w.value ->> 0 AND n.stage = w.value ->> 1)",
        pushes::COLUMNS
    ))?;
    let rows = ask.query_map([wanted], pushes::row)?;
    let by_stage = |row: rusqlite::Result<PushRow>| row.map(|row| ((row.stack.clone(), row.stage.clone()), row));
    Ok(rows.map(by_stage).collect::<Result<_, _>>()?)
}
