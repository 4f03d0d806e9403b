//! Pushbutton: one button pushes one build to one stage, and everybody watches.
//!
//! The rooms, from the top down; a `use` may only point to a room further down this list
//! (`tests/layers.rs` fails the build otherwise):
//!
//! - [`fuzz`]: what reads bytes of others, one door each, for the tests.
//! - [`cli`]: the command line: parses, calls, prints.
//! - [`demo`]: a fleet of real `sshd` hosts on this machine, for the demo and the journeys.
//! - [`client`]: speaks to a server as a person would, here or on another machine: an HTTP client, following a push, words for a terminal.
//! - [`web`]: HTTP in, pages and streams out.
//! - [`announce`]: turns the ledger's outbox into IRC and mail.
//! - [`desk`]: where decisions are taken; starts runners, finds them again, folds their journals; keeps hosts connected.
//! - [`run`]: the runner: walks a plan over hosts.
//! - [`remote`]: ssh masters, commands under the guard and what they say, rsync, releases.
//! - [`source`]: git, Subversion, directories, published trees; builds and manifests.
//! - [`ledger`]: SQLite: schema, migrations, one file per question asked.
//! - [`journal`]: events and their wire form, write, read; the state of a push folded from them.
//! - [`plan`]: stack + build + hosts → plan; pure.
//! - [`config`]: the server's file.
//! - [`stack`]: names, rights; the stack file: hosts, variables, shell texts, parse; pure.
//! - [`isolation`]: where committers' code runs on the push host, and what it may take.
//! - [`graph`]: numbers over time: asked of Prometheus and Graphite, judged.
//! - [`process`], [`socket`], [`diagnostic`], [`advice`], [`address`], [`supervise`], [`size`], [`time`], [`outbound`], [`tls`]: the
//!   only door to child processes, Unix sockets by long paths, what is wrong with a file and where, what
//!   other programs say when they fail, what an address is and what of it may be shown, tasks that are started again when they break, sizes,
//!   instants and durations, requests to other servers, TLS to them.
//! - [`reading`], [`visible`], [`colours`]: files read with a limit; what hides in a text, made visible; the colours of a line.

// Who adds a variant to an enum of ours is led through all that must know it.
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]
#![cfg_attr(test, allow(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants))]

pub mod address;
pub mod advice;
pub mod announce;
pub mod cli;
pub mod client;
pub mod colours;
pub mod config;
pub mod demo;
pub mod desk;
pub mod diagnostic;
pub mod fuzz;
pub mod graph;
pub mod isolation;
pub mod journal;
pub mod ledger;
pub mod outbound;
pub mod plan;
pub mod process;
pub mod reading;
pub mod remote;
pub mod run;
pub mod size;
pub mod socket;
pub mod source;
pub mod stack;
pub mod supervise;
pub mod time;
pub mod tls;
pub mod visible;
pub mod web;
