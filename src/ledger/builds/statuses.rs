//! Statuses of commits: what whoever tests them told last, one for each context. They are told of a revision, also of one that is not fetched
//! yet. What was told is forgotten when there is much newer; it must never be changed by what was told earlier and came late. What a status
//! stops `desk::decide::needs` says.

use crate::ledger::LedgerResult;
use crate::stack::StackName;
pub use crate::stack::needs::CommitState;
use crate::time::At;
use rusqlite::{Connection, Row, Transaction, params};

/// The most contexts of one commit.
pub const MOST_CONTEXTS: usize = 100;
/// The most statuses of a stack: the oldest are forgotten.
const MOST_KEPT: i64 = 20_000;

/// What was told of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// The revision.
    pub sha: String,
    /// What was looked at: `ci/test`.
    pub context: String,
    /// What came of it.
    pub state: CommitState,
    /// In a few words.
    pub description: Option<String>,
    /// Where more is said of it: http or https.
    pub url: Option<String>,
    /// Who told it: a person, a program, `GitHub webhook`.
    pub who: String,
    /// When it came here, RFC 3339 in UTC.
    pub at: String,
    /// When it was so, as who told it says; none where that was not said.
    pub as_of: Option<String>,
}

fn status(row: &Row<'_>) -> rusqlite::Result<CommitStatus> {
    Ok(CommitStatus {
        sha: row.get("sha")?,
        context: row.get("context")?,
        state: row.get("state")?,
        description: row.get("description")?,
        url: row.get("url")?,
        who: row.get("who")?,
        at: row.get("at")?,
        as_of: row.get("as_of")?,
    })
}

const COLUMNS: &str = "sha, context, state, description, url, who, at, as_of";

/// What was told of some commits of a stack, by revision and context.
///
/// # Errors
/// What SQLite said.
pub fn of_commits(connection: &Connection, stack: &StackName, shas: &[&str]) -> LedgerResult<Vec<CommitStatus>> {
    if shas.is_empty() {
        return Ok(Vec::new());
    }
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM commit_statuses
         WHERE stack = ?1 AND sha IN (SELECT value FROM json_each(?2)) ORDER BY sha, context"
    ))?;
    let shas = serde_json::to_string(shas)?;
    Ok(ask.query_map(params![stack, shas], status)?.collect::<Result<_, _>>()?)
}

/// What became of a status that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is written.
    New,
    /// The same was written already, or something later.
    Known,
    /// The commit has as many contexts as it can have.
    TooMany,
}

/// Writes a status, unless it says what is known or what was so before.
///
/// # Errors
/// What SQLite said.
pub fn tell(tx: &Transaction<'_>, stack: &StackName, told: &CommitStatus) -> LedgerResult<Told> {
    let known = of_commits(tx, stack, &[&told.sha])?;
    match known.iter().find(|known| known.context == told.context) {
        Some(known) if is_same(known, told) || is_later(known, told) => return Ok(Told::Known),
        Some(_) => {}
        None if known.len() >= MOST_CONTEXTS => return Ok(Told::TooMany),
        None => forget_oldest(tx, stack)?,
    }
    tx.prepare_cached(
        "INSERT INTO commit_statuses (stack, sha, context, state, description, url, who, at, as_of)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (stack, sha, context) DO UPDATE SET state = excluded.state, description = excluded.description,
             url = excluded.url, who = excluded.who, at = excluded.at, as_of = excluded.as_of",
    )?
    .execute(params![
        stack,
        told.sha,
        told.context,
        told.state,
        told.description,
        told.url,
        told.who,
        told.at,
        told.as_of
    ])?;
    Ok(Told::New)
}

fn is_same(known: &CommitStatus, told: &CommitStatus) -> bool {
    (known.state, &known.description, &known.url) == (told.state, &told.description, &told.url)
}

/// Whether what is known was so after what is told now: it came late, or a second time.
fn is_later(known: &CommitStatus, told: &CommitStatus) -> bool {
    let at = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<At>().ok());
    at(&known.as_of).zip(at(&told.as_of)).is_some_and(|(known, told)| known > told)
}

fn forget_oldest(tx: &Transaction<'_>, stack: &StackName) -> LedgerResult<()> {
    let mut ask =
        tx.prepare_cached("SELECT at FROM commit_statuses WHERE stack = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2")?;
    let mut rows = ask.query_map(params![stack, MOST_KEPT - 1], |row| row.get::<_, String>(0))?;
    if let Some(at) = rows.next().transpose()? {
        tx.prepare_cached("DELETE FROM commit_statuses WHERE stack = ?1 AND at <= ?2")?.execute(params![stack, at])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(context: &str, state: CommitState, at: &str, as_of: Option<&str>) -> CommitStatus {
        CommitStatus {
            sha: "ab".repeat(20),
            context: context.to_owned(),
            state,
            description: None,
            url: None,
            who: "ci".to_owned(),
            at: format!("2026-11-30T10:00:{at}.000Z"),
            as_of: as_of.map(|at| format!("2026-11-30T09:00:{at}.000Z")),
        }
    }

    #[test]
    fn what_is_told_twice_changes_nothing_and_what_comes_late_nothing_either() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let web: StackName = "web".parse().unwrap();
        let tx = connection.transaction().unwrap();
        let tell = |status: &CommitStatus| super::tell(&tx, &web, status).unwrap();
        assert_eq!(tell(&told("ci", CommitState::Pending, "01", Some("01"))), Told::New);
        assert_eq!(tell(&told("ci", CommitState::Failure, "02", Some("03"))), Told::New);
        assert_eq!(tell(&told("ci", CommitState::Failure, "03", Some("03"))), Told::Known);
        assert_eq!(tell(&told("ci", CommitState::Success, "04", Some("02"))), Told::Known, "it came late");
        assert_eq!(tell(&told("ci", CommitState::Success, "05", None)), Told::New, "who says no time is believed");
        assert_eq!(tell(&told("lint", CommitState::Error, "06", None)), Told::New);
        let states: Vec<_> = of_commits(&tx, &web, &[&"ab".repeat(20), "none"])
            .unwrap()
            .into_iter()
            .map(|status| (status.context, status.state))
            .collect();
        assert_eq!(states, [("ci".to_owned(), CommitState::Success), ("lint".to_owned(), CommitState::Error)]);
        assert!(of_commits(&tx, &"api".parse().unwrap(), &[&"ab".repeat(20)]).unwrap().is_empty());
        for number in 2..MOST_CONTEXTS {
            assert_eq!(tell(&told(&format!("c{number}"), CommitState::Success, "07", None)), Told::New);
        }
        assert_eq!(tell(&told("one more", CommitState::Success, "08", None)), Told::TooMany);
        assert_eq!(tell(&told("ci", CommitState::Error, "09", None)), Told::New);
    }
}
