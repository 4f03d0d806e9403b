//! `[email]`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/mail`.

use super::weekly::Weekly;
use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, PORT, key, needed};
use crate::diagnostic::shown;
use lettre::message::Mailbox;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// `[email]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The mail server's name or address; empty where a program sends.
    #[serde(default)]
    pub server: String,
    /// A program that sends, as sendmail does, instead of a server.
    pub sendmail: Option<PathBuf>,
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
    /// Whether the authors of a push's commits are told of it, too.
    #[serde(default)]
    pub authors: bool,
    /// The domains that an author's address may be of: a commit says what it likes.
    #[serde(default)]
    pub author_domains: Vec<String>,
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
    key("server", Kind::Text),
    key("sendmail", Kind::Text),
    key("port", PORT),
    key("tls", Kind::Word(&["starttls", "tls", "none"])),
    needed("from", Kind::Text, "push@example.com"),
    needed("to", Kind::Texts, "push@example.com"),
    key("weekly", Kind::Text),
    key("authors", Kind::Flag),
    key("author_domains", Kind::Texts),
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
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        self.judge_carrier(rules);
        if self.to.is_empty() {
            let cure = format!("name at least one address, or take {} out", rules.of);
            rules.refuse("to", "nobody would get mail", cure);
        }
        self.judge_authors(rules);
        let from = [("from", &self.from)];
        for (key, text) in from.into_iter().chain(self.to.iter().map(|to| ("to", to))) {
            if let Err(error) = text.parse::<Mailbox>() {
                let title = format!("`{}` is not a mail address: {}", shown(text), error.to_string().to_lowercase());
                let cure = "write it as in \"push@example.com\" or \"Pushbutton <push@example.com>\"";
                rules.refuse(key, title, cure);
            }
        }
        if let Some(weekly) = self.weekly.as_ref().filter(|weekly| Weekly::parse(weekly).is_none()) {
            let title = format!("`{}` is not a time of the week", shown(weekly));
            let cure = "write a day, a time and a zone: weekly = \"Mon 09:00 Europe/Prague\"";
            rules.refuse("weekly", title, cure);
        }
        if let Some(helo) = self.helo.as_ref().filter(|helo| !is_helo(helo)) {
            let title = format!("`{}` is not a valid name for EHLO", shown(helo));
            let cure = "it is this machine's full host name, such as push.example.com, or its address: [192.0.2.7]";
            rules.refuse("helo", title, cure);
        }
        let named = rules.has("password_file") || rules.has("password_env");
        match (&self.user, named) {
            (Some(user), false) => {
                let title = format!("user `{}` has no password", shown(user));
                rules.refuse("user", title, "name it with password_file or password_env");
            }
            (None, true) => {
                let at = if rules.has("password_file") { "password_file" } else { "password_env" };
                rules.refuse(at, "a password without a user", "say who signs in: user = \"…\"");
            }
            (Some(_), true) | (None, false) => {}
        }
        rules.one_password();
    }
}

impl Email {
    /// A server, or a program: one of them.
    fn judge_carrier(&self, rules: &mut TableRules<'_, '_>) {
        let Some(program) = &self.sendmail else {
            match rules.has("server") {
                true => rules.server(&self.server),
                false => {
                    rules.refuse("", format!("{} does not say `server`", rules.of), "server = \"smtp.example.com\"");
                }
            }
            return;
        };
        if !program.is_absolute() {
            let title = format!("`{}` is not the path of a program", shown(&program.display().to_string()));
            rules.refuse("sendmail", title, "write it whole: sendmail = \"/usr/sbin/sendmail\"");
        }
        for key in ["server", "port", "tls", "helo", "user", "password_file", "password_env"] {
            if rules.has(key) {
                let title = format!("`{key}` is for a mail server, and sendmail sends");
                rules.refuse(key, title, format!("take `{key}` out, or sendmail"));
            }
        }
    }

    fn judge_authors(&self, rules: &mut TableRules<'_, '_>) {
        if self.authors && self.author_domains.is_empty() {
            let title = "a commit could have mail sent to anyone in the world";
            rules.refuse("authors", title, "name the domains of your own people: author_domains = [\"example.com\"]");
        }
        for domain in &self.author_domains {
            if format!("a@{domain}").parse::<Mailbox>().is_err() || !domain.contains('.') {
                let title = format!("`{}` is not a domain", shown(domain));
                rules.refuse("author_domains", title, "write it without @ and without *: \"example.com\"");
            }
        }
    }

    /// Whether an author's address may be told.
    pub fn tells_author(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
        self.authors && self.author_domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
    }
}

/// The bare address of `Web <web@example.com>`.
///
/// # Errors
/// Why it is none.
pub(super) fn address(text: &str) -> Result<String, String> {
    let mailbox = text
        .parse::<Mailbox>()
        .map_err(|why| format!("it is not a mail address: {}", why.to_string().to_lowercase()))?;
    Ok(mailbox.email.to_string())
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
