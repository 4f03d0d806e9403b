//! What people say to the bot on IRC, as it is handed on, and what the bot says back. Here nothing is understood: `web/chat` does that. It must never
//! hand on what is no command, nor what another bot says; and who somebody is it says only as the server vouches for it.

use crate::stack::Who;
use tokio::sync::mpsc;

/// Lines that wait to be understood; when there are more, the newest are dropped.
const WAITING: usize = 64;

/// What somebody said.
#[derive(Debug)]
pub struct IncomingMessage {
    /// The IRC server.
    pub server: String,
    /// The nick; anyone may have it at another time.
    pub nick: String,
    /// The account of the network's services, where the server says it with each line.
    pub account: Option<String>,
    /// Which stay of the nick in our channels it is; none where it is in none. A nick that leaves and comes again is another stay.
    pub stay: Option<u64>,
    /// Who has proven during this stay to be whom.
    pub proven: Option<Who>,
    /// The channel; none where it was said to the bot alone.
    pub channel: Option<String>,
    /// The line.
    pub text: String,
    /// Where what is said back goes.
    pub replies: mpsc::Sender<Reply>,
}

/// What the bot does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Says a line, which is clean, to a channel or a nick; as a notice, which no bot answers.
    Say {
        /// To whom.
        to: String,
        /// What.
        text: String,
    },
    /// Remembers who a nick is, as long as that very stay lasts.
    Proven {
        /// The nick.
        nick: String,
        /// The stay.
        stay: u64,
        /// Who.
        who: Who,
    },
}

/// Both ends of what comes in.
pub fn pair() -> (mpsc::Sender<IncomingMessage>, mpsc::Receiver<IncomingMessage>) {
    mpsc::channel(WAITING)
}
