//! announce

pub mod clean;
pub mod words;
