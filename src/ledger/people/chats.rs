//! Accounts of chats that are bound to people of this server: by a code that its owner has made here, and has said there once. Of a code only
//! its SHA-256 is kept. It must never bind by a name alone, which anyone may take.

use crate::ledger::{LedgerResult, audit};
use crate::stack::Who;
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

/// How long a code can be said: long enough to change windows.
pub const CODE_FOR_MS: i64 = 10 * 60_000;
/// Characters of a code: no two of them look alike. A power of two, so that each is as likely.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code: 60 bits, and each try costs a turn.
const LENGTH: usize = 12;

/// An account of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatAccount {
    /// Which chat: `slack T0241`, `irc irc.example.com`.
    pub place: String,
    /// Its name there, as the chat itself vouches for it.
    pub id: String,
    /// Whose it is here.
    pub who: Who,
    /// Since when, RFC 3339 in UTC.
    pub at: String,
}

/// A code, of random bytes: `7F3K-9QWD-2M4X`.
pub fn code(random: [u8; LENGTH]) -> String {
    let letters: Vec<char> = random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn hash(code: &str) -> String {
    let plain: String = code.chars().filter(|c| *c != '-').collect();
    Sha256::digest(format!("chat {plain}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps a code of a person; one that they had before holds no more, nor what is over.
///
/// # Errors
/// What SQLite said.
pub fn keep_code(tx: &Transaction<'_>, code: &str, who: &Who, now: At) -> LedgerResult<()> {
    tx.prepare_cached("DELETE FROM chat_codes WHERE who = ?1 OR expires_at <= ?2")?
        .execute(params![who, now.to_string()])?;
    let expires = At::from_millis(now.millis() + CODE_FOR_MS);
    tx.prepare_cached("INSERT INTO chat_codes (hash, who, expires_at) VALUES (?1, ?2, ?3)")?.execute(params![
        hash(code),
        who,
        expires.to_string()
    ])?;
    audit::note(tx, now, who.as_str(), "chat code", who.as_str(), "to bind an account of a chat")
}

/// Takes a code, which is of no use again: whose it was.
///
/// # Errors
/// What SQLite said.
pub fn take_code(tx: &Transaction<'_>, code: &str, now: At) -> LedgerResult<Option<Who>> {
    let mut ask = tx.prepare_cached("DELETE FROM chat_codes WHERE hash = ?1 AND expires_at > ?2 RETURNING who")?;
    let mut rows = ask.query_map(params![hash(code), now.to_string()], |row| row.get(0))?;
    let who = rows.next().transpose()?;
    Ok(who)
}

/// Binds an account of a chat; whose it was before it is no more.
///
/// # Errors
/// What SQLite said.
pub fn bind(tx: &Transaction<'_>, place: &str, id: &str, who: &Who, now: At) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO chat_accounts (place, id, who, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (place, id) DO UPDATE SET who = excluded.who, at = excluded.at",
    )?
    .execute(params![place, id, who, now.to_string()])?;
    note_bound(tx, place, id, who, now)
}

/// Writes into the audit that somebody is bound, where that is all that is kept of it.
///
/// # Errors
/// What SQLite said.
pub fn note_bound(tx: &Transaction<'_>, place: &str, id: &str, who: &Who, now: At) -> LedgerResult<()> {
    audit::note(tx, now, who.as_str(), "bind chat", who.as_str(), &format!("{id} of {place}"))
}

/// Whose an account of a chat is; none where it is bound to nobody.
///
/// # Errors
/// What SQLite said.
pub fn of(connection: &Connection, place: &str, id: &str) -> LedgerResult<Option<Who>> {
    let mut ask = connection.prepare_cached("SELECT who FROM chat_accounts WHERE place = ?1 AND id = ?2")?;
    Ok(ask.query_row(params![place, id], |row| row.get(0)).optional()?)
}

/// The accounts of chats that are somebody's.
///
/// # Errors
/// What SQLite said.
pub fn all(connection: &Connection, who: &Who) -> LedgerResult<Vec<ChatAccount>> {
    let mut ask =
        connection.prepare_cached("SELECT place, id, who, at FROM chat_accounts WHERE who = ?1 ORDER BY place, id")?;
    let account = |row: &Row<'_>| {
        Ok(ChatAccount { place: row.get("place")?, id: row.get("id")?, who: row.get("who")?, at: row.get("at")? })
    };
    Ok(ask.query_map([who], account)?.collect::<Result<_, _>>()?)
}

/// Unbinds an account of somebody's; false when it was not theirs.
///
/// # Errors
/// What SQLite said.
pub fn unbind(tx: &Transaction<'_>, place: &str, id: &str, who: &Who, now: At) -> LedgerResult<bool> {
    let gone = tx
        .prepare_cached("DELETE FROM chat_accounts WHERE place = ?1 AND id = ?2 AND who = ?3")?
        .execute(params![place, id, who])?;
    if gone == 1 {
        audit::note(tx, now, who.as_str(), "unbind chat", who.as_str(), &format!("{id} of {place}"))?;
    }
    Ok(gone == 1)
}

/// Forgets all of somebody's: whoever has that name next may be someone else.
///
/// # Errors
/// What SQLite said.
pub fn forget(tx: &Transaction<'_>, who: &Who) -> LedgerResult<()> {
    tx.prepare_cached("DELETE FROM chat_accounts WHERE who = ?1")?.execute([who])?;
    tx.prepare_cached("DELETE FROM chat_codes WHERE who = ?1")?.execute([who])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_binds_once_within_its_time_and_only_the_newest_of_a_person() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let tx = connection.transaction().unwrap();
        let (mary, now) = ("mary".parse::<Who>().unwrap(), At::from_millis(1_795_255_200_000));
        let (first, second) = (code([1; LENGTH]), code([255; LENGTH]));
        assert_eq!((first.as_str(), second.as_str()), ("1111-1111-1111", "ZZZZ-ZZZZ-ZZZZ"));
        keep_code(&tx, &first, &mary, now).unwrap();
        keep_code(&tx, &second, &mary, now).unwrap();
        assert_eq!(take_code(&tx, &first, now).unwrap(), None, "there is a newer one");
        assert_eq!(take_code(&tx, "ZZZZZZZZZZZZ", now).unwrap(), Some(mary.clone()), "with or without its hyphens");
        assert_eq!(take_code(&tx, &second, now).unwrap(), None, "it works once");
        keep_code(&tx, &first, &mary, now).unwrap();
        assert_eq!(take_code(&tx, &first, At::from_millis(now.millis() + CODE_FOR_MS)).unwrap(), None);

        bind(&tx, "slack T1", "U1", &mary, now).unwrap();
        assert_eq!(of(&tx, "slack T1", "U1").unwrap(), Some(mary.clone()));
        assert_eq!((of(&tx, "slack T2", "U1").unwrap(), of(&tx, "slack T1", "U2").unwrap()), (None, None));
        let joe: Who = "joe".parse().unwrap();
        assert!(!unbind(&tx, "slack T1", "U1", &joe, now).unwrap(), "it is not joe's");
        assert_eq!(all(&tx, &mary).unwrap().len(), 1);
        bind(&tx, "slack T1", "U1", &joe, now).unwrap();
        assert_eq!((all(&tx, &mary).unwrap().len(), all(&tx, &joe).unwrap().len()), (0, 1));
        assert!(unbind(&tx, "slack T1", "U1", &joe, now).unwrap());
        bind(&tx, "slack T1", "U1", &mary, now).unwrap();
        forget(&tx, &mary).unwrap();
        assert_eq!(of(&tx, "slack T1", "U1").unwrap(), None);
    }
}
