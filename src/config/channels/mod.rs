//! The channels of announcements: the one list of them. What differs from channel to channel and is no more than a word or a number
//! stands here, so that the outbox, the pages and the command line need not know any of them. It must never know how a channel
//! speaks: that is its folder in `announce`. What the server's file says of one is in a file beside this one.

pub(super) mod email;
pub(super) mod irc;
pub(super) mod webhook;
pub(super) mod weekly;

use super::broken_rules::Rules;
use super::key::Key;
use super::{Config, SecretName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A channel of announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
pub enum ChannelKind {
    /// One line for each announcement, in a channel of an IRC server.
    #[serde(rename = "irc")]
    Irc,
    /// A mail for each announcement.
    #[serde(rename = "email")]
    Email,
    /// A request for each announcement, to a server of one's own or to a chat.
    #[serde(rename = "webhook")]
    Webhook,
}

/// What a channel can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// The most bytes of an announcement's text.
    pub bytes: usize,
    /// From how many on what piled up is told as one; none: each on its own.
    pub folds_from: Option<usize>,
}

impl ChannelKind {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 3] = [Self::Irc, Self::Email, Self::Webhook];

    /// Its name in the ledger, in addresses, and of its table in the server's file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Irc => "irc",
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    /// The channel of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Irc => "IRC",
            Self::Email => "Email",
            Self::Webhook => "Webhook",
        }
    }

    /// How it is announced there: `No announcements on IRC`.
    pub const fn way(self) -> &'static str {
        match self {
            Self::Irc => "on IRC",
            Self::Email => "by mail",
            Self::Webhook => "by webhook",
        }
    }

    /// Its icon on pages.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Irc => "irc",
            Self::Email => "mail",
            Self::Webhook => "link",
        }
    }

    /// What it can carry.
    pub const fn limits(self) -> ChannelLimits {
        match self {
            // With prefix, command and channel a line stays below the 512 bytes of the protocol. Two that piled up are a beginning and
            // an end, or two pushes: one line is enough for either.
            Self::Irc => ChannelLimits { bytes: 400, folds_from: Some(2) },
            Self::Email | Self::Webhook => ChannelLimits { bytes: usize::MAX, folds_from: None },
        }
    }
}

impl ChannelKind {
    /// The keys of its table in the server's file.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Self::Irc => irc::KEYS,
            Self::Email => email::KEYS,
            Self::Webhook => webhook::KEYS,
        }
    }

    /// Notes what the file says of it that is against the rules.
    pub(super) fn judge(self, config: &Config, rules: &mut Rules<'_>) {
        match self {
            Self::Irc => config.irc.iter().for_each(|irc| irc.judge(rules)),
            Self::Email => config.email.iter().for_each(|email| email.judge(rules)),
            Self::Webhook => config.webhook.iter().for_each(|webhook| webhook.judge(rules)),
        }
    }
}

impl Config {
    /// The channels of announcements that the file has.
    pub fn channels(&self) -> Vec<ChannelKind> {
        ChannelKind::ALL.into_iter().filter(|kind| self.password_of(*kind).is_some()).collect()
    }

    /// How the password of a channel is named; none when the file does not have the channel.
    pub fn password_of(&self, kind: ChannelKind) -> Option<&SecretName> {
        match kind {
            ChannelKind::Irc => self.irc.as_ref().map(|irc| &irc.password),
            ChannelKind::Email => self.email.as_ref().map(|email| &email.password),
            ChannelKind::Webhook => self.webhook.as_ref().map(|webhook| &webhook.password),
        }
    }

    /// The same, to be changed.
    pub(super) fn password_of_mut(&mut self, kind: ChannelKind) -> Option<&mut SecretName> {
        match kind {
            ChannelKind::Irc => self.irc.as_mut().map(|irc| &mut irc.password),
            ChannelKind::Email => self.email.as_mut().map(|email| &mut email.password),
            ChannelKind::Webhook => self.webhook.as_mut().map(|webhook| &mut webhook.password),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A channel that is added must be given a place here, and so is found missing in the list.
    fn place(kind: ChannelKind) -> usize {
        match kind {
            ChannelKind::Irc => 0,
            ChannelKind::Email => 1,
            ChannelKind::Webhook => 2,
        }
    }

    #[test]
    fn every_channel_is_in_the_list_and_is_found_by_the_name_that_is_written_down() {
        for (at, kind) in ChannelKind::ALL.into_iter().enumerate() {
            assert_eq!(place(kind), at);
            assert_eq!(ChannelKind::named(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name(), "the API says what the ledger says");
        }
        assert_eq!(ChannelKind::named(""), None);
    }

    #[test]
    fn every_channel_has_a_table_in_the_file_and_an_icon() {
        let icons = include_str!("../../../templates/sprite.html");
        for kind in ChannelKind::ALL {
            assert!(!kind.keys().is_empty(), "[{}] has no keys", kind.name());
            assert!(icons.contains(&format!("id=\"i-{}\"", kind.icon())), "{kind:?}");
        }
    }
}
