//! People who sign in with a password (TRUST section 7): added, found, checked, removed.
//! It must never keep, log or show a password, and never tell an unknown name from a wrong password by its time.
//! Called by `pushbutton user`, and by `web` for signing in and for one's own account.

use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::Who;
use crate::time::At;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A password shorter than this is guessed, whatever is done to slow the guesser.
const SHORTEST_PASSWORD: usize = 10;
/// Longer than any passphrase; bounds what is hashed.
const LONGEST_PASSWORD: usize = 1000;
/// Of a full name, in characters: it must fit on a page's one line.
const LONGEST_FULL_NAME: usize = 100;
/// Memory in KiB, passes, lanes (TRUST section 7): 19 MiB, 2, 1.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// What an unknown name's password is compared with, so that it takes as long; of the same cost as a real one.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cHVzaGJ1dHRvbi1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Someone who may sign in with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name that is typed, and that the history shows.
    pub name: Who,
    /// What people call them.
    pub full_name: String,
    /// What their password is checked against.
    pub password: PasswordHash,
    /// When they were added.
    pub made_at: At,
}

/// A hashed password: argon2id as a PHC string. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a password or a full name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It could be guessed.
    #[error("the password is too short: it must have at least {SHORTEST_PASSWORD} characters")]
    TooShort,
    /// It is no password any more.
    #[error("the password is too long: it must have at most {LONGEST_PASSWORD} bytes")]
    TooLong,
    /// A key that was pressed by mistake; nobody could type it again.
    #[error("the password has control characters")]
    Control,
    /// The full name cannot be shown on one line.
    #[error("the full name must have 1 to {LONGEST_FULL_NAME} characters and no control characters")]
    FullName,
    /// The system gave no random numbers.
    #[error("the password could not be hashed: {0}")]
    NotHashed(String),
}

impl PasswordHash {
    /// Hashes a new password with a new salt. Slow: some 20 ms and 19 MiB.
    ///
    /// # Errors
    /// When it is too short, too long, or has control characters.
    pub fn of(password: &str) -> Result<Self, Refused> {
        match password {
            _ if password.len() > LONGEST_PASSWORD => Err(Refused::TooLong),
            _ if password.chars().count() < SHORTEST_PASSWORD => Err(Refused::TooShort),
            _ if password.contains(char::is_control) => Err(Refused::Control),
            _ => new_hash(password).map(|hash| Self(hash.to_string())).map_err(Refused::NotHashed),
        }
    }
}

/// Whether this is the user's password; takes the same time when there is no such user. Slow: some 20 ms and 19 MiB, so
/// the caller bounds how many run at once.
pub fn password_matches(user: Option<&User>, password: &str) -> bool {
    let kept = user.map_or(NOBODYS, |user| user.password.0.as_str());
    let matches = phc::PasswordHash::new(kept).is_ok_and(|kept| is_of(password, &kept));
    user.is_some() && matches
}

fn new_hash(password: &str) -> Result<phc::PasswordHash, String> {
    let (argon2id, salt) = (argon2id(), phc::Salt::generate());
    Ok(phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(argon2id.params()).map_err(|error| error.to_string())?,
        hash: Some(hashed(&argon2id, password, &salt)?),
        salt: Some(salt),
    })
}

/// Whether a hash is that of the password; one of another kind, or of a cost that we never asked, is of none.
fn is_of(password: &str, kept: &phc::PasswordHash) -> bool {
    let ours = kept.algorithm == Algorithm::Argon2id.ident() && kept.version == Some(Version::V0x13.into());
    let (Ok(params), Some(salt), Some(hash)) = (Params::try_from(kept), &kept.salt, &kept.hash) else { return false };
    let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let bounded = argon2id.params().m_cost() <= COST.0 && argon2id.params().t_cost() <= COST.1;
    // Compared in constant time.
    ours && bounded && hashed(&argon2id, password, salt).is_ok_and(|found| found == *hash)
}

/// The memory of checks that are not under way. Each takes all of it again and again, on ever another thread; memory that is given
/// back on many threads is kept by each of them, and a hundred sign-ins at once took 1.8 GB.
static SPARE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

fn hashed(argon2id: &Argon2<'_>, password: &str, salt: &phc::Salt) -> Result<phc::Output, String> {
    let mut memory = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    memory.resize(argon2id.params().block_count().max(memory.len()), Block::default());
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    let done = argon2id.hash_password_into_with_memory(password.as_bytes(), salt, &mut out, &mut memory);
    SPARE.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    done.map_err(|error| error.to_string())?;
    phc::Output::new(&out).map_err(|error| error.to_string())
}

