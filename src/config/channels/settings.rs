//! What a channel's own keys say, by its kind: one `match` for each question that all of them answer. It must never know where in the file
//! they stand.

use super::kind::ChannelKind;
use super::{email, github, grafana, graphite, http, irc, jira, webhook};
use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::Key;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::de::{Deserializer, Error};

/// The keys of one channel.
#[derive(Clone, Debug)]
pub enum ChannelSettings {
    /// An IRC server.
    Irc(irc::Irc),
    /// A mail server.
    Email(email::Email),
    /// A server that receives requests.
    Webhook(webhook::Webhook),
    /// A server that receives requests of one's own making.
    Http(http::Http),
    /// A Grafana.
    Grafana(grafana::Grafana),
    /// A Graphite.
    Graphite(graphite::Graphite),
    /// A repository on GitHub.
    Github(github::Github),
    /// A project in Jira.
    Jira(jira::Jira),
}

/// The keys that a table of this kind may have.
pub(super) fn keys_of(kind: ChannelKind) -> &'static [Key] {
    match kind {
        ChannelKind::Irc => irc::KEYS,
        ChannelKind::Email => email::KEYS,
        ChannelKind::Webhook => webhook::KEYS,
        ChannelKind::Http => http::KEYS,
        ChannelKind::Grafana => grafana::KEYS,
        ChannelKind::Graphite => graphite::KEYS,
        ChannelKind::Github => github::KEYS,
        ChannelKind::Jira => jira::KEYS,
    }
}

impl ChannelSettings {
    /// Reads them from a table that has no other keys.
    pub(super) fn read(kind: ChannelKind, table: Deserializer<'_>) -> Result<Self, Error> {
        Ok(match kind {
            ChannelKind::Irc => Self::Irc(irc::Irc::deserialize(table)?),
            ChannelKind::Email => Self::Email(email::Email::deserialize(table)?),
            ChannelKind::Webhook => Self::Webhook(webhook::Webhook::deserialize(table)?),
            ChannelKind::Http => Self::Http(http::Http::deserialize(table)?),
            ChannelKind::Grafana => Self::Grafana(grafana::Grafana::deserialize(table)?),
            ChannelKind::Graphite => Self::Graphite(graphite::Graphite::deserialize(table)?),
            ChannelKind::Github => Self::Github(github::Github::deserialize(table)?),
            ChannelKind::Jira => Self::Jira(jira::Jira::deserialize(table)?),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Irc(_) => ChannelKind::Irc,
            Self::Email(_) => ChannelKind::Email,
            Self::Webhook(_) => ChannelKind::Webhook,
            Self::Http(_) => ChannelKind::Http,
            Self::Grafana(_) => ChannelKind::Grafana,
            Self::Graphite(_) => ChannelKind::Graphite,
            Self::Github(_) => ChannelKind::Github,
            Self::Jira(_) => ChannelKind::Jira,
        }
    }

    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        match self {
            Self::Irc(irc) => irc.judge(rules),
            Self::Email(email) => email.judge(rules),
            Self::Webhook(webhook) => webhook.judge(rules),
            Self::Http(http) => http.judge(rules),
            Self::Grafana(grafana) => grafana.judge(rules),
            Self::Graphite(graphite) => graphite.judge(rules),
            Self::Github(github) => github.judge(rules),
            Self::Jira(jira) => jira.judge(rules),
        }
    }

    /// Every secret that it names, each with its key in the file.
    pub fn secrets(&self) -> Vec<(&'static str, SecretName)> {
        let named = |name: &SecretName| name.key().map(|key| (key, name.clone()));
        match self {
            Self::Irc(irc) => named(&irc.password).into_iter().chain(irc.sasl_secret()).collect(),
            Self::Email(email) => named(&email.password).into_iter().collect(),
            Self::Webhook(webhook) => named(&webhook.password).into_iter().collect(),
            Self::Http(http) => http.secrets(),
            Self::Grafana(grafana) => named(&grafana.password).into_iter().collect(),
            Self::Graphite(_) => Vec::new(),
            Self::Github(github) => named(&github.password).into_iter().collect(),
            Self::Jira(jira) => named(&jira.password).into_iter().collect(),
        }
    }

    /// Paths count from the directory of the server's file.
    pub(super) fn resolve(&mut self, here: &Path) {
        let whole = |path: &mut Option<PathBuf>| *path = path.take().map(|file| here.join(file));
        match self {
            Self::Irc(irc) => {
                whole(&mut irc.password.password_file);
                whole(&mut irc.sasl_password_file);
                whole(&mut irc.keys_file);
            }
            Self::Email(email) => whole(&mut email.password.password_file),
            Self::Webhook(webhook) => {
                whole(&mut webhook.password.password_file);
                whole(&mut webhook.url_file);
            }
            Self::Http(http) => {
                whole(&mut http.url_file);
                http.header_files.values_mut().for_each(|file| *file = here.join(&*file));
            }
            Self::Grafana(grafana) => whole(&mut grafana.password.password_file),
            Self::Graphite(_) => {}
            Self::Github(github) => whole(&mut github.password.password_file),
            Self::Jira(jira) => whole(&mut jira.password.password_file),
        }
    }

    /// What is wrong with a place that a stack names; none where the channel has it.
    pub fn refuse_place(&self, place: &str) -> Option<String> {
        match self {
            Self::Irc(_) => irc::channel(place).err().map(|cure| format!("it is not a channel of IRC: {cure}")),
            Self::Email(_) => email::address(place).err(),
            Self::Webhook(_) | Self::Http(_) => Some("a webhook has one address: write its name alone".to_owned()),
            Self::Grafana(_) | Self::Graphite(_) | Self::Github(_) | Self::Jira(_) => {
                Some("it keeps records in one place: write its name alone".to_owned())
            }
        }
    }

    /// The places beside its own that it tells the same, each on its own.
    pub fn also(&self) -> &[String] {
        match self {
            Self::Irc(irc) => &irc.also,
            Self::Email(_)
            | Self::Webhook(_)
            | Self::Http(_)
            | Self::Grafana(_)
            | Self::Graphite(_)
            | Self::Github(_)
            | Self::Jira(_) => &[],
        }
    }

    /// Whether it tells this place anyway.
    pub fn tells_anyway(&self, place: &str) -> bool {
        match self {
            Self::Irc(irc) => irc.channel.eq_ignore_ascii_case(place),
            Self::Email(email) => email.to.iter().any(|to| email::address(to).is_ok_and(|to| to == place)),
            Self::Webhook(_)
            | Self::Http(_)
            | Self::Grafana(_)
            | Self::Graphite(_)
            | Self::Github(_)
            | Self::Jira(_) => false,
        }
    }
}
