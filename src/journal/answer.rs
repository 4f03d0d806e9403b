//! How a question of a push ended, in one word. It must never say who answered, or why: that stands beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The push goes on.
    Yes,
    /// The push is cancelled.
    No,
    /// Nobody answered: its time was over, or the push was stopped.
    Nobody,
}

/// A word that is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no answer to a question")]
pub struct NoAnswer(String);

impl Answer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Yes, Self::No, Self::Nobody];

    /// The word for people and the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Nobody => "nobody",
        }
    }

    /// The answer of this word.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(word: &str) -> Result<Self, NoAnswer> {
        // What is no answer may be long, and is shown.
        let unknown = || NoAnswer(word.chars().take(40).collect());
        Self::ALL.into_iter().find(|answer| answer.word() == word).ok_or_else(unknown)
    }
}
