//! Signing in with the accounts of a provider (OpenID Connect): the way there and back, and asking again while a session is used. The
//! protocol is the crate's; it must never be judged here by hand.

pub mod claims;
pub mod flow;
mod http;
pub mod in_use;
pub mod provider;
pub mod recheck;
mod sealed;
