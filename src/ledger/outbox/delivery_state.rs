//! How far an announcement is on its channel. Its words are in the ledger and in the API: they stay.

/// How far an announcement is on its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be told: for the first time, or again.
    Waiting,
    /// It was told.
    Told,
    /// It is not tried any more.
    GivenUp,
}

/// A word that is no state of an announcement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of an announcement")]
pub struct NoDeliveryState(String);

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Told, Self::GivenUp];

    /// The word in the ledger, in the API and in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Told => "told",
            Self::GivenUp => "given up",
        }
    }

    /// The state of this word.
    ///
    /// # Errors
    /// When it is no state's.
    pub fn parse(word: &str) -> Result<Self, NoDeliveryState> {
        Self::ALL.into_iter().find(|state| state.word() == word).ok_or_else(|| NoDeliveryState(word.to_owned()))
    }
}
