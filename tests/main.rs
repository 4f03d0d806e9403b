//! The journeys: one file per promise or walk through the real thing, linked once.

mod source;
mod user;
