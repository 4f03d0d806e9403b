//! The journeys: one file per promise or walk through the real thing, linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails; clippy.toml allows this only inside #[test]")]

mod source;
mod announce;
mod demo;
mod fleet;
mod desk;
mod pages;

#![allow(clippy::unwrap_used, reason = "a journey that cannot go on has failed")]

mod check;
mod layers;
