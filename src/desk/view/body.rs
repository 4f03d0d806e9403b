//! How rows of the ledger stand in an answer: each by its body, a type of its own whose fields are written down one by one, so that a
//! column may change and the answer does not. It must never write a row itself.

use serde::{Serialize, Serializer};

/// A row of the ledger that answers have a body for.
pub(in crate::desk) trait HasBody {
    /// What answers write of it.
    type Body<'a>: From<&'a Self> + Serialize
    where
        Self: 'a;
}

/// Writes a row as part of another answer.
///
/// # Errors
/// What the writer said.
pub(in crate::desk) fn one<Row: HasBody, S: Serializer>(row: &Row, to: S) -> Result<S::Ok, S::Error> {
    Row::Body::from(row).serialize(to)
}

/// Writes a row, where there is one, as part of another answer.
///
/// # Errors
/// What the writer said.
pub(super) fn optional<Row: HasBody, S: Serializer>(row: &Option<Row>, to: S) -> Result<S::Ok, S::Error> {
    row.as_ref().map(Row::Body::from).serialize(to)
}

/// Writes rows as part of another answer.
///
/// # Errors
/// What the writer said.
pub(super) fn all<Row: HasBody, S: Serializer>(rows: &[Row], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(rows.iter().map(Row::Body::from))
}
