//! The bot that answers in chats: on IRC, and to Slack's slash command (docs/chat.md). What is asked (`parse`), who asks and what they may
//! (`speaker`), what is done (`ask`), what is said of it (`words`). It must never do for a nick what a bound account alone may, nor say in
//! a channel what the operator did not let that channel see.

mod ask;
pub(super) mod code;
mod irc;
mod parse;
pub(super) mod slack;
mod speaker;
mod words;

pub(super) use irc::keep;
