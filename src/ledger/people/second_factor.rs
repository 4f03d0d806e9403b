//! A second factor beside the password: codes of an app (TOTP, RFC 6238), and recovery codes for who has lost it. Each code works once. The
//! secret must be readable here, or no code could be checked; recovery codes are kept as SHA-256 alone. It must never say which of
//! password and code was wrong. Called by `web`, and by `pushbutton user totp-reset`.

use crate::ledger::LedgerResult;
use crate::stack::Who;
use crate::time::At;
use aws_lc_rs::hmac;
use base32::Alphabet;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};
use std::fmt;

/// Of a secret, in bytes: what RFC 4226 recommends.
const SECRET: usize = 20;
/// How long a code holds, in milliseconds.
const STEP_MS: i64 = 30_000;
/// Steps before and after the present one whose codes are taken too: clocks differ, and people type slowly.
const SLACK: i64 = 1;
/// Recovery codes that are given.
const RECOVERY_CODES: usize = 8;
/// Of one, in bytes: nobody guesses 80 bits, so their hashes need no salt.
const RECOVERY: usize = 10;
const ALPHABET: Alphabet = Alphabet::Rfc4648 { padding: false };

/// The secret that an app shares with us. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What proves the second factor, to be used up in the transaction that begins the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsedCode {
    /// A code of the app, by its step.
    Step(i64),
    /// A recovery code, by its hash.
    Recovery(String),
}

/// What somebody's second factor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    secret: TotpSecret,
    /// The step of the code that was used last.
    last_step: i64,
    /// Hashes of the recovery codes that are left.
    recovery: Vec<String>,
}

impl TotpSecret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random bits.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; SECRET];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// One as an app shows it, with or without spaces.
    pub fn read(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).take(64).collect();
        base32::decode(ALPHABET, &text.to_ascii_uppercase()).filter(|bytes| bytes.len() == SECRET).map(Self)
    }

    /// For the app, in base 32.
    pub fn reveal(&self) -> String {
        base32::encode(ALPHABET, &self.0)
    }

    /// The address that apps read from the picture.
    pub fn address(&self, site: &str, who: &Who) -> String {
        let issuer: String = format!("Pushbutton {site}").replace([':', '/'], " ");
        let encoded = |text: &str| crate::address::encoded_path(text).replace('/', "%2F");
        format!(
            "otpauth://totp/{}:{}?secret={}&issuer={}",
            encoded(&issuer),
            encoded(who.as_str()),
            self.reveal(),
            encoded(&issuer)
        )
    }

    /// The step of the code, if it is one of now.
    pub fn step_of(&self, code: &str, now: At) -> Option<i64> {
        let now = now.millis().div_euclid(STEP_MS);
        let wanted = code.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>();
        // Compared with each, however early one fits.
        let steps = (now - SLACK..=now + SLACK).filter(|step| {
            let code = self.code(*step);
            aws_lc_rs::constant_time::verify_slices_are_equal(code.as_bytes(), &wanted).is_ok()
        });
        steps.collect::<Vec<_>>().pop()
    }

    /// The code of a step, as an app shows it (RFC 4226, 5.3): six digits.
    pub fn code(&self, step: i64) -> String {
        // Apps know this one alone; as a code of 30 seconds SHA-1 is as good as any.
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let at = usize::from(bytes.last().copied().unwrap_or_default() & 0xf);
        let four = bytes.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}

impl SecondFactor {
    /// What a code that was typed is, if it holds.
    pub fn used(&self, typed: &str, now: At) -> Option<UsedCode> {
        if let Some(step) = self.secret.step_of(typed, now) {
            return (step > self.last_step).then_some(UsedCode::Step(step));
        }
        let hash = recovery_hash(typed);
        self.recovery.contains(&hash).then_some(UsedCode::Recovery(hash))
    }

    /// How many recovery codes are left.
    pub fn recovery_left(&self) -> usize {
        self.recovery.len()
    }
}

