//! Who does something, and what they may: names and rules alone. It must never look anyone up.

pub mod caller;
pub mod grantee;
pub mod rights;
pub mod scope;
pub mod who;
