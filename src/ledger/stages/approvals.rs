//! Requests that a push be approved, by stage, and the approvals that others gave. A request is for one plan, by its hash. It must never
//! decide whether a request still holds: `desk::decide::approval` does, by the plan as it is now and by the clock.

use crate::ledger::LedgerResult;
use crate::ledger::audit::place::{self, Place};
use crate::stack::{PushNumber, StackName, StageName, Who};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Requests of one stage that are looked through; nobody waits for more.
const MOST: i64 = 20;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// It stands, unless its time is over or the plan has changed.
    Open,
    /// A push took it.
    Used,
    /// Someone who may approve said no.
    Declined,
    /// Whoever asked took it back.
    Withdrawn,
    /// It did not hold any more when someone asked anew.
    Replaced,
}

/// A word that is no state of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of a request for approval")]
pub struct NoApprovalState(String);

impl ApprovalState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Open, Self::Used, Self::Declined, Self::Withdrawn, Self::Replaced];

    /// The word in the ledger and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Used => "used",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Replaced => "replaced",
        }
    }

    /// The state of this word.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(word: &str) -> Result<Self, NoApprovalState> {
        let unknown = || NoApprovalState(word.chars().take(40).collect());
        Self::ALL.into_iter().find(|state| state.word() == word).ok_or_else(unknown)
    }
}

/// A request that a push be approved. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// Its number.
    pub id: i64,
    /// The stack.
    pub stack: StackName,
    /// The stage.
    pub stage: StageName,
    /// The hash of the plan that is to be approved.
    pub plan_hash: String,
    /// The plan as JSON, to say later what has changed.
    pub plan: String,
    /// What the button offered: the revision or the build.
    pub seen: String,
    /// Its revision.
    pub sha: String,
    /// The version that was chosen instead of what the button offers.
    pub version: Option<String>,
    /// Who asked.
    pub who: Who,
    /// Why, when they said so.
    pub reason: Option<String>,
    /// When.
    pub at: String,
    /// When it is over.
    pub ends_at: String,
    /// Whether it was over when it was read.
    pub over: bool,
    /// What became of it.
    pub state: ApprovalState,
    /// Who closed it.
    pub closed_by: Option<Who>,
    /// When.
    pub closed_at: Option<String>,
    /// Why, when they said so.
    pub closed_why: Option<String>,
    /// The push that took it.
    pub push: Option<PushNumber>,
    /// Who approved, in their order.
    pub given: Vec<Approval>,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub who: Who,
    /// When.
    pub at: String,
    /// A remark, when they made one.
    pub reason: Option<String>,
    /// Whether the command line of the push host said so, which may everything.
    pub by_push_host: bool,
}

const COLUMNS: &str = "id, stack, stage, plan_hash, plan, seen, sha, version, who, reason, at, ends_at, state, closed_by, closed_at, \
                       closed_why, push";

fn request(row: &Row<'_>, now: At) -> rusqlite::Result<ApprovalRequest> {
    let ends_at: String = row.get("ends_at")?;
    Ok(ApprovalRequest {
        id: row.get("id")?,
        stack: row.get("stack")?,
        stage: row.get("stage")?,
        plan_hash: row.get("plan_hash")?,
        plan: row.get("plan")?,
        seen: row.get("seen")?,
        sha: row.get("sha")?,
        version: row.get("version")?,
        who: row.get("who")?,
        reason: row.get("reason")?,
        at: row.get("at")?,
        over: ends_at <= now.to_string(),
        ends_at,
        state: row.get("state")?,
        closed_by: row.get("closed_by")?,
        closed_at: row.get("closed_at")?,
        closed_why: row.get("closed_why")?,
        push: row.get("push")?,
        given: Vec::new(),
    })
}

/// The requests of a stage that nobody has closed, the newest first, and before them the newest one of all when that was declined.
///
/// # Errors
/// What SQLite said.
pub fn of_stage(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    now: At,
) -> LedgerResult<Vec<ApprovalRequest>> {
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM approval_requests WHERE stack = ?1 AND stage = ?2 AND (state = ?3 OR (state = ?4 AND id = (
             SELECT max(id) FROM approval_requests WHERE stack = ?1 AND stage = ?2)))
         ORDER BY id DESC LIMIT ?5"
    ))?;
    let (open, declined) = (ApprovalState::Open, ApprovalState::Declined);
    let rows = ask.query_map(params![stack, stage, open, declined, MOST], |row| request(row, now))?;
    let mut requests: Vec<ApprovalRequest> = rows.collect::<Result<_, _>>()?;
    for request in &mut requests {
        request.given = given(connection, request.id)?;
    }
    Ok(requests)
}

