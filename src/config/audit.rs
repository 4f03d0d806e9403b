//! Where the audit is sent besides the ledger: `[audit]` in the server's file. It must never be where people are told: this is for machines
//! that keep it.

use super::broken_rules::Rules;
use super::key::{Key, Kind, key};
use crate::diagnostic::shown;
use serde::Deserialize;
use std::path::PathBuf;

/// The port of syslog over UDP, as registered.
const UDP_PORT: u16 = 514;
/// That over TCP.
const TCP_PORT: u16 = 601;

/// The keys of the table.
pub(super) const KEYS: &[Key] = &[key("syslog", Kind::Text), key("file", Kind::Text)];

/// `[audit]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// A syslog daemon, as it is written: see [`Syslog`].
    pub syslog: Option<String>,
    /// A file that gets a line for each row.
    pub file: Option<PathBuf>,
}

/// A syslog daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syslog {
    /// The socket of this machine's own: `/dev/log`.
    Local(PathBuf),
    /// `udp://log.example.com:514`
    Udp(String, u16),
    /// `tcp://log.example.com:601`
    Tcp(String, u16),
}

impl Syslog {
    /// Reads what the file says; none where it is neither a socket nor an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Local(text.into()));
        }
        let url = url::Url::parse(text).ok()?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        let host = url.host_str().filter(|host| !host.is_empty() && bare)?.trim_matches(['[', ']']).to_owned();
        match url.scheme() {
            "udp" => Some(Self::Udp(host, url.port().unwrap_or(UDP_PORT))),
            "tcp" => Some(Self::Tcp(host, url.port().unwrap_or(TCP_PORT))),
            _ => None,
        }
    }
}

impl Rules<'_> {
    pub(super) fn audit(&mut self, audit: &Audit) {
        if let Some(text) = audit.syslog.as_ref().filter(|text| Syslog::parse(text).is_none()) {
            let title = format!("`{}` is not a syslog daemon", shown(text));
            let cure = "write syslog = \"/dev/log\", \"udp://log.example.com:514\" or \"tcp://log.example.com:601\"";
            self.refuse(&["audit", "syslog"], title, cure);
        }
        if audit.file.as_ref().is_some_and(|file| file.as_os_str().is_empty() || file.to_string_lossy().ends_with('/'))
        {
            self.refuse(&["audit", "file"], "this is not the name of a file", "write file = \"audit.jsonl\"");
        }
    }
}
