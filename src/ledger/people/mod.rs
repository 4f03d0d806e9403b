//! People: who may sign in (`users`), who has (`sessions`), from where (`known`), what a provider says of them (`accounts`), and their
//! programs (`tokens`); and what those were answered who may ask again (`answers`). It must never keep what lets anybody in, but as a hash.

pub mod accounts;
pub mod answers;
pub mod chats;
pub mod known;
pub mod second_factor;
pub mod sessions;
pub mod tokens;
pub mod users;