fn argon2id() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the cost is within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A full name as it may be shown: one line, trimmed.
///
/// # Errors
/// When it is empty, too long, or has control characters.
pub fn full_name(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    match text {
        "" => Err(Refused::FullName),
        _ if text.contains(char::is_control) || text.chars().count() > LONGEST_FULL_NAME => Err(Refused::FullName),
        _ => Ok(text.to_owned()),
    }
}

/// The user of this name.
///
/// # Errors
/// What SQLite said.
pub fn find(connection: &Connection, name: &Who) -> LedgerResult<Option<User>> {
    let mut ask = connection.prepare_cached("SELECT name, full_name, password, made_at FROM users WHERE name = ?1")?;
    ask.query_row([name.as_str()], |row| Ok(read(row))).optional()?.transpose()
}

/// The name that someone has already and that nobody could tell from this one: it differs in nothing but case.
///
/// # Errors
/// What SQLite said.
pub fn taken(connection: &Connection, name: &Who) -> LedgerResult<Option<String>> {
    let ask = "SELECT name FROM users WHERE name = ?1 COLLATE NOCASE";
    Ok(connection.query_row(ask, [name.as_str()], |row| row.get(0)).optional()?)
}

/// Everybody, by name.
///
/// # Errors
/// What SQLite said.
pub fn all(connection: &Connection) -> LedgerResult<Vec<User>> {
    let mut ask = connection.prepare("SELECT name, full_name, password, made_at FROM users ORDER BY name")?;
    let users = ask.query_map([], |row| Ok(read(row)))?;
    users.map(|user| user?).collect()
}

/// Adds someone; answers the name that is in the way when it is [`taken`].
///
/// # Errors
/// What SQLite said.
pub fn add(tx: &Transaction<'_>, user: &User) -> LedgerResult<Option<String>> {
    if let Some(taken) = taken(tx, &user.name)? {
        return Ok(Some(taken));
    }
    tx.execute(
        "INSERT INTO users (name, full_name, password, made_at) VALUES (?1, ?2, ?3, ?4)",
        params![user.name.as_str(), user.full_name, user.password.0, user.made_at.to_string()],
    )?;
    Ok(None)
}

/// Gives someone a new password and signs them out everywhere; says whether there is such a user.
///
/// # Errors
/// What SQLite said.
pub fn set_password(tx: &Transaction<'_>, name: &Who, password: &PasswordHash) -> LedgerResult<bool> {
    let changed = tx.execute("UPDATE users SET password = ?2 WHERE name = ?1", params![name.as_str(), password.0])?;
    tx.execute("DELETE FROM sessions WHERE who = ?1", [name.as_str()])?;
    super::known::forget(tx, name)?;
    Ok(changed == 1)
}

/// Removes someone, their sessions and their tokens; says whether there was such a user. The history keeps the name.
///
/// # Errors
/// What SQLite said.
pub fn remove(tx: &Transaction<'_>, name: &Who) -> LedgerResult<bool> {
    tx.execute("DELETE FROM sessions WHERE who = ?1", [name.as_str()])?;
    tx.execute("DELETE FROM tokens WHERE who = ?1", [name.as_str()])?;
    super::known::forget(tx, name)?;
    super::chats::forget(tx, name)?;
    Ok(tx.execute("DELETE FROM users WHERE name = ?1", [name.as_str()])? == 1)
}

