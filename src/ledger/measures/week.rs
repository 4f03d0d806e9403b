//! What was pushed in a week, added up by stage. It must never hold the pushes themselves: there may be thousands.

use crate::journal::{Ended, PushState};
use crate::ledger::LedgerResult;
use crate::ledger::outbox::{BadPush, WeekOfStage};
use crate::plan::PushKind;
use crate::stack::{PushNumber, StackName, StageName};
use crate::time::At;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Stages of one mail.
const STAGES: usize = 200;
/// People of one stage.
const PEOPLE: usize = 20;
/// Pushes that are named because they did not succeed.
const BAD: usize = 30;

/// What a week brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeekSum {
    /// By stack and stage.
    pub stages: Vec<WeekOfStage>,
    /// What did not succeed, oldest first.
    pub bad: Vec<BadPush>,
    /// How many more of these there were.
    pub more_bad: u64,
}

/// The pushes that ended from a moment up to another.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn sum(connection: &Connection, from: At, to: At) -> LedgerResult<WeekSum> {
    let mut ask = connection.prepare_cached(
        "SELECT id, stack, stage, who, state, kind, commit_count, sha, why FROM pushes
         WHERE ended_at >= ?1 AND ended_at < ?2 ORDER BY id",
    )?;
    let mut rows = ask.query([from.to_string(), to.to_string()])?;
    let mut stages: BTreeMap<(StackName, StageName), (WeekOfStage, BTreeMap<String, u64>)> = BTreeMap::new();
    let mut found = WeekSum::default();
    while let Some(row) = rows.next()? {
        let (stack, stage): (StackName, StageName) = (row.get("stack")?, row.get("stage")?);
        let (who, state, kind): (String, PushState, PushKind) = (row.get("who")?, row.get("state")?, row.get("kind")?);
        let (of, people) = stages.entry((stack.clone(), stage.clone())).or_insert_with(|| {
            let of = WeekOfStage {
                stack: stack.clone(),
                stage: stage.clone(),
                pushes: 0,
                succeeded: 0,
                rollbacks: 0,
                commits: 0,
                sha: None,
                who: Vec::new(),
            };
            (of, BTreeMap::new())
        });
        of.pushes += 1;
        *people.entry(who.clone()).or_default() += 1;
        of.rollbacks += u64::from(kind == PushKind::Rollback || state == Ended::RolledBack);
        if state == Ended::Succeeded {
            of.succeeded += 1;
            of.sha = Some(row.get("sha")?);
            // A rollback takes its commits away.
            let brings = kind == PushKind::Push || kind == PushKind::Resume;
            of.commits += if brings { row.get::<_, i64>("commit_count")?.unsigned_abs() } else { 0 };
        } else if found.bad.len() < BAD {
            let push: PushNumber = row.get("id")?;
            found.bad.push(BadPush { push, stack, stage, who, state: state.word().to_owned(), why: row.get("why")? });
        } else {
            found.more_bad += 1;
        }
    }
    found.stages = stages
        .into_values()
        .take(STAGES)
        .map(|(of, people)| {
            let mut who: Vec<(String, u64)> = people.into_iter().collect();
            who.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            who.truncate(PEOPLE);
            WeekOfStage { who, ..of }
        })
        .collect();
    Ok(found)
}
