//! Whom announcements go to, and by which name the server itself acts. Plain data.

use crate::config::ChannelKind;

/// How the audit and holds name the server itself.
pub(crate) const SERVER: &str = "pushbutton";

/// Who is told, and where the pages are.
#[derive(Clone, Debug)]
pub(crate) struct NotifyTargets {
    /// The server's address.
    pub url: String,
    /// The configured channels.
    pub channels: Vec<ChannelKind>,
}
