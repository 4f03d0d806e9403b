//! How our names, numbers, states and kinds stand in columns: as their words, and read back by the one door of each type; a proof as
//! JSON. A value that no door lets in is an error that names it; it must never become another value in silence.

use super::approvals::ApprovalState;
use super::outbox::DeliveryState;
use super::statuses::CommitState;
use super::{LedgerError, LedgerResult};
use crate::journal::{Answer, HostResult, PushState};
use crate::plan::{OldBuild, Proof, PushKind};
use crate::stack::{BadName, Destination, PushNumber, StackName, StageName, Who};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

fn refused(why: impl std::error::Error + Send + Sync + 'static) -> FromSqlError {
    FromSqlError::Other(Box::new(why))
}

macro_rules! as_text {
    ($type:ty, $word:expr, $parse:expr) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let word: fn(&$type) -> &str = $word;
                Ok(word(self).into())
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str().and_then(|text| $parse(text).map_err(refused))
            }
        }
    };
}

as_text!(StackName, |name| name.as_str(), str::parse::<Self>);
as_text!(StageName, |name| name.as_str(), str::parse::<Self>);
as_text!(PushState, |state| state.word(), PushState::parse);
as_text!(PushKind, |kind| kind.word(), PushKind::parse);
as_text!(Answer, |answer| answer.word(), Answer::parse);
as_text!(HostResult, |result| result.word(), HostResult::parse);
as_text!(DeliveryState, |state| state.word(), DeliveryState::parse);
as_text!(ApprovalState, |state| state.word(), ApprovalState::parse);
as_text!(CommitState, |state| state.word(), CommitState::parse);
as_text!(Who, |who| who.as_str(), |text: &str| Self::try_from(text.to_owned()));

impl ToSql for Destination {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for Destination {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().and_then(|text| text.parse().map_err(refused))
    }
}

impl ToSql for PushNumber {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.get().into())
    }
}

impl FromSql for PushNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().and_then(|number| Self::new(number).map_err(refused))
    }
}

impl ToSql for Proof {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(self).map_err(|bad| rusqlite::Error::ToSqlConversionFailure(Box::new(bad)))?;
        Ok(text.into())
    }
}

impl FromSql for Proof {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().and_then(|text| serde_json::from_str(text).map_err(refused))
    }
}

/// A build as plans say it, from its columns.
pub(super) fn build(id: &str, sha: &str, root: &str) -> LedgerResult<OldBuild> {
    let corrupt = |bad: BadName| LedgerError::Corrupt(bad.to_string());
    Ok(OldBuild {
        id: id.parse().map_err(corrupt)?,
        sha: sha.parse().map_err(corrupt)?,
        root: root.parse().map_err(corrupt)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_value_that_no_type_lets_in_is_a_bad_value_of_the_ledger() {
        let connection = Connection::open_in_memory().unwrap();
        fn read<T: FromSql>(connection: &Connection, value: &str) -> String {
            let read =
                || -> LedgerResult<T> { Ok(connection.query_row(&format!("SELECT {value}"), [], |row| row.get(0))?) };
            read().err().map(|error| error.to_string()).unwrap_or_default()
        }
        for (said, words) in [
            (read::<PushState>(&connection, "'lost'"), "\"lost\" is no state of a push"),
            (read::<PushKind>(&connection, "'pull'"), "\"pull\" is no kind of push"),
            (read::<HostResult>(&connection, "'fine'"), "\"fine\" is no result of a command"),
            (read::<DeliveryState>(&connection, "'gone'"), "\"gone\" is no state of an announcement"),
            (read::<StackName>(&connection, "'a/b'"), "stack name \"a/b\" is not allowed: "),
            (read::<StageName>(&connection, "''"), "stage name \"\" is not allowed: "),
            (read::<Proof>(&connection, "'{'"), "EOF while parsing an object"),
            (read::<PushNumber>(&connection, "0"), "push number \"0\" is not allowed: "),
        ] {
            assert!(said.starts_with(&format!("the ledger holds a bad value: {words}")), "{said}");
        }
        assert!(read::<PushState>(&connection, "5").starts_with("the ledger refused: "), "a number is no word");
        assert_eq!(read::<PushState>(&connection, "'rolled back'"), "");
    }
}
