//! What a provider of accounts, or a proxy that signs people in, said of each person last: their groups, and when. Tokens live by it, since
//! nobody is there to be asked when a program comes. It must never let a person in. Called by signing in, where sessions are confirmed, and
//! where a token is let in.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{BadName, Who};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

const DAY_MS: i64 = 24 * 3_600_000;
/// The tokens of a person work so long after they were confirmed last: a holiday stops no build.
const CONFIRMED_FOR_MS: i64 = 30 * DAY_MS;
/// And so long after the provider refused them. A provider refuses in the same words who has left and who was away from their desk,
/// so that a weekend must not stop a build either.
const DOUBTED_FOR_MS: i64 = 7 * DAY_MS;

/// A person, as the provider or the proxy said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub who: Who,
    /// Their groups; no name holds a line break.
    pub groups: Vec<String>,
    /// When they were confirmed last.
    pub confirmed_at: At,
}

/// Whether the programs of a person who was confirmed then may still be let in.
pub fn still_counts(confirmed_at: At, now: At) -> bool {
    now.millis_since(confirmed_at) < CONFIRMED_FOR_MS
}

/// Writes down that a person was confirmed, and their groups.
///
/// # Errors
/// What SQLite said.
pub fn confirm(tx: &Transaction<'_>, who: &Who, groups: &[String], now: At) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO accounts (who, groups, confirmed_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (who) DO UPDATE SET groups = excluded.groups, confirmed_at = excluded.confirmed_at",
    )?
    .execute(params![who.as_str(), groups.join("\n"), now.to_string()])?;
    Ok(())
}

/// Writes down that the provider refused a person: unless it confirms them again, their tokens stop in a week.
///
/// # Errors
/// What SQLite said.
pub fn doubt(tx: &Transaction<'_>, who: &Who, now: At) -> LedgerResult<()> {
    let latest = At::from_millis(now.millis() - CONFIRMED_FOR_MS + DOUBTED_FOR_MS).to_string();
    tx.prepare_cached("UPDATE accounts SET confirmed_at = min(confirmed_at, ?2) WHERE who = ?1")?
        .execute(params![who.as_str(), latest])?;
    Ok(())
}

/// A person; none whom nobody ever confirmed.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn find(connection: &Connection, who: &Who) -> LedgerResult<Option<Account>> {
    let mut ask = connection.prepare_cached("SELECT who, groups, confirmed_at FROM accounts WHERE who = ?1")?;
    let found = ask.query_row([who.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    found.map(read).transpose()
}

/// All of them, by name.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn all(connection: &Connection) -> LedgerResult<Vec<Account>> {
    let mut ask = connection.prepare_cached("SELECT who, groups, confirmed_at FROM accounts ORDER BY who")?;
    let rows = ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| read(row?)).collect()
}

fn read((who, groups, confirmed_at): (String, String, String)) -> LedgerResult<Account> {
    let corrupt = |why: String| LedgerError::Corrupt(format!("the account {who:?}: {why}"));
    Ok(Account {
        groups: groups.lines().map(str::to_owned).collect(),
        confirmed_at: confirmed_at.parse().map_err(|_| corrupt(format!("the time {confirmed_at:?}")))?,
        who: who.parse().map_err(|bad: BadName| corrupt(bad.to_string()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_confirmed_for_thirty_days_and_for_seven_once_the_provider_refused_them() {
        let mut ledger = Connection::open_in_memory().unwrap();
        ledger.execute_batch(crate::ledger::schema::SQL).unwrap();
        let mary: Who = "mary".parse().unwrap();
        let day = |days: i64| At::from_millis(1_795_255_200_000 + days * DAY_MS);
        let tx = ledger.transaction().unwrap();
        let until = |tx: &Transaction<'_>, days: &[i64]| {
            let account = find(tx, &mary).unwrap().unwrap();
            days.iter().map(|at| still_counts(account.confirmed_at, day(*at))).collect::<Vec<_>>()
        };
        doubt(&tx, &mary, day(0)).unwrap();
        assert_eq!(find(&tx, &mary).unwrap(), None, "who was never there is not there for having been refused");
        confirm(&tx, &mary, &["web".to_owned(), "ops".to_owned()], day(0)).unwrap();
        assert_eq!(until(&tx, &[0, 29, 30]), [true, true, false]);
        doubt(&tx, &mary, day(2)).unwrap();
        assert_eq!(until(&tx, &[2, 8, 9]), [true, true, false]);
        doubt(&tx, &mary, day(3)).unwrap();
        assert_eq!(until(&tx, &[8, 9]), [true, false], "refused again gives no more time");
        confirm(&tx, &mary, &["web".to_owned()], day(5)).unwrap();
        assert_eq!(until(&tx, &[34, 35]), [true, false]);
        assert_eq!(all(&tx).unwrap(), [Account { who: mary, groups: vec!["web".to_owned()], confirmed_at: day(5) }]);
    }
}
