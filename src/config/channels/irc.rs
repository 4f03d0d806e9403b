//! `[irc]`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/irc`.

use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, PORT, key, needed};
use crate::config::secret::{Secret, SecretName, Unreadable, private_file};
use crate::diagnostic::shown;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;

/// The longest file of keys.
const MOST_KEYS: u64 = 64 << 10;

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
    /// Further channels of this server that are told the same.
    #[serde(default)]
    pub also: Vec<String>,
    /// A file with a line `#channel KEY` for each channel that has a key; must not be readable by others.
    pub keys_file: Option<PathBuf>,
    /// The account to sign in with, by SASL.
    pub sasl_user: Option<String>,
    /// A file with its password in the first line.
    pub sasl_password_file: Option<PathBuf>,
    /// An environment variable with its password.
    pub sasl_password_env: Option<String>,
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
    key("also", Kind::Texts),
    key("keys_file", Kind::Text),
    key("sasl_user", Kind::Text),
    key("sasl_password_file", Kind::Text),
    key("sasl_password_env", Kind::Text),
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
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        rules.server(&self.server);
        for (key, name) in
            std::iter::once(("channel", &self.channel)).chain(self.also.iter().map(|also| ("also", also)))
        {
            if let Err(cure) = channel(name) {
                rules.refuse(key, format!("`{}` is not the name of a channel", shown(name)), cure);
            }
        }
        if !is_nick(&self.nick) {
            let title = format!("`{}` is not a nick", shown(&self.nick));
            let cure = "a nick has letters, digits and any of -[]\\`_^{|}, and begins with no digit and no -";
            rules.refuse("nick", title, cure);
        }
        rules.one_password();
        self.judge_sasl(rules);
    }

    fn judge_sasl(&self, rules: &mut TableRules<'_, '_>) {
        rules.one_of("sasl_password_file", "sasl_password_env");
        let named = ["sasl_password_file", "sasl_password_env"].into_iter().find(|key| rules.has(key));
        match (&self.sasl_user, named) {
            (Some(user), None) => {
                let title = format!("sasl_user `{}` has no password", shown(user));
                rules.refuse("sasl_user", title, "name it with sasl_password_file or sasl_password_env");
            }
            (None, Some(key)) => {
                rules.refuse(key, "a password of SASL without an account", "say whose it is: sasl_user = \"…\"");
            }
            // SASL PLAIN is the password itself.
            (Some(_), Some(key)) if !self.tls && !is_here(&self.server) => {
                let title = "without TLS everyone on the way could read the password of SASL";
                rules.refuse(key, title, "take tls = false out, and name the port of TLS: port = 6697");
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// How the password of SASL is named, with the key that names it.
    pub(super) fn sasl_secret(&self) -> Option<(&'static str, SecretName)> {
        let key = match (&self.sasl_password_file, &self.sasl_password_env) {
            (Some(_), _) => "sasl_password_file",
            (None, Some(_)) => "sasl_password_env",
            (None, None) => return None,
        };
        let name =
            SecretName { password_file: self.sasl_password_file.clone(), password_env: self.sasl_password_env.clone() };
        Some((key, name))
    }

    /// The account of SASL and its password.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub fn sasl(&self) -> Result<Option<(String, Secret)>, Unreadable> {
        let (Some(user), Some((_, name))) = (&self.sasl_user, self.sasl_secret()) else { return Ok(None) };
        Ok(name.read()?.map(|secret| (user.clone(), secret)))
    }

    /// The keys of channels, by their names in lower case.
    ///
    /// # Errors
    /// When the file cannot be read or others can read it, or a line is no channel with its key.
    pub fn keys(&self) -> Result<BTreeMap<String, Secret>, String> {
        let Some(file) = &self.keys_file else { return Ok(BTreeMap::new()) };
        let open = private_file(file).map_err(|why| format!("{why}: {}", why.cure()))?;
        let mut text = String::new();
        open.take(MOST_KEYS)
            .read_to_string(&mut text)
            .map_err(|why| format!("cannot read {}: {why}", file.display()))?;
        let mut keys = BTreeMap::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = || format!("line {} of {} is not a channel with its key: #web KEY", at + 1, file.display());
            let (name, key) = line.split_once(' ').ok_or_else(bad)?;
            if channel(name).is_err() || !is_word(key) || key.contains(',') {
                return Err(bad());
            }
            keys.insert(name.to_ascii_lowercase(), Secret::of(key));
        }
        Ok(keys)
    }
}

/// Whether a server is this machine, by what the file calls it.
fn is_here(server: &str) -> bool {
    server == "localhost" || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A word that IRC can carry.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Whether it is the name of a channel; otherwise what one is.
pub(super) fn channel(name: &str) -> Result<(), String> {
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

/// Whether IRC has a channel of that name at all.
pub fn is_irc_channel(name: &str) -> bool {
    channel(name).is_ok()
}

fn is_nick(nick: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || "-[]\\`_^{|}".contains(c);
    is_word(nick) && nick.chars().all(good) && !nick.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}
