//! How programs sign in: one row a token, under its id, with the SHA-256 of its secret (TRUST section 7). The secret itself must never
//! get here, but where it is made; then it is shown once. Called by `pushbutton token`, the page of tokens, and the web at each request.

use crate::journal::write::hex;
use crate::ledger::{LedgerError, LedgerResult, audit};
use crate::stack::{BadName, BadScope, Scopes, Who};
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};
use std::fmt;

/// What every token begins with, so that scanners for secrets know one.
pub const PREFIX: &str = "pb_";
/// Of an id, in bytes.
const ID: usize = 6;
/// Of a secret, in bytes: 256 bits.
const SECRET: usize = 32;
/// Of the checksum at the end, in hexadecimal digits: what is mistyped or cut is told from what was revoked.
const CHECKSUM: usize = 8;
const HOUR_MS: i64 = 3_600_000;
/// A token ends after so many days at the latest.
const LONGEST_DAYS: i64 = 366;
/// Tokens that one person may have at a time.
const MOST: i64 = 100;

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What its owner calls it.
    #[error(transparent)]
    Name(#[from] BadName),
    /// What it is to do.
    #[error(transparent)]
    Scopes(#[from] BadScope),
    /// How long it is to hold.
    #[error("a token ends after 1h to {LONGEST_DAYS}d, as in 90d")]
    Lifetime,
    /// The system gave no random numbers.
    #[error("no token could be made: {0}")]
    NotMade(String),
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is found by.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is.
    pub owner: Who,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub made_at: At,
    /// When it ends.
    pub expires_at: At,
    /// When it was last used, some minutes behind; none where it was not.
    pub seen_at: Option<At>,
}

impl Token {
    /// A new token: its name, its scopes and how long it holds (`90d`, `12h`) as people write them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(owner: &Who, name: &str, scopes: &str, lifetime: &str, now: At) -> Result<(Self, TokenText), Refused> {
        Who::of_token(name, owner)?;
        let (scopes, lifetime_ms) = (scopes.parse()?, lifetime_ms(lifetime).ok_or(Refused::Lifetime)?);
        Self::made(owner.clone(), name.to_owned(), scopes, lifetime_ms, now)
    }

    /// A new token in the place of this one: of the same name, for the same time.
    ///
    /// # Errors
    /// When the system gave no random numbers.
    pub fn renewed(&self, now: At) -> Result<(Self, TokenText), Refused> {
        let lifetime_ms = self.lifetime_ms();
        Self::made(self.owner.clone(), self.name.clone(), self.scopes.clone(), lifetime_ms, now)
    }

    fn lifetime_ms(&self) -> i64 {
        // One that ends early, since it was renewed before, held as long as any.
        self.expires_at.millis_since(self.made_at).max(HOUR_MS)
    }

    fn made(owner: Who, name: String, scopes: Scopes, lifetime_ms: i64, now: At) -> Result<(Self, TokenText), Refused> {
        let text = TokenText::new().map_err(|error| Refused::NotMade(error.to_string()))?;
        let expires_at = At::from_millis(now.millis() + lifetime_ms);
        let id = text.id().to_owned();
        Ok((Self { id, name, owner, scopes, made_at: now, expires_at, seen_at: None }, text))
    }

    /// The program that has it, as the history names it.
    ///
    /// # Errors
    /// When its name in the ledger is none.
    pub fn who(&self) -> LedgerResult<Who> {
        Who::of_token(&self.name, &self.owner).map_err(|bad| LedgerError::Corrupt(bad.to_string()))
    }
}

/// How many milliseconds `90d` or `12h` are, from an hour to [`LONGEST_DAYS`].
pub fn lifetime_ms(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "d" => 24 * HOUR_MS,
        "h" => HOUR_MS,
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    let ms = number.checked_mul(unit_ms)?;
    (HOUR_MS..=LONGEST_DAYS * 24 * HOUR_MS).contains(&ms).then_some(ms)
}

/// The text of a token: `pb_ID_SECRET`, ended by a checksum. It prints as its id alone; [`TokenText::reveal`] is for the one moment
/// in which it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText {
    id: String,
    secret: String,
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_***", self.id)
    }
}

impl TokenText {
    /// A new one.
    ///
    /// # Errors
    /// When the system gave no random numbers.
    pub fn new() -> Result<Self, getrandom::Error> {
        let (mut id, mut secret) = ([0; ID], [0; SECRET]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        Ok(Self { id: hex(&id), secret: hex(&secret) })
    }

    /// What a program sent; none where it is no token of ours, was cut or mistyped.
    pub fn read(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        if !is_hex(id, 2 * ID) || !is_hex(rest, 2 * SECRET + CHECKSUM) {
            return None;
        }
        let (secret, checksum) = rest.split_at(2 * SECRET);
        let token = Self { id: id.to_owned(), secret: secret.to_owned() };
        (token.checksum() == checksum).then_some(token)
    }

    /// What it is found by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole text, to be shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}{}", self.id, self.secret, self.checksum())
    }