fn read(row: &Row<'_>) -> LedgerResult<User> {
    let (name, made_at): (String, String) = (row.get("name")?, row.get("made_at")?);
    let corrupt = |why: String| LedgerError::Corrupt(format!("the user {name:?}: {why}"));
    Ok(User {
        name: name.parse().map_err(|bad: crate::stack::BadName| corrupt(bad.to_string()))?,
        full_name: row.get("full_name")?,
        password: PasswordHash(row.get("password")?),
        made_at: made_at.parse().map_err(|_| corrupt(format!("made at {made_at:?}")))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        connection
    }

    fn user(name: &str, password: &str) -> User {
        User {
            name: name.parse().unwrap(),
            full_name: "Mary O'Hara".to_owned(),
            password: PasswordHash::of(password).unwrap(),
            made_at: At::from_millis(1_795_255_200_120),
        }
    }

    #[test]
    fn only_the_right_password_of_somebody_who_is_there_matches() {
        let mary = user("mary", "correct horse");
        assert!(password_matches(Some(&mary), "correct horse"));
        for wrong in ["correct hors", "correct horse ", "Correct horse", "", &"x".repeat(100_000)] {
            assert!(!password_matches(Some(&mary), wrong), "{wrong:.20}");
        }
        for any in ["correct horse", "", "pushbutton-nobody"] {
            assert!(!password_matches(None, any), "{any}");
        }
    }

    #[test]
    fn an_unknown_name_costs_exactly_what_a_known_one_does() {
        let cost = |text: &str| text.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&PasswordHash::of("correct horse").unwrap().0), "$argon2id$v=19$m=19456,t=2,p=1");
        assert_eq!(cost(NOBODYS), "$argon2id$v=19$m=19456,t=2,p=1");
        let nobody = phc::PasswordHash::new(NOBODYS).unwrap();
        let length = |hash: &phc::PasswordHash| hash.hash.as_ref().map(|hash| hash.as_ref().len());
        assert_eq!(length(&nobody), Some(Params::DEFAULT_OUTPUT_LEN), "it can be verified against");
        assert!(nobody.salt.is_some());
    }

    #[test]
    fn a_damaged_hash_lets_nobody_in() {
        let mut mary = user("mary", "correct horse");
        let costly = mary.password.0.replace("m=19456", "m=4194304");
        let older = mary.password.0.replace("argon2id", "argon2i");
        for damaged in ["", "correct horse", "$argon2id$v=19$m=19456,t=2,p=1$x$", &costly, &older] {
            mary.password = PasswordHash(damaged.to_owned());
            assert!(!password_matches(Some(&mary), "correct horse"), "{damaged}");
            assert!(!password_matches(Some(&mary), ""), "{damaged}");
        }
    }

    #[test]
    fn weak_passwords_and_odd_full_names_are_refused() {
        for (password, refused) in [
            ("", Refused::TooShort),
            ("ninechars", Refused::TooShort),
            ("éééééé", Refused::TooShort),
            ("with\u{3}control", Refused::Control),
            (&"x".repeat(1001), Refused::TooLong),
        ] {
            assert_eq!(PasswordHash::of(password).unwrap_err(), refused);
        }
        assert_eq!(full_name("  Zoë Q. ").unwrap(), "Zoë Q.");
        for text in ["", "  ", "a\nb", "\u{1b}[31m", &"x".repeat(101)] {
            assert_eq!(full_name(text).unwrap_err(), Refused::FullName, "{text:?}");
        }
    }

    #[test]
    fn a_user_is_found_as_added_and_no_second_one_of_a_like_name() {
        let mut connection = connection();
        let mary = user("mary", "correct horse");
        let tx = connection.transaction().unwrap();
        assert_eq!(add(&tx, &mary).unwrap(), None);
        assert_eq!(add(&tx, &user("mary", "another password")).unwrap().as_deref(), Some("mary"));
        assert_eq!(add(&tx, &user("Mary", "another password")).unwrap().as_deref(), Some("mary"));
        tx.commit().unwrap();
        assert_eq!(find(&connection, &mary.name).unwrap(), Some(mary.clone()));
        assert_eq!(find(&connection, &"Mary".parse().unwrap()).unwrap(), None);
        assert_eq!(all(&connection).unwrap(), [mary]);
    }

    #[test]
    fn who_is_removed_or_gets_a_new_password_is_signed_out() {
        let mut connection = connection();
        let (mary, zoe) = (user("mary", "correct horse"), user("zoe", "correct horse"));
        let tx = connection.transaction().unwrap();
        for user in [&mary, &zoe] {
            add(&tx, user).unwrap();
            tx.execute(
                "INSERT INTO sessions VALUES (?1 || '-session', ?1, '', '', NULL, NULL, NULL, NULL, NULL)",
                [user.name.as_str()],
            )
            .unwrap();
            tx.execute(
                "INSERT INTO tokens VALUES (?1 || '-token', '', ?1, '', '', '', '', NULL)",
                [user.name.as_str()],
            )
            .unwrap();
        }
        let left = |table: &str| -> Vec<String> {
            let mut ask = tx.prepare(&format!("SELECT who FROM {table} ORDER BY who")).unwrap();
            ask.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert!(set_password(&tx, &mary.name, &PasswordHash::of("battery staple").unwrap()).unwrap());
        assert_eq!(
            (left("sessions"), left("tokens")),
            (vec!["zoe".to_owned()], vec!["mary".to_owned(), "zoe".to_owned()])
        );
        assert!(password_matches(find(&tx, &mary.name).unwrap().as_ref(), "battery staple"));
        assert!(remove(&tx, &zoe.name).unwrap());
        assert_eq!((left("sessions"), left("tokens")), (vec![], vec!["mary".to_owned()]));
        assert!(!remove(&tx, &zoe.name).unwrap());
        assert!(!set_password(&tx, &zoe.name, &mary.password).unwrap());
    }

    #[test]
    fn a_hash_is_never_printed() {
        assert!(!format!("{:?}", user("mary", "correct horse")).contains("argon2"));
    }
}
