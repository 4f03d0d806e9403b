//! From where a change comes: it goes with the task that carries it out, so that every row of the audit says it, whoever writes the
//! row. It must never be guessed: who takes a request in says it once, and what nobody said comes from the program itself.
//! Set by `web` for each request; carried on by the desk, where a task of its own goes on with what was ordered.

use std::fmt;
use std::net::IpAddr;

tokio::task_local! {
    static PLACE: Place;
}

/// From where a change comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The server itself: what it does by itself, and what a push that runs has come to.
    Server,
    /// The command line on the push host.
    PushHost,
    /// A browser or a program at this address.
    Address(IpAddr),
    /// What somebody said to the bot on IRC.
    Irc,
    /// Slack's slash command.
    Slack,
    /// Behind a proxy that did not say for whom it asks.
    Unknown,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::PushHost => f.write_str("push host"),
            Self::Address(address) => address.fmt(f),
            Self::Irc => f.write_str("IRC"),
            Self::Slack => f.write_str("Slack"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Does some work as what comes from a place.
pub async fn coming_from<T>(place: Place, work: impl Future<Output = T>) -> T {
    PLACE.scope(place, work).await
}

/// The same for what does not wait: the writer of the ledger, on a thread of its own.
pub(in crate::ledger) fn written_from<T>(place: Place, work: impl FnOnce() -> T) -> T {
    PLACE.sync_scope(place, work)
}

/// From where what is done now comes; none where nobody said so.
pub(in crate::ledger) fn here() -> Option<Place> {
    PLACE.try_with(|place| *place).ok()
}

/// What goes on in a task of its own comes from where its beginning did.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = here();
    async move {
        match place {
            Some(place) => coming_from(place, work).await,
            None => work.await,
        }
    }
}
