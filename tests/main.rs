//! The journeys: one file per promise or walk through the real thing, linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails; clippy.toml allows this only inside #[test]")]

mod announce;
mod check;
mod demo;
mod desk;
mod fleet;
mod layers;
mod pages;
mod source;
mod user;
