//! The state of a push in one word, as people, the ledger and the API name it: it runs, or how it ended. The one list of these words;
//! it must never say more of an end than the journal does.

use super::Ended;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The state of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum PushState {
    /// It has not ended.
    Running,
    /// It has.
    Ended(Ended),
}

/// A word that is no state of a push.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of a push")]
pub struct NoState(String);

impl PushState {
    /// All of them: running first, then the ends.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Ended(Ended::Succeeded),
        Self::Ended(Ended::Degraded),
        Self::Ended(Ended::Failed),
        Self::Ended(Ended::Cancelled),
        Self::Ended(Ended::RolledBack),
        Self::Ended(Ended::Interrupted),
    ];

    /// The word for people, the ledger and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended(ended) => ended.word(),
        }
    }

    /// The state of this word.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(word: &str) -> Result<Self, NoState> {
        // What is no state may be long, and is shown.
        let unknown = || NoState(word.chars().take(40).collect());
        Self::ALL.into_iter().find(|state| state.word() == word).ok_or_else(unknown)
    }

    /// How it ended; none while it runs.
    pub fn ended(self) -> Option<Ended> {
        match self {
            Self::Running => None,
            Self::Ended(ended) => Some(ended),
        }
    }

    /// Whether it has not ended.
    pub fn is_running(self) -> bool {
        self.ended().is_none()
    }
}

impl From<Ended> for PushState {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl PartialEq<Ended> for PushState {
    fn eq(&self, ended: &Ended) -> bool {
        self.ended() == Some(*ended)
    }
}

impl JsonSchema for PushState {
    fn schema_name() -> Cow<'static, str> {
        "PushState".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::word) })
    }
}

impl TryFrom<String> for PushState {
    type Error = NoState;
    fn try_from(word: String) -> Result<Self, NoState> {
        Self::parse(&word)
    }
}

impl From<PushState> for &'static str {
    fn from(state: PushState) -> Self {
        state.word()
    }
}

impl fmt::Display for PushState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_a_word_of_its_own_and_is_read_back_from_it() {
        for state in PushState::ALL {
            assert_eq!(PushState::parse(state.word()), Ok(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("{:?}", state.word()));
        }
        let ends: Vec<PushState> = Ended::ALL.map(PushState::Ended).into();
        assert_eq!(PushState::ALL[1..], ends, "none is left out");
        assert_eq!(PushState::parse("lost").unwrap_err().to_string(), "\"lost\" is no state of a push");
        assert!(serde_json::from_str::<PushState>("\"rolled_back\"").is_err(), "the journal's own form is another");
    }
}
