//! From where an account has been signed in to: browsers, by the SHA-256 of a value that only they know, and addresses. Such a place is
//! not slowed down together with strangers. It must never let anybody in: it only says who may try. Called by signing in.

use crate::ledger::LedgerResult;
use crate::stack::Who;
use crate::time::At;
use rusqlite::{Connection, Transaction, params};

/// A place that was not used for so long is forgotten: 90 days.
const FORGOTTEN_MS: i64 = 90 * 24 * 3_600_000;
/// Places of one account that are kept: the newest.
const MOST: i64 = 50;

/// A browser, as the ledger names it.
pub fn browser(hash: &str) -> String {
    format!("browser {hash}")
}

/// An address, as the ledger names it.
pub fn address(counted_as: &str) -> String {
    format!("address {counted_as}")
}

/// Whether someone has signed in to the account there.
///
/// # Errors
/// What SQLite said.
pub fn has(connection: &Connection, who: &str, place: &str, now: At) -> LedgerResult<bool> {
    let mut ask = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM known WHERE who = ?1 AND place = ?2 AND seen_at > ?3)")?;
    Ok(ask.query_row(params![who, place, oldest(now)], |row| row.get(0))?)
}

/// Notes that someone has signed in there, and forgets what is old.
///
/// # Errors
/// What SQLite said.
pub fn note(tx: &Transaction<'_>, who: &Who, places: &[String], now: At) -> LedgerResult<()> {
    for place in places {
        tx.prepare_cached(
            "INSERT INTO known (who, place, seen_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (who, place) DO UPDATE SET seen_at = excluded.seen_at",
        )?
        .execute(params![who.as_str(), place, now.to_string()])?;
    }
    tx.prepare_cached("DELETE FROM known WHERE seen_at <= ?1")?.execute([oldest(now)])?;
    tx.prepare_cached(
        "DELETE FROM known WHERE who = ?1 AND place NOT IN
         (SELECT place FROM known WHERE who = ?1 ORDER BY seen_at DESC, place LIMIT ?2)",
    )?
    .execute(params![who.as_str(), MOST])?;
    Ok(())
}

/// Forgets all places of an account: whoever has it now may be someone else.
///
/// # Errors
/// What SQLite said.
pub fn forget(tx: &Transaction<'_>, who: &Who) -> LedgerResult<()> {
    tx.prepare_cached("DELETE FROM known WHERE who = ?1")?.execute([who.as_str()])?;
    Ok(())
}

fn oldest(now: At) -> String {
    At::from_millis(now.millis() - FORGOTTEN_MS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_for_ninety_days_after_its_last_use_and_the_newest_fifty_are_kept() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let tx = connection.transaction().unwrap();
        let mary: Who = "mary".parse().unwrap();
        let day = |day: i64| At::from_millis(1_795_255_200_000 + day * 24 * 3_600_000);
        note(&tx, &mary, &[browser("aa"), address("192.0.2.7")], day(0)).unwrap();
        note(&tx, &mary, &[browser("aa")], day(50)).unwrap();
        let known = |place: &str, at: i64| has(&tx, "mary", place, day(at)).unwrap();
        assert!(known("address 192.0.2.7", 89) && !known("address 192.0.2.7", 90));
        assert!(known("browser aa", 139) && !known("browser aa", 140) && !known("browser ab", 50));
        assert!(!has(&tx, "zoe", "browser aa", day(50)).unwrap());
        for one in 0..60 {
            note(&tx, &mary, &[address(&one.to_string())], day(60 + one)).unwrap();
        }
        let kept: i64 = tx.query_row("SELECT count(*) FROM known", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 50);
        forget(&tx, &mary).unwrap();
        assert!(!known("address 59", 119));
    }
}
