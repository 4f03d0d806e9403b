//! `[irc]`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/irc`.

use crate::config::SecretName;
use crate::config::broken_rules::Rules;
use crate::config::key::{Key, Kind, PORT, key, needed};
use crate::diagnostic::shown;
use serde::Deserialize;

/// `[irc]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Irc {
    /// The server's name or address.
    pub server: String,
    /// Its port.
    #[serde(default = "default_irc_port")]
    pub port: u16,
    /// Whether to speak TLS.
    #[serde(default = "yes")]
    pub tls: bool,
    /// The bot's nick.
    #[serde(default = "default_nick")]
    pub nick: String,
    /// Where it speaks.
    pub channel: String,
    /// The server's password.
    #[serde(flatten)]
    pub password: SecretName,
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    needed("server", Kind::Text, "irc.example.com"),
    key("port", PORT),
    key("tls", Kind::Flag),
    key("nick", Kind::Text),
    needed("channel", Kind::Text, "#push"),
    key("password_file", Kind::Text),
    key("password_env", Kind::Text),
];

fn default_irc_port() -> u16 {
    6697
}

fn default_nick() -> String {
    "pushbutton".to_owned()
}

fn yes() -> bool {
    true
}

impl Irc {
    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut Rules<'_>) {
        rules.server("irc", &self.server);
        if let Err(cure) = channel(&self.channel) {
            let title = format!("`{}` is not the name of a channel", shown(&self.channel));
            rules.refuse(&["irc", "channel"], title, cure);
        }
        if !is_nick(&self.nick) {
            let title = format!("`{}` is not a nick", shown(&self.nick));
            let cure = "a nick has letters, digits and any of -[]\\`_^{|}, and begins with no digit and no -";
            rules.refuse(&["irc", "nick"], title, cure);
        }
        rules.one_password("irc");
    }
}

/// A word that IRC can carry.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn channel(name: &str) -> Result<(), String> {
    let good = |name: &str| {
        is_word(name) && name.starts_with(['#', '&', '+', '!']) && name.len() > 1 && !name.contains([',', ':'])
    };
    match (good(name), good(&format!("#{name}"))) {
        (true, _) => Ok(()),
        (false, true) => Err(format!("did you mean \"#{name}\"?")),
        (false, false) => {
            Err("one channel, such as \"#push\": it begins with #, and has no space and no comma".to_owned())
        }
    }
}

fn is_nick(nick: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || "-[]\\`_^{|}".contains(c);
    is_word(nick) && nick.chars().all(good) && !nick.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}
