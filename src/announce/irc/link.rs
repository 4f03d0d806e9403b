//! What the handle of the channel and its connection both know: the settings, how the connection is, a line that is to be said. It
//! must never show the secret.

use crate::config;
use tokio::sync::oneshot;

/// `[irc]`, checked, with its secret.
pub(super) struct Settings {
    pub(super) server: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) nick: String,
    pub(super) channel: String,
    pub(super) password: Option<config::Secret>,
}

impl Settings {
    /// Takes the table, whose words the configuration has checked, and reads its secret.
    pub fn new(config: &config::Irc) -> Result<Self, String> {
        let password = config.password.read().map_err(|why| format!("{why}: {}", why.cure()))?;
        Ok(Self {
            server: config.server.clone(),
            port: config.port,
            tls: config.tls,
            nick: config.nick.clone(),
            channel: config.channel.clone(),
            password,
        })
    }
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The very first attempt is under way.
    Connecting,
    /// In the channel.
    Up,
    /// Not in the channel, and why.
    Down(String),
}

/// A line to be said.
pub(super) struct Line {
    /// What.
    pub text: String,
    /// What the PING behind it carries.
    pub key: String,
    /// Whether the server took it.
    pub answer: oneshot::Sender<Result<(), String>>,
}
