//! Answers to requests that name themselves by a key (`Idempotency-Key`), kept for a day: whoever sends the same again is given the same
//! answer, also after a restart. It must never hold an answer that refused: nothing was done then, and who asks again is to be heard
//! again. Called by the web.

use crate::ledger::LedgerResult;
use crate::time::At;
use rusqlite::{OptionalExtension, Transaction, params};

/// An answer is kept for so long.
const KEPT_MS: i64 = 24 * 3_600_000;
/// Answers that are kept for one person or token: the newest.
const MOST: i64 = 1_000;

/// A request that names itself.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// Who asks.
    pub who: String,
    /// What they call the request.
    pub key: String,
    /// The hash of what they ask.
    pub request: String,
    /// The life of the server that takes it: one that was taken by an earlier life is not being answered any more.
    pub life: String,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// Where what it made is, if it made something.
    pub location: Option<String>,
    /// Its body.
    pub body: String,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is to be done, and is noted as begun.
    Begun,
    /// It is being done.
    UnderWay,
    /// It was done.
    Done(KeptAnswer),
    /// The key belongs to another request.
    Other,
}

/// Begins a request, unless it is known already; forgets what is old.
///
/// # Errors
/// What SQLite said.
pub fn begin(tx: &Transaction<'_>, keyed: &Keyed, now: At) -> LedgerResult<Known> {
    let oldest = At::from_millis(now.millis() - KEPT_MS).to_string();
    tx.prepare_cached("DELETE FROM answers WHERE at <= ?1")?.execute([oldest])?;
    let mut ask =
        tx.prepare_cached("SELECT request, life, status, location, body FROM answers WHERE who = ?1 AND key = ?2")?;
    let found = ask
        .query_row(params![keyed.who, keyed.key], |row| {
            let (request, life): (String, String) = (row.get(0)?, row.get(1)?);
            let status: Option<u16> = row.get(2)?;
            let kept =
                |status| Ok::<_, rusqlite::Error>(KeptAnswer { status, location: row.get(3)?, body: row.get(4)? });
            Ok((request, life, status.map(kept).transpose()?))
        })
        .optional()?;
    match found {
        Some((request, ..)) if request != keyed.request => return Ok(Known::Other),
        Some((.., Some(answer))) => return Ok(Known::Done(answer)),
        Some((_, life, None)) if life == keyed.life => return Ok(Known::UnderWay),
        Some((.., None)) | None => {}
    }
    tx.prepare_cached(
        "INSERT INTO answers (who, key, request, life, at, body) VALUES (?1, ?2, ?3, ?4, ?5, '')
         ON CONFLICT (who, key) DO UPDATE SET life = excluded.life",
    )?
    .execute(params![keyed.who, keyed.key, keyed.request, keyed.life, now.to_string()])?;
    tx.prepare_cached(
        "DELETE FROM answers WHERE who = ?1 AND key NOT IN
         (SELECT key FROM answers WHERE who = ?1 ORDER BY at DESC, key LIMIT ?2)",
    )?
    .execute(params![keyed.who, MOST])?;
    Ok(Known::Begun)
}

/// Notes how a request that was begun ended: with this answer, or refused.
///
/// # Errors
/// What SQLite said.
pub fn end(tx: &Transaction<'_>, keyed: &Keyed, answer: Option<&KeptAnswer>) -> LedgerResult<()> {
    match answer {
        Some(KeptAnswer { status, location, body }) => tx
            .prepare_cached("UPDATE answers SET status = ?3, location = ?4, body = ?5 WHERE who = ?1 AND key = ?2")?
            .execute(params![keyed.who, keyed.key, status, location, body])?,
        None => tx
            .prepare_cached("DELETE FROM answers WHERE who = ?1 AND key = ?2")?
            .execute(params![keyed.who, keyed.key])?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_request_is_done_once_in_a_day_and_begun_anew_when_it_was_refused_or_the_server_died() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let tx = connection.transaction().unwrap();
        let hour = |hour: i64| At::from_millis(1_795_255_200_000 + hour * 3_600_000);
        let keyed = |who: &str, request: &str, life: &str| Keyed {
            who: who.to_owned(),
            key: "k".to_owned(),
            request: request.to_owned(),
            life: life.to_owned(),
        };
        let (first, again) = (keyed("ci", "push", "one"), keyed("ci", "push", "two"));
        assert_eq!(begin(&tx, &first, hour(0)).unwrap(), Known::Begun);
        assert_eq!(begin(&tx, &first, hour(0)).unwrap(), Known::UnderWay);
        assert_eq!(begin(&tx, &again, hour(0)).unwrap(), Known::Begun, "nobody does it any more");
        end(&tx, &again, None).unwrap();
        assert_eq!(begin(&tx, &first, hour(0)).unwrap(), Known::Begun);
        let answer = KeptAnswer { status: 201, location: Some("/x".to_owned()), body: "{}".to_owned() };
        end(&tx, &first, Some(&answer)).unwrap();
        assert_eq!(begin(&tx, &again, hour(23)).unwrap(), Known::Done(answer));
        assert_eq!(begin(&tx, &keyed("ci", "other", "two"), hour(23)).unwrap(), Known::Other);
        assert_eq!(begin(&tx, &keyed("mary", "other", "two"), hour(23)).unwrap(), Known::Begun);
        assert_eq!(begin(&tx, &again, hour(24)).unwrap(), Known::Begun);
    }
}
