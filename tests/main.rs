//! The journeys: one file per promise or walk through the real thing, linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails; clippy.toml allows this only inside #[test]")]

mod announce;
mod browser;
mod check;
mod cli;
mod crash;
mod demo;
mod desk;
mod failure;
mod fleet;
mod hosts;
mod house;
mod layers;
mod lock;
mod pages;
mod pause;
mod plan;
mod played;
mod policy;
mod readback;
mod readme;
mod relay;
mod release;
mod remote;
mod rollback;
mod site;
mod source;
mod street;
mod tabs;
mod user;
mod variables;
mod viewers;
mod warm;
mod web;
