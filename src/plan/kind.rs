//! Why a build goes out. Pure.

use crate::stack::PushNumber;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Why a build goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Forwards, along the street.
    #[default]
    Push,
    /// Back to a build that succeeded on the stage before.
    Rollback,
    /// What an earlier push left undone.
    Resume {
        /// The earlier push.
        of: PushNumber,
    },
    /// The stage's own build, onto hosts that do not run it.
    CatchUp,
}

impl Kind {
    /// The same without the push that a resume goes on with.
    pub fn name(self) -> PushKind {
        match self {
            Self::Push => PushKind::Push,
            Self::Rollback => PushKind::Rollback,
            Self::Resume { .. } => PushKind::Resume,
            Self::CatchUp => PushKind::CatchUp,
        }
    }

    /// The push that a resume goes on with.
    pub fn resumes(self) -> Option<PushNumber> {
        match self {
            Self::Resume { of } => Some(of),
            Self::Push | Self::Rollback | Self::CatchUp => None,
        }
    }

    /// The word for people and the ledger.
    pub fn word(self) -> &'static str {
        self.name().word()
    }
}

/// Why a build went out, in one word, as the ledger, the API and announcements name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum PushKind {
    /// Forwards, along the street.
    #[default]
    Push,
    /// Back to a build that succeeded on the stage before.
    Rollback,
    /// What an earlier push left undone.
    Resume,
    /// The stage's own build, onto hosts that do not run it.
    CatchUp,
}

/// A word that is no kind of push.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of push")]
pub struct NoKind(String);

impl PushKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Push, Self::Rollback, Self::Resume, Self::CatchUp];

    /// The word for people, the ledger and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Rollback => "rollback",
            Self::Resume => "resume",
            Self::CatchUp => "catch-up",
        }
    }

    /// The kind of this word.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(word: &str) -> Result<Self, NoKind> {
        // What is no kind may be long, and is shown.
        let unknown = || NoKind(word.chars().take(40).collect());
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(unknown)
    }
}

impl JsonSchema for PushKind {
    fn schema_name() -> Cow<'static, str> {
        "PushKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::word) })
    }
}

impl TryFrom<String> for PushKind {
    type Error = NoKind;
    fn try_from(word: String) -> Result<Self, NoKind> {
        Self::parse(&word)
    }
}

impl From<PushKind> for &'static str {
    fn from(kind: PushKind) -> Self {
        kind.word()
    }
}

impl fmt::Display for PushKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
