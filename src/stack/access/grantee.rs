//! Whom a right is given to: everybody, a group, a person, a program; and who comes with which groups. Names alone, pure: it must never
//! decide anything.

use super::who::Who;
use crate::diagnostic::shown;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A group's name is at most so long, in characters.
const LONGEST: usize = 128;

/// A group of the server's file, or of who signs people in. Providers name them as they like: `ops`, `/staff/ops`, `Ops team`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Group(String);

/// Why a text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is nobody: write \"*\" for everyone, \"@group\", a name, or a program as the push log names it, \"ci (token of mary)\"", shown(.0))]
pub struct BadGrantee(String);

impl FromStr for Group {
    type Err = BadGrantee;

    fn from_str(text: &str) -> Result<Self, BadGrantee> {
        let good = (1..=LONGEST).contains(&text.chars().count())
            && text.trim() == text
            && !text.starts_with('@')
            && !text.chars().any(char::is_control);
        good.then(|| Self(text.to_owned())).ok_or_else(|| BadGrantee(format!("@{text}")))
    }
}

impl TryFrom<String> for Group {
    type Error = BadGrantee;

    fn try_from(text: String) -> Result<Self, BadGrantee> {
        text.parse()
    }
}

impl From<Group> for String {
    fn from(group: Group) -> Self {
        group.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a line of `[rights]` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grantee {
    /// `"*"`: everybody who signs in.
    Everyone,
    /// `"@ops"`.
    Group(Group),
    /// A person, or a program as the history names it.
    One(Who),
}

impl Grantee {
    pub(super) fn group(&self) -> Option<&Group> {
        match self {
            Self::Group(group) => Some(group),
            Self::Everyone | Self::One(_) => None,
        }
    }
}

impl FromStr for Grantee {
    type Err = BadGrantee;

    fn from_str(text: &str) -> Result<Self, BadGrantee> {
        match (text, text.strip_prefix('@')) {
            ("*", _) => Ok(Self::Everyone),
            (_, Some(group)) => Ok(Self::Group(group.parse()?)),
            (_, None) => Who::try_from(text.to_owned()).map(Self::One).map_err(|_| BadGrantee(text.to_owned())),
        }
    }
}

/// A person who is signed in, with the groups that who signed them in says they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub who: Who,
    /// The groups; those of the server's file are not among them.
    pub groups: Vec<Group>,
}