    fn checksum(&self) -> String {
        hex(&Sha256::digest(format!("{PREFIX}{}_{}", self.id, self.secret)))[..CHECKSUM].to_owned()
    }

    /// What the ledger keeps of the secret: 256 random bits need no slow hash.
    fn hash(&self) -> String {
        hex(&Sha256::digest(&self.secret))
    }
}

/// Writes down a new token, with its line in the audit; the one whose place it takes, if any, ends after so many milliseconds. False
/// where its owner has too many.
///
/// # Errors
/// What SQLite said.
pub fn issue(
    tx: &Transaction<'_>,
    by: &str,
    token: &Token,
    text: &TokenText,
    replaced: Option<(&Token, i64)>,
) -> LedgerResult<bool> {
    if !add(tx, token, text)? {
        return Ok(false);
    }
    if let Some((old, overlap_ms)) = replaced {
        end_at(tx, &old.id, At::from_millis(token.made_at.millis() + overlap_ms))?;
    }
    let what = if replaced.is_some() { "token rotate" } else { "token add" };
    let place = replaced.map(|(old, _)| format!(" in the place of {}", old.id)).unwrap_or_default();
    audit::note(
        tx,
        token.made_at,
        by,
        what,
        &format!("token {}", token.id),
        &format!("{}{place}", audit_text(token)?),
    )?;
    Ok(true)
}

fn add(tx: &Transaction<'_>, token: &Token, text: &TokenText) -> LedgerResult<bool> {
    let there: i64 =
        tx.query_row("SELECT count(*) FROM tokens WHERE who = ?1", [token.owner.as_str()], |row| row.get(0))?;
    if there >= MOST {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO tokens (id, secret_hash, who, made_at, expires_at, name, scopes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            token.id,
            text.hash(),
            token.owner.as_str(),
            token.made_at.to_string(),
            token.expires_at.to_string(),
            token.name,
            token.scopes.to_string()
        ],
    )?;
    Ok(true)
}

/// What the audit says of a token: which one, whose, what it may do and until when.
fn audit_text(token: &Token) -> LedgerResult<String> {
    Ok(format!("{} {}, may {}, until {}", token.id, token.who()?, token.scopes, token.expires_at))
}

const COLUMNS: &str = "id, secret_hash, who, made_at, expires_at, name, scopes, seen_at";

/// The token that a program sent; none when there is no such token, its secret is another one, or it has ended.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn find(connection: &Connection, text: &TokenText, now: At) -> LedgerResult<Option<Token>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM tokens WHERE id = ?1"))?;
    let found = ask.query_row([text.id()], |row| Ok((row.get::<_, String>("secret_hash")?, read(row)))).optional()?;
    let Some((hash, token)) = found else { return Ok(None) };
    let token = token?;
    Ok((same(&hash, &text.hash()) && now < token.expires_at).then_some(token))
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |seen, (one, other)| seen | (one ^ other)) == 0
}

/// Whether a token is there and has not ended.
///
/// # Errors
/// What SQLite said.
pub fn holds(connection: &Connection, id: &str, now: At) -> LedgerResult<bool> {
    let mut ask =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM tokens WHERE id = ?1 AND expires_at > ?2)")?;
    Ok(ask.query_row(params![id, now.to_string()], |row| row.get(0))?)
}

/// The tokens of a person, or of all; those that have ended, too, until they are revoked. The newest first.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn all(connection: &Connection, of: Option<&Who>) -> LedgerResult<Vec<Token>> {
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM tokens WHERE who = coalesce(?1, who) ORDER BY made_at DESC, id"
    ))?;
    let rows = ask.query_map([of.map(Who::as_str)], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// The token of this id; where `of` names a person only if it is theirs.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn get(connection: &Connection, id: &str, of: Option<&Who>) -> LedgerResult<Option<Token>> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE id = ?1 AND who = coalesce(?2, who)");
    let mut ask = connection.prepare_cached(&sql)?;
    ask.query_row(params![id, of.map(Who::as_str)], |row| Ok(read(row))).optional()?.transpose()
}

/// Ends a token at once, with its line in the audit; the token, when it was there. Where `of` names a person it is ended only if it is
/// theirs.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn revoke(tx: &Transaction<'_>, by: &str, id: &str, of: Option<&Who>) -> LedgerResult<Option<Token>> {
    let token = get(tx, id, of)?;
    if let Some(token) = &token {
        tx.execute("DELETE FROM tokens WHERE id = ?1", [id])?;
        audit::note(tx, At::now(), by, "token revoke", &format!("token {id}"), &audit_text(token)?)?;
    }
    Ok(token)
}

/// Lets a token end at a time, if it does not end before.
fn end_at(tx: &Transaction<'_>, id: &str, at: At) -> LedgerResult<()> {
    tx.execute("UPDATE tokens SET expires_at = min(expires_at, ?2) WHERE id = ?1", params![id, at.to_string()])?;
    Ok(())
}

