//! People who may sign in with a password.

use super::Answer;
use crate::stack::Who;
use argon2::{Argon2, PasswordVerifier};
use rusqlite::{Connection, OptionalExtension};

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: Who,
    /// The full name.
    pub full_name: String,
    /// argon2id, as a PHC string.
    pub password: String,
}

/// The person of this name.
///
/// # Errors
/// What SQLite said.
pub fn find(connection: &Connection, who: &Who) -> Answer<Option<User>> {
    let mut ask = connection.prepare_cached("SELECT full_name, password FROM users WHERE name = ?1")?;
    let user = ask
        .query_row([who.as_str()], |row| Ok(User { name: who.clone(), full_name: row.get(0)?, password: row.get(1)? }));
    Ok(user.optional()?)
}

/// Whether the password is theirs.
pub fn password_matches(user: Option<&User>, password: &str) -> bool {
    let hash = user.and_then(|user| argon2::password_hash::phc::PasswordHash::new(&user.password).ok());
    hash.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}
