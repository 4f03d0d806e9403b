//! What the handle of the channel and its connection both know: the settings, how the connection is, a line that is to be said. It
//! must never show a secret.

use crate::config::{self, Secret};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// The table of the channel, checked, with its secrets.
pub(super) struct Settings {
    pub(super) server: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) nick: String,
    /// Where everything is told that names no other place.
    pub(super) channel: String,
    /// Further channels, entered at once.
    pub(super) also: Vec<String>,
    /// The keys of channels, by their names in lower case.
    pub(super) keys: BTreeMap<String, Secret>,
    /// The server's password.
    pub(super) password: Option<Secret>,
    /// The account and its password, where the bot signs in.
    pub(super) sasl: Option<(String, Secret)>,
}

impl Settings {
    /// Takes the table, whose words the configuration has checked, and reads its secrets.
    pub fn new(config: &config::Irc) -> Result<Self, String> {
        Ok(Self {
            server: config.server.clone(),
            port: config.port,
            tls: config.tls,
            nick: config.nick.clone(),
            channel: config.channel.clone(),
            also: config.also.clone(),
            keys: config.keys()?,
            password: config.password.read().map_err(|why| format!("{why}: {}", why.cure()))?,
            sasl: config.sasl().map_err(|why| format!("{why}: {}", why.cure()))?,
        })
    }
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The very first attempt is under way.
    Connecting,
    /// Connected, and in the channel.
    Up,
    /// Connected, but not in the channel, and why.
    Outside(String),
    /// Not connected, and why.
    Down(String),
}

/// A line to be said.
pub(super) struct Line {
    /// In which channel of the server.
    pub room: String,
    /// What.
    pub text: String,
    /// What the PING behind it carries.
    pub key: String,
    /// Whether the server took it.
    pub answer: oneshot::Sender<Result<(), String>>,
}
