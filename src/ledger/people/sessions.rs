//! Who is signed in: one row a browser, under the SHA-256 of its cookie's value (TRUST section 7). The value itself must
//! never get here. Called by `web`, which makes the values and asks at each request.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{BadName, Who};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::HashMap;

/// A session that was not used for so long is over (TRUST section 7: 12 h).
pub const IDLE_MS: i64 = 12 * 3_600_000;
/// A session is over after so long, however busy (TRUST section 7: 7 d).
pub const LONGEST_MS: i64 = 7 * 24 * 3_600_000;

/// A session that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who signed in.
    pub who: Who,
    /// When it was last written down that it is used; may be some minutes behind.
    pub seen_at: At,
    /// The groups of the person, as the provider of accounts says.
    pub groups: Vec<String>,
    /// What that provider gave for it, encrypted.
    pub provider: Option<String>,
    /// When it last confirmed it.
    pub checked_at: Option<At>,
}

/// What a provider of accounts grants with a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// The groups of the person; no name holds a line break.
    pub groups: Vec<String>,
    /// What the provider gave for it, encrypted; none where there is no provider.
    pub provider: Option<String>,
}

/// From where a session begins, as its owner reads it later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The address, if it is known.
    pub address: Option<String>,
    /// What the browser calls itself, in a few words.
    pub browser: Option<String>,
}

/// Begins a session, and forgets those that are over.
///
/// # Errors
/// What SQLite said.
pub fn begin(
    transaction: &Transaction<'_>,
    id_hash: &str,
    who: &Who,
    (place, granted): (&Place, &Granted),
    now: At,
) -> LedgerResult<()> {
    transaction.execute(
        "DELETE FROM sessions WHERE seen_at < ?1 OR made_at < ?2",
        params![
            At::from_millis(now.millis() - IDLE_MS).to_string(),
            At::from_millis(now.millis() - LONGEST_MS).to_string()
        ],
    )?;
    transaction.execute(
        "INSERT INTO sessions (id_hash, who, made_at, seen_at, address, browser, groups, provider, checked_at)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            id_hash,
            who.as_str(),
            now.to_string(),
            place.address,
            place.browser,
            granted.provider.is_some().then(|| granted.groups.join("\n")),
            granted.provider,
            granted.provider.is_some().then(|| now.to_string()),
        ],
    )?;
    Ok(())
}

/// The session under this hash; none when there is no such session, or it is over.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn find(connection: &Connection, id_hash: &str, now: At) -> LedgerResult<Option<Session>> {
    type Texts = ((String, String, String), Option<String>, Option<String>, Option<String>);
    let mut ask = connection.prepare_cached(
        "SELECT who, made_at, seen_at, groups, provider, checked_at FROM sessions WHERE id_hash = ?1",
    )?;
    let found: Option<Texts> = ask
        .query_row([id_hash], |row| {
            let texts = (row.get("who")?, row.get("made_at")?, row.get("seen_at")?);
            Ok((texts, row.get("groups")?, row.get("provider")?, row.get("checked_at")?))
        })
        .optional()?;
    let Some(((who, made_at, seen_at), groups, provider, checked_at)) = found else { return Ok(None) };
    let corrupt = |what: String| LedgerError::Corrupt(format!("a session: {what}"));
    let who: Who = who.parse().map_err(|bad: crate::stack::BadName| corrupt(bad.to_string()))?;
    let made_at: At = made_at.parse().map_err(|bad: jiff::Error| corrupt(bad.to_string()))?;
    let seen_at: At = seen_at.parse().map_err(|bad: jiff::Error| corrupt(bad.to_string()))?;
    let checked_at = checked_at.map(|at| at.parse::<At>().map_err(|bad| corrupt(bad.to_string()))).transpose()?;
    let groups = groups.unwrap_or_default().lines().map(str::to_owned).collect();
    let alive = now.millis_since(seen_at) < IDLE_MS && now.millis_since(made_at) < LONGEST_MS;
    Ok(alive.then_some(Session { who, seen_at, groups, provider, checked_at }))
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSession {
    /// What the ledger knows it by.
    pub id_hash: String,
    /// When it began.
    pub made_at: String,
    /// When it was last used, or some minutes before.
    pub seen_at: String,
    /// From where it began.
    pub place: Place,
}

/// How much of what the ledger knows a session by stands in the address that ends it: enough to tell one person's sessions apart.
const NAME: usize = 16;

