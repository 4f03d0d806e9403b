//! `kind = "jira"`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/jira`.

use super::webhook::judge_address;
use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, key, needed};
use crate::diagnostic::shown;
use serde::Deserialize;

/// A project in which each push has an issue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jira {
    /// The address of Jira.
    pub url: String,
    /// Who signs in: the account's address.
    pub user: String,
    /// The project's key.
    pub project: String,
    /// The type of its issues.
    #[serde(default = "default_type")]
    pub issue_type: String,
    /// The transition, or the status, that an issue gets when its push has ended; none: it stays as it is.
    pub done: Option<String>,
    /// The token.
    #[serde(flatten)]
    pub password: SecretName,
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    needed("url", Kind::Text, "https://example.atlassian.net"),
    needed("user", Kind::Text, "push@example.com"),
    needed("project", Kind::Text, "OPS"),
    key("issue_type", Kind::Text),
    key("done", Kind::Text),
    key("password_file", Kind::Text),
    key("password_env", Kind::Text),
];

fn default_type() -> String {
    "Task".to_owned()
}

impl Jira {
    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        judge_address(rules, "url", &self.url);
        let key = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if !self.project.starts_with(|c: char| c.is_ascii_uppercase()) || !self.project.bytes().all(key) {
            let title = format!("`{}` is not the key of a project", shown(&self.project));
            rules.refuse("project", title, "it is what issues begin with, in capitals: project = \"OPS\"");
        }
        if self.user.is_empty() || self.user.contains([':', '\r', '\n']) {
            rules.refuse("user", format!("`{}` cannot sign in", shown(&self.user)), "write the account's address");
        }
        rules.token("jira.token");
    }
}
