//! Speaks to a server as a person would: a small HTTP client, following a push to its end, and the words that a terminal
//! shows. It must never look into the server's data, and never decide anything. Called by the command line and the demo.

pub mod follow;
pub mod grid;
pub mod http;
pub mod site;
pub mod terminal;