fn given(connection: &Connection, request: i64) -> LedgerResult<Vec<Approval>> {
    let mut ask = connection
        .prepare_cached("SELECT who, at, reason, place FROM approvals WHERE request = ?1 ORDER BY at, person")?;
    let rows = ask.query_map([request], |row| {
        let place: Option<String> = row.get("place")?;
        Ok(Approval {
            who: row.get("who")?,
            at: row.get("at")?,
            reason: row.get("reason")?,
            by_push_host: place == Some(Place::PushHost.to_string()),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The request of a stage for this plan that nobody has closed; of several, which cannot be, the newest.
///
/// # Errors
/// What SQLite said.
pub fn open(
    connection: &Connection,
    stack: &StackName,
    stage: &StageName,
    plan_hash: &str,
    now: At,
) -> LedgerResult<Option<ApprovalRequest>> {
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM approval_requests WHERE stack = ?1 AND stage = ?2 AND plan_hash = ?3 AND state = ?4
         ORDER BY id DESC LIMIT 1"
    ))?;
    let found = ask.query_row(params![stack, stage, plan_hash, ApprovalState::Open], |row| request(row, now));
    let Some(mut found) = found.optional()? else { return Ok(None) };
    found.given = given(connection, found.id)?;
    Ok(Some(found))
}

/// A request that is new.
#[derive(Clone, Copy, Debug)]
pub struct NewRequest<'a> {
    /// The stack.
    pub stack: &'a StackName,
    /// The stage.
    pub stage: &'a StageName,
    /// The hash of the plan.
    pub plan_hash: &'a str,
    /// The plan as JSON.
    pub plan: &'a str,
    /// What the button offered.
    pub seen: &'a str,
    /// Its revision.
    pub sha: &'a str,
    /// The version that was chosen.
    pub version: Option<&'a str>,
    /// Who asks.
    pub who: &'a Who,
    /// Why.
    pub reason: Option<&'a str>,
    /// When.
    pub at: At,
    /// When it is over.
    pub ends_at: At,
}

/// Writes a request down; its number.
///
/// # Errors
/// What SQLite said.
pub fn ask(tx: &Transaction<'_>, new: &NewRequest<'_>) -> LedgerResult<i64> {
    tx.prepare_cached(
        "INSERT INTO approval_requests (stack, stage, plan_hash, plan, seen, sha, version, who, reason, at, ends_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        new.stack,
        new.stage,
        new.plan_hash,
        new.plan,
        new.seen,
        new.sha,
        new.version,
        new.who,
        new.reason,
        new.at.to_string(),
        new.ends_at.to_string(),
        ApprovalState::Open,
    ])?;
    Ok(tx.last_insert_rowid())
}

/// Writes down that someone approves; false when this person has before.
///
/// # Errors
/// What SQLite said.
pub fn give(tx: &Transaction<'_>, request: i64, who: &Who, reason: Option<&str>, at: At) -> LedgerResult<bool> {
    let given = tx
        .prepare_cached(
            "INSERT INTO approvals (request, person, who, at, reason, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (request, person) DO NOTHING",
        )?
        .execute(params![
            request,
            who.person(),
            who,
            at.to_string(),
            reason,
            place::here().map(|place| place.to_string())
        ])?;
    Ok(given == 1)
}

/// How a request ends.
#[derive(Clone, Copy, Debug)]
pub struct Close<'a> {
    /// What became of it.
    pub state: ApprovalState,
    /// By whom.
    pub who: &'a Who,
    /// Why.
    pub why: Option<&'a str>,
    /// By which push.
    pub push: Option<PushNumber>,
    /// When.
    pub at: At,
}

/// Closes a request that is open.
///
/// # Errors
/// What SQLite said.
pub fn close(tx: &Transaction<'_>, request: i64, close: Close<'_>) -> LedgerResult<()> {
    tx.prepare_cached(
        "UPDATE approval_requests SET state = ?2, closed_by = ?3, closed_at = ?4, closed_why = ?5, push = ?6
         WHERE id = ?1 AND state = ?7",
    )?
    .execute(params![
        request,
        close.state,
        close.who,
        close.at.to_string(),
        close.why,
        close.push,
        ApprovalState::Open
    ])?;
    Ok(())
}
