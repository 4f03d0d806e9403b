//! Why the ledger did not do as asked, in words for people. It must never say that something was done. Returned by every file here.

use crate::advice::sqlite;
use crate::journal::Illegal;
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Why the ledger did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused.
    #[error("the ledger refused: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// A value in the ledger is not what it must be.
    #[error("the ledger holds a bad value: {0}")]
    Corrupt(String),
    /// A record of a journal that may not follow those before it.
    #[error("{0}")]
    Record(#[from] Illegal),
    /// The file cannot be used.
    #[error("the ledger {path} cannot be used: {why}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The writer has ended.
    #[error("the ledger is closed")]
    Closed,
    /// A question or a change broke off in the middle: a fault of Pushbutton. Nothing of it was kept.
    #[error("Pushbutton broke while it worked with the ledger, and nothing was changed: {0}")]
    Broken(String),
}

impl From<rusqlite::Error> for LedgerError {
    /// A value that one of our types refused is a fault of the row, not of SQLite.
    fn from(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::FromSqlConversionFailure(_, _, why) = error {
            Self::Corrupt(why.to_string())
        } else {
            Self::Sqlite(error)
        }
    }
}

impl From<serde_json::Error> for LedgerError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// What a ledger call answers.
pub type LedgerResult<T> = Result<T, LedgerError>;

impl LedgerError {
    /// Whether the same change would be refused again, however often it is tried: what is wrong is the change, not the file,
    /// its disk or the moment.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Corrupt(_) | Self::Record(_) | Self::Broken(_) => true,
            Self::Unusable { .. } | Self::Closed => false,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(code) => matches!(
                    code,
                    ErrorCode::ConstraintViolation
                        | ErrorCode::TypeMismatch
                        | ErrorCode::TooBig
                        | ErrorCode::ApiMisuse
                        | ErrorCode::ParameterOutOfRange
                ),
                None => true,
            },
        }
    }

    /// The same, with the file's name and the cure where it is the file that SQLite cannot go on with.
    pub(super) fn of_file(self, path: &Path) -> Self {
        let Self::Sqlite(error) = &self else { return self };
        match sqlite::advice(&error.to_string()) {
            Some(advice) => Self::Unusable { path: path.to_owned(), why: advice.words() },
            None => self,
        }
    }
}
