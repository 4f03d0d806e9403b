//! The server's file, `config.toml`. Every key is in `config.example.toml`. It must never hold a secret: secrets are
//! named, by a file or an environment variable, and read once at start.

mod keys;
mod limits;
mod secret;

use crate::diagnostic::{Diagnostic, Mistake, shown, toml_mistakes};
use keys::{place, unknown_keys};
pub use limits::{Limits, Most};
pub use secret::{Secret, SecretName};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The whole file, relative paths resolved against the file's own directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The address that people type; announcements link to it. Never ends with `/`.
    pub url: String,
    /// The one data directory.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// The directory of stack files.
    #[serde(default = "default_stacks")]
    pub stacks: PathBuf,
    /// Allows plain HTTP beyond loopback.
    #[serde(default)]
    pub insecure_http: bool,
    /// Who may come in.
    #[serde(default)]
    pub auth: Auth,
    /// How hosts are reached.
    #[serde(default)]
    pub ssh: Ssh,
    /// Where IRC is told; nowhere when missing.
    pub irc: Option<Irc>,
    /// Where mail is sent; nowhere when missing.
    pub email: Option<Email>,
    /// Numbers that bound things.
    #[serde(default)]
    pub limits: Limits,
}

/// `[auth]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// How people sign in.
    #[serde(default)]
    pub mode: AuthMode,
}

/// How people sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// Name and password; people are added with `pushbutton user add`.
    #[default]
    Password,
    /// Asks for a name once and believes it; loopback only.
    Open,
}

/// `[ssh]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ssh {
    /// The operator's own ssh configuration, included after ours. Without it, the user's and the system's are read.
    pub config: Option<PathBuf>,
    /// Seconds without a heartbeat after which a host kills what Pushbutton runs there.
    pub lease_s: u64,
    /// Seconds between TERM and KILL.
    pub grace_s: u64,
}

impl Default for Ssh {
    fn default() -> Self {
        Self { config: None, lease_s: 30, grace_s: 5 }
    }
}

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

/// Why the file cannot be used, with the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what it must be.
    #[error("{path} cannot be used\n\n{}", told(diagnostics))]
    Bad {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, each with line, column, a caret and the cure.
        diagnostics: Vec<Diagnostic>,
    },
}

fn told(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// When it cannot be read, has unknown keys, or asks for something unsafe.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config = Self::parse(&path.display().to_string(), &text)
            .map_err(|diagnostics| ConfigError::Bad { path: path.to_owned(), diagnostics })?;
        let here = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let here = std::path::absolute(here).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        config.data = here.join(&config.data);
        config.stacks = here.join(&config.stacks);
        config.ssh.config = config.ssh.config.map(|file| here.join(file));
        for password in [config.irc.as_mut().map(|i| &mut i.password), config.email.as_mut().map(|e| &mut e.password)]
            .into_iter()
            .flatten()
        {
            password.password_file = password.password_file.take().map(|file| here.join(file));
        }
        Ok(config)
    }

    /// Reads the file's text; paths stay as they are written. `file` is its path as it is shown.
    fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(Diagnostic::all(file, text, toml_mistakes(&errors)));
        }
        let mut mistakes = unknown_keys(root.get_ref());
        if mistakes.is_empty() {
            match toml::from_str::<Self>(text) {
                Ok(config) => match config.check(root.get_ref()) {
                    found if found.is_empty() => return Ok(config),
                    found => mistakes = found,
                },
                Err(error) => {
                    let title = error.message().lines().next().unwrap_or_default().to_owned();
                    let mistake = Mistake::new(error.span().unwrap_or(0..0), title);
                    mistakes.push(mistake.cure("config.example.toml shows every key"));
                }
            }
        }
        Err(Diagnostic::all(file, text, mistakes))
    }

    /// What is well written and still must not be.
    fn check(&self, root: &DeTable<'_>) -> Vec<Mistake> {
        let mut found = Vec::new();
        let loopback = self.listen.ip().is_loopback();
        let listen = || place(root, &["listen"]);
        let host = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://"));
        if host.is_none_or(str::is_empty)
            || self.url.ends_with('/')
            || self.url.chars().any(|c| c.is_control() || c == ' ')
        {
            let mistake =
                Mistake::new(place(root, &["url"]), format!("`{}` is not an address of a site", shown(&self.url)));
            found.push(mistake.cure("it must begin with http:// or https:// and not end with /"));
        }
        if self.auth.mode == AuthMode::Open && !loopback {
            let title =
                format!("mode = \"open\" believes any name, so it is allowed on loopback only, not on {}", self.listen);
            found.push(Mistake::new(place(root, &["auth", "mode"]), title).cure("write mode = \"password\""));
        }
        if !loopback && !self.insecure_http {
            let title = format!("{} is plain HTTP beyond this machine", self.listen);
            let cure = "listen on 127.0.0.1 behind a TLS proxy, or set insecure_http = true";
            found.push(Mistake::new(listen(), title).cure(cure));
        }
        let secrets = [
            ("irc", self.irc.as_ref().map(|irc| &irc.password)),
            ("email", self.email.as_ref().map(|mail| &mail.password)),
        ];
        for (table, secret) in secrets {
            if secret.is_some_and(|secret| secret.password_file.is_some() && secret.password_env.is_some()) {
                let at = place(root, &[table, "password_env"]);
                found.push(Mistake::new(at, "password_file and password_env are both set").cure("keep one"));
            }
        }
        if self.email.as_ref().is_some_and(|email| email.to.is_empty()) {
            let mistake = Mistake::new(place(root, &["email", "to"]), "nobody is told");
            found.push(mistake.cure("name at least one address, or take [email] out"));
        }
        if self.ssh.lease_s <= 5 {
            let mistake = Mistake::new(place(root, &["ssh", "lease_s"]), "this lease is too short");
            found.push(mistake.cure("heartbeats go out each 5 s, so it must be 6 or more; 30 forgives a slow line"));
        }
        if !(1..=10).contains(&self.limits.check_every_s) {
            let at = place(root, &["limits", "check_every_s"]);
            let mistake = Mistake::new(at, "connections are checked every 1 to 10 seconds");
            found.push(mistake.cure("a host counts as ready for 15 s after it answered, so 10 is the most"));
        }
        if self.limits.probe_every_s == 0 {
            let mistake =
                Mistake::new(place(root, &["limits", "probe_every_s"]), "hosts cannot be asked without a pause");
            found.push(mistake.cure("30 is a good pause"));
        }
        if self.limits.inventory_every_s == 0 {
            let at = place(root, &["limits", "inventory_every_s"]);
            let mistake = Mistake::new(at, "commands that list hosts cannot be asked without a pause");
            found.push(mistake.cure("60 is a good pause; a press asks them anyway"));
        }
        found
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8090))
}

fn default_data() -> PathBuf {
    "data".into()
}

fn default_stacks() -> PathBuf {
    "stacks".into()
}

fn default_irc_port() -> u16 {
    6697
}

fn default_smtp_port() -> u16 {
    587
}

fn default_nick() -> String {
    "pushbutton".to_owned()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
