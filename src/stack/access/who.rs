//! Who did something: a person, a program with a token of theirs, or a stack that is pushed automatically. A person's name is safe as an argument, a file name and a word
//! of a shell; the name of a program is `ci (token of mary)`, so that everywhere who reads it knows whom to ask, and safe as a value
//! alone. It must never let anyone type the name of a program: only what we wrote ourselves is read as one.

use crate::stack::StackName;
use crate::stack::name::{BadName, bad};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A person or a program, as the history names them. [`str::parse`] takes persons alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Who(String);

/// Between the name of a token and that of its owner.
const TOKEN_OF: &str = " (token of ";
/// Before the name of a stack that is pushed automatically: no person and no program can be called so.
const AUTO_OF: &str = "auto (stack ";

fn is_person(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.@+-".contains(&b))
}

/// The person behind a name that the history has: of a program the owner of its token.
pub fn person_of(name: &str) -> &str {
    name.strip_suffix(')').and_then(|text| text.split_once(TOKEN_OF)).map_or(name, |(_, owner)| owner)
}

impl Who {
    /// A program with a token called `name` of a person.
    ///
    /// # Errors
    /// When the token's name breaks the rule for names.
    pub fn of_token(name: &str, owner: &Self) -> Result<Self, BadName> {
        match is_person(name) {
            true => Ok(Self(format!("{name}{TOKEN_OF}{owner})"))),
            false => Err(bad("token name", name, RULE)),
        }
    }

    /// A stack whose file says that it is pushed automatically: `auto (stack web)`.
    pub fn auto(stack: &StackName) -> Self {
        Self(format!("{AUTO_OF}{stack})"))
    }

    /// Whether it is one.
    pub fn is_auto(&self) -> bool {
        self.0.starts_with(AUTO_OF)
    }

    /// The person behind it: of a program the owner of its token.
    pub fn person(&self) -> &str {
        person_of(&self.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const RULE: &str = "it must be 1 to 64 of letters, digits and _.@+-, and not begin with -";

impl FromStr for Who {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match is_person(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(bad("name", text, RULE)),
        }
    }
}

impl TryFrom<String> for Who {
    type Error = BadName;
    /// What we wrote ourselves: persons and programs.
    fn try_from(text: String) -> Result<Self, BadName> {
        let program = text.strip_suffix(')').and_then(|text| text.split_once(TOKEN_OF));
        let stack = text.strip_prefix(AUTO_OF).and_then(|text| text.strip_suffix(')'));
        let is_stack = stack.is_some_and(|stack| stack.parse::<StackName>().is_ok());
        match is_stack || program.is_some_and(|(name, owner)| is_person(name) && is_person(owner)) {
            true => Ok(Self(text)),
            false => text.parse(),
        }
    }
}

impl From<Who> for String {
    fn from(who: Who) -> Self {
        who.0
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Who {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_call_themselves_a_program_and_what_we_wrote_is_read_again() {
        for (text, person, written) in [
            ("mary", true, true),
            ("Mary.O+x@example.com", true, true),
            ("ci (token of mary)", false, true),
            ("ci (token of mary) ", false, false),
            ("ci (token of ci (token of mary))", false, false),
            (" (token of mary)", false, false),
            ("ci (token of )", false, false),
            ("ci; rm (token of mary)", false, false),
            ("auto (stack web)", false, true),
            ("auto (stack web) (token of mary)", false, false),
            ("auto (stack we b)", false, false),
            ("auto (stack )", false, false),
            ("auto", true, true),
            ("-x", false, false),
            ("a b", false, false),
            ("a$b", false, false),
            ("", false, false),
        ] {
            assert_eq!(text.parse::<Who>().is_ok(), person, "{text:?}");
            assert_eq!(Who::try_from(text.to_owned()).is_ok(), written, "{text:?}");
        }
        let mary: Who = "mary".parse().unwrap();
        let program = Who::of_token("ci", &mary).unwrap();
        assert_eq!((program.as_str(), program.person(), mary.person()), ("ci (token of mary)", "mary", "mary"));
        assert!(Who::of_token("c i", &mary).is_err());
        let auto = Who::auto(&"web".parse().unwrap());
        assert_eq!((auto.as_str(), auto.person(), auto.is_auto()), ("auto (stack web)", "auto (stack web)", true));
        assert!(!"auto".parse::<Who>().unwrap().is_auto() && !program.is_auto());
    }
}
