//! The schema: how a new ledger is made, how an older one is brought here (`migrate`), and whether one is made so (`shape`). It must
//! never be changed without a step in `migrate`.

pub(super) mod migrate;
pub mod shape;

/// A new ledger of this schema.
pub const SQL: &str = include_str!("schema.sql");
