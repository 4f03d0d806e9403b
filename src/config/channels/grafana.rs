//! `kind = "grafana"`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/grafana`.

use super::webhook::judge_address;
use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, key, needed};
use serde::Deserialize;

/// A Grafana whose graphs show pushes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grafana {
    /// Its address.
    pub url: String,
    /// The dashboard on which annotations stand; without it, all that ask for their tags.
    pub dashboard: Option<String>,
    /// Further tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The token of a service account.
    #[serde(flatten)]
    pub password: SecretName,
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    needed("url", Kind::Text, "https://grafana.example.com"),
    key("dashboard", Kind::Text),
    key("tags", Kind::Texts),
    key("password_file", Kind::Text),
    key("password_env", Kind::Text),
];

impl Grafana {
    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        judge_address(rules, "url", &self.url);
        rules.token("grafana.token");
    }
}
