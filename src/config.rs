//! The server's file, `config.toml`. Every key is in `config.example.toml`. It must never hold a secret: secrets are
//! named, by a file or an environment variable, and read once at start.

mod access;
mod artifacts;
mod audit;
mod broken_rules;
mod channels;
mod draft;
mod hooks;
mod key;
mod keys;
mod limits;
mod oidc;
mod proxies;
mod proxy;
mod rules;
mod secret;
mod site;

use crate::diagnostic::Diagnostic;
use crate::isolation;
use crate::stack::Rights;
pub use artifacts::Artifacts;
pub use audit::{Audit, Syslog};
pub use channels::email::{Email, MailTls};
pub use channels::github::Github;
pub use channels::grafana::Grafana;
pub use channels::graphite::Graphite;
pub use channels::http::{Http, HttpMethod};
pub use channels::irc::{Irc, is_irc_channel};
pub use channels::jira::Jira;
pub use channels::webhook::{Webhook, WebhookFormat};
pub use channels::weekly::Weekly;
pub use channels::{
    About, ChannelConfig, ChannelEvent, ChannelKind, ChannelKinds, ChannelLimits, ChannelSettings, FIELDS, Filled,
    Filter, NoSuchChannel, RESULTS,
};
pub use draft::Draft;
pub use hooks::chat::Chat;
pub use hooks::{Forge, Hooks};
pub use limits::{Limits, Retention};
pub use oidc::{Oidc, provider_url};
pub use proxies::{Network, Proxies};
pub use proxy::{Proxy, ProxyListen};
pub use secret::{Secret, SecretName, private_file};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The whole file, relative paths resolved against the file's own directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server listens; when the file does not say it, at `url` if that is this machine's own.
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
    /// Proxies that are believed when they say for whom they ask.
    #[serde(default)]
    pub trusted_proxies: Proxies,
    /// Who may come in.
    #[serde(default)]
    pub auth: Auth,
    /// The provider of accounts, where people sign in at one.
    pub oidc: Option<Oidc>,
    /// The proxy that signs people in, where one does.
    pub proxy: Option<Proxy>,
    /// How hosts are reached.
    #[serde(default)]
    pub ssh: Ssh,
    /// Where announcements go: `[irc]`, `[email]`, `[webhook]`, and each `[[channel]]`.
    #[serde(skip)]
    pub channels: Vec<ChannelConfig>,
    /// Where Prometheus reads numbers; nowhere when missing.
    pub metrics: Option<Metrics>,
    /// From where builds may be fetched.
    #[serde(default)]
    pub artifacts: Artifacts,
    /// The forges that say when there are new commits.
    #[serde(default)]
    pub hooks: Hooks,
    /// What the bot answers in chats; nothing when missing.
    pub chat: Option<Chat>,
    /// Where the audit is sent besides the ledger.
    #[serde(default)]
    pub audit: Audit,
    /// `[groups]`, as it is written.
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    /// `[rights]`, as it is written.
    #[serde(default)]
    rights: BTreeMap<String, Vec<String>>,
    /// Both, understood.
    #[serde(skip)]
    pub access: Arc<Rights>,
    /// How committers' code runs on the push host.
    #[serde(default)]
    pub build: isolation::Settings,
    /// Numbers that bound things.
    #[serde(default)]
    pub limits: Limits,
    /// What becomes of old things.
    #[serde(default)]
    pub retention: Retention,
    /// Where the file is.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The file itself, as it was read.
    #[serde(skip)]
    pub read: Option<FileRead>,
}

/// A file of ours that was read: the audit says which was, and who may have changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// Its name: `config.toml`, `stacks/web.toml`.
    pub name: String,
    /// The SHA-256 of what was read; none when it is gone.
    pub hash: Option<String>,
    /// The user whose file it is.
    pub owner: Option<u32>,
}

impl FileRead {
    /// What was read, and of whom it is.
    pub fn of(name: String, path: &Path, text: &str) -> Self {
        let owner = std::fs::metadata(path).ok().map(|meta| meta.uid());
        Self { name, hash: Some(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()), owner }
    }
}

/// `[auth]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// How people sign in.
    #[serde(default)]
    pub mode: AuthMode,
    /// Whom to ask who has forgotten a password; the sign-in page says it.
    pub ask: Option<String>,
}

/// How people sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum AuthMode {
    /// Name and password; people are added with `pushbutton user add`.
    #[default]
    Password,
    /// The accounts of a provider, by OpenID Connect.
    Oidc,
    /// A proxy in front says who asks, on a listener of its own.
    Proxy,
    /// Asks for a name once and believes it; loopback only.
    Open,
}

impl AuthMode {
    /// All of them, in the order in which messages name them.
    pub const ALL: [Self; 4] = [Self::Password, Self::Oidc, Self::Proxy, Self::Open];
    /// What the file may say.
    pub(crate) const WORDS: [&str; Self::ALL.len()] =
        [Self::Password.word(), Self::Oidc.word(), Self::Proxy.word(), Self::Open.word()];

    /// Its word in the server's file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Oidc => "oidc",
            Self::Proxy => "proxy",
            Self::Open => "open",
        }
    }

    /// Whether it believes any name: then strangers must not come here, and nobody has to guess.
    pub const fn believes_names(self) -> bool {
        match self {
            Self::Password | Self::Oidc | Self::Proxy => false,
            Self::Open => true,
        }
    }

    /// Whether people sign in at a provider of accounts, which `[oidc]` names.
    pub const fn asks_a_provider(self) -> bool {
        match self {
            Self::Oidc => true,
            Self::Password | Self::Proxy | Self::Open => false,
        }
    }

    /// Whether a proxy says who asks, which `[proxy]` names.
    pub const fn believes_a_proxy(self) -> bool {
        match self {
            Self::Proxy => true,
            Self::Password | Self::Oidc | Self::Open => false,
        }
    }
}

impl TryFrom<String> for AuthMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.word() == text);
        found.ok_or_else(|| format!("`{text}` is not a way to sign in"))
    }
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

/// `[metrics]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// The address of `/metrics`, where there is nothing else.
    pub listen: SocketAddr,
    /// Allows an address beyond this machine: whoever reaches it reads the numbers.
    #[serde(default)]
    pub open: bool,
}

/// Why the file cannot be used, with the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}{}", hint_for_directory(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what it must be.
    #[error("{path} cannot be used\n\n{}", listed(diagnostics))]
    Bad {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, each with line, column, a caret and the cure.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Who names the directory means the file in it.
fn hint_for_directory(path: &Path) -> String {
    match path.is_dir() {
        true => format!("; hint: name the file in it: --config {}", path.join("config.toml").display()),
        false => String::new(),
    }
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
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

#[cfg(test)]
mod tests;
