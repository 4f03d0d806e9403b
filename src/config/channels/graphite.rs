//! `kind = "graphite"`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/graphite`.

use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, PORT, key, needed};
use crate::diagnostic::shown;
use serde::Deserialize;

/// A carbon that gets a point at the start and at the end of each push.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graphite {
    /// Its name or address.
    pub server: String,
    /// The port of its plaintext protocol.
    #[serde(default = "plaintext")]
    pub port: u16,
    /// How the names of its metrics begin.
    #[serde(default = "pushes")]
    pub prefix: String,
}

/// Its keys.
pub(super) const KEYS: &[Key] =
    &[needed("server", Kind::Text, "graphite.example.com"), key("port", PORT), key("prefix", Kind::Text)];

fn plaintext() -> u16 {
    2003
}

fn pushes() -> String {
    "pushes".to_owned()
}

impl Graphite {
    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        let part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        rules.server(&self.server);
        if !self.prefix.split('.').all(part) || self.prefix.len() > 200 {
            let title = format!("`{}` is not the beginning of a metric's name", shown(&self.prefix));
            rules.refuse(
                "prefix",
                title,
                "write letters, digits, `_` and `-`, with dots between the parts: prefix = \"pushes\"",
            );
        }
    }
}