/// Writes down that a token is used.
///
/// # Errors
/// What SQLite said.
pub fn seen(tx: &Transaction<'_>, id: &str, now: At) -> LedgerResult<()> {
    tx.execute("UPDATE tokens SET seen_at = ?2 WHERE id = ?1", params![id, now.to_string()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> LedgerResult<Token> {
    let id: String = row.get("id")?;
    let corrupt = |why: String| LedgerError::Corrupt(format!("the token {id}: {why}"));
    let at = |text: String| text.parse::<At>().map_err(|_| corrupt(format!("the time {text:?}")));
    let (owner, scopes): (String, String) = (row.get("who")?, row.get("scopes")?);
    Ok(Token {
        name: row.get("name")?,
        owner: owner.parse().map_err(|bad: BadName| corrupt(bad.to_string()))?,
        scopes: scopes.parse().map_err(|bad: BadScope| corrupt(bad.to_string()))?,
        made_at: at(row.get("made_at")?)?,
        expires_at: at(row.get("expires_at")?)?,
        seen_at: row.get::<_, Option<String>>("seen_at")?.map(at).transpose()?,
        id: id.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_255_200_000;

    fn made(connection: &mut Connection, name: &str, days: i64) -> (Token, TokenText) {
        let (owner, now) = ("mary".parse().unwrap(), At::from_millis(NOW));
        let (token, text) = Token::new(&owner, name, "push:web/qa,see", &format!("{days}d"), now).unwrap();
        let tx = connection.transaction().unwrap();
        assert!(issue(&tx, "mary", &token, &text, None).unwrap());
        tx.commit().unwrap();
        (token, text)
    }

    fn ledger() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        connection
    }

    #[test]
    fn a_token_is_found_by_its_whole_text_until_it_ends_or_is_revoked() {
        let mut ledger = ledger();
        let (token, text) = made(&mut ledger, "ci", 1);
        let (_, other) = made(&mut ledger, "cd", 1);
        let now = At::from_millis(NOW);
        assert_eq!(find(&ledger, &TokenText::read(&text.reveal()).unwrap(), now).unwrap(), Some(token.clone()));
        let mixed = TokenText { id: text.id.clone(), secret: other.secret };
        assert_eq!(find(&ledger, &mixed, now).unwrap(), None, "the secret of another one");
        let tomorrow = At::from_millis(NOW + 86_400_000);
        assert_eq!(find(&ledger, &text, tomorrow).unwrap(), None, "it has ended");
        let tx = ledger.transaction().unwrap();
        assert_eq!(revoke(&tx, "mary", &token.id, Some(&"joe".parse().unwrap())).unwrap(), None, "it is not joe's");
        assert_eq!(revoke(&tx, "mary", &token.id, Some(&token.owner)).unwrap(), Some(token));
        tx.commit().unwrap();
        assert_eq!(find(&ledger, &text, now).unwrap(), None);
    }

    #[test]
    fn a_name_a_scope_or_a_time_that_is_none_makes_no_token() {
        let mary = "mary".parse().unwrap();
        let new = |name, scopes, lifetime| Token::new(&mary, name, scopes, lifetime, At::from_millis(NOW));
        assert!(new("ci", "see", "1h").is_ok() && new("ci", "see", "366d").is_ok());
        for lifetime in ["", "d", "0h", "367d", "-1d", "1w", "90", "1.5d", "99999999999999999999d", "é"] {
            assert_eq!(new("ci", "see", lifetime).unwrap_err(), Refused::Lifetime, "{lifetime:?}");
        }
        assert!(matches!(new("c i", "see", "1d"), Err(Refused::Name(_))));
        assert!(matches!(new("ci", "sea", "1d"), Err(Refused::Scopes(_))));
        let (token, text) = new("ci", "see", "90d").unwrap();
        let (renewed, other) = token.renewed(At::from_millis(NOW + 1000)).unwrap();
        assert_eq!((&renewed.name, renewed.lifetime_ms()), (&token.name, 90 * 24 * HOUR_MS));
        assert_ne!(text.reveal(), other.reveal());
    }

    #[test]
    fn what_was_cut_mistyped_or_is_something_else_is_no_token() {
        let text = TokenText::new().unwrap().reveal();
        assert!(TokenText::read(&text).is_some());
        let last = text.chars().last().unwrap();
        let typo = format!("{}{}", &text[..text.len() - 1], if last == 'a' { 'b' } else { 'a' });
        for wrong in
            ["", "pb_", "pb__", &text[..40], &text.to_uppercase(), &format!("{text} "), &format!("{text}0"), &typo]
        {
            assert_eq!(TokenText::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn neither_the_ledger_nor_a_log_has_the_secret() {
        let mut ledger = ledger();
        let (_, text) = made(&mut ledger, "ci", 1);
        assert!(!format!("{text:?}").contains(&text.secret));
        let row: String = ledger
            .query_row("SELECT json_array(id, secret_hash, who, name, scopes) FROM tokens", [], |row| row.get(0))
            .unwrap();
        assert!(row.contains(&text.id) && !row.contains(&text.secret), "{row}");
    }
}
