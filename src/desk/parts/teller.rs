//! Wakes the tasks that announce, and holds what they may not know yet. It must never announce anything itself.

use crate::config::ChannelKind;

/// How the audit and holds name the server itself.
pub(crate) const SERVER: &str = "pushbutton";

/// Who is told, and where the pages are.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    /// The server's address.
    pub url: String,
    /// The configured channels.
    pub channels: Vec<ChannelKind>,
}
