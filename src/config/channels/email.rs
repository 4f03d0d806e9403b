//! `[email]`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/mail`.

use super::weekly::Weekly;
use crate::config::SecretName;
use crate::config::broken_rules::Rules;
use crate::config::key::{Key, Kind, PORT, key, needed};
use crate::diagnostic::shown;
use lettre::message::Mailbox;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `[email]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The mail server's name or address.
    pub server: String,
    /// Its port.
    #[serde(default = "default_smtp_port")]
    pub port: u16,
    /// How the connection is secured.
    #[serde(default)]
    pub tls: MailTls,
    /// The sender: `Pushbutton <push@example.com>`.
    pub from: String,
    /// Who is told.
    pub to: Vec<String>,
    /// When what went out in a week is told, as it is written; never when missing.
    pub weekly: Option<String>,
    /// The name that we call ourselves by; the machine's own when missing.
    pub helo: Option<String>,
    /// The name to sign in with.
    pub user: Option<String>,
    /// The password to sign in with.
    #[serde(flatten)]
    pub password: SecretName,
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Plain first, then TLS; refused when the server does not offer it.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Nothing: a mail server on this machine.
    None,
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    needed("server", Kind::Text, "smtp.example.com"),
    key("port", PORT),
    key("tls", Kind::Word(&["starttls", "tls", "none"])),
    needed("from", Kind::Text, "push@example.com"),
    needed("to", Kind::Texts, "push@example.com"),
    key("weekly", Kind::Text),
    key("helo", Kind::Text),
    key("user", Kind::Text),
    key("password_file", Kind::Text),
    key("password_env", Kind::Text),
];

fn default_smtp_port() -> u16 {
    587
}

impl Email {
    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut Rules<'_>) {
        rules.server("email", &self.server);
        if self.to.is_empty() {
            rules.refuse(&["email", "to"], "nobody would get mail", "name at least one address, or take [email] out");
        }
        let from = [("from", &self.from)];
        for (key, text) in from.into_iter().chain(self.to.iter().map(|to| ("to", to))) {
            if let Err(error) = text.parse::<Mailbox>() {
                let title = format!("`{}` is not a mail address: {}", shown(text), error.to_string().to_lowercase());
                let cure = "write it as in \"push@example.com\" or \"Pushbutton <push@example.com>\"";
                rules.refuse(&["email", key], title, cure);
            }
        }
        if let Some(weekly) = self.weekly.as_ref().filter(|weekly| Weekly::parse(weekly).is_none()) {
            let title = format!("`{}` is not a time of the week", shown(weekly));
            let cure = "write a day, a time and a zone: weekly = \"Mon 09:00 Europe/Prague\"";
            rules.refuse(&["email", "weekly"], title, cure);
        }
        if let Some(helo) = self.helo.as_ref().filter(|helo| !is_helo(helo)) {
            let title = format!("`{}` is not a valid name for EHLO", shown(helo));
            let cure = "it is this machine's full host name, such as push.example.com, or its address: [192.0.2.7]";
            rules.refuse(&["email", "helo"], title, cure);
        }
        let named = rules.has(&["email", "password_file"]) || rules.has(&["email", "password_env"]);
        match (&self.user, named) {
            (Some(user), false) => {
                let title = format!("user `{}` has no password", shown(user));
                rules.refuse(&["email", "user"], title, "name it with password_file or password_env");
            }
            (None, true) => {
                let at = if rules.has(&["email", "password_file"]) { "password_file" } else { "password_env" };
                rules.refuse(&["email", at], "a password without a user", "say who signs in: user = \"…\"");
            }
            (Some(_), true) | (None, false) => {}
        }
        rules.one_password("email");
    }
}

/// What EHLO may say (RFC 5321, 4.1.3): a name, or an address in brackets.
fn is_helo(helo: &str) -> bool {
    if let Some(literal) = helo.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        };
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    helo.len() <= 253 && helo.split('.').all(label) && helo.parse::<IpAddr>().is_err()
}
