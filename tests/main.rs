//! The journeys: one file per promise or walk through the real thing, linked once.

#![allow(clippy::unwrap_used, reason = "a journey that cannot go on has failed")]

mod check;
mod layers;
mod variables;
