//! People: who may sign in (`users`), who has (`sessions`), and from where (`known`). It must never keep what lets anybody in, but as
//! a hash.

pub mod known;
pub mod sessions;
pub mod users;
