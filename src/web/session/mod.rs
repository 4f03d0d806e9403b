//! Who is asking: sessions, signing in and out, one's own account, the command line of this machine. It must never let a request
//! through as someone whom it has not looked up.

pub(super) mod access;
pub(super) mod account;
pub(super) mod account_view;
pub(super) mod alive;
mod browser_words;
pub(super) mod caller;
pub(super) mod failures;
pub(super) mod method;
pub(super) mod oidc;
pub(super) mod proxy_door;
pub mod push_host;
pub(super) mod session_forms;
pub(super) mod sign_in;
pub(super) mod sign_in_view;
pub(super) mod token;
pub(super) mod token_forms;
pub(super) mod totp;
pub(super) mod tries;