/// New recovery codes, as they are shown once.
///
/// # Errors
/// When the system has no random bits.
pub fn recovery_codes() -> Result<Vec<String>, getrandom::Error> {
    let one = |_| {
        let mut bytes = [0; RECOVERY];
        getrandom::fill(&mut bytes)?;
        let text = base32::encode(ALPHABET, &bytes).to_ascii_lowercase();
        Ok(text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-"))
    };
    (0..RECOVERY_CODES).map(one).collect()
}

/// As it is kept: whoever types one may leave out the dashes.
fn recovery_hash(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let hash = Sha256::digest(format!("recovery {}", plain.to_ascii_lowercase()));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The second factor of a person, if they have one.
///
/// # Errors
/// What SQLite said.
pub fn of(connection: &Connection, who: &Who) -> LedgerResult<Option<SecondFactor>> {
    let mut ask = connection
        .prepare_cached("SELECT totp, totp_step, recovery FROM users WHERE name = ?1 AND totp IS NOT NULL")?;
    let found: Option<(String, Option<i64>, Option<String>)> =
        ask.query_row([who.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let Some((secret, last_step, recovery)) = found else { return Ok(None) };
    // One that cannot be read is one that nobody has the codes of.
    let secret = TotpSecret::read(&secret).unwrap_or(TotpSecret(Vec::new()));
    let recovery = recovery.unwrap_or_default().lines().map(str::to_owned).collect();
    Ok(Some(SecondFactor { secret, last_step: last_step.unwrap_or(i64::MIN), recovery }))
}

/// Gives somebody a second factor that they have just shown a code of.
///
/// # Errors
/// What SQLite said.
pub fn set(tx: &Transaction<'_>, who: &Who, secret: &TotpSecret, step: i64, recovery: &[String]) -> LedgerResult<bool> {
    let hashes: Vec<String> = recovery.iter().map(|code| recovery_hash(code)).collect();
    let changed = tx.execute(
        "UPDATE users SET totp = ?2, totp_step = ?3, recovery = ?4 WHERE name = ?1 AND totp IS NULL",
        params![who.as_str(), secret.reveal(), step, hashes.join("\n")],
    )?;
    Ok(changed == 1)
}

/// Takes somebody's second factor away; says whether they had one.
///
/// # Errors
/// What SQLite said.
pub fn remove(tx: &Transaction<'_>, who: &Who) -> LedgerResult<bool> {
    let sql = "UPDATE users SET totp = NULL, totp_step = NULL, recovery = NULL WHERE name = ?1 AND totp IS NOT NULL";
    Ok(tx.execute(sql, [who.as_str()])? == 1)
}

/// Uses a code up; says whether nobody has before.
///
/// # Errors
/// What SQLite said.
pub fn use_up(tx: &Transaction<'_>, who: &Who, code: &UsedCode) -> LedgerResult<bool> {
    let Some(factor) = of(tx, who)? else { return Ok(false) };
    match code {
        UsedCode::Step(step) => {
            let sql = "UPDATE users SET totp_step = ?2 WHERE name = ?1 AND totp_step < ?2";
            Ok(tx.execute(sql, params![who.as_str(), step])? == 1)
        }
        UsedCode::Recovery(hash) => {
            let left: Vec<&str> = factor.recovery.iter().map(String::as_str).filter(|kept| kept != hash).collect();
            if left.len() == factor.recovery.len() {
                return Ok(false);
            }
            let sql = "UPDATE users SET recovery = ?2 WHERE name = ?1";
            Ok(tx.execute(sql, params![who.as_str(), left.join("\n")])? == 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret(b"12345678901234567890".to_vec())
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret().code(seconds / 30), code, "{seconds}");
            let at = |ms: i64| At::from_millis(seconds * 1000 + ms);
            assert_eq!(secret().step_of(code, at(0)), Some(seconds / 30));
            assert_eq!(secret().step_of(&format!(" {} {}", &code[..3], &code[3..]), at(0)), Some(seconds / 30));
            assert!(secret().step_of(code, at(29_000)).is_some() && secret().step_of(code, at(-29_000)).is_some());
            assert!(secret().step_of(code, at(90_000)).is_none() && secret().step_of(code, at(-90_000)).is_none());
        }
        for wrong in ["", "28708", "2870822", "287083", "２８７０８２"] {
            assert_eq!(secret().step_of(wrong, At::from_millis(59_000)), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown_and_never_printed() {
        let text = secret().reveal();
        assert_eq!(TotpSecret::read(&text), Some(secret()));
        assert_eq!(TotpSecret::read(&format!(" {} {}", &text[..4], text[4..].to_lowercase())), Some(secret()));
        for bad in ["", "AAAA", "1", &"A".repeat(1000)] {
            assert_eq!(TotpSecret::read(bad), None, "{bad:.10}");
        }
        assert_eq!(format!("{:?}", secret()), "***");
        let address = secret().address("push.example.com:8443", &"mary@example.com".parse().unwrap());
        assert!(address.starts_with("otpauth://totp/Pushbutton%20push.example.com%208443:"), "{address}");
        assert!(address.contains(&format!("?secret={text}&issuer=Pushbutton%20")), "{address}");
    }

    #[test]
    fn each_code_works_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let tx = connection.transaction().unwrap();
        tx.execute("INSERT INTO users (name, full_name, password, made_at) VALUES ('mary', 'Mary', '', '')", [])
            .unwrap();
        let mary: Who = "mary".parse().unwrap();
        assert_eq!(of(&tx, &mary).unwrap(), None);
        let codes = recovery_codes().unwrap();
        assert_eq!((codes.len(), codes[0].len()), (8, 19));
        assert!(set(&tx, &mary, &secret(), 100, &codes).unwrap());
        assert!(!set(&tx, &mary, &secret(), 0, &codes).unwrap(), "not over one that is there");
        let at = |step: i64| At::from_millis(step * STEP_MS);
        let used = |typed: &str, step: i64| of(&tx, &mary).unwrap().unwrap().used(typed, at(step));
        assert_eq!(used(&secret().code(100), 100), None, "the code that it was set up with");
        assert_eq!(used(&secret().code(99), 100), None, "an earlier one");
        let code = used(&secret().code(101), 101).unwrap();
        assert!(use_up(&tx, &mary, &code).unwrap());
        assert!(!use_up(&tx, &mary, &code).unwrap(), "two at once");
        assert_eq!(used(&secret().code(101), 101), None);
        let code = used(&codes[3].replace('-', " ").to_uppercase(), 101).unwrap();
        assert!(use_up(&tx, &mary, &code).unwrap() && !use_up(&tx, &mary, &code).unwrap());
        assert_eq!(used(&codes[3], 101), None);
        assert_eq!(of(&tx, &mary).unwrap().unwrap().recovery_left(), 7);
        assert!(remove(&tx, &mary).unwrap() && !remove(&tx, &mary).unwrap());
        assert_eq!(of(&tx, &mary).unwrap(), None);
    }
}