impl OwnSession {
    /// What stands for it in the address that ends it. It lets nobody in: it is the hash of what does.
    pub fn name(&self) -> &str {
        self.id_hash.get(..NAME).unwrap_or(&self.id_hash)
    }
}

/// The sessions of a person that are not over, the one that was used last first.
///
/// # Errors
/// What SQLite said.
pub fn of(connection: &Connection, who: &Who, now: At) -> LedgerResult<Vec<OwnSession>> {
    Ok(list(connection, Some(who), now)?.into_iter().map(|(_, session)| session).collect())
}

/// Those of all people.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn all(connection: &Connection, now: At) -> LedgerResult<Vec<(Who, OwnSession)>> {
    let named = |(who, session): (String, OwnSession)| {
        let who = who.parse().map_err(|bad: BadName| LedgerError::Corrupt(format!("a session: {bad}")))?;
        Ok((who, session))
    };
    list(connection, None, now)?.into_iter().map(named).collect()
}

fn list(connection: &Connection, who: Option<&Who>, now: At) -> LedgerResult<Vec<(String, OwnSession)>> {
    let mut ask = connection.prepare_cached(
        "SELECT who, id_hash, made_at, seen_at, address, browser FROM sessions
         WHERE who = coalesce(?1, who) AND seen_at > ?2 AND made_at > ?3 ORDER BY seen_at DESC, id_hash",
    )?;
    let (idle, oldest) = limits(now);
    let rows = ask.query_map(params![who.map(Who::as_str), idle, oldest], |row| {
        let session = OwnSession {
            id_hash: row.get("id_hash")?,
            made_at: row.get("made_at")?,
            seen_at: row.get("seen_at")?,
            place: Place { address: row.get("address")?, browser: row.get("browser")? },
        };
        Ok((row.get("who")?, session))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Which sessions count that are not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// Those of people who are there alone, where passwords are asked for.
    pub of_users_alone: bool,
    /// Those that the provider of accounts has confirmed no longer ago than this.
    pub confirmed_for_ms: Option<i64>,
}

/// What all sessions that are not over are known by, with the groups of their people.
///
/// # Errors
/// What SQLite said.
pub fn alive(connection: &Connection, which: Which, now: At) -> LedgerResult<HashMap<String, Vec<String>>> {
    let mut ask = connection.prepare_cached(
        "SELECT id_hash, groups FROM sessions WHERE seen_at > ?1 AND made_at > ?2
         AND (?3 = 0 OR who IN (SELECT name FROM users)) AND (?4 IS NULL OR checked_at > ?4)",
    )?;
    let (idle, oldest) = limits(now);
    let confirmed = which.confirmed_for_ms.map(|ms| At::from_millis(now.millis() - ms).to_string());
    let rows = ask.query_map(params![idle, oldest, which.of_users_alone, confirmed], |row| {
        let groups: Option<String> = row.get("groups")?;
        Ok((row.get("id_hash")?, groups.unwrap_or_default().lines().map(str::to_owned).collect()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A session that was seen, or made, no later than this is over.
fn limits(now: At) -> (String, String) {
    let before = |ms: i64| At::from_millis(now.millis() - ms).to_string();
    (before(IDLE_MS), before(LONGEST_MS))
}

/// Writes down that a session is used.
///
/// # Errors
/// What SQLite said.
pub fn seen(transaction: &Transaction<'_>, id_hash: &str, now: At) -> LedgerResult<()> {
    transaction.execute("UPDATE sessions SET seen_at = ?2 WHERE id_hash = ?1", params![id_hash, now.to_string()])?;
    Ok(())
}

/// Writes down that the provider of accounts confirms a session, and what it says now.
///
/// # Errors
/// What SQLite said.
pub fn confirm(
    transaction: &Transaction<'_>,
    id_hash: &str,
    groups: &[String],
    provider: &str,
    now: At,
) -> LedgerResult<()> {
    transaction.execute(
        "UPDATE sessions SET groups = ?2, provider = ?3, checked_at = ?4 WHERE id_hash = ?1",
        params![id_hash, groups.join("\n"), provider, now.to_string()],
    )?;
    Ok(())
}

/// Ends one session; nothing happens when there is none.
///
/// # Errors
/// What SQLite said.
pub fn end(transaction: &Transaction<'_>, id_hash: &str) -> LedgerResult<()> {
    transaction.execute("DELETE FROM sessions WHERE id_hash = ?1", [id_hash])?;
    Ok(())
}

/// Ends one session of a person by its [`OwnSession::name`]; the time at which it began, if they had it.
///
/// # Errors
/// What SQLite said.
pub fn end_named(transaction: &Transaction<'_>, who: &Who, name: &str) -> LedgerResult<Option<String>> {
    let sql = format!("DELETE FROM sessions WHERE who = ?1 AND substr(id_hash, 1, {NAME}) = ?2 RETURNING made_at");
    let mut ask = transaction.prepare_cached(&sql)?;
    Ok(ask.query_map([who.as_str(), name], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?.pop())
}

/// Ends all sessions of a person but one; how many there were.
///
/// # Errors
/// What SQLite said.
pub fn end_others_of(transaction: &Transaction<'_>, who: &Who, but: &str) -> LedgerResult<usize> {
    Ok(transaction.execute("DELETE FROM sessions WHERE who = ?1 AND id_hash <> ?2", [who.as_str(), but])?)
}

/// Ends all sessions of a person: their password or rights changed.
///
/// # Errors
/// What SQLite said.
pub fn end_all_of(transaction: &Transaction<'_>, who: &Who) -> LedgerResult<()> {
    transaction.execute("DELETE FROM sessions WHERE who = ?1", [who.as_str()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> At {
        At::from_millis(1_795_255_200_000 + hours * HOUR)
    }

    async fn found(ledger: &Ledger, hash: &'static str, now: At) -> Option<String> {
        ledger.read(move |c| find(c, hash, now)).await.unwrap().map(|session| session.who.to_string())
    }

    #[tokio::test]
    async fn a_session_ends_after_twelve_idle_hours_and_after_seven_days_however_busy() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let mary: Who = "mary".parse().unwrap();
        let who = mary.clone();
        ledger.write(move |tx| begin(tx, "aa", &who, (&Place::default(), &Granted::default()), at(0))).await.unwrap();
        assert_eq!(found(&ledger, "aa", at(11)).await.as_deref(), Some("mary"));
        assert_eq!(found(&ledger, "ab", at(0)).await, None, "another value");
        assert_eq!(found(&ledger, "aa", at(12)).await, None, "idle for 12 h");
        for hours in (0..7 * 24).step_by(11) {
            assert!(found(&ledger, "aa", at(hours)).await.is_some(), "in use after {hours} h");
            ledger.write(move |tx| seen(tx, "aa", at(hours))).await.unwrap();
        }
        ledger.write(|tx| seen(tx, "aa", at(7 * 24))).await.unwrap();
        assert_eq!(found(&ledger, "aa", at(7 * 24)).await, None, "7 d old");
    }

    #[tokio::test]
    async fn ended_sessions_are_gone_and_those_that_are_over_do_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let (mary, bob): (Who, Who) = ("mary".parse().unwrap(), "bob".parse().unwrap());
        let (m, b) = (mary.clone(), bob.clone());
        ledger
            .write(move |tx| {
                begin(tx, "m1", &m, (&Place::default(), &Granted::default()), at(0))?;
                begin(tx, "m2", &m, (&Place::default(), &Granted::default()), at(1))?;
                begin(tx, "b1", &b, (&Place::default(), &Granted::default()), at(1))?;
                end(tx, "b1")?;
                end(tx, "b1")
            })
            .await
            .unwrap();
        assert_eq!(found(&ledger, "b1", at(1)).await, None);
        let count = |ledger: Ledger| async move {
            ledger
                .read(|c| Ok(c.query_row("SELECT count(*) FROM sessions", [], |r| r.get::<_, i64>(0))?))
                .await
                .unwrap()
        };
        assert_eq!(count(ledger.clone()).await, 2);
        let b = bob.clone();
        ledger.write(move |tx| begin(tx, "b2", &b, (&Place::default(), &Granted::default()), at(12))).await.unwrap();
        assert_eq!(count(ledger.clone()).await, 3, "m1 is idle for exactly 12 h");
        ledger.write(move |tx| begin(tx, "b3", &bob, (&Place::default(), &Granted::default()), at(14))).await.unwrap();
        assert_eq!(count(ledger.clone()).await, 2, "m1 and m2 are over");
        ledger.write(move |tx| end_all_of(tx, &mary)).await.unwrap();
        assert_eq!(count(ledger).await, 2);
    }
}
