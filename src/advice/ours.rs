//! What Pushbutton itself says when something fails: each reason with its cause and its cure, by what it is said of. A reason names who
//! and what, and often says its own cure; here stands, for the docs and for whoever adds one, why in general and what to do.
//! `tests/words.rs` reads the rooms that say such things and finds the sentence that no row has: it must never be made green by a row
//! that says nothing. What the desk refuses has its rows in `desk/cases.rs`.
//!
//! Marks are parts of the sentences as the code has them, in lower case, `{}` for what is filled in.

pub mod builds;
pub mod hosts;
pub mod pushes;
pub mod releases;
pub mod server;
