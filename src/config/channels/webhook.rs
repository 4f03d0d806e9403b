//! `[webhook]`: its keys, and what must not be said of it. It must never hold a secret, nor send anything: that is `announce/webhook`.

use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, key};
use crate::diagnostic::shown;
use serde::Deserialize;
use std::path::PathBuf;
use url::{Host, Url};

/// `[webhook]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where announcements are sent.
    pub url: Option<String>,
    /// A file with that address in its first line, where it is itself a secret; must not be readable by others.
    pub url_file: Option<PathBuf>,
    /// What is sent.
    #[serde(default)]
    pub format: WebhookFormat,
    /// The secret that signs it.
    #[serde(flatten)]
    pub password: SecretName,
}

/// What a webhook is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookFormat {
    /// An event of CloudEvents 1.0, with all that is known.
    #[default]
    Cloudevents,
    /// A message of Slack, and of Mattermost.
    Slack,
    /// A message of Microsoft Teams.
    Teams,
    /// A message of Discord.
    Discord,
    /// A message of Google Chat.
    GoogleChat,
}

impl WebhookFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cloudevents, Self::Slack, Self::Teams, Self::Discord, Self::GoogleChat];

    /// What the file may say.
    const WORDS: [&str; Self::ALL.len()] = [
        Self::Cloudevents.word(),
        Self::Slack.word(),
        Self::Teams.word(),
        Self::Discord.word(),
        Self::GoogleChat.word(),
    ];

    /// Its word in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cloudevents => "cloudevents",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Discord => "discord",
            Self::GoogleChat => "google-chat",
        }
    }
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    key("url", Kind::Text),
    key("url_file", Kind::Text),
    key("format", Kind::Word(&WebhookFormat::WORDS)),
    key("password_file", Kind::Text),
    key("password_env", Kind::Text),
];

impl Webhook {
    /// Where announcements are sent, read from where the file says it is.
    ///
    /// # Errors
    /// What is wrong with it. The address is not shown: it may be a secret.
    pub fn address(&self) -> Result<Url, String> {
        if let Some(text) = &self.url {
            return address(text).map_err(str::to_owned);
        }
        let name = SecretName { password_file: self.url_file.clone(), password_env: None };
        let text = name.read().map_err(|why| why.to_string())?.ok_or("neither url nor url_file is set")?;
        let file = self.url_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        address(text.reveal()).map_err(|why| format!("the address in {file} cannot be used: {why}"))
    }

    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        match (&self.url, &self.url_file) {
            (Some(_), Some(_)) => rules.refuse("url_file", "url and url_file are both set", "keep one"),
            (None, None) => {
                let cure = "url = \"https://hooks.example.com/push\", or url_file where the address is a secret";
                rules.refuse("", format!("{} does not say where to send announcements", rules.of), cure);
            }
            (Some(text), None) => {
                judge_address(rules, "url", text);
            }
            (None, Some(_)) => {}
        }
        rules.one_password();
    }
}

/// An address that announcements may be sent to: TLS, or a server on this machine.
pub(super) fn address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is not a whole address")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a name or a password before its @");
    }
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err("it names no server"),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err("it must be https, or http to this machine"),
    }
}

/// Notes what is wrong with an address.
pub(super) fn judge_address(rules: &mut TableRules<'_, '_>, key: &str, text: &str) {
    if let Err(why) = address(text) {
        let title = format!("`{}` is not an address for announcements: {why}", shown(text));
        rules.refuse(key, title, "write it whole: https://hooks.example.com/push");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_over_tls_or_of_this_machine() {
        for good in ["https://hooks.example.com/a?b=c", "http://127.0.0.1:8080/", "http://[::1]/x", "http://localhost/"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/x", "http://hooks.example.com/", "ftp://127.0.0.1/", "https://a:b@hooks.example.com/", "https://"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_format_is_found_by_its_word() {
        for format in WebhookFormat::ALL {
            let read: Webhook =
                toml::from_str(&format!("url = \"https://x\"\nformat = \"{}\"", format.word())).unwrap();
            assert_eq!(read.format, format);
        }
    }
}
