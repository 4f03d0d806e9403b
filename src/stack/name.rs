//! The names and numbers of Pushbutton, each a type whose `parse` is the only door.
//! A value of one of these types is safe as an argument, a file name and a word of a shell (TRUST section 5, *plain*).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroI64;
use std::str::FromStr;

/// A name or number that was refused, with the rule that it broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not allowed: {rule}")]
pub struct BadName {
    /// What the value was meant to be, as a person says it: `stack name`.
    pub what: &'static str,
    /// The refused text.
    pub value: String,
    /// The rule, as a phrase.
    pub rule: &'static str,
}

pub(super) fn bad(what: &'static str, value: &str, rule: &'static str) -> BadName {
    BadName { what, value: value.chars().take(80).collect(), rule }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                let ok: fn(&str) -> bool = $ok;
                match ok(text) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(bad($what, text, $rule)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

fn is_plain_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 63
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn is_revision(text: &str) -> bool {
    let digits = |most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    match text.len() {
        40 | 64 => text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        _ => digits(LONGEST_NUMBER) && text.starts_with(|c| matches!(c, '1'..='9')),
    }
}

/// Digits of a number of Subversion's; far above what any repository has.
const LONGEST_NUMBER: usize = 12;

text_name!(
    /// The name of a stack: the name of its file without `.toml`.
    StackName, "stack name", "it must match [a-z0-9][a-z0-9_-]* and be at most 63 long", is_plain_name
);
text_name!(
    /// The name of a stage of one stack.
    StageName, "stage name", "it must match [a-z0-9][a-z0-9_-]* and be at most 63 long", is_plain_name
);
text_name!(
    /// The name of a channel of announcements, as the server's file gives it.
    ChannelName, "channel name", "it must match [a-z0-9][a-z0-9_-]* and be at most 63 long", is_plain_name
);
text_name!(
    /// The id of a build: `SHA7-PUSH`, as in `3f2c1ab-214`. Also the name of its directory everywhere.
    BuildId, "build id", "it must match [a-z0-9][a-z0-9_-]* and be at most 63 long", is_plain_name
);
text_name!(
    /// A full revision: 40 or 64 hexadecimal digits of git or of a root hash, or a number of Subversion's.
    Revision, "revision", "it must be 40 or 64 hexadecimal digits, or a number of Subversion's", is_revision
);
text_name!(
    /// The root hash of a manifest: SHA-256 as 64 hexadecimal digits.
    Root, "root hash", "it must be 64 hexadecimal digits",
    |text| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
);

impl Revision {
    /// As people say it: the first seven digits of a hash, the whole of a number.
    pub fn short(&self) -> &str {
        match self.number() {
            Some(_) => &self.0,
            None => &self.0[..7],
        }
    }

    /// The number, when it is one of Subversion's.
    pub fn number(&self) -> Option<u64> {
        (self.0.len() <= LONGEST_NUMBER).then(|| self.0.parse().ok()).flatten()
    }
}

/// A revision's text as people say it: the first seven digits of a hash, the whole of a number.
pub fn short(revision: &str) -> &str {
    revision.get(..7).filter(|_| revision.len() >= 40).unwrap_or(revision)
}

impl Root {
    /// The first twelve digits, enough for eyes to compare.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl BuildId {
    /// The id of the build that `push` makes from `revision`.
    pub fn of(revision: &Revision, push: PushNumber) -> Self {
        Self(format!("{}-{push}", revision.short()))
    }
}

/// The number of a push: 1, 2, 3… forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[schemars(extend("minimum" = 1))]
pub struct PushNumber(NonZeroI64);

impl PushNumber {
    /// Makes a number; refuses what is below 1.
    pub fn new(number: i64) -> Result<Self, BadName> {
        match NonZeroI64::new(number) {
            Some(found) if found.is_positive() => Ok(Self(found)),
            _ => Err(bad("push number", &number.to_string(), "it must be 1 or more")),
        }
    }

    /// The number as SQLite keeps it.
    pub fn get(self) -> i64 {
        self.0.get()
    }
}

impl TryFrom<i64> for PushNumber {
    type Error = BadName;
    fn try_from(number: i64) -> Result<Self, BadName> {
        Self::new(number)
    }
}

impl From<PushNumber> for i64 {
    fn from(number: PushNumber) -> Self {
        number.get()
    }
}

impl FromStr for PushNumber {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let digits = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        match digits.then(|| text.parse()) {
            Some(Ok(number)) => Self::new(number),
            _ => Err(bad("push number", text, "it must be a whole number")),
        }
    }
}

impl fmt::Display for PushNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_by_their_rule() {
        for (text, ok) in [
            ("web", true),
            ("0-a_b", true),
            ("", false),
            ("-web", false),
            ("Web", false),
            ("a b", false),
            ("a/b", false),
            ("é", false),
        ] {
            assert_eq!(text.parse::<StackName>().is_ok(), ok, "{text:?}");
        }
        for (text, ok) in
            [("1", true), ("0", false), ("-1", false), ("+1", false), ("1.0", false), ("99999999999999999999", false)]
        {
            assert_eq!(text.parse::<PushNumber>().is_ok(), ok, "{text:?}");
        }
        for (text, ok) in [
            ("1", true),
            ("1234567", true),
            ("3f2c1ab", false),
            ("0", false),
            ("012", false),
            ("-1", false),
            ("", false),
            ("1234567890123", false),
        ] {
            assert_eq!(text.parse::<Revision>().is_ok(), ok, "{text:?}");
        }
        let (number, hash): (Revision, Revision) = ("12345678".parse().unwrap(), "1".repeat(40).parse().unwrap());
        assert_eq!((number.short(), number.number()), ("12345678", Some(12_345_678)));
        assert_eq!((hash.short(), hash.number()), ("1111111", None));
    }
}
